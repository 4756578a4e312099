package calendar

import "time"

// ranges finds those of many spans of time that reach over an instant, without
// looking at all of them: a balanced tree within a list that is sorted by start.
// The root of a part of the list is its middle.
type ranges struct {
	starts, ends []time.Time
	// latest[i] is the latest end in the part whose root is i.
	latest []time.Time
}

func newRanges(n int, at func(i int) (start, end time.Time)) ranges {
	r := ranges{make([]time.Time, n), make([]time.Time, n), make([]time.Time, n)}
	for i := range n {
		r.starts[i], r.ends[i] = at(i)
	}
	r.build(0, n)
	return r
}

// build fills in latest for the part from lo until just before hi.
func (r *ranges) build(lo, hi int) (latest time.Time) {
	if lo == hi {
		return time.Time{}
	}
	mid := (lo + hi) / 2
	latest = r.ends[mid]
	for _, t := range []time.Time{r.build(lo, mid), r.build(mid+1, hi)} {
		if t.After(latest) {
			latest = t
		}
	}
	r.latest[mid] = latest
	return latest
}

// each calls f, in order, with those that begin in time and last long enough.
// begins holds for all starts up to one and for none after it, lasts for all
// ends from one on.
func (r *ranges) each(begins, lasts func(time.Time) bool, f func(i int)) {
	r.visit(0, len(r.starts), begins, lasts, f)
}

func (r *ranges) visit(lo, hi int, begins, lasts func(time.Time) bool, f func(i int)) {
	if lo == hi {
		return
	}
	mid := (lo + hi) / 2
	if !lasts(r.latest[mid]) {
		return
	}
	r.visit(lo, mid, begins, lasts, f)
	if !begins(r.starts[mid]) {
		return
	}
	if lasts(r.ends[mid]) {
		f(mid)
	}
	r.visit(mid+1, hi, begins, lasts, f)
}
