package reports_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"xunjian/agent/measured"
	"xunjian/alerting/inspection"
	"xunjian/checks"
	"xunjian/rules"
)

// BenchmarkWeeklyReport makes the whole shipped weekly report, HTML and PDF, on
// 15 days of 2,000 series. grown_MiB is what the process took of the machine for
// it, heap_MiB what was in use at the end, the engine with its 15 days included.
func BenchmarkWeeklyReport(b *testing.B) {
	m := newMonth(b)
	const step, days = 5 * time.Minute, 15
	begin := m.now
	for ; m.now.Before(begin.AddDate(0, 0, days)); m.now = m.now.Add(step) {
		x := float64(m.now.Unix() - begin.Unix())
		var points []rules.Point
		for cpu := range 16 {
			for n, mode := range []string{"idle", "user", "system", "iowait", "steal"} {
				points = append(points, rules.Point{Labels: series("node_cpu_seconds_total", "cpu", fmt.Sprint(cpu), "mode", mode), Value: x * []float64{0.7, 0.2, 0.08, 0.01, 0.01}[n], Counter: true})
			}
		}
		points = append(points, rules.Point{Labels: series("node_memory_MemAvailable_bytes"), Value: 8e9}, rules.Point{Labels: series("node_memory_MemTotal_bytes"), Value: 16e9},
			rules.Point{Labels: series("xunjian_check_verdict", "check", "cpu"), Value: 0})
		for n := range 20 {
			mount := fmt.Sprintf("/data%d", n)
			points = append(points, rules.Point{Labels: series("node_filesystem_avail_bytes", "mountpoint", mount), Value: 500e9 - x*1e5}, rules.Point{Labels: series("node_filesystem_size_bytes", "mountpoint", mount), Value: 1e12})
		}
		for n := len(points); n < 2000; n++ {
			points = append(points, rules.Point{Labels: series("other", "n", fmt.Sprint(n)), Value: x})
		}
		if _, err := m.engine.Tick(b.Context(), m.now, []rules.Batch{{Source: "bench", Time: m.now, Every: step, Points: points}}); err != nil {
			b.Fatal(err)
		}
	}
	m.history.Add(checks.Result{Check: "cpu", Time: m.now, Verdict: checks.OK, Every: step})
	office := inspection.NewOffice(inspection.Options{
		Store: m.store, Source: measured.New(m.history, m.engine), Since: m.engine.Since, Forms: inspection.Shipped(), Host: "db01", Zone: m.zone, Now: func() time.Time { return m.now },
	})
	r := m.over(office)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		for _, format := range []string{"html", "pdf"} {
			if _, err := r.Look(b.Context(), "weekly", m.now.AddDate(0, 0, -7), m.now, format, "zh-CN"); err != nil {
				b.Fatal(err)
			}
		}
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.Sys-before.Sys)/(1<<20), "grown_MiB")
	b.ReportMetric(float64(after.HeapInuse)/(1<<20), "heap_MiB")
}
