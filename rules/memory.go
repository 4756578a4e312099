package rules

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// memory is a storage without a disk: for the samples that a full disk does
// not take, and for Suppose. It is safe for concurrent use.
type memory struct {
	mu     sync.RWMutex
	series map[string]*memorySeries
	count  int
}

type memorySeries struct {
	labels labels.Labels
	// points grow at the end only and are cut off at the front by slicing, so
	// a reader may keep the slice that it saw.
	points memoryPoints
}

type memoryPoint struct {
	t int64
	v float64
}

func newMemory() *memory { return &memory{series: map[string]*memorySeries{}} }

// add appends one sample; one that is not newer than the last of its series is
// left out. It reports whether it was taken.
func (m *memory) add(ls labels.Labels, t int64, v float64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	var buf [1024]byte
	key := ls.Bytes(buf[:0])
	s := m.series[string(key)]
	if s == nil {
		s = &memorySeries{labels: ls}
		m.series[string(key)] = s
	}
	if n := len(s.points); n > 0 && s.points[n-1].t >= t {
		return false
	}
	s.points = append(s.points, memoryPoint{t, v})
	m.count++
	return true
}

// size returns the number of samples.
func (m *memory) size() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.count
}

// cut drops what is older than mint.
func (m *memory) cut(mint int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count = 0
	for key, s := range m.series {
		s.points = s.points[s.points.from(mint):]
		if len(s.points) == 0 {
			delete(m.series, key)
		}
		m.count += len(s.points)
	}
}

// cutFrom drops what is not older than t.
func (m *memory) cutFrom(t int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count = 0
	for key, s := range m.series {
		// A reader may hold the slice: what comes next must not overwrite it.
		s.points = slices.Clone(s.points[:s.points.from(t)])
		if len(s.points) == 0 {
			delete(m.series, key)
		}
		m.count += len(s.points)
	}
}

// all calls f for every series with its points.
func (m *memory) all(f func(labels.Labels, memoryPoints) error) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, s := range m.series {
		if err := f(s.labels, s.points); err != nil {
			return err
		}
	}
	return nil
}

// Querier makes memory a storage.Queryable.
func (m *memory) Querier(mint, maxt int64) (storage.Querier, error) {
	return &memoryQuerier{m: m, mint: mint, maxt: maxt}, nil
}

type memoryQuerier struct {
	m          *memory
	mint, maxt int64
}

// Select returns the series that match, sorted.
func (q *memoryQuerier) Select(_ context.Context, _ bool, hints *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	mint, maxt := q.mint, q.maxt
	if hints != nil {
		mint, maxt = hints.Start, hints.End
	}
	set := &memorySet{at: -1}
	q.m.mu.RLock()
	defer q.m.mu.RUnlock()
	for _, s := range q.m.series {
		if !matches(s.labels, ms) {
			continue
		}
		points := s.points[s.points.from(mint):]
		points = points[:points.from(maxt+1)]
		if len(points) > 0 {
			set.series = append(set.series, memoryView{s.labels, points})
		}
	}
	slices.SortFunc(set.series, func(a, b memoryView) int { return labels.Compare(a.labels, b.labels) })
	return set
}

func matches(ls labels.Labels, ms []*labels.Matcher) bool {
	for _, m := range ms {
		if !m.Matches(ls.Get(m.Name)) {
			return false
		}
	}
	return true
}

// LabelValues returns the values of a label.
func (q *memoryQuerier) LabelValues(_ context.Context, name string, _ *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return q.words(ms, func(ls labels.Labels, add func(string)) {
		if v := ls.Get(name); v != "" {
			add(v)
		}
	}), nil, nil
}

// LabelNames returns the names of the labels.
func (q *memoryQuerier) LabelNames(_ context.Context, _ *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return q.words(ms, func(ls labels.Labels, add func(string)) {
		ls.Range(func(l labels.Label) { add(l.Name) })
	}), nil, nil
}

func (q *memoryQuerier) words(ms []*labels.Matcher, take func(labels.Labels, func(string))) []string {
	q.m.mu.RLock()
	defer q.m.mu.RUnlock()
	seen := map[string]bool{}
	for _, s := range q.m.series {
		if matches(s.labels, ms) {
			take(s.labels, func(w string) { seen[w] = true })
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Close does nothing.
func (q *memoryQuerier) Close() error { return nil }

type memorySet struct {
	series []memoryView
	at     int
}

func (s *memorySet) Next() bool                        { s.at++; return s.at < len(s.series) }
func (s *memorySet) At() storage.Series                { return s.series[s.at] }
func (s *memorySet) Err() error                        { return nil }
func (s *memorySet) Warnings() annotations.Annotations { return nil }

type memoryView struct {
	labels labels.Labels
	points memoryPoints
}

func (v memoryView) Labels() labels.Labels { return v.labels }

func (v memoryView) Iterator(chunkenc.Iterator) chunkenc.Iterator {
	return storage.NewListSeriesIterator(v.points)
}

type memoryPoints []memoryPoint

// from returns the index of the first point that is not older than t.
func (p memoryPoints) from(t int64) int {
	i, _ := slices.BinarySearchFunc(p, t, func(a memoryPoint, t int64) int {
		if a.t < t {
			return -1
		}
		return 1
	})
	return i
}

func (p memoryPoints) Get(i int) chunks.Sample { return p[i] }
func (p memoryPoints) Len() int                { return len(p) }

func (p memoryPoint) T() int64                      { return p.t }
func (p memoryPoint) ST() int64                     { return 0 }
func (p memoryPoint) F() float64                    { return p.v }
func (p memoryPoint) H() *histogram.Histogram       { return nil }
func (p memoryPoint) FH() *histogram.FloatHistogram { return nil }
func (p memoryPoint) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (p memoryPoint) Copy() chunks.Sample           { return p }
