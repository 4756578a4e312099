package inbound

import (
	"context"
	"maps"
	"net/http"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/notify/channel"
	"xunjian/alerting/plan"
)

// proof is the signature of a request, to be taken once.
type proof struct {
	signature string
	until     time.Time // remembered so long
}

// take hands the alerts of one request to the desk: all of them or none. It
// returns when they are durable. replayed says that their proof came before.
func (in *Inbound) take(ctx context.Context, source string, alerts []alert, p proof) (replayed bool, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	now := in.opt.Now()
	if p.signature != "" {
		if in.remembered(p.signature, now) {
			in.count(source, func(c *Count) { c.Replayed++ })
			return true, nil
		}
		if len(in.seen) >= maxSeen {
			return false, refuse(http.StatusServiceUnavailable, "too many signed requests within the window; try again later")
		}
	}
	t := taking{in: in, now: now, source: source, plan: in.opt.Plan(), next: map[string]*held{}, levels: map[string]wanted{}}
	for i := range alerts {
		t.add(&alerts[i])
	}
	if t.going() > maxAlerts {
		return false, refuse(http.StatusServiceUnavailable, "more than %d alerts of this source would go on at once; end some first", maxAlerts)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWithin)
	defer cancel()
	if err := in.opt.Desk.Signals(ctx, t.signals); err != nil {
		return false, err
	}
	t.keep()
	if p.signature != "" {
		in.seen[p.signature] = p.until
	}
	in.count(source, func(c *Count) { c.Received += uint64(len(alerts)); c.Unmatched += t.unmatched; c.Own += t.own })
	in.settleLevels(ctx)
	select {
	case in.wake <- struct{}{}:
	default:
	}
	return false, nil
}

// remembered reports whether a signature came before; the old are forgotten.
func (in *Inbound) remembered(signature string, now time.Time) bool {
	maps.DeleteFunc(in.seen, func(_ string, until time.Time) bool { return now.After(until) })
	_, ok := in.seen[signature]
	return ok
}

// taking gathers what a request changes.
type taking struct {
	in             *Inbound
	now            time.Time
	source         string
	plan           *plan.Plan
	signals        []alerting.Signal
	next           map[string]*held // nil: goes on no more
	levels         map[string]wanted
	unmatched, own uint64
}

func (t *taking) held(key string) (held, bool) {
	if h, ok := t.next[key]; ok {
		if h == nil {
			return held{}, false
		}
		return *h, true
	}
	h, ok := t.in.held[key]
	return h, ok
}

func (t *taking) add(a *alert) {
	if a.annotations[channel.AnnotationIncident] != "" {
		t.own++
		return
	}
	key := alertKey(t.source, a)
	h, known := t.held(key)
	labels, matched := classify(t.source, a.labels, t.in.lines, t.plan)
	if !matched {
		t.unmatched++
	}
	s := alerting.Signal{
		Key: key, Status: a.status, Rule: rule(t.source, a.labels), Labels: labels, Annotations: a.texts(),
		Basis: basis(a.until), Sources: []string{t.source}, Since: a.starts, At: t.now, Via: t.source,
	}
	if s.Since.IsZero() {
		s.Since = t.now
	}
	if known && h.starts.Before(s.Since) {
		s.Since = h.starts
	}
	if a.status == alerting.Ended {
		// The end of an earlier life says nothing of this one. Some say times in
		// whole seconds.
		earlier := h.said && !a.ends.IsZero() && a.ends.Before(h.starts.Truncate(time.Second))
		if known && !earlier {
			t.signals = append(t.signals, s)
			t.next[key] = nil
		}
		return
	}
	if !matched && !known && t.in.cfg.Unmatched == UnmatchedDrop {
		return
	}
	t.fire(key, h, known, a, s)
}

// fire takes an alert that goes on. One that is only said again is not written
// again, unless it holds longer than a restart would give it.
func (t *taking) fire(key string, h held, known bool, a *alert, s alerting.Signal) {
	sum := digest(s.Labels, s.Annotations)
	again := known && h.status == alerting.Firing && h.digest == sum
	lasting := a.until.IsZero() != h.kept.IsZero() || a.until.After(h.kept) && a.until.Sub(t.now) > t.in.grace(t.source)
	n := held{
		source: t.source, status: alerting.Firing, digest: sum, starts: s.Since,
		said: !a.starts.IsZero() && (!known || h.said), until: a.until, kept: h.kept,
	}
	if !again || lasting {
		t.signals = append(t.signals, s)
		n.kept = a.until
	}
	t.next[key] = &n
	if level := plan.Level(s.Labels["level"]); level != "" && (!known || h.status != alerting.Firing) {
		t.levels[key] = wanted{level: level, from: t.now.Truncate(time.Millisecond), rule: s.Rule, via: s.Via}
	}
}

// going is how many alerts of the source go on after the request.
func (t *taking) going() int {
	n := 0
	for key, h := range t.in.held {
		if _, changed := t.next[key]; !changed && h.source == t.source {
			n++
		}
	}
	for _, h := range t.next {
		if h != nil {
			n++
		}
	}
	return n
}

func (t *taking) keep() {
	for key, h := range t.next {
		if h == nil {
			delete(t.in.held, key)
			delete(t.in.levels, key)
		} else {
			t.in.held[key] = *h
		}
	}
	maps.Copy(t.in.levels, t.levels)
}
