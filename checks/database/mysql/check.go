package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"xunjian/checks"
	"xunjian/checks/database/server"
)

// rhythm of the checks. Whether the server takes connections is seen within one
// interval; who wants it faster sets it in checks.schedule. The limit leaves
// room for every command of a server in use.
var rhythm = checks.Schedule{Interval: 15 * time.Second, Timeout: 6 * time.Second, SeriesLimit: 1500}

// check looks at one server.
type check struct {
	name string // of the check
	cfg  Instance

	label  string // the value of the label server
	line   server.Line[*session]
	reader *statusReader
	sizes  *sizes

	mu   sync.Mutex
	seen memory
}

// memory is what evidence needs of a server that does not answer any more.
type memory struct {
	kind     flavour
	errorLog string
	dataDir  string
}

func newCheck(cfg Instance) *check {
	c := &check{name: "mysql/" + cfg.Name, cfg: cfg, label: cfg.Address(), reader: newStatusReader(), sizes: &sizes{}}
	c.line = server.Line[*session]{
		Open:   func(ctx context.Context) (*session, error) { return open(ctx, c.cfg) },
		Bound:  func(*session, time.Time) {}, // the driver's own timeouts do
		Close:  func(s *session) { s.Close() },
		Broken: func(_ *session, err error) bool { return err != nil && lost(err) },
	}
	return c
}

// Name is mysql/NAME.
func (c *check) Name() string { return c.name }

// Servers is the one server.
func (c *check) Servers() []server.Server {
	return []server.Server{{Check: c.name, Product: "mysql", Address: c.label, System: c.cfg.System}}
}

// Schedule is the rhythm of a check that answers in milliseconds.
func (c *check) Schedule() checks.Schedule { return rhythm }

// Identity changes with the configuration.
func (c *check) Identity() string { return fmt.Sprintf("%+v", c.cfg) }

// Serve keeps the connection, and gives it up when the check is retired.
func (c *check) Serve(ctx context.Context, _ func()) error { return c.line.Hold(ctx) }

// Run looks at the server. That it refuses is a finding, and so is that it
// says nothing; but then nobody knows whether it works, and the run fails.
func (c *check) Run(ctx context.Context, out *checks.Output) error {
	seen, err := c.look(ctx)
	if err != nil && ctx.Err() == nil && lost(err) && downBy(err) != "" {
		// The server may have ended a connection that was idle; a new one tells.
		seen, err = c.look(ctx)
	}
	if err != nil {
		return c.fail(ctx, err, out)
	}
	out.Set(descUp, 1, c.label)
	for _, s := range seen.Samples() {
		out.Sample(s)
	}
	for _, f := range seen.Findings() {
		out.Find(f)
	}
	return nil
}

// fail says what an error of looking means.
func (c *check) fail(ctx context.Context, err error, out *checks.Output) error {
	args := map[string]any{"where": c.label, "user": c.cfg.User}
	if errors.Is(err, server.ErrHung) {
		args["silent"] = c.line.Silent().Seconds()
		out.Find(checks.Finding{Subject: c.label, Code: codeSilent, Verdict: checks.Unknown, Args: args})
		return fmt.Errorf("ask the server at %s: %w", c.label, err)
	}
	code := downBy(err)
	if code == "" || ctx.Err() != nil {
		return err
	}
	args["error"] = plainMessage(rootOf(err))
	out.Set(descUp, 0, c.label)
	out.Find(checks.Finding{Subject: c.label, Code: code, Verdict: checks.Abnormal, Args: args})
	return nil
}

// rootOf returns the text of an error without what we put before it.
func rootOf(err error) string {
	_, text, found := strings.Cut(err.Error(), ": ")
	if !found {
		return err.Error()
	}
	return text
}

// look asks for everything.
func (c *check) look(ctx context.Context) (*checks.Output, error) {
	out := checks.NewOutput(2 * rhythm.SeriesLimit)
	err := c.line.Do(ctx, func(ctx context.Context, s *session) error { return c.ask(ctx, s, s.kind, out) })
	if err != nil {
		return nil, err // out may still be written to
	}
	return out, nil
}

// ask asks for all parts. Only what a server must answer ends it; a part for
// which the user lacks a right is told and left out.
func (c *check) ask(ctx context.Context, q querier, kind flavour, out *checks.Output) error {
	name := c.label
	f, err := c.reader.readVariables(ctx, q, name, out)
	if err != nil {
		return fmt.Errorf("read the settings: %w", err)
	}
	if err := c.reader.readStatus(ctx, q, name, &f, out); err != nil {
		return fmt.Errorf("read the status: %w", err)
	}
	c.remember(memory{kind: kind, errorLog: f.errorLog, dataDir: f.dataDir})
	out.Find(checks.Finding{Subject: name, Code: "mysql.up", Verdict: checks.OK, Args: map[string]any{
		"server": kind.name() + " " + kind.version, "uptime": f.uptime, "connected": f.connected, "max": f.maxConnections,
	}})
	for _, part := range c.parts(q, kind, f, out) {
		err := part.read(ctx)
		switch {
		case err == nil:
		case lost(err) || ctx.Err() != nil:
			return fmt.Errorf("read %s: %w", part.what, err)
		case denied(err):
			out.Find(checks.Finding{Subject: part.what, Code: "mysql.rights", Verdict: checks.Attention,
				Args: map[string]any{"user": c.cfg.User, "error": plainMessage(err.Error())}})
		default:
			out.Find(checks.Finding{Subject: part.what, Code: "mysql.part", Verdict: checks.Unknown,
				Args: map[string]any{"error": plainMessage(err.Error())}})
		}
	}
	return nil
}

// part is one of the looks that a server may refuse to a user.
type part struct {
	what string
	read func(ctx context.Context) error
}

func (c *check) parts(q querier, kind flavour, f facts, out *checks.Output) []part {
	name := c.label
	list := []part{
		{"replication", func(ctx context.Context) error {
			channels, err := c.reader.readReplica(ctx, q, kind, name, out)
			for _, ch := range channels {
				ch.find(out)
			}
			return err
		}},
		{"sessions", func(ctx context.Context) error { return readSessions(ctx, q, name, out) }},
		{"transactions", func(ctx context.Context) error { return readTransactions(ctx, q, name, out) }},
		{"engine", func(ctx context.Context) error { return c.reader.readEngine(ctx, q, name, out) }},
	}
	if f.logsChanges {
		list = append(list, part{"binlogs", func(ctx context.Context) error { return readBinlogs(ctx, q, name, out) }})
	}
	return append(list, part{"sizes", func(ctx context.Context) error { return c.sizes.read(ctx, q, name, time.Now(), out) }})
}

func (c *check) remember(m memory) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = m
}

func (c *check) remembered() memory {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen
}
