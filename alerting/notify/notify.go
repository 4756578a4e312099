// Package notify empties the outbox: each notice is delivered on its channel,
// at least once and under a stable key, in order for each recipient and
// incident, and tried again for days. Notices may be late, never silently
// gone.
package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
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

// Options are what a Worker is made of.
type Options struct {
	Outbox   Outbox
	Channels []Channel
	Words    *Words
	Logger   *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Worker delivers what is due, each channel at its own pace.
type Worker struct {
	opt    Options
	wake   chan struct{}
	byName map[string]Channel

	mu     sync.Mutex
	counts map[string]Counts
	busy   map[string]bool // channels with a round under way
}

// Counts are a channel's figures since the start.
type Counts struct{ Delivered, Failed, Dead uint64 }

// The rhythm of retries and deliveries.
const (
	deliverWithin = 30 * time.Second
	pollEvery     = 30 * time.Second
	firstRetry    = 5 * time.Second
	longestRetry  = 30 * time.Minute
	// givenUpAfter is how long a notice is tried.
	givenUpAfter = 7 * 24 * time.Hour
	perRound     = 256
)

// NewWorker returns a Worker; Run makes it work.
func NewWorker(opt Options) *Worker {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Worker{
		opt: opt, wake: make(chan struct{}, 1),
		byName: map[string]Channel{}, counts: map[string]Counts{}, busy: map[string]bool{},
	}
	for _, c := range opt.Channels {
		w.byName[c.Name()] = c
	}
	return w
}

// Wake tells the Worker that there may be something due.
func (w *Worker) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Counts returns the figures of every channel.
func (w *Worker) Counts() map[string]Counts {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]Counts{}
	for name := range w.byName {
		out[name] = w.counts[name]
	}
	return out
}

// Run delivers until ctx is done. A delivery under way is given its end.
func (w *Worker) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		err := w.round(ctx, &wg)
		if err != nil && ctx.Err() == nil {
			w.opt.Logger.Error("read the outbox", "err", err)
		}
		t := time.NewTimer(pollEvery)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-w.wake:
			t.Stop()
		case <-t.C:
		}
	}
}

// round starts one goroutine for each idle channel that has something due.
// Channels do not wait for each other.
func (w *Worker) round(ctx context.Context, wg *sync.WaitGroup) error {
	due, err := w.opt.Outbox.Due(ctx, w.opt.Now(), w.busyChannels(), perRound)
	if err != nil {
		return err
	}
	byChannel := map[string][]alerting.Notice{}
	for _, n := range due {
		byChannel[n.Channel] = append(byChannel[n.Channel], n)
	}
	for name, notices := range byChannel {
		if !w.begin(name) {
			continue
		}
		wg.Go(func() {
			defer w.end(name)
			for _, n := range notices {
				if ctx.Err() != nil {
					return
				}
				w.deliver(ctx, n)
			}
		})
	}
	return nil
}

// busyChannels are those with a round under way: their queue must not hide
// what others could send.
func (w *Worker) busyChannels() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for name, busy := range w.busy {
		if busy {
			out = append(out, name)
		}
	}
	return out
}

func (w *Worker) begin(channel string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy[channel] {
		return false
	}
	w.busy[channel] = true
	return true
}

// end makes the channel free and looks again: while it was busy more may have
// become due.
func (w *Worker) end(channel string) {
	w.mu.Lock()
	w.busy[channel] = false
	w.mu.Unlock()
	w.Wake()
}

// deliver makes one attempt and records how it went.
func (w *Worker) deliver(ctx context.Context, n alerting.Notice) {
	err := w.attempt(ctx, n)
	if ctx.Err() != nil && err != nil {
		return // stopping: the attempt does not count
	}
	now := w.opt.Now()
	// What happened must be recorded even while stopping, or it happens twice.
	rctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	var permanent *Permanent
	switch {
	case err == nil:
		w.count(n.Channel, func(c *Counts) { c.Delivered++ })
		err = w.opt.Outbox.Delivered(rctx, n.Key, now)
	case errors.As(err, &permanent), now.Sub(n.Created) > givenUpAfter:
		w.opt.Logger.Error("notice given up", "key", n.Key, "channel", n.Channel, "recipient", n.Recipient, "err", err)
		w.count(n.Channel, func(c *Counts) { c.Dead++ })
		err = w.opt.Outbox.Dead(rctx, n.Key, err.Error(), now)
	default:
		w.opt.Logger.Warn("notice not delivered, it is tried again", "key", n.Key, "channel", n.Channel, "attempt", n.Attempts+1, "err", err)
		w.count(n.Channel, func(c *Counts) { c.Failed++ })
		err = w.opt.Outbox.Failed(rctx, n.Key, err.Error(), now.Add(retryIn(n.Attempts, err)))
	}
	if err != nil {
		w.opt.Logger.Error("record a delivery", "key", n.Key, "err", err)
	}
}

func (w *Worker) attempt(ctx context.Context, n alerting.Notice) (err error) {
	channel := w.byName[n.Channel]
	if channel == nil {
		return fmt.Errorf("channel %q is not configured", n.Channel)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("channel %s broke: %v", n.Channel, r)
		}
	}()
	events, err := w.opt.Outbox.Events(ctx, n.Incident)
	if err != nil {
		return err
	}
	m, err := w.opt.Words.Message(n, events)
	if err != nil {
		return &Permanent{err}
	}
	dctx, cancel := context.WithTimeout(ctx, deliverWithin)
	defer cancel()
	return channel.Deliver(dctx, m)
}

func (w *Worker) count(channel string, f func(*Counts)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.counts[channel]
	f(&c)
	w.counts[channel] = c
}

// retryIn doubles the wait with each attempt, up to half an hour, and spreads
// it by a quarter either way so that channels which failed together do not
// come back together.
func retryIn(attempts int, err error) time.Duration {
	var after *RetryAfter
	if errors.As(err, &after) && after.After > 0 {
		return min(after.After, givenUpAfter)
	}
	wait := min(longestRetry, firstRetry<<min(attempts, 16))
	return wait*3/4 + rand.N(wait/2)
}
