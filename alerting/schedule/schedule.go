package schedule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Config is when something is due. One of Cron and Days is enough; with both,
// the hour is Cron's.
type Config struct {
	// Cron has five fields (minute, hour, day of month, month, day of week), or
	// is @daily and the like.
	Cron string `yaml:"cron" json:"cron,omitempty"`
	// Days are the days that count: any (default), working, first-of-week (the
	// first working day of each week), first-of-month, or last-of-month. Other
	// than any, they need At.
	Days string `yaml:"days" json:"days,omitempty"`
	// At is the time of day with Days, like 08:30.
	At string `yaml:"at" json:"at,omitempty"`
}

// The words of Config.Days.
const (
	Any          = "any"
	Working      = "working"
	FirstOfWeek  = "first-of-week"
	FirstOfMonth = "first-of-month"
	LastOfMonth  = "last-of-month"
)

var days = []string{Any, Working, FirstOfWeek, FirstOfMonth, LastOfMonth}

// Zero reports whether nothing is ever due.
func (c Config) Zero() bool { return c == Config{} }

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error {
	_, err := New(c, time.UTC, &Workdays{})
	return err
}

// Schedule is a Config, ready for use.
type Schedule struct {
	cron     cron.Schedule // nil with days
	days     string
	hour     int
	minute   int
	zone     *time.Location
	workdays *Workdays
}

// New makes a Schedule in a zone. Errors begin with the key.
func New(c Config, zone *time.Location, w *Workdays) (*Schedule, error) {
	s := &Schedule{days: c.Days, zone: zone, workdays: w}
	if c.Days == "" {
		s.days = Any
	}
	switch {
	case c.Zero():
		return nil, errors.New("cron: is missing; give cron, or days with at")
	case !slices.Contains(days, s.days):
		return nil, fmt.Errorf("days: unknown word %q; allowed: %s", c.Days, strings.Join(days, ", "))
	case c.Cron != "" && (c.At != "" || s.days != Any):
		return nil, errors.New("cron: stands beside days or at; give cron alone, or days with at")
	case c.Cron == "" && c.At == "":
		return nil, errors.New("at: is missing; give the time of day, like 08:30")
	case c.Cron == "":
		t, err := time.Parse("15:04", c.At)
		if err != nil {
			return nil, fmt.Errorf("at: %q is no time of day; allowed: 00:00 to 23:59", c.At)
		}
		s.hour, s.minute = t.Hour(), t.Minute()
		return s, nil
	case strings.Contains(c.Cron, "TZ="):
		return nil, fmt.Errorf("cron: %q names a zone; the agent's own zone holds", c.Cron)
	}
	parsed, err := cron.ParseStandard(c.Cron)
	if err != nil {
		return nil, fmt.Errorf("cron: %w", err)
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("cron: %q counts from the start of the program; give times of day", c.Cron)
	}
	spec.Location = zone
	if parsed.Next(time.Unix(0, 0)).IsZero() {
		return nil, fmt.Errorf("cron: %q never comes", c.Cron)
	}
	s.cron = parsed
	return s, nil
}

// horizon bounds the search for a day: no two working days are so far apart.
const horizon = 100

// Next returns the first moment after t at which it is due; the zero time if
// that never comes.
func (s *Schedule) Next(t time.Time) time.Time {
	if s.cron != nil {
		return s.cron.Next(t)
	}
	t = t.In(s.zone)
	for n := range horizon {
		// A time of day that the zone leaves out is taken as Go has it, an hour
		// later: it comes on that day, and once.
		at := time.Date(t.Year(), t.Month(), t.Day()+n, s.hour, s.minute, 0, 0, s.zone)
		if at.After(t) && s.counts(at) {
			return at
		}
	}
	return time.Time{}
}

// Last returns the last moment in (after, until] at which it was due; the zero
// time if there was none.
func (s *Schedule) Last(after, until time.Time) time.Time {
	// Forward by ever smaller windows from the end: what is due every minute
	// must not be walked for a month.
	for back := time.Hour; ; back *= 4 {
		from := until.Add(-back)
		if from.Before(after) {
			from = after
		}
		var last time.Time
		for at := s.Next(from); !at.IsZero() && !at.After(until); at = s.Next(at) {
			last = at
		}
		if !last.IsZero() || !from.After(after) {
			return last
		}
	}
}

// counts reports whether the day of at is one of the days.
func (s *Schedule) counts(at time.Time) bool {
	if s.days == Any {
		return true
	}
	if !s.workdays.Working(at) {
		return false
	}
	noon := time.Date(at.Year(), at.Month(), at.Day(), 12, 0, 0, 0, s.zone)
	switch s.days {
	case FirstOfWeek:
		// A week begins on Monday. A make-up Sunday belongs to the week before
		// it, which had its first day.
		for d := noon.AddDate(0, 0, -1); noon.Weekday() != time.Monday && d.Weekday() != time.Sunday; d = d.AddDate(0, 0, -1) {
			if s.workdays.Working(d) {
				return false
			}
		}
	case FirstOfMonth:
		for d := noon.AddDate(0, 0, -1); d.Month() == at.Month(); d = d.AddDate(0, 0, -1) {
			if s.workdays.Working(d) {
				return false
			}
		}
	case LastOfMonth:
		for d := noon.AddDate(0, 0, 1); d.Month() == at.Month(); d = d.AddDate(0, 0, 1) {
			if s.workdays.Working(d) {
				return false
			}
		}
	}
	return true
}
