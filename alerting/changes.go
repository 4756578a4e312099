package alerting

import (
	"maps"
	"slices"
)

// changesKept is how many commits a reader of ChangedSince may lag behind.
const changesKept = 256

// changes remembers which incidents the last commits touched.
type changes struct {
	count uint64 // commits since the start
	last  [changesKept][]string
}

func (c *changes) add(w *work) {
	c.last[c.count%changesKept] = slices.Collect(maps.Keys(w.folds))
	c.count++
}

// ChangedSince returns the incidents touched by the commits after mark, sorted,
// and the mark of now; 0 is the mark of the Desk's start. A commit may touch
// alerts only: then there are no ids and the mark has moved. ok is false if
// mark is too long ago or not of this Desk: look at everything again.
func (d *Desk) ChangedSince(mark uint64) (ids []string, now uint64, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now = d.changes.count
	if mark > now || now-mark > changesKept {
		return nil, now, false
	}
	for n := mark; n < now; n++ {
		ids = append(ids, d.changes.last[n%changesKept]...)
	}
	slices.Sort(ids)
	return slices.Compact(ids), now, true
}
