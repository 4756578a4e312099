// Package review reads logs as a person would: it knows the lines that matter,
// counts them, keeps the last of each, and sees what several lines mean
// together (failed logins and then one that succeeds).
package review

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs/archive"
	"xunjian/checks/logs/tail"
)

// Parts are what a Review is made of.
type Parts struct {
	Tailer *tail.Tailer
	// Archive keeps the lines that were known; nil keeps none.
	Archive *archive.Archive
	Sources []tail.Source
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
	cfg   Config
	parts Parts
}

// New returns the check. An error is that of the operator's pattern files.
func New(cfg Config, parts Parts) (*Review, error) {
	if parts.Now == nil {
		parts.Now = time.Now
	}
	return &Review{cfg: cfg, parts: parts}, nil
}

var (
	descLines = checks.NewDesc("xunjian_log_lines_total", checks.Counter, "Lines read of a log.", "source")
	descBytes = checks.NewDesc("xunjian_log_read_bytes_total", checks.Counter, "Bytes read of a log.", "source")
)

// Name is that of a single check; it is also the key of its state.
func (*Review) Name() string { return "logs" }

// Schedule is that of figures; what is grave wakes it at once.
func (*Review) Schedule() checks.Schedule { return checks.Schedule{Interval: 15 * time.Second} }

// Identity changes with the configuration of the whole room.
func (r *Review) Identity() string { return r.parts.Identity }

// Wants takes every log.
func (*Review) Wants(tail.Source) bool { return true }

// Take looks for what matters.
func (r *Review) Take(b tail.Block) {}

// State returns what has to survive.
func (r *Review) State() (json.RawMessage, error) { return nil, nil }

// Restore gives it back.
func (r *Review) Restore(json.RawMessage) error { return nil }

// Serve reads the logs until ctx ends.
func (r *Review) Serve(ctx context.Context, wake func()) error {
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
		defer t.Close()
		t.Poll(ctx)
	}
	select {
	case <-t.Ready():
	case <-ctx.Done():
		return fmt.Errorf("the logs are not read: %w", ctx.Err())
	}
	err := t.With(func() { r.tell(out) })
	if err != nil {
		return err
	}
	return ctx.Err()
}

func (r *Review) tell(out *checks.Output) {
	lines := 0
	for _, s := range r.parts.Tailer.StatsLocked() {
		out.Set(descLines, float64(s.Lines), s.Source)
		out.Set(descBytes, float64(s.Bytes), s.Source)
		if s.Error != "" {
			out.Find(checks.Finding{Subject: s.Source, Code: "logs.unreadable", Verdict: checks.Unknown, Args: map[string]any{"error": s.Error}})
			continue
		}
		lines += int(s.Lines)
	}
	out.Find(checks.Finding{Code: "logs.read", Verdict: checks.OK, Args: map[string]any{"sources": len(r.parts.Sources), "lines": lines}})
}
