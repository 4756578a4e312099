// Package policy says how people are told beside what the plan says: who hears
// too, over which channels, and what waits for the morning; maintenance windows
// and silences keep notices back. The end of an incident is always told, and
// the incident itself is always kept.
package policy

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"xunjian/alerting/plan"
)

// Config is the operator's part of who hears what.
type Config struct {
	// Rules are looked at in order; each that matches adds to what those before
	// it said, until one with stop.
	Rules []Rule `yaml:"policies"`
	// Windows are times of announced work.
	Windows []Window `yaml:"maintenance"`
	// Inhibitions keep back what another incident causes.
	Inhibitions []Inhibition `yaml:"inhibit"`
}

// Rule is one policy: what it matches, and what it does.
type Rule struct {
	Name  string `yaml:"name"`
	Match Match  `yaml:"match"`
	// Also are roles that hear too.
	Also []string `yaml:"also"`
	// Channels are those used, as patterns like mail or sms/*; empty: all. Of
	// several rules the last one holds.
	Channels []string `yaml:"channels"`
	// Hold keeps notices back until the hours of the match are over: quiet hours.
	Hold bool `yaml:"hold"`
	// Drop tells nobody; the end is told all the same.
	Drop bool `yaml:"drop"`
	// Stop looks at no rule after this one.
	Stop bool `yaml:"stop"`
}

// Match selects events. Empty fields do not restrict.
type Match struct {
	// Types are incident, warning, drill.
	Types   []string     `yaml:"types"`
	Codes   []string     `yaml:"codes"`
	Levels  []plan.Level `yaml:"levels"`
	Systems []string     `yaml:"systems"`
	// Kinds are those of events: opened, level_changed, acknowledged, …
	Kinds []string `yaml:"kinds"`
	// Hours are times of day like 22:00-07:00, which may run over midnight.
	Hours []string `yaml:"hours"`
	// Days are working, off, or mon to sun: those on which the hours begin.
	Days []string `yaml:"days"`
}

// Window is a time of announced work, in which what it names is not told.
type Window struct {
	Name string `yaml:"name"`
	// Owner is the person of the roster who answers for it.
	Owner string `yaml:"owner"`
	// From and To bound it, local times like 2026-12-05 20:00, To exclusive, at
	// most 72 h apart.
	From string `yaml:"from"`
	To   string `yaml:"to"`
	// Systems and Codes restrict it; empty: everything on this server.
	Systems []string `yaml:"systems"`
	Codes   []string `yaml:"codes"`
}

// Kinds are the kinds of events that people can be told of.
var Kinds = []string{
	"opened", "alert_lost", "level_changed", "flapping", "acknowledged", "resolved", "reopened", "false_alarm",
	"level_announced", "ack_lapsed", "reminded", "promoted",
}

const (
	timeForm  = "2006-01-02 15:04"
	maxWindow = 72 * time.Hour
)

var (
	types    = []string{"incident", "warning", "drill"}
	weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	dayWords = append([]string{"working", "off"}, weekdays...)
	levels   = []plan.Level{plan.LevelI, plan.LevelII, plan.LevelIII, plan.LevelIV}
)

// Known is what the names in a configuration can be.
type Known struct{ Roles, Codes, Scenarios, Channels, People []string }

