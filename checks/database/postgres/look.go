package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"xunjian/checks"
	"xunjian/checks/database/server"
)

// watched is one server with the connection to it and what is remembered of
// it between looks.
type watched struct {
	Instance
	address string
	line    server.Line[*session]

	// Only whoever has the line's turn uses these.
	slow       map[string]kept
	names      []string // of databases
	statements string   // the schema of pg_stat_statements; "-": not there
	growth     growth
	received   bool // a standby that was seen to receive

	mu  sync.Mutex
	log string // the server's log, as it said itself
}

func newWatched(i Instance) *watched {
	i = i.filled()
	w := &watched{Instance: i, address: i.Address(), slow: map[string]kept{}}
	w.line = server.Line[*session]{
		Open: func(ctx context.Context) (*session, error) {
			clear(w.slow)
			w.statements = ""
			return connect(ctx, w.Instance)
		},
		Bound: func(s *session, until time.Time) { _ = s.net.SetDeadline(until) },
		Close: func(s *session) {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			defer cancel()
			_ = s.Close(ctx)
			_ = s.net.Close()
		},
		Broken: func(s *session, _ error) bool { return s.IsClosed() },
	}
	return w
}

// once asks the server by f, and again if the connection that was kept turns
// out to be dead: a server that was restarted is not down.
func (w *watched) once(ctx context.Context, f func(context.Context, *session) error) error {
	err := w.line.Do(ctx, f)
	if err != nil && ctx.Err() == nil && troubleOf(err) == down {
		err = w.line.Do(ctx, f)
	}
	return err
}

// look sees the server, and says what the trouble is if it cannot. An error
// is told by nothing in see but findings.
func (w *watched) look(ctx context.Context) (*sight, error) {
	seen := make(chan *sight, 2)
	err := w.once(ctx, func(ctx context.Context, s *session) error {
		see, err := w.see(ctx, s)
		if err == nil {
			seen <- see
		}
		return err
	})
	if err == nil {
		return <-seen, nil
	}
	see := &sight{}
	args := map[string]any{"reason": plainReason(err), "user": w.User, "database": w.Database}
	fact := func(code string, v checks.Verdict) {
		see.find(checks.Finding{Code: code, Subject: w.address, Verdict: v, Args: args})
	}
	switch troubleOf(err) {
	case down:
		fact("postgres.down", checks.Abnormal)
	case refused:
		fact("postgres.refused", checks.Abnormal)
	case full:
		fact("postgres.full", checks.Abnormal)
	case hung:
		args["silent"] = w.line.Silent().Seconds()
		fact("postgres.hung", checks.Unknown)
		return see, fmt.Errorf("look at PostgreSQL at %s: it takes the connection and does not answer: %w", w.address, err)
	default:
		return see, fmt.Errorf("look at PostgreSQL at %s: %w", w.address, err)
	}
	see.set(w, descUp, 0)
	return see, nil
}

// see asks all there is to ask.
func (w *watched) see(ctx context.Context, s *session) (*sight, error) {
	see := &sight{samples: make([]checks.Sample, 0, 256)}
	see.set(w, descUp, 1)
	for _, ask := range []func(*session, *sight) error{w.basics, w.activity, w.settings, w.seeStatements, w.logPath} {
		if err := ask(s, see); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	for _, p := range parts {
		if err := w.fill(s, p, see); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil { // nobody waits any more
			return nil, err
		}
	}
	w.growth.note(time.Now(), w.slow[partSizes.name].samples)
	return see, nil
}

// settings reads pg_settings, slowly.
func (w *watched) settings(s *session, see *sight) error {
	const name = "pg_settings"
	if k, ok := w.slow[name]; ok && time.Since(k.at) < slowly {
		see.samples = append(see.samples, k.samples...)
		return nil
	}
	list, err := collect[setting](s, name, settingsSQL, slices.Sorted(maps.Keys(settings)))
	if err != nil {
		return w.unread(s, name, err, see)
	}
	before := len(see.samples)
	for _, l := range list {
		see.set(w, settings[l.Name], l.Value)
	}
	w.slow[name] = kept{time.Now(), slices.Clone(see.samples[before:])}
	return nil
}

// check looks at one server that is configured.
type check struct{ *watched }

// Checks returns the check of each server that is listed. It panics if one is
// not valid: call Instance.Validate before.
func Checks(list []Instance) []checks.Check {
	out := make([]checks.Check, 0, len(list))
	for _, i := range list {
		if err := i.Validate(); err != nil {
			panic("postgres: " + err.Error())
		}
		out = append(out, check{newWatched(i)})
	}
	return out
}

// seriesLimit has room for a hundred databases.
const seriesLimit = 6000

// Name is postgres/<name>.
func (c check) Name() string { return "postgres/" + c.Instance.Name }

// Schedule is the default, with room for many databases.
func (c check) Schedule() checks.Schedule { return checks.Schedule{SeriesLimit: seriesLimit} }

// Identity changes with the configuration.
func (c check) Identity() string { return fmt.Sprintf("%+v", c.Instance) }

// Servers says which server is looked at.
func (c check) Servers() []server.Server {
	return []server.Server{{Check: c.Name(), Product: "postgres", Address: c.address, System: c.System}}
}

// Serve holds the connection until the check is retired.
func (c check) Serve(ctx context.Context, _ func()) error { return c.line.Hold(ctx) }

// Run looks at the server.
func (c check) Run(ctx context.Context, out *checks.Output) error {
	see, err := c.look(ctx)
	see.tell(out)
	return err
}

// Evidence asks who waits for whom, what runs long, and what the log says.
func (c check) Evidence(ctx context.Context) ([]checks.Exhibit, error) { return c.testify(ctx) }

func (s *sight) tell(out *checks.Output) {
	for _, sample := range s.samples {
		out.Sample(sample)
	}
	for _, f := range s.findings {
		out.Find(f)
	}
}
