// Package inbound takes in alerts from outside: by the Alertmanager API, by
// Alertmanager's webhook, and by signed webhooks of other monitoring systems.
//
// What comes in is never trusted with the agent's own alerts: its keys begin
// with "ext/" and its source, and are made here. An alert that nobody says
// again in time is lost, not ended.
package inbound

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

// Desk is what Inbound needs of an alerting.Desk.
type Desk interface {
	Signals(ctx context.Context, signals []alerting.Signal) error
	Alerts() []alerting.AlertRecord
	Get(ctx context.Context, id string) (incident.Incident, []incident.Event, error)
	Do(ctx context.Context, id string, expect int, actor incident.Actor, cmd incident.Command) (incident.Incident, error)
}

// Options are what an Inbound is made of. Desk and Plan are needed.
type Options struct {
	Desk Desk
	// Plan is the plan in force.
	Plan func() *plan.Plan
	// Now is the clock; nil means time.Now.
	Now    func() time.Time
	Logger *slog.Logger
	// Host names this server in the API's status.
	Host string
}

// Inbound takes in alerts. It is the only one that speaks to the desk of
// alerts whose key it Owns.
type Inbound struct {
	cfg     Config
	opt     Options
	lines   []mapping
	hooks   map[string]*hook
	started time.Time
	// unproven bounds the bodies that are read before anybody is proven.
	unproven chan struct{}
	wake     chan struct{}

	mu     sync.Mutex // held over a decision and its commit
	held   map[string]held
	seen   map[string]time.Time // signatures, until when they are remembered
	levels map[string]wanted

	countMu sync.Mutex
	counts  map[string]Count
	warned  map[string]time.Time
}

// held is what is known of an alert that goes on, beside what the desk keeps.
type held struct {
	source string
	status alerting.Status
	digest [32]byte
	starts time.Time
	said   bool // starts is the source's word
	until  time.Time
	kept   time.Time // the until that the desk keeps
	lostAt time.Time
	lone   bool // lost, and of no incident
}

// wanted is the level that an incident is to be opened with.
type wanted struct {
	level plan.Level
	from  time.Time
	rule  string
	via   string
}

// Count is how much came from one source since the start.
type Count struct {
	// Received are alerts taken in, renewals and ends among them.
	Received uint64
	// Refused are requests.
	Refused uint64
	// Own are alerts that tell of an incident of an agent's, and open no second.
	Own uint64
	// Unmatched are alerts to which neither plan nor map gave a meaning.
	Unmatched uint64
	// Replayed are requests whose signature had come before.
	Replayed uint64
	// Lost are alerts that nobody said again in time.
	Lost uint64
}

const (
	sourceAPI  = "alertmanager"
	sourceHook = "webhook/" // and the name
	// commitWithin bounds a commit; it does not end when the sender hangs up.
	commitWithin = 30 * time.Second
	// forgetAfter is how long a lost alert of no incident is kept.
	forgetAfter = 7 * 24 * time.Hour
	expireRetry = 5 * time.Second
	// maxSeen bounds the signatures remembered; past it the window cannot be
	// kept and requests are put off.
	maxSeen = 100_000
)

