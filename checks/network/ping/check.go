package ping

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"xunjian/checks"
	"xunjian/checks/network/path"
)

// Check pings all targets, spread over the time it has.
type Check struct {
	cfg    Config
	around surroundings
	echo   func(ctx context.Context, t Target, o Round) (Answer, error)
	trace  func(ctx context.Context, t Target) (path.Trace, error)
	mtu    func(ctx context.Context, t Target) (path.MTU, error)
	// neighbour tells whether a gateway is seen on the wire.
	neighbour func(t Target) (path.Neighbour, error)

	names map[string]resolved

	mu    sync.Mutex // of what Evidence reads
	state map[string]*tally
	last  []look
}

// look is what came of pinging one target.
type look struct {
	to     Target
	answer Answer
	err    error
}

// NewCheck returns the check. peers are further targets, asked for at each
// look; nil has none.
func NewCheck(cfg Config, peers func() []Target) *Check {
	e := NewEcho()
	return &Check{
		cfg: cfg, around: realSurroundings(cfg, peers),
		echo:      func(ctx context.Context, t Target, o Round) (Answer, error) { return e.Ping(ctx, t.Addr, o) },
		trace:     func(ctx context.Context, t Target) (path.Trace, error) { return path.Follow(ctx, t.Addr) },
		mtu:       func(ctx context.Context, t Target) (path.MTU, error) { return path.Greatest(ctx, t.Addr) },
		neighbour: func(t Target) (path.Neighbour, error) { return path.LookUp(t.Addr.WithZone(""), t.Device) },
		names:     map[string]resolved{}, state: map[string]*tally{},
	}
}

// Name is that of a single check.
func (*Check) Name() string { return "ping" }

// Schedule leaves room for the series of all targets.
func (c *Check) Schedule() checks.Schedule {
	return checks.Schedule{Interval: checks.DefaultInterval, SeriesLimit: checks.DefaultSeriesLimit + seriesEach*len(c.cfg.Targets)}
}

// Identity changes with the configuration.
func (c *Check) Identity() string { return fmt.Sprint(c.cfg) }

// Run pings each target once.
func (c *Check) Run(ctx context.Context, out *checks.Output) error {
	targets, unresolved, err := c.targets(ctx)
	if err != nil {
		return err
	}
	for _, t := range unresolved {
		v := checks.Attention
		if !c.names[t.Name].addr.IsValid() {
			v = checks.Unknown
		}
		out.Find(checks.Finding{Subject: t.Name, Code: "ping.unresolved", Verdict: v, Args: map[string]any{
			"name": t.Name, "address": t.Address, "error": fmt.Sprint(c.names[t.Name].err),
		}})
	}
	if len(targets) == 0 {
		if len(unresolved) > 0 {
			return errors.New("none of the targets' names can be resolved")
		}
		return fmt.Errorf("no gateway, no DNS server, no target: %w", checks.ErrNotApplicable)
	}
	mtu := c.lookMTU(ctx, targets)
	looks := c.all(ctx, targets)
	mtu()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := forbidden(out, looks); err != nil {
		return err
	}
	c.traceLosses(ctx, looks)
	c.conclude(out, looks)
	return nil
}

// forbidden returns an error if no target at all could be pinged, for want of
// the right.
func forbidden(out *checks.Output, looks []look) error {
	var err error
	for _, l := range looks {
		if l.err == nil {
			return nil
		}
		err = l.err
	}
	if errors.Is(err, ErrForbidden) {
		out.Find(checks.Finding{Code: "ping.forbidden", Verdict: checks.Unknown, Args: map[string]any{"command": Grant()}})
	}
	return err
}

// lookMTU looks for the greatest packet to the target that is due for it, beside
// the pings; the function returned waits for it.
func (c *Check) lookMTU(ctx context.Context, targets []Target) (wait func()) {
	var due *Target
	var oldest time.Time
	for i, t := range targets {
		if t.Role != RoleTarget && t.Role != RolePeer || c.cfg.MTUEvery == 0 {
			continue
		}
		at := c.tally(t).mtuTime
		if time.Since(at) > c.cfg.MTUEvery && (due == nil || at.Before(oldest)) {
			due, oldest = &targets[i], at
		}
	}
	if due == nil {
		return func() {}
	}
	t, done := *due, make(chan struct{}, 1)
	var m path.MTU
	err := errors.New("broke")
	go guarded(func() { m, err = c.mtu(ctx, t) }, func(any) {}, done)
	return func() {
		<-done
		c.mu.Lock()
		defer c.mu.Unlock()
		y := c.state[keyOf(t)]
		if ctx.Err() != nil {
			return
		}
		y.mtuTime = time.Now()
		if y.mtu, y.hole = 0, false; err == nil {
			y.mtu, y.hole = float64(m.Bytes), m.BlackHole
		}
	}
}

