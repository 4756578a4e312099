package checks_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"xunjian/checks"
)

// machine makes results as a small server's host checks do: about 540 series
// in 180 families.
func machine(tick int) []checks.Result {
	var out []checks.Result
	for c := range 20 {
		res := checks.Result{Check: fmt.Sprintf("check%02d", c), Verdict: checks.OK, Time: day, LastSuccess: day}
		for f := range 6 {
			d := descs[c*9+f]
			res.Samples = append(res.Samples, checks.Sample{Desc: d, Value: float64(tick*1000 + f)})
		}
		for dev := range 7 {
			values := []string{fmt.Sprintf("/dev/sda%d", dev), fmt.Sprintf("/srv/data%d", dev)}
			for f := range 3 {
				d := descs[c*9+6+f]
				res.Samples = append(res.Samples, checks.Sample{Desc: d, Values: values, Value: float64(tick) * 1.2345e6 * float64(f)})
			}
		}
		out = append(out, res)
	}
	return out
}

var descs = func() (out []*checks.Desc) {
	for c := range 20 {
		for f := range 9 {
			var labels []string
			if f >= 6 {
				labels = []string{"device", "mountpoint"}
			}
			out = append(out, checks.NewDesc(fmt.Sprintf("node_part%02d_some_value%d_bytes", c, f), checks.Gauge, "How much of it there is, in bytes, as the kernel says.", labels...))
		}
	}
	return out
}()

// BenchmarkEncode takes a whole tick in.
func BenchmarkEncode(b *testing.B) {
	for _, many := range []int{1, 20} {
		var ticks [4][]checks.Result
		series := 0
		for n := range ticks {
			for range many {
				for _, res := range machine(n) {
					res.Check = fmt.Sprint(res.Check, len(ticks[n]))
					if len(ticks[n]) >= 20 {
						res.Samples = relabel(res.Samples, len(ticks[n]))
					}
					ticks[n] = append(ticks[n], res)
				}
			}
		}
		for _, res := range ticks[0] {
			series += len(res.Samples)
		}
		b.Run(fmt.Sprintf("series=%d", series), func(b *testing.B) {
			e := checks.NewExposition()
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				e.Update(ticks[n%len(ticks)])
				n++
			}
			if e.Conflicts() > 0 {
				b.Fatalf("%d conflicts", e.Conflicts())
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(series), "ns/series")
		})
	}
}

func relabel(in []checks.Sample, n int) []checks.Sample {
	out := make([]checks.Sample, len(in))
	for i, s := range in {
		d := *s.Desc
		d.Name = fmt.Sprintf("%s_%d", d.Name, n)
		s.Desc = &d
		out[i] = s
	}
	return out
}

// sinkhole is a client that takes bytes and keeps none.
type sinkhole struct {
	header http.Header
	n      int
}

func (s *sinkhole) Header() http.Header         { return s.header }
func (s *sinkhole) WriteHeader(int)             {}
func (s *sinkhole) Write(b []byte) (int, error) { s.n = len(b); return len(b), nil }

// BenchmarkServe is the handler alone; every tick has many scrapes.
func BenchmarkServe(b *testing.B) {
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			e := checks.NewExposition()
			e.Update(machine(1))
			req := httptest.NewRequest("GET", "/metrics", nil)
			req.Header.Set("Accept-Encoding", encoding)
			w := &sinkhole{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				e.ServeHTTP(w, req)
			}
			b.ReportMetric(float64(w.n), "bytes")
		})
	}
}

// BenchmarkFirstScrape compresses each page anew, as when Prometheus scrapes
// once a tick.
func BenchmarkFirstScrape(b *testing.B) {
	e := checks.NewExposition()
	tick := machine(1)
	req := httptest.NewRequest("GET", "/metrics", nil)
	req.Header.Set("Accept-Encoding", "gzip")
	w := &sinkhole{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		e.Update(tick)
		b.StartTimer()
		e.ServeHTTP(w, req)
	}
	b.ReportMetric(float64(w.n), "bytes")
}

// BenchmarkScrape is a whole scrape over loopback, client included.
func BenchmarkScrape(b *testing.B) {
	e := checks.NewExposition()
	e.Update(machine(1))
	srv := httptest.NewServer(e)
	defer srv.Close()
	client := srv.Client()
	b.ReportAllocs()
	for b.Loop() {
		resp, err := client.Get(srv.URL)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := resp.Body.Read(make([]byte, 128<<10)); err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
	}
}

// BenchmarkDescribe adds the series about the checks.
func BenchmarkDescribe(b *testing.B) {
	tick := machine(1)
	b.ReportAllocs()
	for b.Loop() {
		checks.Describe(tick)
	}
}

// BenchmarkRun is what the Runner adds to one run of a check, from the start of
// its goroutine to the answer.
func BenchmarkRun(b *testing.B) {
	list := []checks.Check{}
	for n := range 30 {
		list = append(list, &fake{name: fmt.Sprintf("c%d", n), sched: checks.Schedule{Interval: time.Hour}, look: func(_ context.Context, out *checks.Output) error {
			for range 20 {
				out.Set(descProbe, 1, "x")
			}
			return nil
		}})
	}
	r := checks.NewRunner(checks.RunnerOptions{Sink: func([]checks.Result) {}})
	if err := r.Replace(list, nil); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	for {
		if _, err := r.RunNow(ctx, "c0"); err == nil {
			break
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.RunNow(ctx, "c0"); err != nil {
			b.Fatal(err)
		}
	}
}
