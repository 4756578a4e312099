// Package outlets holds the ways to people as the configuration in force has
// them: the channels, who hears what by policy and by silences, what runs beside
// them; and what people may ask of them.
package outlets

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/heartbeat"
	"xunjian/alerting/notify/policy"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
	"xunjian/alerting/text"
)

// Store is what is needed of *store.Store.
type Store interface {
	policy.Keeper
	Queue(ctx context.Context, dead bool, limit int) ([]alerting.Notice, error)
	Retry(ctx context.Context, key string, now time.Time) (int, error)
	OutboxDepth(ctx context.Context) (waiting, dead int, err error)
}

// Desk is what is needed of *alerting.Desk.
type Desk interface {
	Plan() *plan.Plan
	Roster() roster.Roster
}

// Options are what Outlets are made of.
type Options struct {
	Store   Store
	Catalog *text.Catalog
	Host    string
	Logger  *slog.Logger
	Now     func() time.Time
	// Desk and Wake are asked for later than at the beginning: the desk needs the
	// routes first.
	Desk func() Desk
	Wake func()
}

// Outlets are the ways in force. Their methods are safe for concurrent use.
type Outlets struct {
	opt      Options
	silences *policy.Silences

	mu      sync.RWMutex
	present Lines
	changed chan struct{} // closed when others are in force
}

// Lines are what one configuration comes to.
type Lines struct {
	Ways   []channel.Channel
	Policy *policy.Policy
	Hearts []*heartbeat.Heart
	// Heard are the handlers of channels whose answers come by HTTP, by name.
	Heard map[string]http.Handler
	// Ends give back what the channels took.
	Ends []func() error
	// Runs are what has to go on beside deliveries: heartbeats, connections by
	// which people answer.
	Runs []Running
}

// Running is one thing that goes on; its name is for the log.
type Running struct {
	Name string
	Run  func(context.Context) error
}

// New returns the Outlets of these lines, with the silences that were kept.
func New(ctx context.Context, l Lines, opt Options) (*Outlets, error) {
	s, err := policy.LoadSilences(ctx, opt.Store, opt.Now)
	if err != nil {
		return nil, err
	}
	return &Outlets{opt: opt, silences: s, present: l, changed: make(chan struct{})}, nil
}

// Revise puts other lines in force.
func (o *Outlets) Revise(l Lines) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.present = l
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *Outlets) now() (Lines, <-chan struct{}) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.present, o.changed
}

// Routes are the ways to an audience; see alerting.Options.
func (o *Outlets) Routes(to alerting.Audience) []alerting.Route {
	l, _ := o.now()
	return routes(l.Ways)(to)
}

// Manner is how people are told; see alerting.Options.
func (o *Outlets) Manner(x alerting.Occasion) alerting.Manner {
	l, _ := o.now()
	e := eventOf(x.Incident)
	e.Kind, e.At = x.Kind, x.At
	e.Others = func(yield func(policy.Other) bool) {
		for i := range x.Others {
			if !yield(policy.Other{Event: eventOf(i), ID: i.ID}) {
				return
			}
		}
	}
	m := o.silences.Manner(e, l.Policy.Manner(e))
	out := alerting.Manner{Also: m.Also, Only: m.Only, NotBefore: m.NotBefore, Untold: m.Untold}
	for _, g := range m.Why {
		out.Why = append(out.Why, alerting.Ground(g))
	}
	return out
}

// eventOf is an incident as policies look at it.
func eventOf(i incident.Incident) policy.Event {
	return policy.Event{
		Type: typeOf(i), Code: i.Code, Scenario: i.Scenario, Cause: i.Cause, System: i.System, Level: i.Level, Host: hostOf(i), Ends: i.Ended(),
	}
}

// hostOf is the machine that an incident is about: as its alerts have it, or
// else this one. Alerts from outside name theirs by host or by instance.
func hostOf(i incident.Incident) string {
	for _, key := range slices.Sorted(maps.Keys(i.Alerts)) {
		al := i.Alerts[key]
		for _, name := range []string{"host", "instance"} {
			if v := al.Labels[name]; v != "" {
				if host, _, err := net.SplitHostPort(v); err == nil {
					return host
				}
				return v
			}
		}
	}
	return i.Host
}

// typeOf is the policies' word for what an incident is.
func typeOf(i incident.Incident) string {
	switch {
	case i.Drill:
		return "drill"
	case i.State == incident.Watched || i.State == incident.Gone:
		return "warning"
	}
	return "incident"
}

// Heard serves what comes by HTTP for the channels in force, under their names:
// /heard/slack/duty.
func (o *Outlets) Heard() http.Handler {
	return http.StripPrefix("/heard/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l, _ := o.now()
		if h := l.Heard[r.URL.Path]; h != nil {
			h.ServeHTTP(w, r)
			return
		}
		http.NotFound(w, r)
	}))
}

// Fallback are the notices that bring a notice over other channels to those
// whom it concerns: the person it was for, or those whom a group stood for. They
// have the keys that the desk would give them, so that nobody hears twice over
// one channel.
func (o *Outlets) Fallback(_ context.Context, n alerting.Notice, m channel.Message) []alerting.Notice {
	l, _ := o.now()
	people := m.Concerned
	if m.Person.ID != "" {
		people = []roster.Person{m.Person}
	}
	var out []alerting.Notice
	for _, c := range l.Ways {
		p, ok := c.(channel.Personal)
		if !ok || c.Name() == n.Channel {
			continue
		}
		for _, one := range people {
			if !p.Reaches(one) {
				continue
			}
			other := n
			other.Key = alerting.NoticeKey(n.Incident, n.Version, c.Name(), one.ID)
			other.Channel, other.Recipient, other.Lang = c.Name(), one.ID, one.Reads()
			other.Created, other.NotBefore, other.Attempts, other.LastError = o.opt.Now(), o.opt.Now(), 0, ""
			out = append(out, other)
		}
	}
	return out
}

