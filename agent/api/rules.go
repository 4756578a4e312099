package api

import (
	"net/http"
	"time"

	"xunjian/rules"
)

// RuleList is every rule, in the order of the files.
type RuleList struct {
	Rules []Rule `json:"rules"`
}

// Rule is one rule and how it fares.
type Rule struct {
	File                 string            `json:"file"`
	Group                string            `json:"group"`
	Name                 string            `json:"name"`
	Type                 string            `json:"type"` // alerting or recording
	Query                string            `json:"query"`
	ForSeconds           float64           `json:"for_seconds"`
	KeepFiringForSeconds float64           `json:"keep_firing_for_seconds"`
	Labels               map[string]string `json:"labels"`
	Annotations          map[string]string `json:"annotations"`
	Summary              string            `json:"summary"`
	Health               string            `json:"health"`
	Error                string            `json:"error,omitempty"`
	Metrics              []string          `json:"metrics"`
	// Blind are those of Metrics that have no series here.
	Blind             []string `json:"blind"`
	LastEvaluation    Moment   `json:"last_evaluation,omitzero"`
	EvaluationSeconds float64  `json:"evaluation_seconds"`
	// State is the worst state of its alerts, empty if it has none.
	State  string `json:"state"`
	Alerts int    `json:"alerts"`
}

func (s *server) listRules(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	out := RuleList{Rules: []Rule{}}
	for _, r := range s.Rules.Rules() {
		out.Rules = append(out.Rules, c.rule(r))
	}
	return out, nil
}

func (c *call) rule(r rules.RuleStatus) Rule {
	return Rule{
		File: r.File, Group: r.Group, Name: r.Name, Type: r.Kind, Query: r.Query,
		ForSeconds: r.For.Seconds(), KeepFiringForSeconds: r.KeepFiring.Seconds(),
		Labels: labelSet(r.Labels), Annotations: labelSet(r.Annotations),
		Summary: summary(c.say.Lang(), r.Name, r.Annotations),
		Health:  r.Health, Error: r.Error, Metrics: words(r.Metrics), Blind: words(r.Blind),
		LastEvaluation: c.moment(r.LastEval), EvaluationSeconds: r.EvalTook.Seconds(),
		State: string(r.State), Alerts: r.Alerts,
	}
}

// QueryResult is the answer to an expression at one moment.
type QueryResult struct {
	Time    Moment   `json:"time"`
	Samples []Sample `json:"samples"`
}

// Sample is one number with its labels.
type Sample struct {
	Labels map[string]string `json:"labels"`
	Value  float64           `json:"value"`
}

// RangeResult is the answer to an expression over a time.
type RangeResult struct {
	Start       Moment   `json:"start"`
	End         Moment   `json:"end"`
	StepSeconds float64  `json:"step_seconds"`
	Series      []Series `json:"series"`
}

// Series is one line of a chart; each point is seconds since 1970 and a value.
type Series struct {
	Labels map[string]string `json:"labels"`
	Points [][2]float64      `json:"points"`
}

func (s *server) query(c *call) (any, error) {
	p := c.params()
	expr, at := p.must("expr"), p.time("time")
	if err := p.close(); err != nil {
		return nil, err
	}
	if at.IsZero() {
		at = c.now
	}
	list, err := s.Rules.Query(c.Context(), expr, at)
	if err != nil {
		return nil, badQuery(c, err)
	}
	out := QueryResult{Time: c.moment(at), Samples: []Sample{}}
	for _, x := range list {
		out.Samples = append(out.Samples, Sample{labelSet(x.Labels), bounded(x.Value)})
	}
	return out, nil
}

func (s *server) queryRange(c *call) (any, error) {
	p := c.params()
	expr, from, to, step := p.must("expr"), p.time("start"), p.time("end"), p.seconds("step")
	if err := p.close(); err != nil {
		return nil, err
	}
	if to.IsZero() {
		to = c.now
	}
	if from.IsZero() {
		from = to.Add(-time.Hour)
	}
	if from.After(to) {
		return nil, badField(http.StatusBadRequest, "start", "bad_range")
	}
	if step == 0 {
		step = max(time.Second, to.Sub(from)/240).Truncate(time.Second)
	}
	list, err := s.Rules.QueryRange(c.Context(), expr, from, to, step)
	if err != nil {
		return nil, badQuery(c, err)
	}
	out := RangeResult{Start: c.moment(from), End: c.moment(to), StepSeconds: step.Seconds(), Series: []Series{}}
	for _, x := range list {
		out.Series = append(out.Series, series(x))
	}
	return out, nil
}

func series(x rules.Series) Series {
	points := x.Points
	if points == nil {
		points = [][2]float64{}
	}
	return Series{labelSet(x.Labels), points}
}

// badQuery tells a mistake in an expression from a request that ran out of
// time.
func badQuery(c *call, err error) error {
	if c.Context().Err() != nil {
		return c.Context().Err()
	}
	return badField(http.StatusUnprocessableEntity, "expr", "bad_query", "why", err.Error())
}