// Validate returns every mistake, joined, each beginning with the key.
func (c Config) Validate(known Known) error {
	var errs []error
	for i, r := range c.Rules {
		add := func(key, format string, args ...any) {
			errs = append(errs, fmt.Errorf("policies[%d].%s: "+format, append([]any{i, key}, args...)...))
		}
		if strings.TrimSpace(r.Name) == "" {
			add("name", "is missing; it is what people are shown as the reason")
		} else if slices.ContainsFunc(c.Rules[:i], func(o Rule) bool { return o.Name == r.Name }) {
			add("name", "%q stands twice", r.Name)
		}
		all(r.Also, known.Roles, func(n int, s string) {
			add(fmt.Sprintf("also[%d]", n), "unknown role %q; allowed: %s", s, strings.Join(known.Roles, ", "))
		})
		for n, p := range r.Channels {
			if _, err := path.Match(p, ""); err != nil || !slices.ContainsFunc(known.Channels, func(c string) bool { ok, _ := path.Match(p, c); return ok }) {
				add(fmt.Sprintf("channels[%d]", n), "no channel is called %q; there are: %s", p, strings.Join(known.Channels, ", "))
			}
		}
		m := r.Match
		m.validate(known, func(key, format string, args ...any) { add("match."+key, format, args...) })
		switch {
		case r.Hold && r.Drop:
			add("drop", "and hold exclude each other")
		case r.Hold && len(m.Hours) == 0:
			add("hold", "needs match.hours: until their end it waits")
		case (r.Hold || r.Drop) && holdsGrave(m):
			add("match.levels", "would keep levels I and II from people; name levels III, IV, or types: [warning]")
		case !r.Hold && !r.Drop && !r.Stop && len(r.Also) == 0 && len(r.Channels) == 0:
			add("also", "is missing; a policy needs one of also, channels, hold, drop, stop")
		}
	}
	return errors.Join(append(errs, c.validateWindows(known), c.validateInhibitions(known))...)
}

// validate tells add every mistake, with its key.
func (m Match) validate(known Known, add func(key, format string, args ...any)) {
	m.subject().validate(known, add)
	all(m.Kinds, Kinds, func(n int, s string) {
		add(fmt.Sprintf("kinds[%d]", n), "unknown kind %q; allowed: %s", s, strings.Join(Kinds, ", "))
	})
	all(m.Days, dayWords, func(n int, s string) {
		add(fmt.Sprintf("days[%d]", n), "unknown day %q; allowed: %s", s, strings.Join(dayWords, ", "))
	})
	for n, h := range m.Hours {
		if _, _, err := hours(h); err != nil {
			add(fmt.Sprintf("hours[%d]", n), "%w", err)
		}
	}
}

// holdsGrave reports whether a rule that keeps notices back could match an
// incident of level I or II.
func holdsGrave(m Match) bool {
	if len(m.Types) > 0 && !slices.Contains(m.Types, "incident") {
		return false
	}
	return len(m.Levels) == 0 || slices.Contains(m.Levels, plan.LevelI) || slices.Contains(m.Levels, plan.LevelII)
}

func (c Config) validateWindows(known Known) error {
	var errs []error
	for i, w := range c.Windows {
		add := func(key, format string, args ...any) {
			errs = append(errs, fmt.Errorf("maintenance[%d].%s: "+format, append([]any{i, key}, args...)...))
		}
		if strings.TrimSpace(w.Name) == "" {
			add("name", "is missing; it is what people are shown as the reason")
		}
		if !slices.Contains(known.People, w.Owner) {
			add("owner", "%q is nobody of the roster", w.Owner)
		}
		from, err1 := time.Parse(timeForm, w.From)
		to, err2 := time.Parse(timeForm, w.To)
		switch {
		case err1 != nil:
			add("from", "%q is not a time; allowed: like 2026-12-05 20:00", w.From)
		case err2 != nil:
			add("to", "%q is not a time; allowed: like 2026-12-05 20:00", w.To)
		case !to.After(from):
			add("to", "%s is not after %s", w.To, w.From)
		case to.Sub(from) > maxWindow:
			add("to", "is %v after from; allowed: at most %v", to.Sub(from), maxWindow)
		}
		all(w.Codes, known.Codes, func(n int, s string) { add(fmt.Sprintf("codes[%d]", n), "the plan has no code %q", s) })
	}
	return errors.Join(errs...)
}

func all(list, allowed []string, wrong func(n int, s string)) {
	for n, s := range list {
		if !slices.Contains(allowed, s) {
			wrong(n, s)
		}
	}
}

// hours reads a time of day like 22:00-07:00, in minutes since midnight.
func hours(s string) (from, to int, err error) {
	a, b, _ := strings.Cut(s, "-")
	begin, err1 := time.Parse("15:04", a)
	end, err2 := time.Parse("15:04", b)
	if err1 != nil || err2 != nil || begin.Equal(end) {
		return 0, 0, fmt.Errorf("%q are no hours; allowed: like 22:00-07:00", s)
	}
	return begin.Hour()*60 + begin.Minute(), end.Hour()*60 + end.Minute(), nil
}