// New returns an Inbound that knows the desk's alerts from outside. The error
// names the keys of cfg that are wrong, by themselves or by the plan in force.
func New(cfg Config, opt Options) (*Inbound, error) {
	if err := errors.Join(cfg.Validate(), cfg.ValidatePlan(opt.Plan())); err != nil {
		return nil, err
	}
	if cfg.ResolveTimeout == 0 {
		cfg.ResolveTimeout = defaultResolve
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	in := &Inbound{
		cfg: cfg, opt: opt, hooks: map[string]*hook{}, started: opt.Now(), unproven: make(chan struct{}, 8), wake: make(chan struct{}, 1),
		held: map[string]held{}, seen: map[string]time.Time{}, levels: map[string]wanted{}, counts: map[string]Count{}, warned: map[string]time.Time{},
	}
	for _, m := range cfg.Map {
		line := mapping{set: m.Set.labels()}
		for _, s := range m.Match {
			c, err := matcher(s)
			if err != nil {
				return nil, err
			}
			line.match = append(line.match, c)
		}
		in.lines = append(in.lines, line)
	}
	for _, w := range cfg.Webhooks {
		h, err := newHook(w)
		if err != nil {
			return nil, err
		}
		in.hooks[w.Name] = h
	}
	in.restore()
	return in, nil
}

// restore takes up the alerts of the last process. While nobody was there to
// hear it nothing could be said again: each gets the time for one renewal.
func (in *Inbound) restore() {
	now := in.opt.Now()
	for _, r := range in.opt.Desk.Alerts() {
		if !Owns(r.Key) {
			continue
		}
		source, _ := splitKey(r.Key)
		h := held{source: source, status: r.Status, digest: digest(r.Labels, r.Annotations), starts: r.Since}
		until, ok := keptUntil(r.Basis)
		if !ok && source == sourceAPI {
			until = now
		}
		h.kept = until
		if grace := now.Add(in.grace(source)); !until.IsZero() && until.Before(grace) {
			until = grace
		}
		h.until = until
		if r.Status == alerting.Lost {
			h.lostAt, h.lone = r.ChangedAt, r.Incident == ""
		}
		in.held[r.Key] = h
	}
}

// grace is how long a source may take to say an alert again.
func (in *Inbound) grace(source string) time.Duration {
	return max(in.cfg.ResolveTimeout, in.renewal(source))
}

// renewal is how long an alert without an end of its own holds; 0: for good.
func (in *Inbound) renewal(source string) time.Duration {
	switch source {
	case sourceAPI:
		return in.cfg.ResolveTimeout
	case sourceHook + "alertmanager":
		return in.cfg.RenewWithin
	}
	if h := in.hooks[source[min(len(sourceHook), len(source)):]]; h != nil {
		return h.cfg.RenewWithin
	}
	return 0
}

// Counts are by source: "alertmanager" for the API, "webhook/NAME".
func (in *Inbound) Counts() map[string]Count {
	in.countMu.Lock()
	defer in.countMu.Unlock()
	return maps.Clone(in.counts)
}

func (in *Inbound) count(source string, f func(*Count)) {
	in.countMu.Lock()
	defer in.countMu.Unlock()
	c := in.counts[source]
	f(&c)
	in.counts[source] = c
}

// say logs at most once a minute for each source and message: whoever is
// refused can repeat it as fast as the network allows.
func (in *Inbound) say(level slog.Level, message, source string, args ...any) {
	in.countMu.Lock()
	now := in.opt.Now()
	last, ok := in.warned[message+source]
	again := !ok || now.Sub(last) >= time.Minute || now.Before(last)
	if again {
		in.warned[message+source] = now
	}
	in.countMu.Unlock()
	if again {
		in.opt.Logger.Log(context.Background(), level, message, append([]any{"source", source}, args...)...)
	}
}

// settleLevels gives the incidents that alerts with a level opened that level,
// if it is graver than what the time lost says. What cannot be written is tried
// again by Run.
func (in *Inbound) settleLevels(ctx context.Context) {
	if len(in.levels) == 0 {
		return
	}
	records := in.records()
	for key, w := range in.levels {
		err := in.settleLevel(ctx, records[key].Incident, w)
		if refused := (*incident.Refusal)(nil); err != nil && !errors.As(err, &refused) {
			in.opt.Logger.Error("give an incident the level of its alert; tried again", "incident", records[key].Incident, "level", w.level, "err", err)
			continue
		}
		delete(in.levels, key)
	}
}

func (in *Inbound) settleLevel(ctx context.Context, id string, w wanted) error {
	if id == "" {
		return nil
	}
	i, _, err := in.opt.Desk.Get(ctx, id)
	if err != nil {
		return err
	}
	// An incident that was open before has its level from others.
	if i.OpenedAt.Before(w.from) || !w.level.Graver(i.Level) {
		return nil
	}
	_, err = in.opt.Desk.Do(ctx, id, 0, incident.Actor{Kind: "rule", Name: w.rule, Via: w.via}, incident.SetLevel{
		Level: w.level, Reason: fmt.Sprintf("label level of %s", w.rule),
	})
	return err
}

func (in *Inbound) records() map[string]alerting.AlertRecord {
	out := map[string]alerting.AlertRecord{}
	for _, r := range in.opt.Desk.Alerts() {
		if Owns(r.Key) {
			out[r.Key] = r
		}
	}
	return out
}

// Run declares lost what is not said again in time, until ctx is done.
func (in *Inbound) Run(ctx context.Context) error {
	for {
		wait := in.nextExpiry()
		if err := in.expire(ctx); err != nil && ctx.Err() == nil {
			in.opt.Logger.Error("declare alerts from outside lost", "err", err)
			wait = expireRetry
		} else {
			wait = min(wait, in.nextExpiry())
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-in.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// nextExpiry is the wait to the next look: at most half a minute, which makes
// up for steps of the clock.
func (in *Inbound) nextExpiry() time.Duration {
	in.mu.Lock()
	defer in.mu.Unlock()
	wait, now := 30*time.Second, in.opt.Now()
	for _, h := range in.held {
		if h.status == alerting.Firing && !h.until.IsZero() {
			wait = min(wait, h.until.Sub(now))
		}
	}
	return max(wait, 100*time.Millisecond)
}

// expire declares lost, in one transaction, what was not said again in time.
func (in *Inbound) expire(ctx context.Context) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	now := in.opt.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWithin)
	defer cancel()
	in.settleLevels(ctx)
	var over, forgotten []string
	for key, h := range in.held {
		switch {
		case h.status == alerting.Firing && !h.until.IsZero() && !h.until.After(now):
			over = append(over, key)
		case h.status == alerting.Lost && h.lone && now.Sub(h.lostAt) > forgetAfter:
			forgotten = append(forgotten, key)
		}
	}
	if len(over)+len(forgotten) == 0 {
		return nil
	}
	slices.Sort(over)
	slices.Sort(forgotten)
	records := in.records()
	var signals []alerting.Signal
	for _, key := range over {
		signals = append(signals, said(records[key], alerting.Lost, in.held[key].source, now))
	}
	for _, key := range forgotten {
		s := said(records[key], alerting.Ended, in.held[key].source, now)
		s.Annotations = maps.Clone(s.Annotations)
		if s.Annotations == nil {
			s.Annotations = map[string]string{}
		}
		s.Annotations["forgotten"] = fmt.Sprintf("nobody said that it ended; nothing was heard of it for %v", forgetAfter)
		signals = append(signals, s)
	}
	if err := in.opt.Desk.Signals(ctx, signals); err != nil {
		return err
	}
	for _, key := range over {
		h := in.held[key]
		h.status, h.lostAt, h.lone = alerting.Lost, now, records[key].Incident == ""
		in.held[key] = h
		in.count(h.source, func(c *Count) { c.Lost++ })
	}
	for _, key := range forgotten {
		delete(in.held, key)
	}
	return nil
}

// said is a signal of what the desk knows already.
func said(r alerting.AlertRecord, status alerting.Status, source string, now time.Time) alerting.Signal {
	return alerting.Signal{
		Key: r.Key, Status: status, Rule: r.Rule, Labels: r.Labels, Annotations: r.Annotations, Value: r.Value,
		Basis: r.Basis, Sources: r.Sources, Since: r.Since, At: now, Via: source,
	}
}
