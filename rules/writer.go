package rules

import (
	"context"

	"github.com/prometheus/prometheus/storage"
)

// writer appends samples in transactions, to the disk or, while that takes
// nothing, to memory.
type writer struct {
	store *store
	ctx   context.Context
	app   storage.AppenderV2
	// kept is what the open transaction holds, in case it fails.
	kept []keptSample

	appended, dropped uint64
}

type keptSample struct {
	series *series
	t      int64
	v      float64
}

// put writes a sample. One that is not newer than the last of its series is
// dropped and counted.
func (w *writer) put(s *series, t int64, v float64) {
	if s.last >= t && s.last != 0 {
		w.dropped++
		return
	}
	if w.store.ready() && !w.putDisk(s, t, v) {
		return
	}
	w.kept = append(w.kept, keptSample{s, t, v})
	s.last, s.value, s.gone = t, v, false
}

func (w *writer) putDisk(s *series, t int64, v float64) bool {
	if w.app == nil {
		w.app = w.store.db.AppenderV2(w.ctx)
	}
	if s.opened != w.store.opened {
		s.ref, s.opened = 0, w.store.opened
	}
	ref, err := w.app.Append(s.ref, s.labels, 0, t, v, nil, nil, storage.AOptions{})
	if err != nil {
		w.dropped++
		return false
	}
	s.ref = ref
	return true
}

// end writes a stale marker.
func (w *writer) end(s *series, t int64) {
	if t <= s.last {
		t = s.last + 1
	}
	last := s.value
	w.put(s, t, staleNaN)
	s.gone, s.value = true, last
}

// commit makes what was put visible, in memory if the disk fails.
func (w *writer) commit() {
	if len(w.kept) == 0 && w.app == nil {
		return
	}
	var err error
	if w.app != nil {
		err = w.app.Commit()
		w.app = nil
	}
	if err != nil {
		w.store.failed, w.store.cause = true, err
	}
	if !w.store.ready() {
		for _, k := range w.kept {
			if !w.store.mem.add(k.series.labels, k.t, k.v) {
				w.dropped++
			}
		}
	}
	w.appended += uint64(len(w.kept))
	clear(w.kept)
	w.kept = w.kept[:0]
}
