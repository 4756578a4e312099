package calendar

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

// rule is an RRULE over wall times. Walls are counted in UTC and turned into
// instants one by one, so that no change of clocks moves an opening.
type rule struct {
	option rrule.ROption
	// ended tells an UNTIL before the start, which programs write when they cut
	// a series in two: only the start itself is left.
	ended bool
	// until tells that the rule has an UNTIL. One that ends before the rule
	// first holds leaves only the start.
	until bool
}

const maxInterval = 1000

// rule reads an RRULE of what starts at start; ok is false after a mistake.
func (r *icsReader) rule(in *property, start moment) (_ *rule, ok bool) {
	text, until := cutUntil(strings.ToUpper(strings.TrimSpace(in.value)))
	option, err := rrule.StrToROption(text)
	why := ""
	switch {
	case err != nil:
		why = "is not a rule: " + err.Error()
	case strings.Contains(text, "DTSTART") || strings.Contains(text, "BYEASTER"):
		why = "DTSTART and BYEASTER are no parts of a rule"
	case option.Freq > rrule.DAILY:
		why = "comes several times a day; allowed: FREQ=DAILY, WEEKLY, MONTHLY or YEARLY"
	case strings.Contains(text, "INTERVAL=") && (option.Interval < 1 || option.Interval > maxInterval):
		why = fmt.Sprintf("INTERVAL is out of range, 1 to %d", maxInterval)
	case strings.Contains(text, "COUNT=") && (option.Count < 1 || option.Count > maxSteps):
		why = fmt.Sprintf("COUNT is out of range, 1 to %d", maxSteps)
	case until != "" && option.Count > 0:
		why = "has both COUNT and UNTIL; allowed: one of them"
	}
	if why != "" {
		r.wrong.at(in, "%s", why)
		return nil, false
	}
	out := &rule{option: *option}
	out.option.Dtstart = start.wall
	// Without an end the library would stop 290 years after the start.
	out.option.Until = time.Date(lastYear+1, 12, 31, 0, 0, 0, 0, time.UTC)
	if until != "" {
		if out.option.Until, ok = untilWall(until, start); !ok {
			r.wrong.at(in, "UNTIL: %q is not a time; %s", clip(until), icsTimeWanted)
			return nil, false
		}
		out.until, out.ended = true, out.option.Until.Before(start.wall)
	}
	if _, err := rrule.NewRRule(out.option); err != nil {
		r.wrong.at(in, "is not a rule: %v", err)
		return nil, false
	}
	return out, true
}

// cutUntil takes UNTIL out of a rule: it alone depends on the zone.
func cutUntil(text string) (without, until string) {
	var kept []string
	for _, part := range strings.Split(strings.TrimSuffix(text, ";"), ";") {
		if value, ok := strings.CutPrefix(part, "UNTIL="); ok {
			until = value
			continue
		}
		kept = append(kept, part)
	}
	return strings.Join(kept, ";"), until
}

// untilWall returns the last wall time that a rule may reach.
func untilWall(s string, start moment) (time.Time, bool) {
	if t, err := time.Parse("20060102T150405Z", s); err == nil {
		if start.day {
			return t, true
		}
		return wallOf(t, start.zone), true
	}
	if t, err := time.Parse("20060102T150405", s); err == nil {
		return t, true
	}
	t, err := time.Parse("20060102", s)
	return t.AddDate(0, 0, 1).Add(-time.Second), err == nil // through that day
}

// budget is how many steps the rules of a file may take together, so that a
// hostile file costs seconds, not hours.
type budget struct{ steps int }

const (
	maxSteps = 500_000
	// emptySteps is what a rule costs that never comes: the library looks for
	// it up to the year 9999.
	emptySteps = 10_000
)

var (
	errTooManySteps = errors.New("with this rule the file takes too long to lay out; let the series begin later, or end it by UNTIL")
	errNever        = errors.New("by this rule the event never comes")
)

// each calls f with the walls of a rule in order until it returns false.
func (b *budget) each(r *rule, f func(wall time.Time) bool) (err error) {
	if r.ended {
		return nil
	}
	defer func() {
		if p := recover(); p != nil { // on a rule that no program writes
			err = fmt.Errorf("is not a rule: %v", p)
		}
	}()
	if b.steps < emptySteps {
		return errTooManySteps
	}
	made, err := rrule.NewRRule(r.option)
	if err != nil {
		return err
	}
	next := made.Iterator()
	wall, ok := next()
	if !ok {
		b.steps -= emptySteps
		if r.until {
			return nil
		}
		return errNever
	}
	for ; ok; wall, ok = next() {
		if b.steps--; b.steps < 0 {
			return errTooManySteps
		}
		if !f(wall) {
			break
		}
	}
	return nil
}
