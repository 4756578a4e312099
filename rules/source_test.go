package rules

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// tickBatches hands in batches as they are, without the clock of the world.
func (w *world) tickBatches(t *testing.T, now time.Time, batches ...Batch) {
	t.Helper()
	if _, err := w.engine.Tick(context.Background(), now, batches); err != nil {
		t.Fatal(err)
	}
	w.now = now
}

func one(source string, at time.Time, every time.Duration, points ...Point) Batch {
	return Batch{Source: source, Time: at, Every: every, Points: points}
}

func TestSlowSourceStaysInSight(t *testing.T) {
	w := newWorld(t, "")
	hourly := point(t, `cert_days 30`)
	w.tickBatches(t, epoch, one("cert", epoch, time.Hour, hourly))
	for at := epoch; at.Before(epoch.Add(2*time.Hour + 29*time.Minute)); at = at.Add(15 * time.Second) {
		w.tickBatches(t, at)
		if got := w.count(t, `cert_days`); got != 30 {
			t.Fatalf("%v after its batch the series has %v", at.Sub(epoch), got)
		}
	}
	w.tickBatches(t, epoch.Add(2*time.Hour+31*time.Minute))
	if got := w.count(t, `absent(cert_days)`); got != 1 {
		t.Error("a source that missed two runs and a half is still believed")
	}
	// A batch that was due before the end of its series was written.
	late := epoch.Add(2*time.Hour + 30*time.Minute)
	hourly.Value = 29
	w.tickBatches(t, epoch.Add(2*time.Hour+32*time.Minute), one("cert", late, time.Hour, hourly))
	if got := w.count(t, `cert_days`); got != 29 {
		t.Errorf("after a late batch the series has %v", got)
	}
	if s := w.engine.Stats(); s.Dropped != 0 {
		t.Errorf("%d samples were dropped", s.Dropped)
	}
}

func TestRhythmIsLearned(t *testing.T) {
	w := newWorld(t, "")
	p := point(t, `slow 1`)
	for i := range 4 {
		at := epoch.Add(time.Duration(i) * 10 * time.Minute)
		w.tickBatches(t, at, one("s", at, 0, p))
	}
	last := epoch.Add(30 * time.Minute)
	for _, m := range []time.Duration{5, 10, 15, 20, 24} {
		w.tickBatches(t, last.Add(m*time.Minute))
		if got := w.count(t, `slow`); got != 1 {
			t.Errorf("%v min after its batch the series has %v", int(m), got)
		}
	}
	w.tickBatches(t, last.Add(26*time.Minute))
	if got := w.count(t, `absent(slow)`); got != 1 {
		t.Error("after two and a half intervals the source is still believed")
	}
}

func TestFastSourceIsGivenTime(t *testing.T) {
	w := newWorld(t, "")
	p := point(t, `alive 1`)
	w.tickBatches(t, epoch, one("s", epoch, time.Second, p))
	w.tickBatches(t, epoch.Add(29*time.Second))
	if got := w.count(t, `alive`); got != 1 {
		t.Error("29 s are too long for a source of 1 s")
	}
	w.tickBatches(t, epoch.Add(31*time.Second))
	if got := w.count(t, `absent(alive)`); got != 1 {
		t.Error("after 31 s a source of 1 s is still believed")
	}
}

func TestDoubleAndLateSamplesAreDropped(t *testing.T) {
	w := newWorld(t, "")
	a := point(t, `a 1`)
	w.tickBatches(t, epoch, one("s", epoch, 0, a, point(t, `a 2`)), one("s", epoch, 0, a))
	w.tickBatches(t, epoch.Add(time.Minute), one("s", epoch.Add(-time.Minute), 0, a))
	if s := w.engine.Stats(); s.Dropped != 3 {
		t.Errorf("%d were dropped, want one in the batch, one with the same time, one that is late", s.Dropped)
	}
	if got := w.count(t, `a`); got != 1 {
		t.Errorf("the series has %v", got)
	}
}

func TestMalformedSeriesAreDropped(t *testing.T) {
	w := newWorld(t, "")
	none := Point{Labels: labels.EmptyLabels(), Value: 1}
	w.tickBatches(t, epoch, one("s", epoch, 0, none, point(t, `a 1`)))
	if got := w.count(t, `a`); got != 1 || w.engine.Stats().Dropped != 1 {
		t.Errorf("a has %v, %d were dropped", got, w.engine.Stats().Dropped)
	}
}

func TestSeriesThatMoveInABatch(t *testing.T) {
	w := newWorld(t, "")
	a, b, c := point(t, `x{id="a"} 1`), point(t, `x{id="b"} 2`), point(t, `x{id="c"} 3`)
	for i, batch := range [][]Point{{a, b}, {b, a}, {b}, {a, b, c}, {c, a}, {}, {c}} {
		at := epoch.Add(time.Duration(i) * 15 * time.Second)
		w.tickBatches(t, at, one("s", at, 0, batch...))
		want := 0.0
		for _, p := range batch {
			want += p.Value
		}
		if got := w.count(t, `sum(x)`); got != want {
			t.Errorf("batch %d: the sum is %v, want %v", i, got, want)
		}
		if got := w.count(t, `count(x)`); int(got) != len(batch) {
			t.Errorf("batch %d: there are %v series, want %d", i, got, len(batch))
		}
	}
	if s := w.engine.Stats(); s.Dropped != 0 {
		t.Errorf("%d samples were dropped", s.Dropped)
	}
}

func TestSeriesThatChangesItsSource(t *testing.T) {
	w := newWorld(t, "")
	p := point(t, `x 1`)
	w.tickBatches(t, epoch, one("old", epoch, 0, p))
	next := epoch.Add(15 * time.Second)
	w.tickBatches(t, next, one("new", next, 0, p), one("old", next, 0))
	if got := w.count(t, `x`); got != 1 {
		t.Error("the old source ended a series that the new one has")
	}
}

func TestForgottenSeriesComeBack(t *testing.T) {
	w := newWorld(t, "")
	p := point(t, `x 1`)
	w.tickBatches(t, epoch, one("s", epoch, 0, p))
	w.tickBatches(t, epoch.Add(time.Minute), one("s", epoch.Add(time.Minute), 0))
	w.tickBatches(t, epoch.Add(3*time.Hour))
	w.engine.mu.Lock()
	if s, _ := w.engine.book.lookup(p.Labels); s != nil {
		t.Error("a series that ended two hours ago is still in the book")
	}
	w.engine.mu.Unlock()
	at := epoch.Add(4 * time.Hour)
	w.tickBatches(t, at, one("s", at, 0, p))
	if got := w.count(t, `x`); got != 1 {
		t.Errorf("it has %v", got)
	}
}

// A tick over the same series must not allocate for each of them.
func TestSteadyTickAllocatesNothingPerSeries(t *testing.T) {
	allocs := func(n int) float64 {
		w := newWorld(t, "")
		points := manyPoints(n)
		return testing.AllocsPerRun(50, func() {
			if _, err := w.engine.Tick(context.Background(), w.now, []Batch{one("s", w.now, 15*time.Second, points...)}); err != nil {
				t.Fatal(err)
			}
			w.now = w.now.Add(15 * time.Second)
		})
	}
	few, many := allocs(100), allocs(2000)
	if per := (many - few) / 1900; per > 0.2 {
		t.Errorf("%v allocations a tick with 100 series, %v with 2000: %.2f a series", few, many, per)
	}
}
