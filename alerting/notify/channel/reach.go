package channel

import (
	"slices"

	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
)

// Personal is a channel that reaches people one by one.
type Personal interface {
	Channel
	// Reaches reports whether there is a way to this person.
	Reaches(p roster.Person) bool
}

// Choosy is a channel that is used for some events only.
type Choosy interface {
	Channel
	// Takes reports whether it is used for this kind of event at this level.
	Takes(kind string, level plan.Level) bool
}

// Group is a channel to several readers at once.
type Group interface {
	Channel
	// Hears reports whether the group is told what is addressed to these roles.
	Hears(roles []string) bool
	// Lang is the language word of what it is told.
	Lang() string
}

// Program is a channel whose reader is a program: it gets every notice by
// itself, in a storm too.
type Program interface {
	Channel
	Program()
}

// Hears is the rule of groups: without roles of its own a group hears
// everything, else what is addressed to one of them.
func Hears(own, addressed []string) bool {
	return len(own) == 0 || slices.ContainsFunc(addressed, func(role string) bool { return slices.Contains(own, role) })
}
