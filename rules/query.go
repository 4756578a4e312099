package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// Limits of the queries of people.
const (
	askSamples = 2_000_000 // in memory at a time
	askTimeout = 10 * time.Second
	maxResult  = 10_000 // samples of an instant query
	maxSeries  = 1_000  // of a range query
	maxPoints  = 11_000 // of a series
)

// Sample is one number of a query's result.
type Sample struct {
	Labels map[string]string `json:"labels"`
	Value  float64           `json:"value"`
}

// MarshalJSON writes a value that is not finite as a text: "NaN", "+Inf".
func (s Sample) MarshalJSON() ([]byte, error) {
	var v any = s.Value
	if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
		v = strconv.FormatFloat(s.Value, 'f', -1, 64)
	}
	return json.Marshal(struct {
		Labels map[string]string `json:"labels"`
		Value  any               `json:"value"`
	}{s.Labels, v})
}

// Series is one line of a chart. Each point is the time in seconds since 1970
// and the value; where there is none, or it is not finite, there is no point.
type Series struct {
	Labels map[string]string `json:"labels"`
	Points [][2]float64      `json:"points"`
}

// Query evaluates expr at ts. The result has at most 10,000 samples.
func (e *Engine) Query(ctx context.Context, expr string, ts time.Time) ([]Sample, error) {
	q, err := e.asks.NewInstantQuery(ctx, e.store, nil, expr, ts)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	defer q.Close()
	res := q.Exec(ctx)
	if res.Err != nil {
		return nil, fmt.Errorf("query: %w", res.Err)
	}
	switch v := res.Value.(type) {
	case promql.Scalar:
		return []Sample{{Labels: map[string]string{}, Value: v.V}}, nil
	case promql.Vector:
		if len(v) > maxResult {
			return nil, fmt.Errorf("query: the result has %d samples, at most %d are given; aggregate or narrow it", len(v), maxResult)
		}
		out := make([]Sample, 0, len(v))
		for _, s := range v {
			if s.H == nil {
				out = append(out, Sample{Labels: s.Metric.Map(), Value: s.F})
			}
		}
		return out, nil
	}
	return nil, errors.New("query: the result is neither an instant vector nor a scalar; ask for a range instead")
}

// QueryRange evaluates expr from from to to, every step. There are at most
// 11,000 points a series and 1,000 series.
func (e *Engine) QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]Series, error) {
	switch {
	case step < time.Second:
		return nil, errors.New("query: the step must be at least 1s")
	case to.Before(from):
		return nil, errors.New("query: the end is before the start")
	case to.Sub(from)/step > maxPoints:
		return nil, fmt.Errorf("query: more than %d points a series; take a longer step", maxPoints)
	}
	q, err := e.asks.NewRangeQuery(ctx, e.store, nil, expr, from, to, step)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	defer q.Close()
	res := q.Exec(ctx)
	if res.Err != nil {
		return nil, fmt.Errorf("query: %w", res.Err)
	}
	m, err := res.Matrix()
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	if len(m) > maxSeries {
		return nil, fmt.Errorf("query: the result has %d series, at most %d are given; aggregate or narrow it", len(m), maxSeries)
	}
	out := make([]Series, 0, len(m))
	for _, s := range m {
		out = append(out, lineOf(s))
	}
	return out, nil
}

func lineOf(s promql.Series) Series {
	line := Series{Labels: s.Metric.Map(), Points: make([][2]float64, 0, len(s.Floats))}
	for _, p := range s.Floats {
		if !math.IsNaN(p.F) && !math.IsInf(p.F, 0) {
			line.Points = append(line.Points, [2]float64{float64(p.T) / 1000, p.F})
		}
	}
	return line
}

// AlertSeries returns the series that the alert stands on, for charts of the
// numbers behind it: its Basis over time, so that a counter that the rule
// takes the rate of is given as that rate.
func (e *Engine) AlertSeries(ctx context.Context, a Alert, from, to time.Time, step time.Duration) ([]Series, error) {
	var out []Series
	for _, text := range a.Basis {
		name := ""
		if expr, err := newParser().ParseExpr(text); err == nil {
			names, _ := metricNames(selectors(expr))
			if _, plain := expr.(*parser.VectorSelector); !plain && len(names) == 1 {
				name = names[0]
			}
		}
		lines, err := e.QueryRange(ctx, text, from, to, step)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			if name != "" && l.Labels["__name__"] == "" {
				l.Labels["__name__"] = name // the function took it away
			}
			out = append(out, l)
		}
	}
	return out, nil
}
