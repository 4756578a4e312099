package alerting

import (
	"iter"
	"path"
	"slices"
	"time"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
)

// Occasion is an event of an incident about which people are told.
type Occasion struct {
	Incident incident.Incident // after the event
	Kind     string            // of the event
	At       time.Time
	// Others are the incidents that go on beside it.
	Others iter.Seq[incident.Incident]
}

// Manner is how people are told, beside what the plan says.
type Manner struct {
	// Also are roles that hear beside those that the event is for.
	Also []string
	// Only are the channels that are used, as patterns like "sms/*"; nil: all.
	Only []string
	// NotBefore holds the notices back; the zero time: at once.
	NotBefore time.Time
	// Untold: no notice but the journal's.
	Untold bool
	// Why are the grounds, in the order they were found.
	Why []Ground
}

// Ground is why somebody hears, or does not: a code with arguments, which the
// reader's language turns into a sentence.
type Ground struct {
	Code string
	Args map[string]any
}

// Uses reports whether notices go over a channel. The journal is always
// written.
func (m Manner) Uses(channel string) bool {
	return channel == journal || m.Only == nil || slices.ContainsFunc(m.Only, func(pattern string) bool {
		ok, _ := path.Match(pattern, channel)
		return ok
	})
}

// Hearing is who would hear of an event: each person and group with the ways to
// them, and why.
type Hearing struct {
	Manner
	// Roles are those addressed, with the people on duty for them.
	Roles []string
	Ways  []Way
	// Unreached are those who hold a role and whom no channel reaches.
	Unreached []roster.Person
}

// Way is one route with the roles that it stands for.
type Way struct {
	Route
	// Person is who it leads to; zero for a group.
	Person roster.Person
	Roles  []string
}

// Hear says who would hear of an event at a moment, and why. Nothing is told.
func (d *Desk) Hear(i incident.Incident, data incident.Data, at time.Time) Hearing {
	d.mu.Lock()
	opt, p := d.opt, d.planOf(i)
	others := slices.Collect(goingOn(d.active, nil, i.ID))
	d.mu.Unlock()
	return opt.hear(p, i, data, at, slices.Values(others))
}

// goingOn are the incidents that have not ended, but for the one of an id; what
// stands in newer takes the place of its like in known.
func goingOn(known, newer map[string]incident.Incident, but string) iter.Seq[incident.Incident] {
	return func(yield func(incident.Incident) bool) {
		for id, i := range newer {
			if id != but && !i.Ended() && !yield(i) {
				return
			}
		}
		for id, i := range known {
			if _, replaced := newer[id]; !replaced && id != but && !i.Ended() && !yield(i) {
				return
			}
		}
	}
}

func (opt *Options) hear(p *plan.Plan, i incident.Incident, data incident.Data, at time.Time, others iter.Seq[incident.Incident]) Hearing {
	var h Hearing
	if opt.Manner != nil {
		h.Manner = opt.Manner(Occasion{Incident: i, Kind: data.Kind(), At: at, Others: others})
	}
	on := opt.Roster.OnDuty(at, opt.Zone)
	to := AudienceOf(p, on, i, data, h.Also...)
	h.Roles = to.Roles
	if opt.Routes == nil {
		h.Unreached = to.People
		return h
	}
	for _, r := range opt.Routes(to) {
		if !h.Uses(r.Channel) {
			continue
		}
		w := Way{Route: r}
		for _, person := range to.People {
			if person.ID == r.Recipient {
				w.Person = person
				for _, role := range person.Roles {
					if slices.Contains(to.Roles, role) {
						w.Roles = append(w.Roles, role)
					}
				}
			}
		}
		h.Ways = append(h.Ways, w)
	}
	for _, person := range to.People {
		if !slices.ContainsFunc(h.Ways, func(w Way) bool { return w.Recipient == person.ID }) {
			h.Unreached = append(h.Unreached, person)
		}
	}
	return h
}
