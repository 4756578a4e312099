package alerting

import (
	"fmt"
	"slices"

	"xunjian/alerting/incident"
	"xunjian/alerting/roster"
)

// told are the kinds of events that people hear of.
var told = map[string]bool{
	"opened": true, "alert_lost": true, "level_changed": true, "flapping": true,
	"acknowledged": true, "resolved": true, "reopened": true, "false_alarm": true,
	"level_announced": true, "ack_lapsed": true, "reminded": true, "promoted": true,
}

// tell puts the notices of an event beside it: one to the machine's own
// journal, and one to each person whom it concerns.
func (w *work) tell(i incident.Incident, data incident.Data) {
	if !told[data.Kind()] {
		return
	}
	w.notice(i, data, "", w.d.opt.Host, "zh-CN")
	for _, p := range w.d.audience(i, data) {
		lang := p.Lang
		if lang == "" {
			lang = "zh-CN"
		}
		w.notice(i, data, p.ID, p.ID, lang)
	}
}

func (w *work) notice(i incident.Incident, data incident.Data, suffix, recipient, lang string) {
	key := fmt.Sprintf("%s/%d/journal", i.ID, i.Version)
	if suffix != "" {
		key += "/" + suffix
	}
	w.notices = append(w.notices, Notice{
		Key: key, Incident: i.ID, Version: i.Version, Kind: data.Kind(),
		Channel: "journal", Recipient: recipient, Lang: lang,
		Created: w.now, NotBefore: w.now,
	})
}

// audience are the people who hear of an event beside the journal: whoever a
// reminder goes to, in a drill only those who take part (and nobody else ever).
func (d *Desk) audience(i incident.Incident, data incident.Data) []roster.Person {
	r, ok := data.(incident.Reminded)
	if !ok {
		return nil
	}
	p := d.planOf(i)
	var out []roster.Person
	seen := map[string]bool{}
	for _, role := range r.To {
		for _, member := range p.Members(role) {
			for _, person := range d.opt.Roster.Holders(member) {
				if seen[person.ID] || i.Drill && !slices.Contains(i.Participants, person.ID) {
					continue
				}
				seen[person.ID] = true
				out = append(out, person)
			}
		}
	}
	return out
}
