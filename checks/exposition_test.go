package checks_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"pgregory.net/rapid"

	"xunjian/checks"
)

// page returns what is served to a client without gzip.
func page(t testing.TB, e *checks.Exposition) string {
	t.Helper()
	rec := httptest.NewRecorder()
	e.ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("GET /metrics: %d %s", rec.Code, rec.Body)
	}
	return rec.Body.String()
}

// parse reads a page as Prometheus' own parser does.
func parse(t interface{ Fatalf(string, ...any) }, text string) map[string]*dto.MetricFamily {
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("the page is not valid: %v\n%s", err, text)
	}
	return families
}

// lint has Debian's promtool look at a page.
func lint(t *testing.T, text string) {
	t.Helper()
	cmd := exec.Command("promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics (Debian package prometheus): %v\n%s", err, out)
	}
}

func result(check string, samples ...checks.Sample) checks.Result {
	return checks.Result{Check: check, Verdict: checks.OK, Samples: samples}
}

func sample(d *checks.Desc, v float64, values ...string) checks.Sample {
	return checks.Sample{Desc: d, Value: v, Values: values}
}

func TestExpositionOfAllKinds(t *testing.T) {
	temp := checks.NewDesc("room_temperature_celsius", checks.Gauge, "Back\\slash and\nline.", "zone", "at")
	reqs := checks.NewDesc("room_requests_total", checks.Counter, "Requests.")
	other := checks.NewDesc("room_other", checks.Untyped, "Other.")
	dur := checks.NewDesc("room_duration_seconds", checks.Histogram, "Durations.", "le")
	durPlain := checks.NewDesc("room_duration_seconds", checks.Histogram, "Durations.")
	size := checks.NewDesc("room_size_bytes", checks.Summary, "Sizes.", "quantile")
	sizePlain := checks.NewDesc("room_size_bytes", checks.Summary, "Sizes.")
	part := func(d *checks.Desc, suffix string, v float64, values ...string) checks.Sample {
		return checks.Sample{Desc: d, Suffix: suffix, Value: v, Values: values}
	}
	e := checks.NewExposition()
	e.Update([]checks.Result{
		result("b", sample(temp, 21.5, `quo"te`, "line\nend"), sample(temp, math.NaN(), `back\slash`, "中文")),
		result("a", sample(other, math.Inf(-1)), sample(reqs, 1e15), sample(temp, 1234567, "z", "")),
		result("c",
			part(dur, "_bucket", 1, "0.5"), part(dur, "_bucket", 2, "+Inf"), part(durPlain, "_sum", 0.75), part(durPlain, "_count", 2),
			sample(size, 10, "0.5"), part(sizePlain, "_sum", 10), part(sizePlain, "_count", 1)),
	})
	text := page(t, e)
	wantText(t, "page", text, `# HELP room_duration_seconds Durations.
# TYPE room_duration_seconds histogram
room_duration_seconds_bucket{le="0.5"} 1
room_duration_seconds_bucket{le="+Inf"} 2
room_duration_seconds_sum 0.75
room_duration_seconds_count 2
# HELP room_other Other.
# TYPE room_other untyped
room_other -Inf
# HELP room_requests_total Requests.
# TYPE room_requests_total counter
room_requests_total 1e+15
# HELP room_size_bytes Sizes.
# TYPE room_size_bytes summary
room_size_bytes{quantile="0.5"} 10
room_size_bytes_sum 10
room_size_bytes_count 1
# HELP room_temperature_celsius Back\\slash and\nline.
# TYPE room_temperature_celsius gauge
room_temperature_celsius{at="",zone="z"} 1234567
room_temperature_celsius{at="line\nend",zone="quo\"te"} 21.5
room_temperature_celsius{at="中文",zone="back\\slash"} NaN
`)
	families := parse(t, text)
	if h := families["room_duration_seconds"].Metric[0].Histogram; h.GetSampleCount() != 2 || h.GetSampleSum() != 0.75 || len(h.Bucket) != 2 {
		t.Errorf("the histogram comes back as %v", h)
	}
	if m := families["room_temperature_celsius"].Metric[1]; m.Label[0].GetValue() != "line\nend" || m.Label[1].GetValue() != `quo"te` {
		t.Errorf("the labels come back as %v", m)
	}
	if e.Conflicts() != 0 {
		t.Errorf("%d conflicts", e.Conflicts())
	}
	lint(t, text)
}

