package notify_test

import (
	"context"
	"io"
	"runtime"
	"testing"
	"time"

	"xunjian/alerting/notify"
)

// Ten thousand notices go out once each, and are never all in memory.
func TestDrain(t *testing.T) {
	const n = 10_000
	b := sit(t)
	b.open(t, 1)
	b.put(t, "bulk", n, time.Now())
	// The order of the notices is the store's to test, and so is fsync.
	b.exec(t, `PRAGMA synchronous = OFF`)
	times := map[string]int{}
	var before, most int64
	bulk := &channel{name: "bulk", deliver: func(_ context.Context, m notify.Message) error {
		if times[m.Key]++; len(times)%1000 == 1 {
			now := heap()
			if before == 0 {
				before = now
			}
			most = max(most, now-before)
		}
		return nil
	}}
	w, stop := b.work(t, b.st, bulk, notify.NewJournal(io.Discard, false))
	for w.Counts()["bulk"].Delivered < n {
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	waiting, dead := b.depth(t)
	if got := w.Counts()["bulk"].Delivered; got != n || len(times) != n || waiting != 0 || dead != 0 {
		t.Errorf("%d delivered, %d different, %d wait, %d given up", got, len(times), waiting, dead)
	}
	if most > 8<<20 {
		t.Errorf("the heap grew by %d KiB", most>>10)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkDrain(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		bn := sit(b)
		bn.open(b, 1000)
		b.StartTimer()
		w, stop := bn.work(b, bn.st, notify.NewJournal(io.Discard, false))
		for w.Counts()["journal"].Delivered < 1000 {
			time.Sleep(time.Millisecond)
		}
		stop()
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "notices/s")
}
