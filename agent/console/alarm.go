package console

import (
	"net/http"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

// alarmView is what the desktop alarm of a browser asks for every few seconds.
type alarmView struct {
	Waiting []alarmRow `json:"waiting"`
	// More says that there are more than are listed.
	More bool `json:"more,omitempty"`
}

// alarmRow is an incident that nobody has acknowledged.
type alarmRow struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Text  string `json:"text"`
	URL   string `json:"url"`
	// Level makes a graver one sound again; Grave ones sound until somebody
	// acknowledges.
	Level string `json:"level"`
	Grave bool   `json:"grave,omitempty"`
}

// maxAlarm bounds what is listed: a desktop shows no more.
const maxAlarm = 20

// alarm answers what waits for an acknowledgement, drills left out: those who
// take part in one are told by name.
func alarm(r *request) error {
	list, err := r.c.opt.Desk.Find(r.Context(), alerting.Query{States: []incident.State{incident.Open}, Limit: maxBoard})
	if err != nil {
		return err
	}
	sortByGravity(list)
	view := alarmView{Waiting: []alarmRow{}}
	for _, i := range list {
		switch {
		case i.Drill:
			continue
		case len(view.Waiting) == maxAlarm:
			view.More = true
			return r.json(http.StatusOK, view)
		}
		row := r.incidentRow(i)
		view.Waiting = append(view.Waiting, alarmRow{
			ID: i.ID, Title: r.Tm("console.alarm.title", map[string]any{"level": row.Level.Word, "code": i.Code, "title": row.Title}),
			Text: r.Tm("console.alarm.text", map[string]any{"host": i.Host, "outage": row.Outage}),
			URL:  "/incidents/" + i.ID, Level: string(i.Level), Grave: i.Level == plan.LevelI || i.Level == plan.LevelII,
		})
	}
	return r.json(http.StatusOK, view)
}
