package api

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
)

// blindRules finds the alerting rules in files that ask for a metric without
// any series in history from from to to. What a file records itself counts as
// there.
func blindRules(ctx context.Context, history storage.Queryable, files []RuleFile, from, to time.Time) ([]BlindRule, error) {
	have, err := metricNames(ctx, history, from, to)
	if err != nil {
		return nil, err
	}
	p := parser.NewParser(parser.Options{})
	var groups []rulefmt.RuleGroup
	for _, f := range files {
		parsed, errs := rulefmt.Parse([]byte(f.Content), false, model.UTF8Validation, p, slog.New(slog.DiscardHandler))
		if len(errs) > 0 {
			return nil, fmt.Errorf("read rules again: %w", errs[0])
		}
		groups = append(groups, parsed.Groups...)
	}
	for _, g := range groups {
		for _, r := range g.Rules {
			have[r.Record] = true
		}
	}
	var out []BlindRule
	for _, g := range groups {
		for _, r := range g.Rules {
			if missing := missingMetrics(p, r.Expr, have); r.Alert != "" && len(missing) > 0 {
				out = append(out, BlindRule{Group: g.Name, Rule: r.Alert, Metrics: missing})
			}
		}
	}
	return out, nil
}

// metricNames are the names of all series that have a sample in a time.
func metricNames(ctx context.Context, history storage.Queryable, from, to time.Time) (map[string]bool, error) {
	q, err := history.Querier(from.UnixMilli(), to.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	defer q.Close()
	names, _, err := q.LabelValues(ctx, model.MetricNameLabel, nil)
	if err != nil {
		return nil, fmt.Errorf("read metric names: %w", err)
	}
	have := map[string]bool{}
	for _, n := range names {
		have[n] = true
	}
	return have, nil
}

// missingMetrics are the metrics an expression names that are not there.
func missingMetrics(p parser.Parser, expr string, have map[string]bool) []string {
	tree, err := p.ParseExpr(expr)
	if err != nil {
		return nil
	}
	var out []string
	parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok && v.Name != "" && !have[v.Name] && !slices.Contains(out, v.Name) {
			out = append(out, v.Name)
		}
		return nil
	})
	return out
}
