package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// annotationsWanted are those that each default rule has, so that people read
// it in both languages.
var annotationsWanted = []string{"summary", "summary_zh", "description", "description_zh"}

// linter finds what Prometheus lets pass and we do not.
type linter struct {
	file     file
	root     *yaml.Node
	codes    []string
	parser   parser.Parser
	problems []Problem
}

func (l *linter) rule(group, index int, g rulefmt.RuleGroup, r rulefmt.Rule) {
	node := l.node(group, index)
	add := func(at *yaml.Node, format string, args ...any) {
		if at == nil {
			at = node
		}
		p := Problem{File: l.file.name, Group: g.Name, Rule: r.Alert + r.Record, Message: fmt.Sprintf(format, args...)}
		if at != nil {
			p.Line, p.Column = at.Line, at.Column
		}
		l.problems = append(l.problems, p)
	}
	l.expr(r, func(m string) { add(child(node, "expr"), "%s", m) })
	if r.Alert == "" {
		return
	}
	if text := r.Annotations[AnnotationEndedIf]; text != "" && !templated(text) {
		if _, err := l.parser.ParseExpr(text); err != nil {
			add(child(child(node, "annotations"), AnnotationEndedIf), "the query in ended_if does not parse: %v", err)
		}
	}
	l.labels(g, r, func(label, m string) { add(child(child(node, "labels"), label), "%s", m) })
	if l.file.isDefault() {
		for _, name := range annotationsWanted {
			if r.Annotations[name] == "" {
				add(child(node, "annotations"), "a default rule needs the annotation %s", name)
			}
		}
	}
}

func (l *linter) node(group, index int) *yaml.Node {
	groups := child(l.root, "groups")
	if groups == nil || group >= len(groups.Content) {
		return nil
	}
	rules := child(deref(groups.Content[group]), "rules")
	if rules == nil || index >= len(rules.Content) {
		return nil
	}
	return deref(rules.Content[index])
}

func (l *linter) expr(r rulefmt.Rule, add func(string)) {
	e, err := l.parser.ParseExpr(r.Expr)
	if err != nil {
		return // rulefmt said it
	}
	if t := e.Type(); t != parser.ValueTypeVector && t != parser.ValueTypeScalar {
		add(fmt.Sprintf("the expression yields a %s; a rule needs an instant vector or a scalar", parser.DocumentedType(t)))
	}
}

// labels checks the words by which a rule takes its place in the plan. A
// templated value is known only when it fires.
func (l *linter) labels(g rulefmt.RuleGroup, r rulefmt.Rule, add func(label, message string)) {
	of := func(label string) string {
		if v, ok := r.Labels[label]; ok {
			return v
		}
		return g.Labels[label]
	}
	oneOf := func(label string, allowed ...string) {
		if v := of(label); v != "" && !templated(v) && !slices.Contains(allowed, v) {
			add(label, fmt.Sprintf("label %s: %q is not allowed; allowed are %s", label, v, strings.Join(allowed, ", ")))
		}
	}
	oneOf(LabelKind, KindWarning, KindIncident, KindWatchdog)
	oneOf(LabelResolve, ResolveAuto, ResolveManual)
	if len(l.codes) > 0 {
		if v := of(LabelCode); v != "" && !templated(v) && !slices.Contains(l.codes, v) {
			add(LabelCode, fmt.Sprintf("label code: the plan has no %q; it has %s", v, strings.Join(l.codes, ", ")))
		}
	}
	if of(LabelKind) == KindIncident && of(LabelCode) == "" {
		add(LabelKind, "a rule of kind incident needs the label code: which part of the plan it opens")
	}
}

func templated(s string) bool { return strings.Contains(s, "{{") }
