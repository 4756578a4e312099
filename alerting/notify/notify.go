// Package notify empties the outbox: each notice is delivered on its channel,
// at least once and under a stable key, in order for each recipient and
// incident, and tried again for days. Notices may be late, never silently
// gone.
package notify

import (
	"context"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
)

// Outbox is what the Worker needs of the store.
type Outbox interface {
	Due(ctx context.Context, now time.Time, skip []string, limit int) ([]alerting.Notice, error)
	Delivered(ctx context.Context, key string, at time.Time) error
	Failed(ctx context.Context, key, why string, next time.Time) error
	Dead(ctx context.Context, key, why string, at time.Time) error
	Events(ctx context.Context, id string) ([]incident.Event, error)
}

// Channel is one way to reach people. Deliver returns nil only when the
// message has arrived where it is to go; a *Permanent error when trying again
// cannot help; a *RetryAfter when the other side said when. It must honour
// ctx, and may be called again with the same Key.
type Channel interface {
	Name() string
	Deliver(ctx context.Context, m Message) error
}

// Message is a notice in words.
type Message struct {
	// Key is the same at every attempt.
	Key       string
	Recipient string
	// To names the recipient with a way to reach them; empty for the machine's
	// own journal.
	To       string
	Lang     string
	Kind     string
	Subject  string
	Text     string
	Incident incident.Incident
}

// Permanent is a failure that no further attempt can mend.
type Permanent struct{ Err error }

func (e *Permanent) Error() string { return "permanent: " + e.Err.Error() }
func (e *Permanent) Unwrap() error { return e.Err }

// RetryAfter is a failure with the other side's word on when to come back.
type RetryAfter struct {
	After time.Duration
	Err   error
}

func (e *RetryAfter) Error() string { return e.Err.Error() }
func (e *RetryAfter) Unwrap() error { return e.Err }
