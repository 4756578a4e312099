package plan

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Rule is as much of a rule as the plan looks at: which part of it the rule
// opens.
type Rule struct {
	Name     string `json:"name"`
	Code     string `json:"code,omitempty"`
	Scenario string `json:"scenario,omitempty"`
	Cause    string `json:"cause,omitempty"`
	// Tested means that a unit test of rules has it.
	Tested bool `json:"tested"`
}

// Service is something that carries an article.
type Service struct {
	// By is "plan" for a part of the plan, "rule", or "test" for a rule's test.
	By string `json:"by"`
	// What is the path in the plan, or the name of the rule.
	What string `json:"what"`
}

// ArticleUse is an article with what serves it.
type ArticleUse struct {
	Article
	Serves []Service `json:"serves"`
}

// Served reports whether anything carries the article, or it says itself what
// does.
func (u ArticleUse) Served() bool { return len(u.Serves) > 0 || u.By != (Text{}) }

// Lint is what can be said of a plan that is no mistake.
type Lint struct {
	Articles []ArticleUse `json:"articles"`
	// Idle are roles that nothing in the plan gives anything to do.
	Idle []string `json:"idle"`
	// ByHand are scenarios that no rule opens: people report them.
	ByHand []string `json:"by_hand"`
	// Untested are rules with a code that no test has.
	Untested []string `json:"untested"`
	// Astray are rules with a code or scenario that the plan does not have: what
	// they find is opened elsewhere.
	Astray []string `json:"astray"`
	// Mute are branches, as scenario/branch, that wait for a cause that no rule
	// names, of whichever code: they are never suggested.
	Mute []string `json:"mute"`
}

// Unserved are the articles that no rule, step or test carries.
func (l Lint) Unserved() []ArticleUse {
	return slices.DeleteFunc(slices.Clone(l.Articles), ArticleUse.Served)
}

// Lint holds the plan against its own articles and against rules.
func (p *Plan) Lint(rules []Rule) Lint {
	l := Lint{Articles: []ArticleUse{}, Idle: []string{}, ByHand: []string{}, Untested: []string{}, Astray: []string{}, Mute: []string{}}
	serves := map[string][]Service{}
	p.cites(func(path, article string) { serves[article] = append(serves[article], Service{"plan", path}) })
	opened := map[string]bool{}
	var causes []string
	for _, r := range rules {
		causes = append(causes, r.Cause)
		if p.astray(r) && !slices.Contains(l.Astray, r.Name) {
			l.Astray = append(l.Astray, r.Name)
		}
		sc, ok := p.Scenario(r.Scenario)
		if !ok && r.Code != "" {
			sc, ok = p.ScenarioFor(r.Code)
		}
		if !ok {
			continue
		}
		opened[sc.ID] = true
		serves[sc.Article] = append(serves[sc.Article], Service{"rule", r.Name})
		if r.Tested {
			serves[sc.Article] = append(serves[sc.Article], Service{"test", r.Name})
		} else if !slices.Contains(l.Untested, r.Name) {
			l.Untested = append(l.Untested, r.Name)
		}
	}
	for _, a := range p.Articles {
		l.Articles = append(l.Articles, ArticleUse{Article: a, Serves: append([]Service{}, serves[a.ID]...)})
	}
	for _, s := range p.Scenarios {
		if !opened[s.ID] {
			l.ByHand = append(l.ByHand, s.ID)
		}
		for _, b := range s.Branches {
			if b.Suggest != nil && len(b.Suggest.Causes) > 0 && !anyNamed(b.Suggest.Causes, causes) {
				l.Mute = append(l.Mute, s.ID+"/"+b.ID)
			}
		}
	}
	busy := map[string]bool{}
	p.gives(func(_, role string) { busy[role] = true })
	for _, r := range p.Roles {
		if member := r.PartOf != "" && busy[r.PartOf]; !busy[r.ID] && !member && !slices.ContainsFunc(p.Roles, func(m Role) bool { return m.PartOf == r.ID && busy[m.ID] }) {
			l.Idle = append(l.Idle, r.ID)
		}
	}
	return l
}

// astray reports whether a rule names what the plan does not have.
func (p *Plan) astray(r Rule) bool {
	_, code := p.Category(r.Code)
	_, scenario := p.Scenario(r.Scenario)
	return !code && fixed(r.Code) || !scenario && fixed(r.Scenario)
}

// fixed reports whether a label says the same whenever the rule fires; one with
// a template is known only then.
func fixed(label string) bool { return label != "" && !strings.Contains(label, "{{") }

// anyNamed reports whether one of the causes is named by a label.
func anyNamed(causes, labels []string) bool {
	return slices.ContainsFunc(labels, func(v string) bool {
		return v != "" && (!fixed(v) || slices.Contains(causes, v))
	})
}

// cites calls f for every article that a part of the plan cites.
func (p *Plan) cites(f func(path, article string)) {
	p.strings("Article", func(path, value string) {
		if value != "" {
			f(path, value)
		}
	})
}

// gives calls f for every role that a part of the plan gives something to do.
func (p *Plan) gives(f func(path, role string)) {
	for _, key := range []string{"Responsible", "Assisting", "Escalate"} {
		p.strings(key, f)
	}
}

// strings calls f for every field of this name, wherever it stands in the plan,
// and for each value of it; path is as in a mistake: scenarios[3].article.
func (p *Plan) strings(field string, f func(path, value string)) {
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				walk(path, v.Elem())
			}
		case reflect.Slice:
			for n := range v.Len() {
				walk(fmt.Sprintf("%s[%d]", path, n), v.Index(n))
			}
		case reflect.Struct:
			for n := range v.NumField() {
				key, _, _ := strings.Cut(v.Type().Field(n).Tag.Get("yaml"), ",")
				at := strings.TrimPrefix(path+"."+key, ".")
				if v.Type().Field(n).Name != field {
					walk(at, v.Field(n))
					continue
				}
				switch value := v.Field(n).Interface().(type) {
				case string:
					f(at, value)
				case []string:
					for k, one := range value {
						f(fmt.Sprintf("%s[%d]", at, k), one)
					}
				}
			}
		}
	}
	walk("", reflect.ValueOf(*p))
}
