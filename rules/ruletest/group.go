package ruletest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
)

// run plays a test group and returns what did not come as expected.
func (g *testGroup) run(ctx context.Context, f *testFile) (errs []error) {
	for _, a := range g.AlertRuleTests {
		if a.Alertname == "" {
			return []error{fmt.Errorf("an item under alert_rule_test misses required attribute alertname at eval_time %v", a.EvalTime)}
		}
	}
	every := time.Duration(f.EvaluationInterval)
	s, err := newStage(every, nil)
	if err != nil {
		return []error{err}
	}
	defer func() { errs = appendError(errs, s.close()) }()
	start := time.Unix(0, 0).UTC()
	if !g.StartTimestamp.IsZero() {
		start = g.StartTimestamp.Time
	}
	series, err := newFeed(s.parser, g.InputSeries, start, time.Duration(g.Interval))
	if err != nil {
		return []error{err}
	}
	if err := s.load(time.Duration(g.Interval), g.ExternalLabels, g.ExternalURL, f.RuleFiles); err != nil {
		return []error{err}
	}
	slices.SortStableFunc(s.groups, func(a, b *rules.Group) int { return f.order[a.Name()] - f.order[b.Name()] })
	end := start.Add(g.lastEvalTime())
	for at := start; !at.After(end); at = at.Add(every) {
		if err := ctx.Err(); err != nil {
			return append(errs, err)
		}
		if err := series.until(ctx, s.db, at); err != nil {
			return append(errs, err)
		}
		if bad := s.eval(ctx, at); len(bad) > 0 {
			return append(errs, fmt.Errorf("at %v: %w", at.Sub(start), errors.Join(bad...)))
		}
		errs = append(errs, g.checkAlerts(s, at.Sub(start), every)...)
	}
	return append(errs, g.checkExprs(ctx, s, start, f.FuzzyCompare)...)
}

func appendError(errs []error, err error) []error {
	if err != nil {
		return append(errs, err)
	}
	return errs
}

func (g *testGroup) lastEvalTime() time.Duration {
	var last model.Duration
	for _, a := range g.AlertRuleTests {
		last = max(last, a.EvalTime)
	}
	for _, e := range g.ExprTests {
		last = max(last, e.EvalTime)
	}
	return time.Duration(last)
}

// checkAlerts checks the tests whose time lies between this evaluation and the
// next.
func (g *testGroup) checkAlerts(s *stage, at, every time.Duration) (errs []error) {
	for _, t := range g.AlertRuleTests {
		if due := time.Duration(t.EvalTime); due < at || due >= at+every {
			continue
		}
		want := make([]string, 0, len(t.ExpAlerts))
		for _, a := range t.ExpAlerts {
			ls := labels.NewBuilder(labels.FromMap(a.Labels)).Set(labels.AlertName, t.Alertname).Labels()
			want = append(want, describe(ls, labels.FromMap(a.Annotations)))
		}
		var got []string
		for _, r := range s.alerting() {
			if r.Name() != t.Alertname {
				continue
			}
			for _, a := range r.ActiveAlerts() {
				if a.State == rules.StateFiring {
					got = append(got, describe(a.Labels, a.Annotations))
				}
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			errs = append(errs, fmt.Errorf("alert %s at %v\nexpected: %s\ngot:      %s", t.Alertname, t.EvalTime, list(want), list(got)))
		}
	}
	return errs
}

func describe(ls, annotations labels.Labels) string {
	return ls.String() + " " + annotations.String()
}

func list(items []string) string {
	if len(items) == 0 {
		return "nothing"
	}
	return strings.Join(items, "\n          ")
}

func (g *testGroup) checkExprs(ctx context.Context, s *stage, start time.Time, fuzzy bool) (errs []error) {
	for _, t := range g.ExprTests {
		if err := t.check(ctx, s, start.Add(time.Duration(t.EvalTime)), fuzzy); err != nil {
			errs = append(errs, fmt.Errorf("expr %q at %v: %w", t.Expr, t.EvalTime, err))
		}
	}
	return errs
}

func (t exprTest) check(ctx context.Context, s *stage, at time.Time, fuzzy bool) error {
	got, err := s.ask(ctx, t.Expr, at)
	if err != nil {
		return err
	}
	want := make(promql.Vector, 0, len(t.ExpSamples))
	for _, e := range t.ExpSamples {
		sample, err := e.parse(s.parser)
		if err != nil {
			return fmt.Errorf("labels %q: %w", e.Labels, err)
		}
		want = append(want, sample)
	}
	byLabels := func(a, b promql.Sample) int { return labels.Compare(a.Metric, b.Metric) }
	slices.SortFunc(want, byLabels)
	slices.SortFunc(got, byLabels)
	equal := func(a, b promql.Sample) bool {
		if !labels.Equal(a.Metric, b.Metric) || (a.H == nil) != (b.H == nil) {
			return false
		}
		if a.H != nil {
			return a.H.TestExpression() == b.H.TestExpression()
		}
		return same(a.F, b.F, fuzzy)
	}
	if !slices.EqualFunc(want, got, equal) {
		return fmt.Errorf("\nexpected: %s\ngot:      %s", list(samplesText(want)), list(samplesText(got)))
	}
	return nil
}

func (e expectedSample) parse(p parser.Parser) (promql.Sample, error) {
	var s promql.Sample
	var err error
	if s.Metric, err = p.ParseMetric(e.Labels); err != nil {
		return s, err
	}
	s.F = e.Value
	if e.Histogram == "" {
		return s, nil
	}
	_, values, err := p.ParseSeriesDesc("{} " + e.Histogram)
	switch {
	case err != nil:
		return s, err
	case len(values) != 1 || values[0].Histogram == nil:
		return s, fmt.Errorf("histogram: %q is not one histogram", e.Histogram)
	}
	s.H, s.F = values[0].Histogram, 0
	return s, nil
}

func samplesText(v promql.Vector) []string {
	out := make([]string, len(v))
	for i, s := range v {
		if s.H != nil {
			out[i] = s.Metric.String() + " " + s.H.TestExpression()
		} else {
			out[i] = fmt.Sprintf("%s %v", s.Metric, s.F)
		}
	}
	return out
}
