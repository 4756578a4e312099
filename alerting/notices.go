package alerting

import (
	"fmt"
	"slices"
	"time"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
)

// told are the kinds of events that people hear of.
var told = map[string]bool{
	"opened": true, "alert_lost": true, "level_changed": true, "flapping": true,
	"acknowledged": true, "resolved": true, "reopened": true, "false_alarm": true,
	"level_announced": true, "ack_lapsed": true, "reminded": true, "promoted": true,
}

// journal is the channel that is always there.
const journal = "journal"

// Audience is who hears of an event beside the machine's own journal.
type Audience struct {
	// Roles are those that it is addressed to, a group's members in its place;
	// none means that it is addressed to nobody by name.
	Roles []string
	// People hold these roles, each once; in a drill only those who take part.
	People []roster.Person
	// Drill says that nobody else may ever hear of it.
	Drill bool
	// Kind is that of the event, Level the incident's after it.
	Kind  string
	Level plan.Level
}

// Route is one way to one recipient.
type Route struct{ Channel, Recipient, Lang string }

// tell puts the notices of an event beside it: one to the machine's own
// journal, one there for each person whom a reminder is for, and one for each
// route that leads to people or to a group.
func (w *work) tell(i incident.Incident, data incident.Data) {
	if !told[data.Kind()] {
		return
	}
	h := w.d.opt.hear(w.d.planOf(i), i, data, w.now, goingOn(w.d.active, w.folds, i.ID))
	w.notice(i, data, "", Route{journal, w.d.opt.Host, "zh-CN"}, w.now)
	if _, reminder := data.(incident.Reminded); reminder {
		to := AudienceOf(w.d.planOf(i), w.d.opt.Roster.OnDuty(w.now, w.d.opt.Zone), i, data, h.Also...)
		for _, p := range to.People {
			w.notice(i, data, p.ID, Route{journal, p.ID, p.Reads()}, w.now)
		}
	}
	if h.Untold {
		return
	}
	at := w.now
	if h.NotBefore.After(at) {
		at = h.NotBefore
	}
	for _, way := range h.Ways {
		w.notice(i, data, way.Recipient, way.Route, at)
	}
}

func (w *work) notice(i incident.Incident, data incident.Data, suffix string, r Route, at time.Time) {
	key := NoticeKey(i.ID, i.Version, r.Channel, suffix)
	w.notices = append(w.notices, Notice{
		Key: key, Incident: i.ID, Version: i.Version, Kind: data.Kind(),
		Channel: r.Channel, Recipient: r.Recipient, Lang: r.Lang,
		Created: w.now, NotBefore: at, Urgent: urgent(i),
	})
}

// NoticeKey is what tells one notice from all others: recipient is empty where
// the channel has one reader only.
func NoticeKey(incident string, version int, channel, recipient string) string {
	key := fmt.Sprintf("%s/%d/%s", incident, version, channel)
	if recipient != "" {
		key += "/" + recipient
	}
	return key
}

// urgent reports whether it is of level I or II, and no drill.
func urgent(i incident.Incident) bool {
	return !i.Drill && !i.Ended() && (i.Level == plan.LevelI || i.Level == plan.LevelII)
}

// AudienceOf says who hears of an event of an incident under plan p: those whom
// a reminder goes to; of all else those who have to take it in hand, and of a
// major warning the leading group too (Art. 7). Of a drill, those who take part
// hear, and nobody else ever. also are roles that a policy adds.
func AudienceOf(p *plan.Plan, people roster.Roster, i incident.Incident, data incident.Data, also ...string) Audience {
	out := Audience{Drill: i.Drill, Kind: data.Kind(), Level: i.Level}
	to, all := addressed(p, i, data)
	to = append(slices.Clone(to), also...)
	seen := map[string]bool{}
	add := func(person roster.Person) {
		if !seen[person.ID] && (!i.Drill || slices.Contains(i.Participants, person.ID)) {
			seen[person.ID] = true
			out.People = append(out.People, person)
		}
	}
	for _, role := range to {
		for _, member := range p.Members(role) {
			if !slices.Contains(out.Roles, member) {
				out.Roles = append(out.Roles, member)
			}
			for _, person := range people.Holders(member) {
				add(person)
			}
		}
	}
	if all {
		for _, person := range people.People {
			add(person)
		}
	}
	return out
}

// addressed are the roles that an event is for; all means everybody who takes
// part in the drill.
func addressed(p *plan.Plan, i incident.Incident, data incident.Data) (roles []string, all bool) {
	if r, ok := data.(incident.Reminded); ok {
		return r.To, false
	}
	roles = incident.Responders(p, i.Scenario)
	if i.Warning != nil && i.Warning.Major {
		roles = append(slices.Clone(roles), leadingGroup)
	}
	return roles, i.Drill
}

// leadingGroup is the plan's role that decides (Art. 6). A plan without it has
// nobody there.
const leadingGroup = "leading-group"
