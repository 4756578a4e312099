package rules

import (
	"log/slog"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	prom "github.com/prometheus/prometheus/rules"
)

// Load reads the default rules and files (paths or patterns) and puts them in
// place of the present ones; rules that did not change keep their state. On a
// *LoadError nothing has changed.
func (e *Engine) Load(files, codes []string) error {
	groups, err := readGroups(files, codes, labels.FromMap(e.cfg.ExternalLabels), e.logger)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.adopt(groups)
	return nil
}

// Check reads the default rules and files as Load does and returns their
// mistakes as a *LoadError. codes are those of the plan; nil: any.
func Check(files, codes []string) error {
	_, err := readGroups(files, codes, labels.EmptyLabels(), slog.New(slog.DiscardHandler))
	return err
}

func readGroups(files, codes []string, external labels.Labels, logger *slog.Logger) ([]*group, error) {
	gathered, problems := gather(files)
	p := newParser()
	var all []parsed
	for _, f := range gathered {
		one, bad := parseFile(f, p, codes)
		problems = append(problems, bad...)
		all = append(all, one)
	}
	if len(problems) > 0 {
		return nil, &LoadError{problems}
	}
	var groups []*group
	for _, one := range all {
		made, err := build(one, p, external, logger)
		if err != nil {
			return nil, err
		}
		groups = append(groups, made...)
	}
	return groups, nil
}

// adopt puts groups in the place of the present ones and gives each rule the
// state of the one it follows.
func (e *Engine) adopt(groups []*group) {
	old := newLegacy(e.groups)
	for _, g := range groups {
		if was := old.groups[g.key()]; was != nil {
			g.last = was.last
		}
	}
	for _, sameGroup := range []bool{true, false} {
		for _, g := range groups {
			for _, r := range g.rules {
				if was := old.claim(r, sameGroup); was != nil {
					r.follow(was)
				}
			}
		}
	}
	e.groups = groups
	e.retire(old)
	known := map[string]parser.Expr{}
	for _, g := range groups {
		for _, r := range g.rules {
			known[r.text] = r.expr
		}
	}
	e.cache.known = known
}

// legacy is the rules before a Load that no new one followed yet.
type legacy struct {
	groups map[string]*group
	rules  []*rule
	heirs  map[*rule]bool // new rules that have an ancestor
}

func newLegacy(groups []*group) *legacy {
	l := &legacy{groups: map[string]*group{}, heirs: map[*rule]bool{}}
	for _, g := range groups {
		l.groups[g.key()] = g
		l.rules = append(l.rules, g.rules...)
	}
	return l
}

// claim takes the rule with the name and labels of r out of the legacy: one of
// the same group, or else one of any, since groups and files get renamed.
func (l *legacy) claim(r *rule, sameGroup bool) *rule {
	if l.heirs[r] {
		return nil
	}
	for i, was := range l.rules {
		if was == nil || was.key() != r.key() || (was.alerting == nil) != (r.alerting == nil) {
			continue
		}
		if sameGroup && was.group.key() != r.group.key() {
			continue
		}
		l.rules[i] = nil
		l.heirs[r] = true
		return was
	}
	return nil
}

// follow takes over the state of the rule that r replaces.
func (r *rule) follow(was *rule) {
	r.prev, r.run, r.tracked, r.instances = was.prev, was.run, was.tracked, was.instances
	for _, s := range r.prev {
		s.rule = r
	}
	same := r.sameAs(was)
	for _, inst := range r.instances {
		inst.rule = r
		if !same {
			inst.alert.Basis = nil // of another expression
		}
		inst.alert.Group = r.group.name
	}
	if same {
		r.prom, r.alerting = was.prom, was.alerting
		r.evaluated, r.took, r.err = was.evaluated, was.took, was.err
	} else if r.alerting != nil {
		from := prom.NewGroup(prom.GroupOptions{Name: "before", Rules: []prom.Rule{was.prom}, Opts: &prom.ManagerOptions{}})
		to := prom.NewGroup(prom.GroupOptions{Name: "after", Rules: []prom.Rule{r.prom}, Opts: &prom.ManagerOptions{}})
		to.CopyState(from)
	}
}

// retire keeps what the next Tick must say of rules that are gone.
func (e *Engine) retire(old *legacy) {
	for _, r := range old.rules {
		if r == nil {
			continue
		}
		for _, s := range r.prev {
			if s.rule == r {
				e.retired.series = append(e.retired.series, s)
			}
		}
		for _, inst := range r.instances {
			delete(e.byKey, inst.alert.Key)
			e.retired.alerts = append(e.retired.alerts, inst.alert.clone())
		}
	}
}
