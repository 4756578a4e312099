package agent

import (
	"context"
	"fmt"
	"time"

	"xunjian/agent/config"
	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/checks"
)

var descLessons = checks.NewDesc("xunjian_lessons_open", checks.Gauge,
	"Measures that investigations asked for and nobody has reported as done (Art. 18).")

// lessons looks at what investigations asked for: it comes up in every weekly
// round until it is done. Drills are left out.
func (a *Agent) lessons() checks.Check {
	return checks.Func{ID: config.Lessons, Every: checks.Schedule{Interval: 10 * time.Minute}, Look: func(ctx context.Context, out *checks.Output) error {
		list, err := a.desk.Find(ctx, alerting.Query{States: []incident.State{incident.Done, incident.NoIncident, incident.IsClosed}, Limit: 1000})
		if err != nil {
			return fmt.Errorf("find what investigations asked for: %w", err)
		}
		open, now := 0, time.Now()
		for _, i := range list {
			for _, l := range i.Lessons {
				if i.Drill || !l.DoneAt.IsZero() {
					continue
				}
				open++
				f := checks.Finding{Code: "lessons.open", Subject: i.ID, Verdict: checks.OK, Args: map[string]any{
					"n": l.N, "text": l.Text, "owner": l.Owner, "due": a.clock(l.Due),
				}}
				if now.After(l.Due) {
					f.Code, f.Verdict = "lessons.overdue", checks.Attention
				}
				out.Find(f)
			}
		}
		out.Set(descLessons, float64(open))
		return nil
	}}
}
