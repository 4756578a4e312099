package calendar

import (
	"fmt"
	"slices"
	"time"

	"xunjian/alerting/yamlfile"
)

// series is an event of an iCalendar file before it is laid out: once, by a
// rule, at given dates, or all of that.
type series struct {
	// event is what all occurrences share.
	event Event
	start moment
	span  span
	rule  *rule
	ruled *property // where the rule stands
	dates []moment
	// without are the starts that do not take place, or that another component
	// replaces; withoutDays are whole days.
	without     map[int64]bool
	withoutDays map[time.Time]bool
	// recurs tells that its occurrences need ids of their own.
	recurs bool
}

// window is the time for which recurrences are laid out. What comes once is
// always there.
type window struct{ from, to time.Time }

func (w window) holds(start, end time.Time) bool { return !end.Before(w.from) && start.Before(w.to) }

// lay returns the events of a series.
func (s *series) lay(w window, b *budget) ([]Event, error) {
	var out []Event
	seen := map[int64]bool{}
	put := func(m moment) {
		at := m.instant()
		if seen[at.Unix()] || s.without[at.Unix()] || s.withoutDays[day(m.wall)] {
			return
		}
		seen[at.Unix()] = true
		e := s.event
		e.Start, e.End = at, s.span.end(m.wall, m.zone)
		if s.recurs {
			if !w.holds(e.Start, e.End) {
				return
			}
			e.ID += "/" + at.UTC().Format(stamp)
		}
		out = append(out, e)
	}
	put(s.start)
	for _, m := range s.dates {
		put(m)
	}
	if s.rule == nil {
		return out, nil
	}
	// A wall time is at most a day from its instant.
	last := w.to.UTC().AddDate(0, 0, 1)
	err := b.each(s.rule, func(wall time.Time) bool {
		put(moment{wall: wall, zone: s.start.zone, day: s.start.day})
		return wall.Before(last) && len(out) <= MaxEvents
	})
	return out, err
}

func day(wall time.Time) time.Time { return wall.Truncate(24 * time.Hour) }

// document is what a file holds. Its recurrences are laid out again as time
// goes on.
type document struct {
	file    string
	once    []Event // of a YAML file
	series  []*series
	skipped []Skipped
}

// Skipped is an event of an iCalendar file that means nothing here: none of
// its categories is a kind.
type Skipped struct {
	File  string `json:"file"`
	Line  int    `json:"line"`
	Title string `json:"title"`
}

// lay returns all events of a file.
func (d *document) lay(w window) ([]Event, error) {
	out := slices.Clip(d.once)
	wrong := &icsProblems{file: d.file}
	b := &budget{steps: maxSteps}
	for _, s := range d.series {
		events, err := s.lay(w, b)
		if err != nil {
			wrong.at(s.ruled, "%v", err)
		}
		if out = append(out, events...); len(out) > MaxEvents {
			err := &yamlfile.Error{Problems: []yamlfile.Problem{{
				File: d.file, Line: s.event.Line, Column: 1,
				Message: fmt.Sprintf("with this event the file holds more than %d, recurrences counted; at most so many are read", MaxEvents),
			}}}
			return nil, err
		}
		if wrong.full() {
			break
		}
	}
	return out, wrong.err()
}
