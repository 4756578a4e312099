package syslog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs/syslog/dialect"
)

var (
	descMessages = checks.NewDesc("xunjian_syslog_messages_total", checks.Counter,
		"Messages taken in by source; those kept and those dropped after that together are as many.", "source")
	descKept  = checks.NewDesc("xunjian_syslog_kept_total", checks.Counter, "Messages kept.", "source")
	descDrops = checks.NewDesc("xunjian_syslog_dropped_total", checks.Counter,
		"Messages dropped: memory was full (memory), or the disk took none (archive).", "source", "reason")
	descKernel  = checks.NewDesc("xunjian_syslog_kernel_dropped_total", checks.Counter, "Datagrams that the kernel dropped before they could be read; whose they were is not known.")
	descRefused = checks.NewDesc("xunjian_syslog_refused_total", checks.Counter, "Messages and connections from addresses that are not allowed.")
	descBytes   = checks.NewDesc("xunjian_syslog_received_bytes_total", checks.Counter, "Text of the messages read.", "source")
	descCut     = checks.NewDesc("xunjian_syslog_cut_total", checks.Counter, "Messages that were longer than what is kept of one.", "source")
	descEvents  = checks.NewDesc("xunjian_syslog_events_total", checks.Counter, "What devices told, by event.", "source", "event")
	descOut     = checks.NewDesc("xunjian_syslog_offtime_changes_total", checks.Counter, "Configurations of devices changed outside of the work hours.", "source")
	descLast    = checks.NewDesc("xunjian_syslog_last_message_timestamp_seconds", checks.Gauge, "When a source was last heard, in Unix time.", "source")
	descSilent  = checks.NewDesc("xunjian_syslog_silent_seconds", checks.Gauge, "For how long an expected device has said nothing while it was listened to.", "source")
	descLimit   = checks.NewDesc("xunjian_syslog_silent_limit_seconds", checks.Gauge, "For how long an expected device may say nothing.", "source")
	descWaiting = checks.NewDesc("xunjian_syslog_waiting_bytes", checks.Gauge, "Messages that wait to be read.")
)

// Check takes syslog in (Serve) and tells what came of it (Run).
type Check struct {
	cfg     Config
	parts   Parts
	set     *dialect.Set
	table   *table
	queue   *queue
	notable *notable
	hours   hours

	mu      sync.Mutex
	on      *listening // nil: nobody listens
	since   time.Time
	dropped uint64 // by the kernel, on sockets that are closed
	tlsFail string // why the last handshake came to nothing
	tlsAt   time.Time
}

// NewCheck returns the check of a valid configuration.
func NewCheck(cfg Config, parts Parts) (*Check, error) {
	set, err := dialect.Load(cfg.Dialects...)
	if err != nil {
		return nil, fmt.Errorf("checks.logs.syslog.dialects: %w", err)
	}
	h, err := parseHours(cfg.WorkHours)
	if err != nil {
		return nil, fmt.Errorf("checks.logs.syslog.work_hours: %w", err)
	}
	if parts.Zone == nil {
		parts.Zone = time.Local
	}
	if parts.Workday == nil {
		parts.Workday = func(t time.Time) bool { return t.Weekday() != time.Saturday && t.Weekday() != time.Sunday }
	}
	return &Check{
		cfg: cfg, parts: parts, set: set, hours: h, table: newTable(cfg, set, parts.Zone), queue: newQueue(int(cfg.MemoryBytes)), notable: newNotable(),
	}, nil
}

// Name is that of a single check.
func (*Check) Name() string { return "syslog" }

// Schedule is the default rhythm, with room for the series of many devices.
func (*Check) Schedule() checks.Schedule { return checks.Schedule{SeriesLimit: 10_000} }

// Identity changes with the configuration.
func (c *Check) Identity() string { return fmt.Sprintf("%+v %v", c.cfg, c.parts.Zone) }

// working reports whether configurations are changed at such a time as a rule.
func (c *Check) working(t time.Time) bool {
	t = t.In(c.parts.Zone)
	return c.parts.Workday(t) && c.hours.hold(t)
}

func (c *Check) begin(l *listening) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on, c.since = l, time.Now()
}

func (c *Check) end(l *listening) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.kernel != nil {
		c.dropped += l.kernel.count()
	}
	c.on = nil
}

func (c *Check) handshakeFailed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tlsFail, c.tlsAt = err.Error(), time.Now()
}

// kernelDropped counts the datagrams that the kernel dropped.
func (c *Check) kernelDropped() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.on != nil && c.on.kernel != nil {
		return c.dropped + c.on.kernel.count()
	}
	return c.dropped
}

