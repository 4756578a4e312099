package planfile_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
)

// revised is the shipped plan with one thing replaced by another.
func revised(t *testing.T, pairs ...string) *plan.Plan {
	t.Helper()
	b, err := os.ReadFile("../plan/default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for n := 0; n < len(pairs); n += 2 {
		if strings.Count(text, pairs[n]) == 0 {
			t.Fatalf("the shipped plan lacks %q", pairs[n])
		}
		text = strings.Replace(text, pairs[n], pairs[n+1], 1)
	}
	p, err := planfile.Load("plan.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDiff names each kind of change by its path, and nothing else.
func TestDiff(t *testing.T) {
	old := planfile.Default()
	if got := plan.Diff(old, revised(t)); len(got) > 0 {
		t.Errorf("a plan differs from itself: %+v", got)
	}
	for name, c := range map[string]struct {
		pairs []string
		want  []string
	}{
		"version":       {[]string{`version: "2017-05"`, `version: "2026-12"`}, []string{"changed version 2017-05 → 2026-12"}},
		"a bound":       {[]string{"up_to: {business: 2h, opening: 1h}", "up_to: {business: 90m, opening: 1h}"}, []string{"changed levels/IV/up_to/business 2h → 1h30m"}},
		"triage":        {[]string{"within: 30m", "within: 20m"}, []string{"changed triage/within 30m → 20m"}},
		"a text":        {[]string{"en: General manager of the trading centre", "en: General manager"}, []string{"changed roles/center-manager/name/en General manager of the trading centre → General manager"}},
		"responsible":   {[]string{"responsible: [business-manager, tech-staff]\n        looks: [path, traffic]", "responsible: [tech-staff]\n        looks: [path]"}, []string{"changed scenarios/network-failure/steps/locate-and-solve/responsible Platform business management; Platform technical staff → Platform technical staff", "changed scenarios/network-failure/steps/locate-and-solve/looks path, traffic → path"}},
		"a lost need":   {[]string{"  - id: network-spare\n    kind: spare\n    what: {zh-CN: 备用网络设备, en: Network equipment in reserve}\n    article: \"19\"\n", ""}, []string{"removed preparedness/network-spare Network equipment in reserve → "}},
		"a new heading": {[]string{"  - {id: cause, ", "  - {id: cost, title: {zh-CN: 费用, en: Cost}}\n  - {id: cause, "}, []string{"added investigation/cost  → Cost"}},
		"a new order": {[]string{"  - {id: cause, title: {zh-CN: 事件原因, en: Cause}, article: \"18\"}\n", "", "  - {id: recovery, title: {zh-CN: 恢复情况, en: Recovery}, article: \"18\"}\n", "  - {id: recovery, title: {zh-CN: 恢复情况, en: Recovery}, article: \"18\"}\n  - {id: cause, title: {zh-CN: 事件原因, en: Cause}, article: \"18\"}\n"},
			[]string{"moved investigation/cause Cause → Cause"}},
		"a limit taken away": {[]string{"lapse: {IV: 8h, ", "lapse: {"}, []string{"removed response/lapse/IV 8h → "}},
	} {
		t.Run(name, func(t *testing.T) {
			next := revised(t, c.pairs...)
			var got, back []string
			for _, x := range plan.Diff(old, next) {
				got = append(got, string(x.Kind)+" "+x.Path+" "+x.Old.EN+" → "+x.New.EN)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			for _, x := range plan.Diff(next, old) {
				back = append(back, x.Path)
			}
			if len(back) != len(got) {
				t.Errorf("the way back has other changes: %v", back)
			}
		})
	}
}
