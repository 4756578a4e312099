package calendar

import (
	"slices"
	"sort"
	"time"

	"xunjian/alerting/plan"
)

// Events returns all events in the order of start, then id.
func (c *Calendar) Events() []Event { return slices.Clone(c.events) }

// Len returns how many events there are.
func (c *Calendar) Len() int { return len(c.events) }

// At returns the events that count at t, those that run or are near, in the
// order of start, then id.
func (c *Calendar) At(t time.Time) []Event {
	var found []int
	c.each(t, func(i int) { found = append(found, i) })
	slices.Sort(found)
	var out []Event
	for _, i := range found {
		out = append(out, c.events[i])
	}
	return out
}

// each calls f with the index of every event that counts at t, in no order
// that means anything.
func (c *Calendar) each(t time.Time, f func(i int)) {
	c.counting.each(
		func(from time.Time) bool { return !from.After(t) },
		func(until time.Time) bool { return until.After(t) },
		func(i int) { f(c.byFrom[i]) },
	)
}

// KindOf returns the kind that a system has at t, and the event because of
// which it is opening, nil if there is none. base is the kind it has of itself.
// Of several events one that runs is named before one that is near or over,
// then the one that starts first.
func (c *Calendar) KindOf(system string, t time.Time, base plan.SystemKind) (kind plan.SystemKind, because *Event) {
	best := -1
	c.each(t, func(i int) {
		if c.events[i].Holds(system) && (best < 0 || c.before(i, best, t)) {
			best = i
		}
	})
	if best < 0 {
		return base, nil
	}
	e := c.events[best]
	return plan.Opening, &e
}

func (c *Calendar) before(i, j int, t time.Time) bool {
	a, b := c.events[i].Phase(t) == Running, c.events[j].Phase(t) == Running
	if a != b {
		return a
	}
	return i < j
}

// Next returns the first n events that start after t.
func (c *Calendar) Next(t time.Time, n int) []Event {
	i := sort.Search(len(c.events), func(i int) bool { return c.events[i].Start.After(t) })
	return slices.Clone(c.events[i:min(len(c.events), i+max(0, n))])
}

// Between returns the events that run at some instant from from until just
// before to, in the order of start, then id. One of no duration is there at its
// start.
func (c *Calendar) Between(from, to time.Time) []Event {
	var out []Event
	c.runs.each(
		func(start time.Time) bool { return start.Before(to) },
		func(end time.Time) bool { return !end.Before(from) },
		func(i int) {
			if e := c.events[i]; e.End.After(from) || !e.Start.Before(from) {
				out = append(out, e)
			}
		},
	)
	return out
}

// NextChange returns the first instant after t at which an answer changes: an
// event begins to count, starts, ends or ceases to count, or an inspection is
// due. Until then a caller can sleep; ok is false if nothing follows.
func (c *Calendar) NextChange(t time.Time) (change time.Time, ok bool) {
	i := sort.Search(len(c.changes), func(i int) bool { return c.changes[i].After(t) })
	if i == len(c.changes) {
		return time.Time{}, false
	}
	return c.changes[i], true
}
