package api

import (
	"time"

	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/rules"
)

// Inspection is one look at a machine without a daemon: what xunjian inspect
// prints as JSON.
type Inspection struct {
	CheckList
	Host        string  `json:"host"`
	Started     Moment  `json:"started"`
	TookSeconds float64 `json:"took_seconds"`
	// OtherAlerts stand on no check's series.
	OtherAlerts []Alert `json:"other_alerts"`
}

// Look is what an inspection saw.
type Look struct {
	Host     string
	Started  time.Time
	Took     time.Duration
	Results  []checks.Result
	Alerts   []rules.Alert
	Verdicts map[string]checks.Verdict
}

// Describe says what an inspection saw, in the printer's language and the
// times in zone.
func Describe(look Look, say *text.Printer, zone *time.Location) Inspection {
	c := &call{say: say, zone: zone}
	byCheck := c.alertsByCheck(look.Alerts, nil)
	list := make([]Check, 0, len(look.Results))
	for _, r := range look.Results {
		k := c.check(r, look.Verdicts[r.Check], byCheck[r.Check])
		k.IntervalSeconds = r.Every.Seconds()
		list = append(list, k)
	}
	out := Inspection{
		CheckList: summed(list), Host: look.Host, Started: c.moment(look.Started),
		TookSeconds: look.Took.Seconds(), OtherAlerts: []Alert{},
	}
	out.OtherAlerts = append(out.OtherAlerts, byCheck[""]...)
	return out
}
