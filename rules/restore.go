package rules

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	prom "github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// Restore hands in the alerts that were firing or lost when the last process
// stopped, as the Transitions gave them. Call it once, before the first Tick.
func (e *Engine) Restore(known []Alert) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.known = nil
	for _, a := range known {
		if a.State == Firing || a.State == Lost {
			e.known = append(e.known, a.clone())
		}
	}
}

// attach gives the known alerts to their rules. Nobody judges one whose rule
// is gone: it is lost.
func (e *Engine) attach(ctx context.Context, known []Alert) {
	for _, a := range known {
		ls := labels.FromMap(a.Labels)
		a.Key = alertKey(ls)
		if e.byKey[a.Key] != nil {
			continue
		}
		r := e.ruleOf(a)
		if r == nil {
			e.retired.alerts = append(e.retired.alerts, a)
			continue
		}
		inst := &instance{alert: a, rule: r, labels: ls, annotations: labels.FromMap(a.Annotations), restored: true}
		e.recall(ctx, inst)
		r.instances[ls.Hash()] = inst
		e.byKey[a.Key] = inst
	}
}

// recall finds out what an alert stood on when it fired, if that was not kept.
func (e *Engine) recall(ctx context.Context, inst *instance) {
	if inst.alert.Basis != nil || inst.alert.FiredAt.IsZero() {
		return
	}
	e.looker(ctx, inst.rule, inst.alert.FiredAt).describe(inst)
	if len(inst.alert.Basis) == 0 && len(inst.rule.needed()) > 0 {
		inst.alert.Basis = nil // the history does not reach back so far
	}
}

// ruleOf finds the rule an alert came from: by name and the labels it sets,
// in the alert's group before others.
func (e *Engine) ruleOf(a Alert) *rule {
	var found *rule
	for _, g := range e.groups {
		for _, r := range g.rules {
			if r.alerting == nil || r.name != a.Rule || !r.couldSet(a.Labels) {
				continue
			}
			if g.name == a.Group {
				return r
			}
			if found == nil {
				found = r
			}
		}
	}
	return found
}

func (r *rule) couldSet(have map[string]string) bool {
	could := true
	r.labels.Range(func(l labels.Label) {
		could = could && (templated(l.Value) || have[l.Name] == l.Value)
	})
	return could
}

// outageTolerance is how old the state of a pending alert may be to count.
const outageTolerance = time.Hour

// timers are the alerts that were pending or firing when the last process
// stopped, from the series by which Prometheus keeps them over a restart. A
// nil *timers has none.
type timers struct {
	byRule map[string]map[string]timer // by rule name and labels
}

type timer struct {
	activeAt, seenAt time.Time
	labels           labels.Labels
}

const forState = "ALERTS_FOR_STATE"

func readTimers(ctx context.Context, q storage.Queryable, now time.Time) *timers {
	t := &timers{byRule: map[string]map[string]timer{}}
	querier, err := q.Querier(now.Add(-outageTolerance).UnixMilli(), now.UnixMilli())
	if err != nil {
		return t
	}
	defer querier.Close()
	set := querier.Select(ctx, false, nil, labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, forState))
	var it chunkenc.Iterator
	for set.Next() {
		it = set.At().Iterator(it)
		var at int64
		var v float64
		for it.Next() == chunkenc.ValFloat {
			at, v = it.At()
		}
		if at != 0 && !value.IsStaleNaN(v) {
			t.add(set.At().Labels(), at, v)
		}
	}
	return t
}

func (t *timers) add(ls labels.Labels, at int64, v float64) {
	ls = labels.NewBuilder(ls).Del(model.MetricNameLabel).Labels()
	rule := ls.Get(labels.AlertName)
	if t.byRule[rule] == nil {
		t.byRule[rule] = map[string]timer{}
	}
	t.byRule[rule][ls.String()] = timer{activeAt: time.Unix(int64(v), 0), seenAt: time.UnixMilli(at), labels: ls}
}

// resume sets back the clock of an alert that was pending before the restart:
// the time that the process was down does not count.
func (t *timers) resume(r *rule, a *prom.Alert, now time.Time) {
	if t == nil {
		return
	}
	key := a.Labels.String()
	was, ok := t.byRule[r.name][key]
	if !ok {
		return
	}
	delete(t.byRule[r.name], key)
	hold := r.alerting.HoldDuration()
	if was.seenAt.Sub(was.activeAt) < hold {
		was.activeAt = was.activeAt.Add(now.Sub(was.seenAt))
	}
	if was.activeAt.Before(a.ActiveAt) {
		a.ActiveAt = was.activeAt
	}
	if a.State == prom.StatePending && now.Sub(a.ActiveAt) >= hold {
		a.State, a.FiredAt = prom.StateFiring, now
	}
}

// judge drops the timers of alerts that the rule, having data for them, does
// not hold any more.
func (t *timers) judge(r *rule, l *looker) {
	if t == nil || len(t.byRule[r.name]) == 0 {
		return
	}
	for _, key := range slices.Collect(maps.Keys(t.byRule[r.name])) {
		inst := &instance{rule: r, labels: t.byRule[r.name][key].labels}
		if l.judgedAnew(inst) {
			delete(t.byRule[r.name], key)
		}
	}
}
