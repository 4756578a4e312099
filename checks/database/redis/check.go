package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"xunjian/checks"
	"xunjian/checks/database/server"
)

// rhythm of the checks. The limit leaves room for every command of a server in
// use.
var rhythm = checks.Schedule{Interval: 15 * time.Second, Timeout: 6 * time.Second, SeriesLimit: 1500}

// check looks at one server.
type check struct {
	name  string
	cfg   Instance
	label string // the value of the label server
	line  server.Line[*client]
}

func newCheck(cfg Instance) *check {
	c := &check{name: "redis/" + cfg.Name, cfg: cfg, label: cfg.Address()}
	c.line = server.Line[*client]{
		Open:   func(ctx context.Context) (*client, error) { return open(ctx, c.cfg) },
		Bound:  func(*client, time.Time) {}, // the library's own timeouts do
		Close:  func(cl *client) { cl.Close() },
		Broken: func(_ *client, err error) bool { return lost(err) },
	}
	return c
}

// Name is redis/NAME.
func (c *check) Name() string { return c.name }

// Servers is the one server.
func (c *check) Servers() []server.Server {
	return []server.Server{{Check: c.name, Product: "redis", Address: c.label, System: c.cfg.System}}
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
	args := map[string]any{"where": c.label, "user": userName(c.cfg.User)}
	if errors.Is(err, server.ErrHung) {
		args["silent"] = c.line.Silent().Seconds()
		out.Find(checks.Finding{Subject: c.label, Code: codeSilent, Verdict: checks.Unknown, Args: args})
		return fmt.Errorf("ask the server at %s: %w", c.label, err)
	}
	code := downBy(err)
	if code == "" || ctx.Err() != nil {
		return err
	}
	_, args["error"], _ = strings.Cut(err.Error(), ": ")
	out.Set(descUp, 0, c.label)
	out.Find(checks.Finding{Subject: c.label, Code: code, Verdict: checks.Abnormal, Args: args})
	return nil
}

func userName(user string) string {
	if user == "" {
		return "default"
	}
	return user
}

func (c *check) look(ctx context.Context) (*checks.Output, error) {
	out := checks.NewOutput(2 * rhythm.SeriesLimit)
	if err := c.line.Do(ctx, func(ctx context.Context, cl *client) error { return c.ask(ctx, cl, out) }); err != nil {
		return nil, err // out may still be written to
	}
	return out, nil
}

// ask asks for all parts; one for which the user lacks a right is told and left
// out.
func (c *check) ask(ctx context.Context, cl *client, out *checks.Output) error {
	text, err := cl.text(ctx, "INFO", "all")
	if err != nil {
		return fmt.Errorf("read INFO: %w", err)
	}
	in := parseInfo(text)
	out.Set(descUp, 1, c.label)
	in.tell(c.label, time.Now(), out)
	c.find(in, out)
	if err := c.slow(ctx, cl, out); err != nil {
		if !says(err) {
			return fmt.Errorf("read the slow log: %w", err)
		}
		code, verdict := "redis.part", checks.Unknown
		if says(err, "NOPERM") {
			code, verdict = "redis.rights", checks.Attention
		}
		out.Find(checks.Finding{Subject: "slowlog", Code: code, Verdict: verdict,
			Args: map[string]any{"user": userName(c.cfg.User), "error": err.Error()}})
	}
	return nil
}

// find says what is plainly so; thresholds are rules.
func (c *check) find(in info, out *checks.Output) {
	f := in.fields
	out.Find(checks.Finding{Subject: c.label, Code: "redis.up", Verdict: checks.OK, Args: map[string]any{
		"version": f["redis_version"], "role": f["role"], "uptime": in.number("uptime_in_seconds"),
		"clients": in.number("connected_clients"), "memory": in.number("used_memory"),
	}})
	for _, p := range []struct{ field, code string }{
		{"rdb_last_bgsave_status", "redis.rdb_failed"},
		{"aof_last_write_status", "redis.aof_failed"},
		{"aof_last_bgrewrite_status", "redis.aof_rewrite_failed"},
	} {
		if f[p.field] == "err" {
			out.Find(checks.Finding{Subject: c.label, Code: p.code, Verdict: checks.Abnormal, Args: map[string]any{
				"since": max(float64(time.Now().Unix())-in.number("rdb_last_save_time"), 0), "changes": in.number("rdb_changes_since_last_save"),
			}})
		}
	}
	if f["role"] != "slave" {
		return
	}
	link := checks.Finding{Subject: c.label, Code: "redis.link", Verdict: checks.OK, Args: map[string]any{
		"source": f["master_host"] + ":" + f["master_port"], "ago": max(in.number("master_last_io_seconds_ago"), 0),
	}}
	if f["master_link_status"] != "up" {
		link.Code, link.Verdict = "redis.link_down", checks.Abnormal
		link.Args["ago"] = max(in.number("master_link_down_since_seconds"), 0)
	}
	out.Find(link)
}

// slow tells the slow log.
func (c *check) slow(ctx context.Context, cl *client, out *checks.Output) error {
	length, err := cl.ask(ctx, "SLOWLOG", "LEN")
	if err != nil {
		return err
	}
	entries, err := slowLog(ctx, cl, 1)
	if err != nil {
		return err
	}
	if n, ok := length.(int64); ok {
		out.Set(descSlowLength, float64(n), c.label)
	}
	var last slowEntry
	if len(entries) > 0 {
		last = entries[0]
	}
	out.Set(descSlowLast, float64(last.id), c.label)
	out.Set(descSlowTime, last.took.Seconds(), c.label)
	return nil
}