// restRun is how long what broke down rests before it is tried again.
const restRun = 10 * time.Second

// Run keeps going what runs beside the channels in force, until ctx is done.
// None of it ends the agent: what breaks down is tried again.
func (o *Outlets) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		l, changed := o.now()
		rctx, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		for _, r := range l.Runs {
			wg.Go(func() { o.keep(rctx, r) })
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
		cancel()
		wg.Wait()
		for _, end := range l.Ends {
			if err := end(); err != nil {
				o.opt.Logger.Warn("close a channel", "err", err)
			}
		}
	}
	return nil
}

func (o *Outlets) keep(ctx context.Context, r Running) {
	for ctx.Err() == nil {
		err := once(ctx, r)
		if ctx.Err() != nil {
			return
		}
		o.opt.Logger.Error("what runs beside the channels has ended; it is begun again", "name", r.Name, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(restRun):
		}
	}
}

func once(ctx context.Context, r Running) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return r.Run(ctx)
}

// Channels are the names of the channels in force.
func (o *Outlets) Channels() []string {
	l, _ := o.now()
	var out []string
	for _, c := range l.Ways {
		out = append(out, c.Name())
	}
	return out
}

// testWithin bounds a test; a channel that hangs is one of its results.
const testWithin = 40 * time.Second

// Test sends a notice that means nothing over one channel, past the outbox.
func (o *Outlets) Test(ctx context.Context, name, person, lang string) error {
	l, _ := o.now()
	n := slices.IndexFunc(l.Ways, func(c channel.Channel) bool { return c.Name() == name })
	if n < 0 {
		return fmt.Errorf("channel %q: %w", name, channel.ErrNoChannel)
	}
	m := channel.Message{Key: "test/" + name + "/" + time.Now().UTC().Format(time.RFC3339Nano), Kind: "test", Lang: lang, At: time.Now(), Recipient: name}
	if c, ok := l.Ways[n].(channel.Group); ok {
		m.Lang = c.Lang()
	}
	if c, ok := l.Ways[n].(channel.Personal); ok {
		people := o.opt.Desk().Roster().People
		k := slices.IndexFunc(people, func(p roster.Person) bool { return p.ID == person })
		if k < 0 || !c.Reaches(people[k]) {
			return fmt.Errorf("person %q: %w", person, channel.ErrNotReached)
		}
		m.Person, m.Recipient, m.To, m.Lang = people[k], person, people[k].Name, people[k].Reads()
	}
	host := o.opt.Host
	p := o.opt.Catalog.For(m.Lang)
	args := map[string]any{"host": host, "at": p.Clock(m.At)}
	m.Subject, m.Text = p.T("notice.test.subject", args), p.T("notice.test.text", args)
	m.Incident = channel.Incident{ID: "TEST", State: "test", Host: host, Key: "test", Drill: true, Over: true}
	tctx, cancel := context.WithTimeout(ctx, testWithin)
	defer cancel()
	over := make(chan error, 1)
	go func() { over <- l.Ways[n].Deliver(tctx, m) }()
	select {
	case err := <-over:
		return err
	case <-tctx.Done():
		return errors.New("the channel does not come back")
	}
}

// Queue lists the outbox.
func (o *Outlets) Queue(ctx context.Context, dead bool, limit int) (list []alerting.Notice, waiting, gone int, err error) {
	if list, err = o.opt.Store.Queue(ctx, dead, limit); err != nil {
		return nil, 0, 0, err
	}
	waiting, gone, err = o.opt.Store.OutboxDepth(ctx)
	return list, waiting, gone, err
}

// Retry tries what was given up, or waits, at once.
func (o *Outlets) Retry(ctx context.Context, key string) (int, error) {
	n, err := o.opt.Store.Retry(ctx, key, o.opt.Now())
	if n > 0 {
		o.opt.Wake()
	}
	return n, err
}

// Silences are those in force and those that were.
func (o *Outlets) Silences() []policy.Silence { return o.silences.List() }

// Silence makes one.
func (o *Outlets) Silence(ctx context.Context, s policy.Silence) (policy.Silence, error) {
	codes := o.opt.Desk().Plan().Codes()
	for _, c := range s.Codes {
		if !slices.Contains(codes, c) {
			return policy.Silence{}, &policy.Refusal{Code: "unknown_code", Field: "codes", Args: map[string]any{"code": c}}
		}
	}
	return o.silences.Add(ctx, s)
}

// EndSilence ends one before its time.
func (o *Outlets) EndSilence(ctx context.Context, id, by string) (policy.Silence, error) {
	return o.silences.End(ctx, id, by)
}

// routes returns the ways over these channels, for the desk: each person hears
// on every channel that reaches them, each group what its roles are told. Of a
// drill a group hears only what is meant for somebody who takes part.
func routes(channels []channel.Channel) func(alerting.Audience) []alerting.Route {
	return func(to alerting.Audience) []alerting.Route {
		var out []alerting.Route
		for _, c := range channels {
			if some, ok := c.(channel.Choosy); ok && !some.Takes(to.Kind, to.Level) {
				continue
			}
			switch c := c.(type) {
			case channel.Personal:
				for _, p := range to.People {
					if c.Reaches(p) {
						out = append(out, alerting.Route{Channel: c.Name(), Recipient: p.ID, Lang: p.Reads()})
					}
				}
			case channel.Group:
				if c.Hears(to.Roles) && (!to.Drill || len(to.People) > 0) {
					out = append(out, alerting.Route{Channel: c.Name(), Recipient: c.Name(), Lang: c.Lang()})
				}
			}
		}
		return out
	}
}