// TestExpositionIsValidWhateverComes has checks that do not fit together.
func TestExpositionIsValidWhateverComes(t *testing.T) {
	gauge := checks.NewDesc("x", checks.Gauge, "First.", "a", "b")
	turned := checks.NewDesc("x", checks.Gauge, "First.", "b", "a")
	fewer := checks.NewDesc("x", checks.Gauge, "First.", "a")
	hist := checks.NewDesc("h", checks.Histogram, "Hist.", "le")
	for _, tt := range []struct {
		name      string
		results   []checks.Result
		want      string
		conflicts int
	}{
		{"another type", []checks.Result{
			result("a", sample(gauge, 1, "1", "2")),
			result("b", sample(checks.NewDesc("x", checks.Counter, "First."), 2)),
		}, `# HELP x First.
# TYPE x gauge
x{a="1",b="2"} 1
`, 1},
		{"another help", []checks.Result{
			result("a", sample(gauge, 1, "1", "2")),
			result("b", sample(checks.NewDesc("x", checks.Gauge, "Second."), 2)),
		}, `# HELP x First.
# TYPE x gauge
x{a="1",b="2"} 1
x 2
`, 1},
		{"a series twice", []checks.Result{
			result("a", sample(gauge, 1, "1", "2"), sample(gauge, 2, "1", "2")),
			result("b", sample(turned, 3, "2", "1"), sample(turned, 4, "1", "2")),
		}, `# HELP x First.
# TYPE x gauge
x{a="1",b="2"} 1
x{a="2",b="1"} 4
`, 2},
		{"an empty label is none", []checks.Result{
			result("a", sample(gauge, 1, "1", "")),
			result("b", sample(fewer, 2, "1")),
		}, `# HELP x First.
# TYPE x gauge
x{a="1",b=""} 1
`, 1},
		{"names that are none", []checks.Result{
			result("a",
				sample(checks.NewDesc("bad-name", checks.Gauge, "H."), 1),
				sample(checks.NewDesc("", checks.Gauge, "H."), 1),
				sample(checks.NewDesc("x", checks.Gauge, "H.", "bad-label"), 1, "v"),
				sample(checks.NewDesc("x", checks.Gauge, "H.", "__name__"), 1, "v"),
				sample(checks.NewDesc("x", checks.Gauge, "H.", "a", "a"), 1, "v", "w"),
				sample(checks.NewDesc("x", checks.Kind(9), "H."), 1)),
			result("b", sample(gauge, 1, "1")),
		}, "", 7},
		{"parts of nothing", []checks.Result{
			result("a",
				sample(hist, 1, "0.5"),
				checks.Sample{Desc: hist, Suffix: "_bucket", Values: []string{"wide"}},
				checks.Sample{Desc: hist, Suffix: "_created", Values: []string{"1"}},
				checks.Sample{Desc: fewer, Suffix: "_sum", Values: []string{"1"}}),
		}, "", 4},
		{"a gauge that reads as part of a histogram", []checks.Result{
			result("a", checks.Sample{Desc: hist, Suffix: "_bucket", Values: []string{"+Inf"}, Value: 1}),
			result("b", sample(checks.NewDesc("h_count", checks.Gauge, "H."), 1)),
		}, `# HELP h Hist.
# TYPE h histogram
h_bucket{le="+Inf"} 1
`, 1},
		{"a histogram that reads as a gauge", []checks.Result{
			result("a", sample(checks.NewDesc("h_count", checks.Gauge, "H."), 1)),
			result("b", checks.Sample{Desc: hist, Suffix: "_bucket", Values: []string{"+Inf"}, Value: 1}),
		}, `# HELP h_count H.
# TYPE h_count gauge
h_count 1
`, 1},
		{"text that is no UTF-8", []checks.Result{
			result("a", sample(fewer, 1, "中\xff\"\\")),
		}, `# HELP x First.
# TYPE x gauge
x{a="中` + "\uFFFD" + `\"\\"} 1
`, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := checks.NewExposition()
			for range 2 { // the second time the families are known
				e.Update(tt.results)
				text := page(t, e)
				wantText(t, "page", text, tt.want)
				parse(t, text)
				if e.Conflicts() != tt.conflicts {
					t.Errorf("%d conflicts, want %d", e.Conflicts(), tt.conflicts)
				}
			}
		})
	}
}

