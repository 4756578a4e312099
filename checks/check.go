// Package checks holds what Xunjian looks at: the Check, what a check yields
// (samples and findings), the Runner that keeps every check on its own
// schedule, and the History of what they said.
//
// The variants live in the subfolders and never see each other. A check knows
// nothing of rules, incidents or people: it measures, and it says so when it
// cannot.
package checks

import (
	"context"
	"errors"
	"time"
)

// Check looks at one thing, once per Run.
//
// Run writes what it sees to out and returns nil, even if what it sees is bad:
// a bad sight is a finding. It returns an error only when it could not look;
// the result is then Unknown, never OK. It returns ErrNotApplicable when this
// machine has nothing of the kind (no RAID, no systemd).
//
// Run must return soon after ctx is done. If it does not (a statfs on a dead
// mount cannot be interrupted), the Runner abandons the goroutine, reports the
// check as Unknown and does not start it again before that Run has returned;
// so a Check is never run twice at the same time and needs no locks of its own
// for state it keeps between runs.
type Check interface {
	// Name identifies the check on this machine: lower-case words joined by
	// "_", with an instance after "/" where there may be several
	// ("filesystem", "postgres/main").
	Name() string
	Run(ctx context.Context, out *Output) error
}

// Scheduled is the extra ability of a check that wants another rhythm than
// the default.
type Scheduled interface {
	Check
	Schedule() Schedule
}

// Schedule is the rhythm of a check. Zero fields take the Runner's defaults.
type Schedule struct {
	// Interval between the starts of two runs; at least one second.
	Interval time.Duration
	// Timeout after which a run counts as hung; shorter than Interval.
	Timeout time.Duration
	// SeriesLimit caps the samples of one run; more are dropped and counted.
	SeriesLimit int
}

// Defaults of a Schedule.
const (
	DefaultInterval    = 15 * time.Second
	DefaultTimeout     = 10 * time.Second
	DefaultSeriesLimit = 2000
)

// ErrNotApplicable is what Run returns when there is nothing of its kind to
// look at here. It may be wrapped to say what is missing.
var ErrNotApplicable = errors.New("not applicable on this machine")

// Func is a Check made of a function, for the many checks that keep no state.
type Func struct {
	ID    string
	Every Schedule
	Look  func(ctx context.Context, out *Output) error
}

// Name returns f.ID.
func (f Func) Name() string { return f.ID }

// Run calls f.Look.
func (f Func) Run(ctx context.Context, out *Output) error { return f.Look(ctx, out) }

// Schedule returns f.Every.
func (f Func) Schedule() Schedule { return f.Every }
