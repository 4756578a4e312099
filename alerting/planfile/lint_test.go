package planfile_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
)

// TestDefaultArticles: every article of the written plan from 3 to 21 is
// listed and carried by something.
func TestDefaultArticles(t *testing.T) {
	p := planfile.Default()
	var got, want []string
	for _, a := range p.Lint(nil).Articles {
		got = append(got, a.ID)
		if !a.Served() {
			t.Errorf("nothing carries Art. %s (%s)", a.ID, a.Title.EN)
		}
	}
	for n := 3; n <= 21; n++ {
		want = append(want, strconv.Itoa(n))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestLint: rules and their tests carry the article of what they open.
func TestLint(t *testing.T) {
	p := *planfile.Default()
	p.Articles = append(slices.Clone(p.Articles), plan.Article{ID: "99", Title: plan.Text{ZH: "附则", EN: "Annex"}})
	p.Roles = append(slices.Clone(p.Roles), plan.Role{ID: "idle"})
	l := p.Lint([]plan.Rule{{Name: "Disk", Code: "E01", Tested: true}, {Name: "Hall", Scenario: "opening-hall"}, {Name: "Self"}})
	uses := map[string][]plan.Service{}
	for _, a := range l.Articles {
		uses[a.ID] = a.Serves
	}
	for article, want := range map[string][]plan.Service{
		"13": {{By: "rule", What: "Disk"}, {By: "test", What: "Disk"}}, "14": {{By: "rule", What: "Hall"}},
	} {
		for _, s := range want {
			if !slices.Contains(uses[article], s) {
				t.Errorf("Art. %s is not carried by %+v: %+v", article, s, uses[article])
			}
		}
	}
	if slices.Contains(uses["14"], plan.Service{By: "test", What: "Hall"}) {
		t.Error("a rule without a test counts as tested")
	}
	if u := l.Unserved(); len(u) != 1 || u[0].ID != "99" {
		t.Errorf("not carried: %+v", u)
	}
	if diff := cmp.Diff([]string{"Hall"}, l.Untested); diff != "" {
		t.Error(diff)
	}
	if !slices.Contains(l.Idle, "idle") || slices.Contains(l.Idle, "tech-staff") {
		t.Errorf("idle: %v", l.Idle)
	}
	if slices.Contains(l.ByHand, "server-failure") || !slices.Contains(l.ByHand, "disaster") {
		t.Errorf("by hand: %v", l.ByHand)
	}
}

// TestLintCitations: each part of the plan that cites an article is said by its
// path, so that a reader finds it in the file.
func TestLintCitations(t *testing.T) {
	want := map[string][]string{
		"4":  {"levels[0].article", "levels[1].article", "levels[2].article", "levels[3].article"},
		"13": {"scenarios[4].article"},
		"15": {"scenarios[13].article", "scenarios[14].article", "scenarios[15].article"},
		"7":  nil, "20": nil, "21": nil,
	}
	for _, a := range planfile.Default().Lint(nil).Articles {
		paths, asked := want[a.ID]
		delete(want, a.ID)
		if !asked {
			continue
		}
		var got []string
		for _, s := range a.Serves {
			got = append(got, s.By+" "+s.What)
		}
		for n := range paths {
			paths[n] = "plan " + paths[n]
		}
		if diff := cmp.Diff(paths, got); diff != "" {
			t.Errorf("Art. %s (-want +got):\n%s", a.ID, diff)
		}
		if by := a.By != (plan.Text{}); by != (paths == nil) {
			t.Errorf("Art. %s says by a word how it is carried: %v; parts that carry it: %v", a.ID, by, got)
		}
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
}

// TestLintOfRules: rules that lead nowhere, and branches that none of them can
// suggest.
func TestLintOfRules(t *testing.T) {
	const network, resources = "bid-submission/server-network", "bid-submission/server-resources"
	for _, c := range []struct {
		name         string
		rule         plan.Rule
		astray, mute []string
	}{
		{"with a code of the plan", plan.Rule{Code: "E01"}, []string{}, []string{network, resources}},
		{"with no code", plan.Rule{}, []string{}, []string{network, resources}},
		{"with a code that the plan lacks", plan.Rule{Code: "Z99"}, []string{"R"}, []string{network, resources}},
		{"with a scenario that the plan lacks", plan.Rule{Code: "E01", Scenario: "server-fire"}, []string{"R"}, []string{network, resources}},
		{"with a code known when it fires", plan.Rule{Code: "{{ $labels.code }}"}, []string{}, []string{network, resources}},
		{"with a scenario known when it fires", plan.Rule{Code: "E01", Scenario: "{{ $labels.s }}"}, []string{}, []string{network, resources}},
		{"with a cause", plan.Rule{Code: "F02", Cause: "network"}, []string{}, []string{resources}},
		{"with a cause known when it fires", plan.Rule{Code: "F02", Cause: "{{ $labels.cause }}"}, []string{}, []string{}},
		{"with a cause under another code", plan.Rule{Code: "E01", Cause: "network"}, []string{}, []string{resources}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.rule.Name = "R"
			l := planfile.Default().Lint([]plan.Rule{c.rule, c.rule})
			if diff := cmp.Diff(c.astray, l.Astray); diff != "" {
				t.Errorf("astray (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.mute, l.Mute); diff != "" {
				t.Errorf("mute (-want +got):\n%s", diff)
			}
		})
	}
}

// TestArticlesAreOptional: a plan that lists none may cite what it likes.
func TestArticlesAreOptional(t *testing.T) {
	p := *planfile.Default()
	p.Articles = nil
	p.Scenarios[0].Article = "71"
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	if l := p.Lint(nil); len(l.Articles) > 0 || len(l.Unserved()) > 0 {
		t.Errorf("articles of a plan that lists none: %+v", l.Articles)
	}
}
