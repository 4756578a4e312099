package rules

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	prom "github.com/prometheus/prometheus/rules"
)

// instance is an alert of a rule with what is needed to see it through: the
// rule knows whether its condition holds, the instance whether that is known.
type instance struct {
	alert       Alert
	rule        *rule
	labels      labels.Labels
	annotations labels.Labels
	run         uint64 // of track that saw it last
	// restored says that it comes from the last process and the rule has not
	// confirmed it yet.
	restored bool
	// goodSince is when a restored alert of a rule with keep_firing_for was
	// first seen good.
	goodSince time.Time
}

// alertKey is the stable identity of an alert: a hash of its labels, among
// them the rule's name.
func alertKey(ls labels.Labels) string {
	sum := sha256.Sum256(ls.Bytes(nil))
	return hex.EncodeToString(sum[:16])
}

// track compares the rule's alerts with the instances and notes the changes.
func (e *Engine) track(ctx context.Context, r *rule, now time.Time) {
	if len(r.instances) == 0 && r.alerting.ActiveAlertsCount() == 0 {
		return
	}
	r.tracked++
	look := e.looker(ctx, r, now)
	before := len(e.changed)
	r.alerting.ForEachActiveAlert(func(a *prom.Alert) {
		if a.State == prom.StateInactive {
			return
		}
		hash := a.Labels.Hash()
		inst := r.instances[hash]
		if inst == nil {
			if inst = e.meet(r, a, now); inst == nil {
				return
			}
			r.instances[hash] = inst
		}
		inst.run = r.tracked
		e.update(inst, a, now, look)
	})
	for _, hash := range slices.Collect(maps.Keys(r.instances)) {
		if inst := r.instances[hash]; inst.run != r.tracked && e.miss(inst, now, look) {
			delete(r.instances, hash)
			delete(e.byKey, inst.alert.Key)
		}
	}
	slices.SortFunc(e.changed[before:], func(a, b Transition) int { return cmp.Compare(a.Alert.Key, b.Alert.Key) })
}

// meet makes an instance for an alert that was not known. It returns nil if
// another rule holds the same alert already: the first one speaks for both.
func (e *Engine) meet(r *rule, a *prom.Alert, now time.Time) *instance {
	key := alertKey(a.Labels)
	if e.byKey[key] != nil {
		return nil
	}
	e.timers.resume(r, a, now)
	inst := &instance{rule: r, labels: a.Labels, alert: Alert{
		Key: key, Rule: r.name, Group: r.group.name, Labels: a.Labels.Map(), ChangedAt: now,
	}}
	e.byKey[key] = inst
	return inst
}

// update takes over what the rule says of an alert whose condition holds.
func (e *Engine) update(inst *instance, a *prom.Alert, now time.Time, look *looker) {
	was := inst.alert.State
	if was == Firing || was == Lost {
		inst.resume(a)
	}
	inst.restored, inst.goodSince = false, time.Time{}
	inst.alert.Value = finite(a.Value)
	inst.alert.ActiveAt = a.ActiveAt
	if inst.alert.Annotations == nil || !labels.Equal(inst.annotations, a.Annotations) {
		inst.annotations, inst.alert.Annotations = a.Annotations, a.Annotations.Map()
	}
	switch {
	case was == Firing:
		if inst.alert.Basis == nil || len(inst.alert.Basis) > 0 && len(inst.alert.Sources) == 0 {
			look.describe(inst)
		}
	case was == Lost || a.State == prom.StateFiring:
		if inst.alert.FiredAt.IsZero() {
			inst.alert.FiredAt = now
		}
		look.describe(inst)
		e.change(inst, Firing, now)
	case was == "":
		inst.alert.State = Pending
	}
}

// resume gives an alert that was firing back what the rule forgot of it, while
// the data was gone or the process down: it need not wait for its `for` again.
func (inst *instance) resume(a *prom.Alert) {
	if a.State == prom.StatePending && a.ActiveAt.After(inst.alert.ActiveAt) {
		a.State = prom.StateFiring
		a.FiredAt = inst.alert.FiredAt
	}
	if a.ActiveAt.After(inst.alert.ActiveAt) {
		a.ActiveAt = inst.alert.ActiveAt
	}
}

// miss decides on an instance that the rule's result no longer holds, and
// reports whether it is done with.
func (e *Engine) miss(inst *instance, now time.Time, look *looker) bool {
	was := inst.alert.State
	switch {
	case was == Pending || was == "":
		return true
	case look.judged(inst):
		if inst.kept(now) {
			return false
		}
		e.change(inst, Ended, now)
		return true
	case was == Lost:
	case inst.restored && now.Sub(e.started) < e.cfg.Grace:
	default:
		e.change(inst, Lost, now)
	}
	return false
}

// kept reports whether a restored alert goes on firing by keep_firing_for; the
// rule itself knows that only of alerts that it saw firing.
func (inst *instance) kept(now time.Time) bool {
	keep := inst.rule.alerting.KeepFiringFor()
	if !inst.restored || inst.alert.State != Firing || keep == 0 {
		return false
	}
	if inst.goodSince.IsZero() {
		inst.goodSince = now
	}
	return now.Sub(inst.goodSince) < keep
}

func (e *Engine) change(inst *instance, to State, now time.Time) {
	from := inst.alert.State
	inst.alert.State, inst.alert.ChangedAt = to, now
	e.changed = append(e.changed, Transition{Alert: inst.alert.clone(), From: from})
}

func (a Alert) clone() Alert {
	a.Labels, a.Annotations = maps.Clone(a.Labels), maps.Clone(a.Annotations)
	a.Basis, a.Sources = slices.Clone(a.Basis), slices.Clone(a.Sources)
	return a
}

func finite(v float64) float64 {
	switch {
	case math.IsNaN(v):
		return 0
	case math.IsInf(v, 0):
		return math.Copysign(math.MaxFloat64, v)
	}
	return v
}

// Alerts returns the alerts that are pending, firing or lost, ordered by rule
// and key.
func (e *Engine) Alerts() []Alert {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]Alert, 0, len(e.byKey))
	for _, inst := range e.byKey {
		out = append(out, inst.alert.clone())
	}
	slices.SortFunc(out, func(a, b Alert) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Key, b.Key))
	})
	return out
}

// Forget drops a lost alert that nobody will see data of again (the disk was
// taken out), and reports whether there was one. A firing one stays.
func (e *Engine) Forget(key string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	inst := e.byKey[key]
	if inst == nil || inst.alert.State != Lost {
		return false
	}
	delete(e.byKey, key)
	delete(inst.rule.instances, inst.labels.Hash())
	return true
}
