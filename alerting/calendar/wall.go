package calendar

import (
	"slices"
	"time"
)

// A wall time is what a clock on the wall shows, written as that time in UTC.

// zone turns wall times into instants: one of the time zone database, or one
// that a file defines.
type zone interface {
	// offset from UTC at an instant, in seconds.
	offset(t time.Time) int
	// in returns t as the zone shows it.
	in(t time.Time) time.Time
}

// named is a zone of the database.
type named struct{ *time.Location }

func (z named) offset(t time.Time) int {
	_, off := t.In(z.Location).Zone()
	return off
}

func (z named) in(t time.Time) time.Time { return t.In(z.Location) }

func wallOf(t time.Time, z zone) time.Time {
	return t.UTC().Add(time.Duration(z.offset(t)) * time.Second)
}

// instants returns when a clock in z shows wall: once, never when clocks are
// put forward over it, twice when they are put back. before is what it is by
// the offset that held before.
func instants(wall time.Time, z zone) (at []time.Time, before time.Time) {
	// Offsets do not change twice within two days.
	early, late := z.offset(wall.Add(-24*time.Hour)), z.offset(wall.Add(24*time.Hour))
	for _, off := range []int{early, late} {
		t := wall.Add(-time.Duration(off) * time.Second)
		if wallOf(t, z).Equal(wall) && !slices.ContainsFunc(at, t.Equal) {
			at = append(at, t)
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	return at, wall.Add(-time.Duration(early) * time.Second)
}

// instant is the one that iCalendar means: the first if there are two, and by
// the offset before if there is none.
func instant(wall time.Time, z zone) time.Time {
	at, before := instants(wall, z)
	if len(at) > 0 {
		return at[0]
	}
	return before
}

// The years that an event can lie in; any other is a slip of the pen.
const firstYear, lastYear = 1970, 2199

func inRange(t time.Time) bool { return t.Year() >= firstYear && t.Year() <= lastYear }
