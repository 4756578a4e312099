// Package review reads logs as a person would: it knows the lines that matter,
// counts them, keeps the last of each, and sees what several lines mean
// together: failed logins and then one that succeeds, a login where nobody
// logs in, a log that was emptied, time that runs backwards.
package review

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs/archive"
	"xunjian/checks/logs/pattern"
	"xunjian/checks/logs/tail"
)

// Archive keeps lines; it is *archive.Archive.
type Archive interface {
	Append([]archive.Record) int
}

// Parts are what a Review is made of.
type Parts struct {
	Tailer  *tail.Tailer
	Sources []tail.Source
	// Archive keeps the lines that were known; nil keeps none.
	Archive Archive
	// Identity tells how the room is configured.
	Identity string
	// Once says that nobody will call Serve: each Run looks by itself.
	Once   bool
	Zone   *time.Location
	Logger *slog.Logger
	Now    func() time.Time
}

// Review is the check of the logs. It runs the Tailer.
type Review struct {
	parts Parts
	judge *judge
	grave atomic.Bool // something was seen that should not wait
}

// New returns the check. An error is that of the operator's pattern files.
func New(cfg Config, parts Parts) (*Review, error) {
	if parts.Now == nil {
		parts.Now = time.Now
	}
	if parts.Zone == nil {
		parts.Zone = time.UTC
	}
	list, err := pattern.Load(cfg.Patterns)
	if err != nil {
		return nil, fmt.Errorf("checks.logs.review.patterns: %w", err)
	}
	j := newJudge(cfg, list, parts.Zone)
	j.archive = parts.Archive
	return &Review{parts: parts, judge: j}, nil
}

// Name is that of a single check; it is also the key of its state.
func (*Review) Name() string { return "logs" }

// Schedule is that of figures; what is grave wakes it at once.
func (*Review) Schedule() checks.Schedule { return checks.Schedule{Interval: 15 * time.Second} }

// Identity changes with the configuration of the whole room.
func (r *Review) Identity() string { return r.parts.Identity }

// Wants takes every log.
func (*Review) Wants(tail.Source) bool { return true }

// Take looks for what matters.
func (r *Review) Take(b tail.Block) {
	if r.judge.take(b) {
		r.grave.Store(true)
	}
}

// State returns what has to survive.
func (r *Review) State() (json.RawMessage, error) { return json.Marshal(&r.judge.known) }

// Restore gives it back.
func (r *Review) Restore(raw json.RawMessage) error {
	k := newKnown()
	if err := json.Unmarshal(raw, &k); err != nil {
		return err
	}
	k.mend()
	r.judge.known = k
	return nil
}

// Serve reads the logs until ctx ends.
func (r *Review) Serve(ctx context.Context, wake func()) error {
	r.parts.Tailer.Notify(func() {
		if r.grave.Swap(false) {
			wake()
		}
	})
	return r.parts.Tailer.Serve(ctx)
}

// Run says what was seen so far. It commits first, so that no figure is ever
// said that a kill -9 could take back.
func (r *Review) Run(ctx context.Context, out *checks.Output) error {
	if len(r.parts.Sources) == 0 {
		return fmt.Errorf("none of the usual logs is here, and none is configured: %w", checks.ErrNotApplicable)
	}
	t := r.parts.Tailer
	if r.parts.Once {
		if err := t.Open(ctx); err != nil {
			return err
		}
		t.Poll(ctx)
	}
	select {
	case <-t.Ready():
	case <-ctx.Done():
		return fmt.Errorf("the logs are not read: %w", ctx.Err())
	}
	if err := t.With(func() { r.tell(out) }); err != nil {
		return err
	}
	if r.parts.Once {
		return ctx.Err()
	}
	return nil
}
