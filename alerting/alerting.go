// Package alerting is the Desk: signals and people's commands come in, a
// decision is made, what follows is committed in one transaction, and the
// outbox is woken. Its subfolders hold the parts: the plan and the roster as
// data, the incident's pure core, the store, the outbox.
package alerting

import (
	"context"
	"errors"
	"time"

	"xunjian/alerting/incident"
)

// Signal is what the Desk hears of one alert: from the local rules, or from
// elsewhere.
type Signal struct {
	// Key identifies the alert: rule and label set; stable over restarts.
	Key    string
	Status Status
	Rule   string
	Labels map[string]string
	// Annotations are the texts for people: summary, summary_zh, …
	Annotations map[string]string
	Value       float64
	// Basis and Sources are the rule engine's own; the Desk keeps them for it.
	Basis, Sources []string
	// Since is the first failing measurement; At the moment of the signal.
	Since, At time.Time
	// Via is the way in: "rules", "alertmanager", …
	Via string
}

// Status of a signal.
type Status string

// The statuses. Ended means measured and good; Lost that nobody knows.
const (
	Firing Status = "firing"
	Ended  Status = "ended"
	Lost   Status = "lost"
)

// AlertRecord is one alert's life as kept in the store, whether or not it
// opened an incident.
type AlertRecord struct {
	Key         string            `json:"key"`
	Rule        string            `json:"rule"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Status      Status            `json:"status"`
	Value       float64           `json:"value"`
	Basis       []string          `json:"basis,omitempty"`
	Sources     []string          `json:"sources,omitempty"`
	Since       time.Time         `json:"since"`
	FiredAt     time.Time         `json:"fired_at"`
	ChangedAt   time.Time         `json:"changed_at"`
	EndedAt     time.Time         `json:"ended_at,omitzero"`
	// Incident is the incident it belongs to, empty for a warning.
	Incident string `json:"incident,omitempty"`
}

// KindReport is the kind of a notice that brings an inspection report; its
// incident is then the round.
const KindReport = "report"

// KindHandover is the kind of a notice that one person is on call now in place
// of another; its incident is then the name of the hand-over.
const KindHandover = "handover"

// Beside reports whether a notice is about no incident.
func (n Notice) Beside() bool { return n.Kind == KindReport || n.Kind == KindHandover }

// Notice is one message to one recipient on one channel. It lives in the
// outbox until it is delivered.
type Notice struct {
	// Key is stable: the receiver can drop a second delivery by it.
	Key       string    `json:"key"`
	Incident  string    `json:"incident"`
	Version   int       `json:"version"` // of the incident's event it tells of
	Kind      string    `json:"kind"`    // kind of that event
	Channel   string    `json:"channel"`
	Recipient string    `json:"recipient"`
	Lang      string    `json:"lang"`
	Created   time.Time `json:"created"`
	NotBefore time.Time `json:"not_before"`
	// Urgent notices, of levels I and II, go before all others and are never
	// part of a digest.
	Urgent    bool      `json:"urgent,omitempty"`
	Attempts  int       `json:"attempts"`
	LastError string    `json:"last_error,omitempty"`
	Delivered time.Time `json:"delivered,omitzero"`
}

// Blob is evidence kept beside the events.
type Blob struct {
	ID     string
	SHA256 string // hex, of Body
	Body   []byte // JSON
}

// Unit is what one decision commits, whole or not at all.
type Unit struct {
	// Events in order; Incident, Version, At, Actor and Data are set by the
	// Desk, Seq, Prev and Hash by the Store.
	Events []incident.Event
	// Incidents are the folds after Events, kept for listing and counting.
	Incidents []incident.Incident
	Notices   []Notice
	Alerts    []AlertRecord
	Blobs     []Blob
}

// Store keeps what must not be lost. Commit returns only when the unit is on
// the disk.
type Store interface {
	// Commit writes u and returns its events sealed. ErrConflict when an
	// (incident, version) of u exists already; nothing is then written.
	Commit(ctx context.Context, u Unit) ([]incident.Event, error)
	// Events returns an incident's timeline; ErrNotFound if there is none.
	Events(ctx context.Context, id string) ([]incident.Event, error)
	// Active returns the folds of all incidents that have not ended, and of
	// those that ended at or after since.
	Active(ctx context.Context, since time.Time) ([]incident.Incident, error)
	// Find returns incidents newest first.
	Find(ctx context.Context, q Query) ([]incident.Incident, error)
	// Blob returns kept evidence; ErrNotFound if there is none.
	Blob(ctx context.Context, id string) (Blob, error)
	// CurrentAlerts returns the alerts that are firing or lost.
	CurrentAlerts(ctx context.Context) ([]AlertRecord, error)
	// AlertLog returns alerts that changed within [from, to), newest first.
	AlertLog(ctx context.Context, from, to time.Time, limit int) ([]AlertRecord, error)
	// LastID returns the greatest incident id with a prefix, empty if none.
	LastID(ctx context.Context, prefix string) (string, error)
	// Verify walks the whole chain: hashes, versions without a gap, blobs
	// against their hashes, and folds against the listed incidents.
	Verify(ctx context.Context) (VerifyReport, error)
}

// Query selects incidents. Zero fields do not restrict.
type Query struct {
	States []incident.State
	Code   string
	Text   string // part of id, title or key
	From   time.Time
	To     time.Time // exclusive, by OpenedAt
	Limit  int       // 0 means 100, at most 1000
	Offset int
}

// VerifyReport says what Verify found.
type VerifyReport struct {
	Events    int64  `json:"events"`
	Incidents int    `json:"incidents"`
	Blobs     int    `json:"blobs"`
	Head      string `json:"head"` // hash of the newest event
	// Faults are what does not hold, empty if the chain is whole.
	Faults []string `json:"faults,omitempty"`
}

// The errors that callers tell apart.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("changed by somebody else meanwhile")
)
