package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"xunjian/agent/config"
	"xunjian/alerting"
	"xunjian/alerting/notify"
	"xunjian/alerting/notify/heartbeat"
	"xunjian/alerting/notify/mail"
	"xunjian/alerting/notify/policy"
	"xunjian/alerting/notify/robots"
	"xunjian/alerting/notify/webhook"
)

// outlets are the ways to people as the configuration in force has them: the
// channels, who hears what by policy, and what runs beside them.
type outlets struct {
	silences *policy.Silences
	log      *slog.Logger

	mu      sync.RWMutex
	present lines
	changed chan struct{} // closed when others are in force
}

// lines are what one configuration comes to.
type lines struct {
	ways   []notify.Channel
	policy *policy.Policy
	hearts []*heartbeat.Heart
	// runs are what has to go on beside deliveries: heartbeats, connections by
	// which people answer.
	runs []running
}

// running is one thing that goes on; its name is for the log.
type running struct {
	name string
	run  func(context.Context) error
}

// lines builds what a configuration asks for. Nothing runs yet: a new channel
// is one package and its lines here.
func (a *Agent) lines(cfg *config.Config) (lines, error) {
	// Under systemd the journal reads priorities; on a terminal they are noise.
	out := lines{
		ways:   []notify.Channel{notify.NewJournal(os.Stderr, os.Getenv("JOURNAL_STREAM") != "")},
		policy: policy.New(cfg.Notify.Config, cfg.Location(), cfg.Workdays().Working),
	}
	n := cfg.Notify
	if n.Mail.Server != "" {
		c, err := mail.New(n.Mail)
		if err != nil {
			return lines{}, err
		}
		out.ways = append(out.ways, c)
	}
	for _, one := range n.Robots {
		c, err := robots.New(one)
		if err != nil {
			return lines{}, err
		}
		out.ways = append(out.ways, c)
	}
	for _, one := range n.Webhooks {
		c, err := webhook.New(one)
		if err != nil {
			return lines{}, err
		}
		out.ways = append(out.ways, c)
	}
	for _, one := range n.Heartbeats {
		h, err := heartbeat.New(one, a.works, a.log)
		if err != nil {
			return lines{}, err
		}
		out.hearts = append(out.hearts, h)
		out.runs = append(out.runs, running{"heartbeat/" + one.Name, h.Run})
	}
	return out, nil
}

// works says what keeps the agent from its work; nil if nothing does. A beat
// from an agent that only sits there would be a lie.
func (a *Agent) works(ctx context.Context) error {
	if !a.alive(time.Now()) {
		return errors.New("checks have not come to a result for a while")
	}
	if err := a.store.Save(ctx, "heartbeat", []byte(time.Now().UTC().Format(time.RFC3339))); err != nil {
		return fmt.Errorf("the store cannot be written: %w", err)
	}
	return nil
}

func newOutlets(l lines, s *policy.Silences, log *slog.Logger) *outlets {
	return &outlets{silences: s, log: log, present: l, changed: make(chan struct{})}
}

// revise puts other lines in force.
func (o *outlets) revise(l lines) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.present = l
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *outlets) now() (lines, <-chan struct{}) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.present, o.changed
}

// routes are the ways to an audience; see alerting.Options.
func (o *outlets) routes(to alerting.Audience) []alerting.Route {
	l, _ := o.now()
	return notify.Routes(l.ways)(to)
}

// manner is how people are told; see alerting.Options.
func (o *outlets) manner(x alerting.Occasion) alerting.Manner {
	l, _ := o.now()
	return o.silences.Manner(x, l.policy.Manner(x))
}

// restRun is how long what broke down rests before it is tried again.
const restRun = 10 * time.Second

// Run keeps going what runs beside the channels in force, until ctx is done.
// None of it ends the agent: what breaks down is tried again.
func (o *outlets) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		l, changed := o.now()
		rctx, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		for _, r := range l.runs {
			wg.Go(func() { o.keep(rctx, r) })
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
		cancel()
		wg.Wait()
	}
	return nil
}

func (o *outlets) keep(ctx context.Context, r running) {
	for ctx.Err() == nil {
		err := once(ctx, r)
		if ctx.Err() != nil {
			return
		}
		o.log.Error("what runs beside the channels has ended; it is begun again", "name", r.name, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(restRun):
		}
	}
}

func once(ctx context.Context, r running) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return r.run(ctx)
}
