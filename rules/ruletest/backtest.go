package ruletest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	prom "github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"

	"xunjian/rules"
)

// Firing is one time that an alert would have fired.
type Firing struct {
	Group string `json:"group"`
	Rule  string `json:"rule"`
	// Labels and Annotations are as at its beginning.
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Value       float64           `json:"value"`
	// ActiveAt is when the condition began to hold, From when the alert began
	// to fire, To the first evaluation at which it did not any more.
	ActiveAt time.Time `json:"active_at"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	// Open says that it still fired at the end of the range, which is To.
	Open bool `json:"open"`
}

// maxSteps bounds a backtest: 15 days at 15 s are 86,400.
const maxSteps = 200_000

// Backtest replays the rules in files over history from from to to, every
// step, and returns what would have fired, in order of From. Nothing is
// written to history; what the files record is kept aside and used in place of
// what history has under the same name. step is at least 1 s; short of the
// interval at which the samples came it only takes longer.
//
// Mistakes in the files are a *rules.LoadError.
func Backtest(ctx context.Context, history storage.Queryable, files []string, from, to time.Time, step time.Duration) (fired []Firing, err error) {
	if err := checkRange(files, from, to, step); err != nil {
		return nil, err
	}
	paths, err := globFrom("", files)
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, errors.New("backtest: no rule file matches")
	}
	if err := rules.Check(paths, nil); err != nil {
		return nil, err
	}
	s, err := newStage(step, history)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.load(step, nil, "", paths); err != nil {
		return nil, err
	}
	s.query.(*layered).hide(s.groups)
	t := &tape{open: map[string]*Firing{}}
	for at := from; !at.After(to); at = at.Add(step) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if bad := s.eval(ctx, at); len(bad) > 0 {
			return nil, fmt.Errorf("backtest: at %s: %w", at.Format(time.RFC3339), errors.Join(bad...))
		}
		t.note(s, at)
	}
	return t.result(to), nil
}

func checkRange(files []string, from, to time.Time, step time.Duration) error {
	switch {
	case len(files) == 0:
		return errors.New("backtest: name at least one rule file")
	case to.Before(from):
		return errors.New("backtest: the end is before the start")
	case step < time.Second:
		return errors.New("backtest: the step must be at least 1s")
	case to.Sub(from)/step > maxSteps:
		return fmt.Errorf("backtest: more than %d steps; take a longer one", maxSteps)
	}
	return nil
}

// tape notes when alerts begin and end.
type tape struct {
	open map[string]*Firing
	done []Firing
}

func (t *tape) note(s *stage, at time.Time) {
	firing := map[string]bool{}
	for _, g := range s.groups {
		for _, r := range g.Rules() {
			a, ok := r.(*prom.AlertingRule)
			if !ok {
				continue
			}
			for _, alert := range a.ActiveAlerts() {
				if alert.State == prom.StateFiring {
					key := prom.GroupKey(g.File(), g.Name()) + alert.Labels.String()
					firing[key] = true
					t.begin(key, g.Name(), a.Name(), alert, at)
				}
			}
		}
	}
	for key, f := range t.open {
		if !firing[key] {
			f.To = at
			t.done = append(t.done, *f)
			delete(t.open, key)
		}
	}
}

func (t *tape) begin(key, group, rule string, a *prom.Alert, at time.Time) {
	if t.open[key] != nil {
		return
	}
	t.open[key] = &Firing{
		Group: group, Rule: rule, Labels: a.Labels.Map(), Annotations: a.Annotations.Map(),
		Value: a.Value, ActiveAt: a.ActiveAt, From: at,
	}
}

func (t *tape) result(end time.Time) []Firing {
	for _, f := range t.open {
		f.To, f.Open = end, true
		t.done = append(t.done, *f)
	}
	slices.SortFunc(t.done, func(a, b Firing) int {
		if c := a.From.Compare(b.From); c != 0 {
			return c
		}
		return labels.Compare(labels.FromMap(a.Labels), labels.FromMap(b.Labels))
	})
	return t.done
}

// layered reads history with what the rules record laid over it.
type layered struct {
	top, below storage.Queryable
	hidden     map[string]bool // metric names that below must not give
}

// hide keeps history's own records of what the rules record out of sight.
func (l *layered) hide(groups []*prom.Group) {
	l.hidden = map[string]bool{"ALERTS": true, "ALERTS_FOR_STATE": true}
	for _, g := range groups {
		for _, r := range g.Rules() {
			if _, ok := r.(*prom.RecordingRule); ok {
				l.hidden[r.Name()] = true
			}
		}
	}
}

// Querier reads both layers.
func (l *layered) Querier(mint, maxt int64) (storage.Querier, error) {
	below, err := l.below.Querier(mint, maxt)
	if err != nil {
		return nil, err
	}
	top, err := l.top.Querier(mint, maxt)
	if err != nil {
		return nil, errors.Join(err, below.Close())
	}
	hiding := &hidingQuerier{below, l.hidden}
	return storage.NewMergeQuerier([]storage.Querier{top, hiding}, nil, storage.ChainedSeriesMerge), nil
}

type hidingQuerier struct {
	storage.Querier
	hidden map[string]bool
}

func (q *hidingQuerier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	return &hidingSet{q.Querier.Select(ctx, sorted, hints, ms...), q.hidden}
}

type hidingSet struct {
	storage.SeriesSet
	hidden map[string]bool
}

// Next skips the hidden series.
func (s *hidingSet) Next() bool {
	for s.SeriesSet.Next() {
		if !s.hidden[s.At().Labels().Get(model.MetricNameLabel)] {
			return true
		}
	}
	return false
}
