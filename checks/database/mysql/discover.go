package mysql

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"xunjian/checks"
	"xunjian/checks/database/server"
)

// Where a server of this machine is looked for, before the loopback address.
var discoverySockets = []string{"/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock"}

const discoveryPort = defaultPort

// finder looks for a server on this machine where a login without password
// works, and then at that server. Once it has found one it stays with it: a
// server that was there and is gone is down, not missing.
type finder struct {
	candidates []*check
	identity   string

	mu    sync.Mutex
	found *check

	refused map[*check]refusal // who let nobody in when asked last
}

type refusal struct {
	at  time.Time
	err error
}

// askAgain is how long a server that refused the agent is left alone: each
// attempt is a line in its log.
const askAgain = 5 * time.Minute

func newFinder(configured []Instance, sockets []string, port int) *finder {
	f := &finder{identity: fmt.Sprintf("%+v", configured), refused: map[*check]refusal{}}
	if watched(configured, sockets, port) {
		return f
	}
	for _, u := range users() {
		for _, s := range sockets {
			f.candidates = append(f.candidates, newCheck(Instance{Name: Local, Host: s, User: u}.filled()))
		}
		f.candidates = append(f.candidates, newCheck(Instance{Name: Local, Host: "127.0.0.1", Port: port, User: u}.filled()))
	}
	return f
}

// watched reports whether the server of this machine is configured already, be
// it by socket or address: both reach the same one.
func watched(configured []Instance, sockets []string, port int) bool {
	return slices.ContainsFunc(configured, func(i Instance) bool {
		i = i.filled()
		return i.socket() && slices.Contains(sockets, filepath.Clean(i.Host)) || !i.socket() && i.here() && i.Port == port
	})
}

// users who may log in without password: the one that the agent runs as, by
// unix_socket, and the one of the README.
func users() []string {
	list := []string{defaultUser}
	if u, err := user.Current(); err == nil && u.Username != defaultUser {
		list = append([]string{u.Username}, list...)
	}
	return list
}

// Name is mysql/local.
func (f *finder) Name() string { return "mysql/" + Local }

// Servers is the one that was found.
func (f *finder) Servers() []server.Server {
	if c := f.there(); c != nil {
		return c.Servers()
	}
	return nil
}

// Schedule is that of a configured check.
func (f *finder) Schedule() checks.Schedule { return rhythm }

// Identity changes with what is configured beside it.
func (f *finder) Identity() string { return f.identity }

// Serve gives all connections up when the check is retired.
func (f *finder) Serve(ctx context.Context, _ func()) error {
	var all sync.WaitGroup
	for _, c := range f.candidates {
		all.Go(func() { c.line.Hold(ctx) })
	}
	all.Wait()
	<-ctx.Done()
	return ctx.Err()
}

// Run looks at the server, once there is one.
func (f *finder) Run(ctx context.Context, out *checks.Output) error {
	if c := f.there(); c != nil {
		return f.look(ctx, c, out)
	}
	var refused error
	for _, c := range f.candidates {
		if c.cfg.socket() && !isSocket(c.cfg.Host) {
			continue
		}
		err := f.try(ctx, c)
		switch {
		case err == nil:
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
		out.Find(checks.Finding{Code: "mysql.unwatched", Verdict: checks.Attention,
			Args: map[string]any{"error": plainMessage(refused.Error())}})
		return nil
	}
	return fmt.Errorf("no MySQL or MariaDB server found on this machine: %w", checks.ErrNotApplicable)
}

// look looks at the server that was found, and says that it is known.
func (f *finder) look(ctx context.Context, c *check, out *checks.Output) error {
	for _, s := range c.Servers() {
		out.Set(server.Info, 1, s.Check, s.Product, s.Address, s.System)
	}
	return c.Run(ctx, out)
}

// try logs in, or says what came of it lately.
func (f *finder) try(ctx context.Context, c *check) error {
	if last, ok := f.refused[c]; ok && time.Since(last.at) < askAgain {
		return last.err
	}
	delete(f.refused, c)
	err := c.line.Do(ctx, func(context.Context, *session) error { return nil })
	if err != nil && downBy(err) != codeRefused && !errors.Is(err, server.ErrHung) && ctx.Err() == nil {
		f.refused[c] = refusal{time.Now(), err}
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

func isSocket(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Type() == os.ModeSocket
}
