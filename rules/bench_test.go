package rules

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunks"
)

// manyRules are n rules, each over one of 1,000 series of ten metrics.
func manyRules(n int, expr string) string {
	var b strings.Builder
	b.WriteString("groups:\n  - name: many\n    rules:\n")
	for i := range n {
		fmt.Fprintf(&b, "      - {alert: Rule%d, expr: '%s', for: 1m, labels: {severity: warning}}\n", i, fmt.Sprintf(expr, i%10, i/10%100))
	}
	return b.String()
}

func manyPoints(n int) []Point {
	points := make([]Point, n)
	for i := range points {
		points[i].Labels = labels.FromStrings("__name__", fmt.Sprintf("m%d", i%10), "id", fmt.Sprint(i/10), "instance", "a")
	}
	return points
}

// tickOf hands in points that all changed, and moves on by a step.
func (w *world) tickOf(b *testing.B, i int, points []Point) {
	for j := range points {
		points[j].Value = float64((i + j) % 50)
	}
	if _, err := w.engine.Tick(context.Background(), w.now, []Batch{{Source: "a", Time: w.now, Every: step, Points: points}}); err != nil {
		b.Fatal(err)
	}
	w.now = w.now.Add(step)
}

// 10,000 rules over 1,000 series: thresholds, which are proved empty from the
// last values, and what has to be asked of PromQL.
func BenchmarkTenThousandRules(b *testing.B) {
	for name, expr := range map[string]string{"thresholds": `m%d{id="%d"} > 100`, "queries": `m%d{id="%d"} / 1 > 100`} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, manyRules(10_000, expr))
			points := manyPoints(1000)
			for i := range 25 {
				w.tickOf(b, i, points)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				w.tickOf(b, i, points)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/10_000, "µs/rule")
			b.ReportMetric(rss(), "MB-rss")
		})
	}
}

// One tick of a healthy machine of 600 series under the default rules.
func BenchmarkTick(b *testing.B) {
	m := newMachine()
	w := newServer(b, m, 10*time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		m.live(step)
		if _, err := w.engine.Tick(context.Background(), w.now, m.batches(w.now)); err != nil {
			b.Fatal(err)
		}
		w.now = w.now.Add(step)
	}
	b.ReportMetric(float64(m.size()), "series")
}

// Appending alone: no rules.
func BenchmarkAppend(b *testing.B) {
	w := newWorld(b, "")
	points := manyPoints(600)
	w.tickOf(b, 0, points)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.tickOf(b, i, points)
	}
}

func rss() float64 {
	content, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident float64
	if _, err := fmt.Sscan(string(content), &size, &resident); err != nil {
		return 0
	}
	return resident * float64(os.Getpagesize()) / (1 << 20)
}

// Memory that 1,000 series at 15 s for 6 h add to a process, with the default
// rules. Run it alone: go test -run - -bench SixHours -benchtime 1x
func BenchmarkSixHours(b *testing.B) {
	for b.Loop() {
		debug.FreeOSMemory()
		before := rss()
		m := newMachine()
		for i := m.size(); i < 1000; i++ {
			m.set("more", fmt.Sprintf(`more{id="%d"}`, i), 1)
		}
		w := newServer(b, m, 0)
		peak := 0.0
		for i := range 6 * 240 {
			m.live(step)
			for j := range m.points["more"] {
				m.points["more"][j].Value = float64((i*7 + j) % 100)
			}
			w.tick(step, m.batches(w.now)...)
			peak = max(peak, rss())
		}
		b.ReportMetric(peak-before, "MB-peak")
		runtime.GC()
		b.ReportMetric(rss()-before, "MB-end")
		debug.FreeOSMemory()
		b.ReportMetric(rss()-before, "MB-freed")
		w.close()
	}
}

// fifteenDays fills a folder with 15 days of 600 series at 1 min, in blocks of
// 18 h as compaction leaves them.
func fifteenDays(b *testing.B, dir string) {
	b.Helper()
	const span = 18 * time.Hour
	start := epoch.Add(-20 * span).Truncate(span)
	points := manyPoints(600)
	for i := range 20 {
		var all []storage.Series
		for j, p := range points {
			samples := make([]chunks.Sample, 0, 1080)
			for t := start.Add(time.Duration(i) * span); t.Before(start.Add(time.Duration(i+1) * span)); t = t.Add(time.Minute) {
				samples = append(samples, memoryPoint{t.UnixMilli(), float64((len(samples)*3 + j) % 100)})
			}
			all = append(all, storage.NewListSeries(p.Labels, samples))
		}
		if _, err := tsdb.CreateBlock(all, dir, 2*span.Milliseconds(), slog.New(slog.DiscardHandler)); err != nil {
			b.Fatal(err)
		}
	}
}

// Opening with 15 days of history and two hours in the log.
func BenchmarkOpen(b *testing.B) {
	w := newWorld(b, "")
	w.close()
	fifteenDays(b, w.cfg.Dir)
	w.open()
	points := manyPoints(600)
	for i := range 480 {
		w.tickOf(b, i, points)
	}
	w.close()
	b.ReportAllocs()
	for b.Loop() {
		w.open()
		b.StopTimer()
		w.close()
		b.StartTimer()
	}
}

func BenchmarkQueryRange(b *testing.B) {
	w := newWorld(b, "")
	points := manyPoints(600)
	for i := range 480 {
		w.tickOf(b, i, points)
	}
	for name, expr := range map[string]string{"one series": `m1{id="1"}`, "sixty series": `m1`, "rates": `rate(m1[2m])`} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.engine.QueryRange(context.Background(), expr, w.now.Add(-time.Hour), w.now, step); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
