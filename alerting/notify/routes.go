package notify

import (
	"slices"

	"xunjian/alerting"
	"xunjian/alerting/roster"
)

// Personal is a channel that reaches people one by one.
type Personal interface {
	Channel
	// Reaches reports whether there is a way to this person.
	Reaches(p roster.Person) bool
}

// Group is a channel to several readers at once.
type Group interface {
	Channel
	// Hears reports whether the group is told what is addressed to these roles.
	Hears(roles []string) bool
	// Lang is the language word of what it is told.
	Lang() string
}

// Routes returns the ways over these channels, for the desk: each person hears
// on every channel that reaches them, each group what its roles are told. Of a
// drill a group hears only what is meant for somebody who takes part.
func Routes(channels []Channel) func(alerting.Audience) []alerting.Route {
	return func(to alerting.Audience) []alerting.Route {
		var out []alerting.Route
		for _, c := range channels {
			switch c := c.(type) {
			case Personal:
				for _, p := range to.People {
					if c.Reaches(p) {
						out = append(out, alerting.Route{Channel: c.Name(), Recipient: p.ID, Lang: p.Reads()})
					}
				}
			case Group:
				if c.Hears(to.Roles) && (!to.Drill || len(to.People) > 0) {
					out = append(out, alerting.Route{Channel: c.Name(), Recipient: c.Name(), Lang: c.Lang()})
				}
			}
		}
		return out
	}
}

// Hears is the rule of groups: without roles of its own a group hears
// everything, else what is addressed to one of them.
func Hears(own, addressed []string) bool {
	return len(own) == 0 || slices.ContainsFunc(addressed, func(role string) bool { return slices.Contains(own, role) })
}
