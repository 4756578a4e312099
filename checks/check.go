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
)

// Check looks at one thing, once per Run.
//
// Run writes what it sees to out and returns nil, even if what it sees is bad:
// a bad sight is a finding. It returns an error only when it could not look;
// its samples are then dropped and the result is Unknown, or Abnormal if it had
// found that before, never OK. It returns ErrNotApplicable when this machine
// has nothing of the kind (no RAID, no systemd).
//
// Run must return soon after ctx is done, which is a little before its Timeout.
// If it does not (a statfs on a dead mount cannot be interrupted), the Runner
// abandons the goroutine, reports the check as Unknown and does not start it
// again before that Run has returned; so a Check is never run twice at the same
// time and needs no locks of its own for state it keeps between runs.
//
// A panic is caught in Run's own goroutine only: a check that starts others
// must recover in them.
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

// Identified is the extra ability of a check that can tell how it is
// configured. When a reload brings a check of the same name and Identity, the
// old one stays, with its state.
type Identified interface {
	Check
	// Identity changes whenever the check would look at something else or in
	// another way.
	Identity() string
}

// Witness is the extra ability of a check that can say more when an incident
// opens on what it measured: who blocks whom, which lines, which hop.
type Witness interface {
	Check
	// Evidence looks closer, within ctx; it may be called while Run runs. What
	// was found before an error counts too.
	Evidence(ctx context.Context) ([]Exhibit, error)
}

// Exhibit is one piece of evidence: a table, a text, or both.
type Exhibit struct {
	// Code names it; its text is the title, as for a finding.
	Code string         `json:"code"`
	Args map[string]any `json:"args,omitempty"`
	// Columns keep the field's own names (pid, query, state).
	Columns []string   `json:"columns,omitempty"`
	Rows    [][]string `json:"rows,omitempty"`
	Text    string     `json:"text,omitempty"`
}

// What an Exhibit may hold.
const (
	maxExhibitRows = 200
	maxExhibitText = 64 << 10
)

// Safe returns the exhibit bounded and without what could harm a reader, as
// Output does it for findings.
func (e Exhibit) Safe() Exhibit {
	e.Text = SafeText(e.Text, maxExhibitText)
	e.Rows = e.Rows[:min(len(e.Rows), maxExhibitRows)]
	rows := make([][]string, len(e.Rows))
	for i, row := range e.Rows {
		rows[i] = make([]string, len(row))
		for j, cell := range row {
			rows[i][j] = SafeText(cell, maxLabelValue)
		}
	}
	e.Rows = rows
	return e
}

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
