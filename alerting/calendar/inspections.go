package calendar

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sort"
	"strings"
	"time"
)

// Inspection is due before events start. Events that start at the same instant
// and hold for the same systems share one: ten openings at half past nine need
// one look at the hall, not ten.
type Inspection struct {
	// Key says which it is: by the start of the events and their systems. It
	// stays when events are renamed or the time before them is changed, and is
	// another one when they are put off. Who keeps the keys of what was done
	// does nothing twice.
	Key string `json:"key"`
	// Due is the earliest moment that an event asks for.
	Due     time.Time `json:"due"`
	Start   time.Time `json:"start"`
	Systems []string  `json:"systems,omitempty"` // none: every system
	Events  []Event   `json:"events"`
}

// Inspections returns those that are due from from until just before to, in
// the order in which they are due. Ask from well before now, and leave out the
// keys that are done: so neither a restart nor an event that was entered late
// loses one.
func (c *Calendar) Inspections(from, to time.Time) []Inspection {
	first := func(t time.Time) int {
		return sort.Search(len(c.inspections), func(i int) bool { return !c.inspections[i].Due.Before(t) })
	}
	i, j := first(from), first(to)
	if i >= j {
		return nil
	}
	return slices.Clone(c.inspections[i:j])
}

// inspections groups events, which are in order.
func inspections(cfg Config, events []Event) []Inspection {
	var out []Inspection
	known := map[string]int{}
	for _, e := range events {
		before := cfg.Timing(e.Kind).Inspect
		if before == 0 {
			continue
		}
		due, key := e.Start.Add(-before), inspectionKey(e)
		i, ok := known[key]
		if !ok {
			i = len(out)
			known[key] = i
			out = append(out, Inspection{Key: key, Due: due, Start: e.Start, Systems: e.Systems})
		}
		in := &out[i]
		in.Events = append(in.Events, e)
		if due.Before(in.Due) {
			in.Due = due
		}
	}
	slices.SortStableFunc(out, func(a, b Inspection) int { return a.Due.Compare(b.Due) })
	return out
}

// stamp is how instants stand in keys and ids.
const stamp = "20060102T150405Z"

func inspectionKey(e Event) string {
	sum := sha256.Sum256([]byte(strings.Join(e.Systems, "\n")))
	return "inspection/" + e.Start.UTC().Format(stamp) + "/" + hex.EncodeToString(sum[:8])
}
