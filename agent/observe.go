package agent

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"xunjian/alerting"
	"xunjian/checks"
	"xunjian/rules"
)

// observer takes each batch of results through the whole way: history and
// /metrics, samples, rules, signals. It runs in the Runner's one collector
// goroutine; nothing else appends to the engine.
type observer struct {
	bridge  *bridge
	history *checks.History
	metrics *checks.Exposition
	engine  *rules.Engine
	desk    *alerting.Desk
	log     *slog.Logger
	// waiting are signals the desk could not commit yet (a full disk), in
	// order. They go first next time: late, never gone.
	waiting []alerting.Signal
	// last is when a batch came through last, by the monotonic clock.
	last atomic.Pointer[time.Time]
}

// maxWaiting bounds observer.waiting. When it is reached only the newest
// signal of each alert is kept, which says all that still matters.
const maxWaiting = 10_000

// observe is the Runner's sink.
func (o *observer) observe(ctx context.Context, results []checks.Result) {
	for _, r := range results {
		o.history.Add(r)
	}
	results = checks.Describe(results)
	o.metrics.Update(results)
	transitions, err := o.engine.Tick(ctx, time.Now(), o.bridge.batches(results))
	if err != nil {
		o.log.Error("keep samples on disk; they stay in memory meanwhile", "err", err)
	}
	o.signal(ctx, signals(transitions))
	now := time.Now()
	o.last.Store(&now)
}

// signal hands signals to the desk, those that wait first.
func (o *observer) signal(ctx context.Context, fresh []alerting.Signal) {
	o.waiting = append(o.waiting, fresh...)
	if len(o.waiting) == 0 {
		return
	}
	if err := o.desk.Signals(ctx, o.waiting); err != nil {
		o.log.Error("commit what the rules say; it is tried again with the next results",
			"signals", len(o.waiting), "err", err)
		for _, s := range fresh {
			// What cannot be written is still said.
			o.log.Warn("alert", "rule", s.Rule, "status", string(s.Status), "labels", s.Labels, "summary", s.Annotations["summary"])
		}
		if len(o.waiting) > maxWaiting {
			o.waiting = newest(o.waiting)
		}
		return
	}
	o.waiting = nil
}

// newest keeps the last signal of each alert, in order.
func newest(list []alerting.Signal) []alerting.Signal {
	seen := map[string]bool{}
	var out []alerting.Signal
	for _, s := range slices.Backward(list) {
		if !seen[s.Key] {
			seen[s.Key] = true
			out = append(out, s)
		}
	}
	slices.Reverse(out)
	return out
}

// Verdicts says for each check the worse of what it found itself and of the
// alerts on its series: a firing or lost incident rule is abnormal, any other
// alert, or one that is still pending, asks for attention.
func Verdicts(results []checks.Result, alerts []rules.Alert) map[string]checks.Verdict {
	out := make(map[string]checks.Verdict, len(results))
	for _, r := range results {
		out[r.Check] = r.Verdict
	}
	for _, a := range alerts {
		if a.Labels[rules.LabelKind] == "watchdog" {
			continue
		}
		v := checks.Attention
		if a.State != rules.Pending && a.Labels[rules.LabelKind] == "incident" {
			v = checks.Abnormal
		}
		for _, source := range a.Sources {
			if was, ok := out[source]; ok && v.Worse(was) {
				out[source] = v
			}
		}
	}
	return out
}