// TestExpositionOfAnything makes results at random from a few names, so that
// they clash often, and holds that every page can be parsed, without a series
// that stands twice.
func TestExpositionOfAnything(t *testing.T) {
	names := rapid.SampledFrom([]string{"m", "m_sum", "m_count", "m_bucket", "n", "no name"})
	labels := rapid.SampledFrom([][]string{nil, {"a"}, {"a", "b"}, {"b", "a"}, {"le"}, {"a", "quantile"}, {"a", "a"}})
	suffix := rapid.SampledFrom([]string{"", "", "_sum", "_count", "_bucket"})
	value := rapid.SampledFrom([]string{"", "x", "0.5", "+Inf", "q\"\\\n", "中", "\xff"})
	number := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1)}))
	rapid.Check(t, func(t *rapid.T) {
		e := checks.NewExposition()
		for range rapid.IntRange(1, 4).Draw(t, "ticks") {
			var results []checks.Result
			for c := range rapid.IntRange(1, 4).Draw(t, "checks") {
				res := result(fmt.Sprint(c))
				for range rapid.IntRange(0, 6).Draw(t, "samples") {
					d := checks.NewDesc(names.Draw(t, "name"), checks.Kind(rapid.IntRange(0, 4).Draw(t, "kind")), value.Draw(t, "help"), labels.Draw(t, "labels")...)
					s := checks.Sample{Desc: d, Suffix: suffix.Draw(t, "suffix"), Value: number.Draw(t, "value")}
					for range d.Labels {
						s.Values = append(s.Values, value.Draw(t, "label"))
					}
					res.Samples = append(res.Samples, s)
				}
				results = append(results, res)
			}
			e.Update(results)
			rec := httptest.NewRecorder()
			e.ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
			text := rec.Body.String()
			parse(t, text)
			seen := map[string]bool{}
			for _, line := range strings.Split(text, "\n") {
				series, _, _ := strings.Cut(line, "} ")
				if strings.HasPrefix(line, "#") {
					series = line
				}
				if line != "" && seen[series] {
					t.Fatalf("%s stands twice in\n%s", series, text)
				}
				seen[series] = true
			}
		}
	})
}

func TestExpositionShowsNoStaleSamples(t *testing.T) {
	a := checks.NewDesc("a_value", checks.Gauge, "A.")
	b := checks.NewDesc("b_value", checks.Gauge, "B.")
	e := checks.NewExposition()
	show := func(want string, results ...checks.Result) {
		t.Helper()
		e.Update(results)
		var names []string
		for _, line := range strings.Split(page(t, e), "\n") {
			if line != "" && line[0] != '#' {
				names = append(names, line)
			}
		}
		wantText(t, "series", strings.Join(names, ", "), want)
	}
	show("a_value 1, b_value 1", result("a", sample(a, 1)), result("b", sample(b, 1)))
	show("a_value 1, b_value 2", result("b", sample(b, 2)))
	show("b_value 2", checks.Result{Check: "a", Verdict: checks.Unknown, Error: "no answer within 10s"})
	show("a_value 3, b_value 2", result("a", sample(a, 3)))
	show("a_value 3", checks.Result{Check: "b", Retired: true})
	show("", checks.Result{Check: "a"})
}