func keyOf(t Target) string { return fmt.Sprint(t.labels()) }

// tally returns what is kept of a target, and begins it.
func (c *Check) tally(t Target) *tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := keyOf(t)
	if c.state[k] == nil {
		c.state[k] = &tally{}
	}
	return c.state[k]
}

// maxTraces bounds the ways that are followed at one look.
const maxTraces = 2

// traceLosses follows the way to those that begin to lose: where it breaks can
// be seen now, perhaps not later.
func (c *Check) traceLosses(ctx context.Context, looks []look) {
	done := make(chan struct{}, maxTraces)
	busy := 0
	for _, l := range looks {
		y := c.tally(l.to)
		lossy := l.err == nil && l.answer.Loss() > 0
		began := lossy && !y.lossy
		c.mu.Lock()
		if y.lossy = lossy; !lossy {
			y.trace = ""
		}
		c.mu.Unlock()
		if !began || busy == maxTraces {
			continue
		}
		busy++
		go guarded(func() {
			way, err := c.trace(ctx, l.to)
			c.mu.Lock()
			defer c.mu.Unlock()
			if y.trace = way.String(); err != nil {
				y.trace += err.Error() + "\n"
			}
		}, func(any) {}, done)
	}
	for range busy {
		<-done
	}
}

// conclude says what was seen, and forgets targets that are gone.
func (c *Check) conclude(out *checks.Output, looks []look) {
	there := map[string]bool{}
	for _, l := range looks {
		y := c.tally(l.to)
		there[keyOf(l.to)] = true
		if l.err != nil {
			out.Find(checks.Finding{Subject: subject(l.to), Code: "ping.unmeasured", Verdict: checks.Unknown, Args: map[string]any{
				"name": l.to.Name, "ip": l.to.Addr.String(), "error": l.err.Error(),
			}})
			continue
		}
		c.mu.Lock()
		y.add(l.answer)
		c.mu.Unlock()
		y.record(out, l.to, l.answer, c.names[l.to.Name].took)
		out.Find(c.finding(out, l, y))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.state {
		if !there[k] {
			delete(c.state, k)
		}
	}
	c.last = slices.Clone(looks)
}

func subject(t Target) string {
	if t.Name == t.Addr.String() {
		return t.Role + " " + t.Name
	}
	return t.Name
}

// finding says how a target answered. A gateway that does not is looked for on
// the wire: some answer no pings.
func (c *Check) finding(out *checks.Output, l look, y *tally) checks.Finding {
	f := checks.Finding{Subject: subject(l.to), Code: "ping.answers", Verdict: checks.OK, Args: map[string]any{
		"name": l.to.Name, "ip": l.to.Addr.String(), "role": l.to.Role, "sent": l.answer.Sent, "lost": l.answer.Sent - l.answer.Received,
	}}
	if l.answer.Received > 0 {
		v := figuresOf(l.answer.RTTs)
		for name, s := range map[string]float64{
			"least": v.least, "mean": v.mean, "greatest": v.greatest, "jitter": v.jitter,
			"p50": y.percentile(.5), "p95": y.percentile(.95), "p99": y.percentile(.99),
		} {
			f.Args[name] = s * 1000 // milliseconds, as people say it
		}
	}
	switch {
	case l.answer.Received == 0 && l.answer.Unsent != nil:
		f.Code, f.Verdict = "ping.unsent", checks.Attention
		f.Args["error"] = l.answer.Unsent.Error()
	case l.answer.Received == 0:
		f.Code, f.Verdict = "ping.silent", checks.Attention
	case l.answer.Loss() > 0:
		f.Code = "ping.loses"
	}
	c.mu.Lock()
	f.Evidence = y.trace
	c.mu.Unlock()
	if l.to.Role == RoleGateway {
		c.gateway(out, l, y, &f)
	}
	return f
}

// gateway says whether a gateway is there. One that never was since the agent
// began is hardly one that went: nobody misses it, or somebody set it wrong.
func (c *Check) gateway(out *checks.Output, l look, y *tally, f *checks.Finding) {
	seen, known := l.answer.Received > 0, l.answer.Received > 0
	state := ""
	if !seen {
		n, err := c.neighbour(l.to)
		if err != nil {
			return
		}
		seen, known = n.Seen()
		state = n.State
	}
	if !known {
		return
	}
	v := 0.0
	if seen {
		v = 1
	}
	out.Set(descGateway, v, l.to.Addr.String(), l.to.Device)
	f.Args["state"] = state
	y.there = y.there || seen
	switch {
	case !seen && !y.there:
		f.Code, f.Verdict = "ping.gateway_never", checks.Attention
	case !seen:
		f.Code, f.Verdict = "ping.gateway_gone", checks.Abnormal
	case l.answer.Received == 0:
		f.Code, f.Verdict = "ping.gateway_mute", checks.OK
	}
}
