package checktest

import (
	"net/http/httptest"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"xunjian/checks"
)

// own begins the names that are ours to choose. Other names are those of other
// exporters, whose faults we keep.
const own = "xunjian_"

// samples holds that what a run measured can be exposed as it is.
func (s *suite) samples(res checks.Result) {
	for _, sm := range res.Samples {
		if sm.Desc.Help == "" {
			s.faultf("%s has no help text", sm.Desc.Name)
		}
		for i, v := range sm.Values {
			if !utf8.ValidString(v) {
				s.faultf("%s: label %s is not UTF-8: %q", sm.Desc.Name, sm.Desc.Labels[i], v)
			}
		}
	}
	e := checks.NewExposition()
	e.Update([]checks.Result{res})
	if n := e.Conflicts(); n > 0 {
		s.faultf("%d of its samples do not fit together: a series that stands twice, a family with two types or help texts, or a name that is none", n)
	}
	rec := httptest.NewRecorder()
	e.ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(rec.Body)
	if err != nil {
		s.faultf("its samples cannot be exposed: %v", err)
	}
	s.lint(families)
}

func (s *suite) lint(families map[string]*dto.MetricFamily) {
	var ours []*dto.MetricFamily
	for name, f := range families {
		if strings.HasPrefix(name, own) {
			ours = append(ours, f)
		}
	}
	problems, err := promlint.NewWithMetricFamilies(ours).Lint()
	if err != nil {
		s.faultf("lint of its metrics: %v", err)
	}
	for _, p := range problems {
		s.faultf("%s: %s", p.Metric, p.Text)
	}
}
