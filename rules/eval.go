package rules

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/prometheus/promql"
)

var errClosed = errors.New("the rule engine is closed")

// evaluate evaluates the groups that are due, in the order of the files.
func (e *Engine) evaluate(ctx context.Context, now time.Time) {
	for _, g := range e.groups {
		if !g.due(now, e.touched, e.cfg.Interval) {
			continue
		}
		g.last = now
		for _, r := range g.rules {
			e.evalRule(ctx, r, now)
		}
	}
}

// evalRule does for one rule what rules.Group.Eval does, without a transaction
// for each rule: most have nothing to write.
func (e *Engine) evalRule(ctx context.Context, r *rule, now time.Time) {
	e.stats.Evaluations++
	if now.Sub(e.started) > lookback && e.timers == nil && r.idle(&e.book, now.UnixMilli()) {
		r.evaluated, r.took, r.err = now, 0, nil
		return
	}
	start := time.Now()
	vec, err := r.prom.Eval(ctx, r.group.offset, now, e.query, nil, r.group.limit)
	r.evaluated, r.took = now, time.Since(start)
	e.stats.EvalTime += r.took
	if err != nil {
		e.fail(r, err)
		return
	}
	r.err = nil
	e.record(r, vec, now)
	if r.alerting != nil {
		e.track(ctx, r, now)
		e.timers.judge(r, e.looker(ctx, r, now))
	}
}

// fail notes that a rule could not be judged. Its alerts stay as they are.
func (e *Engine) fail(r *rule, err error) {
	if _, ok := errors.AsType[promql.ErrQueryCanceled](err); ok {
		return
	}
	e.stats.Failures++
	if r.err == nil || r.err.Error() != err.Error() {
		e.logger.Warn("A rule cannot be evaluated", "file", r.group.file, "group", r.group.name, "rule", r.name, "err", err)
	}
	r.err = err
}

// record writes the result of a rule, and the end of what it had before.
func (e *Engine) record(r *rule, vec promql.Vector, now time.Time) {
	if len(vec) == 0 && len(r.prev) == 0 {
		return
	}
	r.run++
	next := r.spare[:0]
	for _, sample := range vec {
		if sample.H != nil {
			continue // there are no native histograms here
		}
		s := e.book.find(sample.Metric)
		s.rule, s.seen = r, r.run
		e.w.put(s, sample.T, sample.F)
		next = append(next, s)
		e.touch(s.name)
	}
	for _, s := range r.prev {
		if s.rule == r && s.seen != r.run && !s.gone {
			e.w.end(s, now.Add(-r.group.offset).UnixMilli())
			e.touch(s.name)
		}
	}
	r.prev, r.spare = next, r.prev
	e.w.commit()
}
