package rules

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
)

const (
	// lookback is how far PromQL looks back for the last sample of a series.
	lookback = 5 * time.Minute
	// repeatAfter is when the last values of a slow source are written again,
	// so that it does not drop out of sight between two runs; a Prometheus
	// that scraped the agent would see them just so.
	repeatAfter = 2 * time.Minute
	// overdueAfter is for how many half intervals a source may be silent: two
	// batches may be late or fail, the third is missed.
	overdueAfter = 5
)

// series is one series that the Engine writes.
type series struct {
	labels labels.Labels
	name   string
	ref    storage.SeriesRef
	opened int     // the store's opening that ref belongs to
	source *source // whose batch had it last; nil: a rule's result
	rule   *rule   // whose result it is; nil: from a source
	last   int64   // time of its last sample in ms
	value  float64
	seen   uint64 // run of the source that had it last
	gone   bool   // its last sample is a stale marker
}

// source is what the Engine knows of one check.
type source struct {
	name   string
	order  []*series // as in its last batch
	names  []string  // metric names in order, each once
	run    uint64
	last   time.Time // of its last batch
	every  time.Duration
	wrote  int64 // time of its last sample in ms
	filled bool  // that sample was written by repeat or fade, not measured
	faded  bool
}

// book is every series that was written since the start.
type book struct {
	series  map[uint64][]*series
	names   map[string]*namesakes
	sources map[string]*source
}

// namesakes are the series of one metric name. version grows whenever there
// is one more or fewer.
type namesakes struct {
	series  []*series
	version uint64
}

func newBook() book {
	return book{series: map[uint64][]*series{}, names: map[string]*namesakes{}, sources: map[string]*source{}}
}

// find returns the entry of a label set, made if there is none.
func (b *book) find(ls labels.Labels) *series {
	s, h := b.lookup(ls)
	if s == nil {
		s = &series{labels: ls, name: ls.Get(model.MetricNameLabel)}
		b.series[h] = append(b.series[h], s)
		n := b.named(s.name)
		n.series = append(n.series, s)
		n.version++
	}
	return s
}

func (b *book) named(name string) *namesakes {
	n := b.names[name]
	if n == nil {
		n = &namesakes{}
		b.names[name] = n
	}
	return n
}

func (b *book) lookup(ls labels.Labels) (*series, uint64) {
	h := ls.Hash()
	for _, s := range b.series[h] {
		if labels.Equal(s.labels, ls) {
			return s, h
		}
	}
	return nil, h
}

// sweep forgets the series that ended before mint, so that names that come and
// go do not fill the memory.
func (b *book) sweep(mint int64) {
	old := func(s *series) bool { return s.gone && s.last < mint }
	for h, list := range b.series {
		if list = slices.DeleteFunc(list, old); len(list) == 0 {
			delete(b.series, h)
		} else {
			b.series[h] = list
		}
	}
	for _, n := range b.names {
		had := len(n.series)
		if n.series = slices.DeleteFunc(n.series, old); len(n.series) != had {
			n.version++
		}
	}
}

// take writes a batch: its points, and the end of each series that the
// source's last batch had and this one lacks. It calls touch with the metric
// names concerned.
func (b *book) take(w *writer, batch Batch, touch func(string)) {
	src := b.sources[batch.Source]
	if src == nil {
		src = &source{name: batch.Source}
		b.sources[batch.Source] = src
	}
	t := src.stamp(batch)
	src.run++
	before := src.order
	same := len(before) == len(batch.Points)
	order := before
	if !same {
		order = make([]*series, len(batch.Points))
		copy(order, before)
	}
	for i, p := range batch.Points {
		s := order[i]
		if s == nil || !labels.Equal(s.labels, p.Labels) {
			if same { // the first one that differs
				order, same = slices.Clone(before), false
			}
			s = b.find(p.Labels)
			order[i] = s
		}
		if s.seen == src.run && s.source == src {
			w.dropped++ // twice in one batch
			continue
		}
		s.seen, s.source = src.run, src
		w.put(s, t, p.Value)
	}
	src.wrote, src.filled, src.faded = t, false, false
	if !same {
		src.drop(w, before, t, touch)
		src.order = order
		src.names = seriesNames(order)
	}
	for _, name := range src.names {
		touch(name)
	}
}

// stamp returns the time to write the batch at, in ms, and learns the source's
// rhythm. A sample that was filled in must not make the measured one after it
// out of order.
func (src *source) stamp(batch Batch) int64 {
	batch.Time = batch.Time.Round(0)
	if batch.Every > 0 {
		src.every = batch.Every
	} else if d := batch.Time.Sub(src.last); !src.last.IsZero() && d > 0 {
		src.every = max(d, src.every*3/4)
	}
	if batch.Time.After(src.last) {
		src.last = batch.Time
	}
	t := batch.Time.UnixMilli()
	if src.filled {
		t = max(t, src.wrote+1)
	}
	return t
}

// drop ends the series of before that the present run did not have.
func (src *source) drop(w *writer, before []*series, t int64, touch func(string)) {
	for _, s := range before {
		if s.source == src && s.seen != src.run && !s.gone {
			w.end(s, t)
			touch(s.name)
		}
	}
}

// tend repeats the last values of slow sources and ends the series of those
// that fell silent.
func (b *book) tend(w *writer, now time.Time, touch func(string)) {
	for _, src := range b.sources {
		if src.faded || src.every == 0 {
			continue
		}
		switch {
		case now.Sub(src.last) > src.patience():
			src.run++
			src.drop(w, src.order, now.UnixMilli(), touch)
			src.wrote, src.filled, src.faded = now.UnixMilli(), true, true
			src.order, src.names = nil, nil
		case src.every > repeatAfter && now.UnixMilli()-src.wrote >= repeatAfter.Milliseconds():
			for _, s := range src.order {
				if s.source == src && !s.gone {
					w.put(s, now.UnixMilli(), s.value)
				}
			}
			src.wrote, src.filled = now.UnixMilli(), true
		}
	}
}

// patience is how long the source may be silent. Very fast ones get 30 s: the
// machine may be busy, and a fast check that hangs is reported by its runner.
func (src *source) patience() time.Duration {
	return max(overdueAfter*src.every/2, 30*time.Second)
}

func seriesNames(order []*series) []string {
	names := make([]string, 0, len(order))
	for _, s := range order {
		names = append(names, s.name)
	}
	slices.SortFunc(names, cmp.Compare[string])
	return slices.Compact(names)
}

var staleNaN = math.Float64frombits(value.StaleNaN)
