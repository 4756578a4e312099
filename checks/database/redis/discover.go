package redis

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"xunjian/checks"
	"xunjian/checks/database/server"
)

// finder looks for a server on this machine that asks for no password, and then
// at that server. Once it has found one it stays with it: a server that was
// there and is gone is down, not missing.
type finder struct {
	pattern    string // of unix sockets
	configured []Instance
	port       int
	identity   string
	refused    map[string]refusal // who let nobody in when asked last

	mu    sync.Mutex
	tries map[string]*check // by address
	found *check
}

type refusal struct {
	at  time.Time
	err error
}

// askAgain is how long a server that refused the agent is left alone.
const askAgain = 5 * time.Minute

func newFinder(configured []Instance, pattern string, port int) *finder {
	return &finder{
		pattern: pattern, configured: configured, port: port, identity: fmt.Sprintf("%+v", configured),
		refused: map[string]refusal{}, tries: map[string]*check{},
	}
}

// candidates are the sockets that are there, and the loopback address. There is
// none if the server of this machine is configured, be it by socket or address:
// both reach the same one.
func (f *finder) candidates() []Instance {
	sockets, _ := filepath.Glob(f.pattern)
	var list []Instance
	for _, s := range sockets {
		if info, err := os.Stat(s); err == nil && info.Mode().Type() == os.ModeSocket {
			list = append(list, Instance{Name: Local, Host: s}.filled())
		}
	}
	list = append(list, Instance{Name: Local, Host: "127.0.0.1", Port: f.port}.filled())
	if slices.ContainsFunc(f.configured, func(i Instance) bool {
		i = i.filled()
		return i.socket() && slices.Contains(sockets, filepath.Clean(i.Host)) || !i.socket() && i.here() && i.Port == f.port
	}) {
		return nil
	}
	return list
}

// Name is redis/local.
func (f *finder) Name() string { return "redis/" + Local }

// Schedule is that of a configured check.
func (f *finder) Schedule() checks.Schedule { return rhythm }

// Identity changes with what is configured beside it.
func (f *finder) Identity() string { return f.identity }

// Serve gives all connections up when the check is retired.
func (f *finder) Serve(ctx context.Context, _ func()) error {
	<-ctx.Done()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.tries {
		c.line.Hold(ctx)
	}
	return ctx.Err()
}

// Run looks at the server, once there is one.
func (f *finder) Run(ctx context.Context, out *checks.Output) error {
	if c := f.there(); c != nil {
		return f.look(ctx, c, out)
	}
	var refused error
	for _, i := range f.candidates() {
		c := f.of(i)
		err := f.try(ctx, c)
		switch {
		case err == nil || downBy(err) == codeLoading || downBy(err) == codeFull:
			f.mu.Lock()
			f.found = c
			f.mu.Unlock()
			return f.look(ctx, c, out)
		case errors.Is(err, server.ErrHung) || ctx.Err() != nil:
			return c.fail(ctx, err, out)
		case downBy(err) == codeRefused: // nobody there
		case refused == nil:
			refused = err
		}
	}
	if refused != nil {
		out.Find(checks.Finding{Code: "redis.unwatched", Verdict: checks.Attention, Args: map[string]any{"error": refused.Error()}})
		return nil
	}
	return fmt.Errorf("no Redis server found on this machine: %w", checks.ErrNotApplicable)
}

// look looks at the server that was found, and says that it is known.
func (f *finder) look(ctx context.Context, c *check, out *checks.Output) error {
	for _, s := range c.Servers() {
		out.Set(server.Info, 1, s.Check, s.Product, s.Address, s.System)
	}
	return c.Run(ctx, out)
}

// of returns the check of a candidate, always the same one.
func (f *finder) of(i Instance) *check {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := i.Address()
	if f.tries[key] == nil {
		f.tries[key] = newCheck(i)
	}
	return f.tries[key]
}

// try asks, or says what came of it lately.
func (f *finder) try(ctx context.Context, c *check) error {
	if last, ok := f.refused[c.label]; ok && time.Since(last.at) < askAgain {
		return last.err
	}
	delete(f.refused, c.label)
	err := c.line.Do(ctx, func(context.Context, *client) error { return nil })
	if err != nil && downBy(err) != codeRefused && !errors.Is(err, server.ErrHung) && ctx.Err() == nil {
		f.refused[c.label] = refusal{time.Now(), err}
	}
	return err
}

func (f *finder) there() *check {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.found
}

// Evidence is that of the server that was found.
func (f *finder) Evidence(ctx context.Context) ([]checks.Exhibit, error) {
	if c := f.there(); c != nil {
		return c.Evidence(ctx)
	}
	return nil, nil
}