// Run tells what was taken in.
func (c *Check) Run(_ context.Context, out *checks.Output) error {
	if !c.cfg.On() {
		return fmt.Errorf("no syslog is taken in: checks.logs.syslog names no address to listen on: %w", checks.ErrNotApplicable)
	}
	c.mu.Lock()
	on, since := c.on, c.since
	tlsFail, tlsAt := c.tlsFail, c.tlsAt
	c.mu.Unlock()
	if on == nil {
		return errors.New("nobody listens for syslog now")
	}
	now := time.Now()
	out.Set(descKernel, float64(c.kernelDropped()))
	out.Set(descWaiting, float64(c.queue.waiting()))
	c.table.mu.Lock()
	refused := c.table.refused
	c.table.mu.Unlock()
	out.Set(descRefused, float64(refused))
	total, silent := uint64(0), 0
	for _, s := range c.table.sources() {
		received, quiet := c.tell(out, s, now, since)
		total += received
		if quiet {
			silent++
		}
	}
	c.tellLines(out, now)
	if tlsFail != "" && now.Sub(tlsAt) < time.Hour {
		out.Find(checks.Finding{Code: "syslog.handshake", Verdict: checks.Attention, Args: map[string]any{"error": tlsFail, "ago": now.Sub(tlsAt).Seconds()}})
	}
	out.Find(checks.Finding{Code: "syslog.listening", Verdict: checks.OK, Args: map[string]any{
		"where": on.where(), "messages": float64(total), "sources": len(c.table.sources()), "silent": silent,
	}})
	return nil
}

// tell writes the series of one source, and reports how many messages it has
// sent and whether it is silent.
func (c *Check) tell(out *checks.Output, s *source, now, since time.Time) (uint64, bool) {
	received, overflow := c.queue.counts(s)
	c.table.mu.Lock()
	defer c.table.mu.Unlock()
	// A source that is new begins at zero, so that its first event is a step.
	one := 1.0
	if !s.shown {
		s.shown, one = true, 0
	}
	set := func(d *checks.Desc, v uint64, labels ...string) {
		out.Set(d, one*float64(v), append([]string{s.name}, labels...)...)
	}
	set(descMessages, received)
	set(descKept, s.kept)
	set(descDrops, overflow, "memory")
	set(descDrops, s.unkept, "archive")
	set(descBytes, s.size)
	set(descCut, s.cut)
	set(descOut, s.outOfHours)
	for event, n := range s.events {
		set(descEvents, n, event)
	}
	if !s.last.IsZero() {
		out.Set(descLast, float64(s.last.UnixMilli())/1000, s.name)
	}
	if !s.named || s.silence <= 0 {
		return received, false
	}
	quiet := now.Sub(s.last)
	if s.last.Before(since) {
		quiet = s.before + now.Sub(since)
	}
	out.Set(descSilent, max(quiet, 0).Seconds(), s.name)
	out.Set(descLimit, s.silence.Seconds(), s.name)
	if quiet <= s.silence {
		return received, false
	}
	args := map[string]any{"for": quiet.Seconds(), "limit": s.silence.Seconds()}
	code := "syslog.silent"
	if s.last.IsZero() {
		code = "syslog.never_heard"
	}
	out.Find(checks.Finding{Code: code, Subject: s.name, Verdict: checks.Attention, Args: args})
	return received, true
}

// recently is how long what a device told stays a finding.
const recently = 15 * time.Minute

// tellLines says what devices told lately, with the lines as evidence.
func (c *Check) tellLines(out *checks.Output, now time.Time) {
	byKey := map[notableKey]*checks.Finding{}
	var order []notableKey
	for _, r := range c.notable.since(now.Add(-recently), telling...) {
		k := notableKey{r.Source, r.Event}
		f := byKey[k]
		if f == nil {
			f = &checks.Finding{Code: "syslog." + strings.ReplaceAll(r.Event, "-", "_"), Subject: r.Source, Verdict: checks.OK, Args: map[string]any{
				"user": r.Fields["user"], "address": r.Fields["address"], "interface": r.Fields["interface"], "attack": r.Fields["attack"],
				"ago": now.Sub(r.Received).Seconds(),
			}}
			byKey[k] = f
			order = append(order, k)
		}
		f.Evidence += checks.SafeText(strings.ReplaceAll(r.Text, "\n", "\uFFFD"), 1024) + "\n"
		if c.striking(r.Event, r.Received) {
			f.Verdict = checks.Attention
		}
	}
	for _, k := range order {
		out.Find(*byKey[k])
	}
}

// striking tells what asks for attention by itself; how much of the rest is too
// much, rules say.
func (c *Check) striking(event string, at time.Time) bool {
	switch event {
	case dialect.Attack, dialect.HardwareFault, dialect.DeviceRestarted, dialect.HASwitch:
		return true
	case dialect.ConfigChanged, dialect.PrivilegeChanged:
		return !c.working(at)
	}
	return false
}

// Evidence is the lines that devices sent lately.
func (c *Check) Evidence(context.Context) ([]checks.Exhibit, error) {
	lines := c.notable.since(time.Now().Add(-recently), telling...)
	if len(lines) == 0 {
		return nil, nil
	}
	return []checks.Exhibit{exhibit(lines, c.parts.Zone)}, nil
}

// where says what is listened on.
func (l *listening) where() string {
	out := ""
	add := func(kind, at string) {
		if out != "" {
			out += ", "
		}
		out += kind + " " + at
	}
	if l.udp != nil {
		add("udp", l.udp.LocalAddr().String())
	}
	if l.tcp != nil {
		add("tcp", l.tcp.Addr().String())
	}
	if l.tls != nil {
		add("tls", l.tls.Addr().String())
	}
	return out
}
