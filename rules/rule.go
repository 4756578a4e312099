package rules

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	prom "github.com/prometheus/prometheus/rules"
)

// group is a list of rules that are evaluated one after another.
type group struct {
	file, name string
	interval   time.Duration // 0: with the samples that touch it
	offset     time.Duration
	limit      int
	rules      []*rule
	names      map[string]bool
	anyName    bool
	last       time.Time
}

// rule is one rule with what it did so far.
type rule struct {
	group     *group
	name      string
	prom      prom.Rule
	alerting  *prom.AlertingRule // nil for a recording rule
	expr      parser.Expr
	text      string // of expr
	spec      rulefmt.Rule
	labels    labels.Labels
	selectors []selector
	metrics   []string
	anyName   bool
	proof     proof // that its result is empty; nil: there is none

	// prev are the series of its last result, spare the room for the next.
	prev, spare  []*series
	run, tracked uint64 // counts of results written and alerts compared

	evaluated time.Time // last evaluation
	took      time.Duration
	err       error // of the last evaluation
	// instances are its alerts by the hash of their labels.
	instances map[uint64]*instance
}

// key says which rule this is, however its expression may change.
func (r *rule) key() string { return r.name + r.labels.String() }

func (g *group) key() string { return g.file + ";" + g.name }

// touchedBy reports whether the group selects one of the names.
func (g *group) touchedBy(names map[string]bool) bool {
	if g.anyName && len(names) > 0 {
		return true
	}
	for name := range names {
		if g.names[name] {
			return true
		}
	}
	return false
}

// due reports whether the group is to be evaluated. Ticks come a little early
// or late; a tenth of the interval is let pass.
func (g *group) due(now time.Time, touched map[string]bool, normal time.Duration) bool {
	interval := g.interval
	if interval == 0 {
		if g.touchedBy(touched) {
			return true
		}
		interval = normal
	}
	return now.Sub(g.last) >= interval-interval/10
}

// build makes the groups of a file.
func build(p parsed, ps parser.Parser, external labels.Labels, logger *slog.Logger) ([]*group, error) {
	groups := make([]*group, 0, len(p.groups))
	for _, g := range p.groups {
		made := &group{file: p.file, name: g.Name, interval: time.Duration(g.Interval), limit: g.Limit, names: map[string]bool{}}
		if g.QueryOffset != nil {
			made.offset = time.Duration(*g.QueryOffset)
		}
		for _, r := range g.Rules {
			one, err := buildRule(g, r, ps, external, logger)
			if err != nil {
				return nil, fmt.Errorf("%s: group %q: %w", p.file, g.Name, err)
			}
			one.group = made
			made.add(one)
		}
		groups = append(groups, made)
	}
	return groups, nil
}

func (g *group) add(r *rule) {
	g.rules = append(g.rules, r)
	g.anyName = g.anyName || r.anyName
	for _, name := range r.metrics {
		g.names[name] = true
	}
}

func buildRule(g rulefmt.RuleGroup, r rulefmt.Rule, ps parser.Parser, external labels.Labels, logger *slog.Logger) (*rule, error) {
	e, err := ps.ParseExpr(r.Expr)
	if err != nil {
		return nil, err
	}
	one := &rule{
		name: r.Alert + r.Record, expr: e, text: e.String(), spec: r, labels: prom.FromMaps(g.Labels, r.Labels),
		selectors: selectors(e), instances: map[uint64]*instance{},
	}
	one.metrics, one.anyName = metricNames(one.selectors)
	one.proof = prover(e)
	named := namedExpr{e, one.text}
	if r.Alert == "" {
		one.prom = prom.NewRecordingRule(r.Record, named, one.labels)
		return one, nil
	}
	one.alerting = prom.NewAlertingRule(r.Alert, named, time.Duration(r.For), time.Duration(r.KeepFiringFor),
		one.labels, labels.FromMap(r.Annotations), external, "", true, quiet(logger).With("alert", r.Alert))
	one.prom = one.alerting
	return one, nil
}

// sameAs reports whether both rules are the same in every word.
func (r *rule) sameAs(o *rule) bool { return r.prom.String() == o.prom.String() }

// sets reports whether the rule sets the label itself; an alert's value of it
// then says nothing of its series.
func (r *rule) sets(name string) bool {
	return name == labels.AlertName || r.labels.Has(name)
}

// needed returns the selectors that must have series for the rule to judge. What
// rules say themselves comes and goes: it is needed only where a rule looks at
// nothing else.
func (r *rule) needed() []selector {
	list := slices.DeleteFunc(slices.Clone(r.selectors), func(s selector) bool { return s.absence })
	if slices.ContainsFunc(list, func(s selector) bool { return !s.alerts() }) {
		list = slices.DeleteFunc(list, selector.alerts)
	}
	return list
}
