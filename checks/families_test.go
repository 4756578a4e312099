package checks_test

import (
	"math"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"xunjian/checks"
)

const familiesText = `# HELP cpu_seconds_total CPU time.
# TYPE cpu_seconds_total counter
cpu_seconds_total{cpu="0",mode="user"} 1.5
cpu_seconds_total{cpu="1",mode="user"} 2
cpu_seconds_total{other="label"} 3
# HELP lag_seconds Lag.
# TYPE lag_seconds summary
lag_seconds{quantile="0.5"} 0.1
lag_seconds{quantile="0.9"} 0.25
lag_seconds_sum 1
lag_seconds_count 4
# HELP took_seconds Time it took.
# TYPE took_seconds histogram
took_seconds_bucket{db="a",le="1"} 2
took_seconds_bucket{db="a",le="+Inf"} 3
took_seconds_sum{db="a"} 4.5
took_seconds_count{db="a"} 3
# HELP up Whether it is up.
# TYPE up gauge
up 1
# HELP whatever whatever
# TYPE whatever untyped
whatever -Inf
`

func TestFamiliesComeBackAsTheyWere(t *testing.T) {
	out := checks.NewOutput(0)
	f := checks.NewFamilies()
	for _, mf := range parse(t, familiesText) {
		f.Write(out, mf)
	}
	e := checks.NewExposition()
	e.Update([]checks.Result{result("a", out.Samples()...)})
	wantText(t, "page", page(t, e), familiesText)
}

func TestFamiliesKeepTheirDescs(t *testing.T) {
	f := checks.NewFamilies()
	descs := func(text string) map[*checks.Desc]bool {
		out := checks.NewOutput(0)
		for _, mf := range parse(t, text) {
			f.Write(out, mf)
		}
		f.Sweep()
		got := map[*checks.Desc]bool{}
		for _, s := range out.Samples() {
			got[s.Desc] = true
		}
		return got
	}
	same := func(a, b map[*checks.Desc]bool) (n int) {
		for d := range a {
			if b[d] {
				n++
			}
		}
		return n
	}
	first := descs(familiesText)
	if second := descs(familiesText); len(first) != 8 || same(first, second) != 8 {
		t.Errorf("%d of %d Descs are the same the second time", same(first, second), len(first))
	}
	changed := descs(strings.ReplaceAll(familiesText, "Whether it is up.", "Changed."))
	if n := same(first, changed); n != 7 {
		t.Errorf("%d of 8 Descs are the same after one help text changed", n)
	}
	descs("up 1\n")
	if n := same(first, descs(familiesText)); n != 0 {
		t.Errorf("%d Descs were kept while their families were away", n)
	}
}

func TestFamiliesOfClientLibraries(t *testing.T) {
	out := checks.NewOutput(0)
	f := checks.NewFamilies()
	f.Write(out, &dto.MetricFamily{
		Name: proto.String("h"), Help: proto.String("H."), Type: dto.MetricType_HISTOGRAM.Enum(),
		Metric: []*dto.Metric{{
			TimestampMs: proto.Int64(5),
			Histogram: &dto.Histogram{
				SampleCountFloat: proto.Float64(2.5), SampleSum: proto.Float64(math.NaN()),
				Bucket: []*dto.Bucket{{UpperBound: proto.Float64(0.1), CumulativeCountFloat: proto.Float64(1.5)}},
			},
		}},
	})
	e := checks.NewExposition()
	e.Update([]checks.Result{result("a", out.Samples()...)})
	wantText(t, "a histogram without the last bucket", page(t, e), `# HELP h H.
# TYPE h histogram
h_bucket{le="0.1"} 1.5
h_bucket{le="+Inf"} 2.5
h_sum NaN
h_count 2.5
`)
}
