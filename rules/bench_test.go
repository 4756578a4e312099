package rules

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
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

func BenchmarkTenThousandRules(b *testing.B) {
	b.Run("thresholds", func(b *testing.B) { benchRules(b, "m%d{id=\"%d\"} > 100") })
	b.Run("queries", func(b *testing.B) { benchRules(b, "m%d{id=\"%d\"} / 1 > 100") })
}

func benchRules(b *testing.B, expr string) {
	w := newWorld(b, manyRules(10_000, expr))
	points := manyPoints(1000)
	for i := range 25 {
		for j := range points {
			points[j].Value = float64((i + j) % 50)
		}
		w.tick(15*time.Second, Batch{Source: "a", Time: w.now, Every: 15 * time.Second, Points: points})
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		for j := range points {
			points[j].Value = float64((i + j) % 50)
		}
		if _, err := w.engine.Tick(context.Background(), w.now, []Batch{{Source: "a", Time: w.now, Every: 15 * time.Second, Points: points}}); err != nil {
			b.Fatal(err)
		}
		w.now = w.now.Add(15 * time.Second)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000/1000, "µs/rule")
}