func TestServing(t *testing.T) {
	e := checks.NewExposition()
	srv := httptest.NewServer(e)
	defer srv.Close()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	call := func(method, encoding string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if encoding != "" {
			req.Header.Set("Accept-Encoding", encoding)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(body)
	}

	resp, body := call("GET", "")
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("before the first tick: %d %q", resp.StatusCode, body)
	}
	e.Update([]checks.Result{result("a", sample(checks.NewDesc("a_value", checks.Gauge, "A."), 1))})
	const want = "# HELP a_value A.\n# TYPE a_value gauge\na_value 1\n"
	for encoding, packed := range map[string]bool{
		"": false, "identity": false, "gzip": true, "deflate, GZIP ;q=0.5": true, "gzip;q=0": false, "gzip;q=x": false, "xgzip": false,
	} {
		resp, body := call("GET", encoding)
		if packed {
			z, err := gzip.NewReader(strings.NewReader(body))
			if err != nil {
				t.Fatalf("%q: %v", encoding, err)
			}
			plain, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			body = string(plain)
		}
		if resp.StatusCode != 200 || body != want || resp.Header.Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" ||
			resp.Header.Get("Vary") != "Accept-Encoding" || (resp.Header.Get("Content-Encoding") == "gzip") != packed || resp.ContentLength <= 0 {
			t.Errorf("%q: %d %v %q", encoding, resp.StatusCode, resp.Header, body)
		}
	}
	if resp, body := call("HEAD", ""); resp.StatusCode != 200 || body != "" || resp.ContentLength != int64(len(want)) {
		t.Errorf("HEAD: %d, %d bytes announced, %q", resp.StatusCode, resp.ContentLength, body)
	}
	if resp, _ := call("POST", ""); resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d", resp.StatusCode)
	}
}

// slowWriter is a client that reads while the page changes under it.
type slowWriter struct {
	httptest.ResponseRecorder
	between func()
}

func (w *slowWriter) Write(b []byte) (int, error) {
	w.between()
	return w.ResponseRecorder.Write(b)
}

func TestAReaderKeepsItsPage(t *testing.T) {
	d := checks.NewDesc("a_value", checks.Gauge, "A.")
	e := checks.NewExposition()
	e.Update([]checks.Result{result("a", sample(d, 1))})
	for _, encoding := range []string{"", "gzip"} {
		before := page(t, e)
		body := &bytes.Buffer{}
		w := &slowWriter{httptest.ResponseRecorder{Body: body}, func() {
			for n := range 10 {
				e.Update([]checks.Result{result("a", sample(d, float64(n)))})
				page(t, e)
			}
		}}
		req := httptest.NewRequest("GET", "/metrics", nil)
		req.Header.Set("Accept-Encoding", encoding)
		e.ServeHTTP(w, req)
		got := body.String()
		if encoding == "gzip" {
			z, err := gzip.NewReader(body)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			got = string(b)
		}
		wantText(t, "what the slow reader got", got, before)
	}
}

func TestManyReaders(t *testing.T) {
	d := checks.NewDesc("a_value", checks.Gauge, "A.", "n")
	e := checks.NewExposition()
	update := func(tick int) {
		res := result("a")
		for n := range 50 {
			res.Samples = append(res.Samples, sample(d, float64(tick), fmt.Sprint(n)))
		}
		e.Update([]checks.Result{res})
	}
	update(0)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				// All numbers of one page are of one tick.
				values := map[float64]bool{}
				for _, m := range parse(t, page(t, e))["a_value"].Metric {
					values[m.Gauge.GetValue()] = true
				}
				if len(values) != 1 {
					t.Errorf("a page mixes ticks: %v", values)
				}
			}
		})
	}
	for tick := range 200 {
		update(tick)
	}
	wg.Wait()
}
