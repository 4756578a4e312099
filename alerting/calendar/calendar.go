// Package calendar is the bid calendar: openings, evaluations and bid
// deadlines. While one runs or is near, the systems it holds for count as
// opening systems, so that the stricter level table applies to them; some time
// before each an inspection is due.
//
// A Calendar is a value that answers questions about an instant; it knows no
// clock. A Source reads it from YAML and iCalendar files and reads those again
// that changed.
package calendar

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Kind says what an event is.
type Kind string

// The kinds of event.
const (
	Opening    Kind = "opening"    // 开标
	Evaluation Kind = "evaluation" // 评标
	Deadline   Kind = "deadline"   // 投标截止
)

// Kinds lists them, that with the most at stake first.
var Kinds = [...]Kind{Opening, Evaluation, Deadline}

// Event is one opening, evaluation or deadline. What it shares with other
// events of the Calendar, its Systems, must not be changed.
type Event struct {
	// ID is unique in a Calendar; that of a recurrence holds its start.
	ID      string `json:"id"`
	Title   string `json:"title"`
	Kind    Kind   `json:"kind"`
	Project string `json:"project,omitempty"`
	// It runs from Start until just before End; both in the zone of the event.
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// AllDay tells that the file names days, no clock.
	AllDay bool `json:"all_day,omitempty"`
	// Systems are those it holds for, sorted; none: every system.
	Systems []string `json:"systems,omitempty"`
	// It counts from From until just before Until: with lead and tail.
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// File and Line are where it stands.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// Holds reports whether the event holds for a system.
func (e Event) Holds(system string) bool {
	if len(e.Systems) == 0 {
		return true
	}
	_, ok := slices.BinarySearch(e.Systems, system)
	return ok
}

// Phase is where an instant stands to an event.
type Phase string

// The phases in their order. An event counts while it is near, running or
// closing.
const (
	Ahead   Phase = "ahead"   // 未到
	Near    Phase = "near"    // 临近
	Running Phase = "running" // 进行中
	Closing Phase = "closing" // 收尾
	Over    Phase = "over"    // 已结束
)

// Phase returns where t stands.
func (e Event) Phase(t time.Time) Phase {
	switch {
	case t.Before(e.From):
		return Ahead
	case t.Before(e.Start):
		return Near
	case t.Before(e.End):
		return Running
	case t.Before(e.Until):
		return Closing
	}
	return Over
}

// Calendar answers questions about events. It never changes and may be used by
// several goroutines. The zero Calendar has no events.
type Calendar struct {
	// events in the order of start, then id; runs are from their Start to End.
	events []Event
	runs   ranges
	// byFrom are the events in the order of From; counting are from From to
	// Until, in that order.
	byFrom   []int
	counting ranges

	changes     []time.Time
	inspections []Inspection
}

// New returns the calendar of events whose ids differ. From and Until are
// filled in from cfg.
func New(cfg Config, events []Event) *Calendar {
	c := &Calendar{events: slices.Clone(events)}
	for i := range c.events {
		e := &c.events[i]
		e.Systems = slices.Compact(slices.Sorted(slices.Values(e.Systems)))
		timing := cfg.Timing(e.Kind)
		e.From, e.Until = e.Start.Add(-timing.Lead), e.End.Add(timing.Tail)
	}
	slices.SortFunc(c.events, inOrder)
	for i := range c.events {
		c.byFrom = append(c.byFrom, i)
	}
	slices.SortStableFunc(c.byFrom, func(a, b int) int { return c.events[a].From.Compare(c.events[b].From) })
	c.runs = newRanges(len(c.events), func(i int) (start, end time.Time) { return c.events[i].Start, c.events[i].End })
	c.counting = newRanges(len(c.events), func(i int) (start, end time.Time) {
		e := &c.events[c.byFrom[i]]
		return e.From, e.Until
	})
	c.inspections = inspections(cfg, c.events)
	c.changes = changes(c.events, c.inspections)
	return c
}

func inOrder(a, b Event) int {
	return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.ID, b.ID))
}

// changes are the instants at which an answer changes, each once.
func changes(events []Event, due []Inspection) []time.Time {
	out := make([]time.Time, 0, 4*len(events)+len(due))
	for _, e := range events {
		out = append(out, e.From, e.Start, e.End, e.Until)
	}
	for _, in := range due {
		out = append(out, in.Due)
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal)
}
