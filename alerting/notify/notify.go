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
	"xunjian/alerting/notify/channel"
)

// Outbox is what the Worker needs of the store.
type Outbox interface {
	Due(ctx context.Context, now time.Time, skip []string, limit int) ([]alerting.Notice, error)
	Delivered(ctx context.Context, key string, at time.Time) error
	Failed(ctx context.Context, key, why string, next time.Time) error
	Dead(ctx context.Context, key, why string, at time.Time) error
	// DeliveredAll and FailedAll record one outcome for several, all or none.
	DeliveredAll(ctx context.Context, keys []string, at time.Time) error
	FailedAll(ctx context.Context, keys []string, why string, next time.Time) error
	// Send queues more notices; of those that are there already it changes
	// nothing.
	Send(ctx context.Context, notices []alerting.Notice) error
	// Postpone holds what waits for a recipient and is not urgent.
	Postpone(ctx context.Context, channel, recipient string, until time.Time) error
	Events(ctx context.Context, id string) ([]incident.Event, error)
}

// The words between the worker and its channels stand in a package of their
// own, so that a channel leans on nothing else.
type (
	Channel    = channel.Channel
	Message    = channel.Message
	Fact       = channel.Fact
	File       = channel.File
	Permanent  = channel.Permanent
	RetryAfter = channel.RetryAfter
)
