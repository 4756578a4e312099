package notify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/notify/channel"
)

// The rhythm of deliveries and retries.
const (
	deliverWithin = 30 * time.Second
	// grace is what a delivery gets after its time, or while stopping.
	grace        = 5 * time.Second
	firstRetry   = 5 * time.Second
	longestRetry = 30 * time.Minute
	// longestAfter bounds what the other side may ask for: an outage does not
	// wait for a day.
	longestAfter = time.Hour
	// A notice is given up after a week and this many attempts: a server that
	// was off for a week, or whose clock was wrong, has not tried yet.
	givenUpAfter = 7 * 24 * time.Hour
	leastTries   = 100
)

// deliver makes one attempt and records how it went. Where an earlier outcome
// is not recorded yet, only that is done: people do not hear twice because a
// disk is full. hung is set for a channel that does not come back, and closed
// when it does.
func (w *Worker) deliver(ctx context.Context, n alerting.Notice) (recorded bool, hung <-chan struct{}) {
	keep := w.outcome(n.Key)
	if keep == nil {
		var err error
		hung, err = w.attempt(ctx, n)
		if ctx.Err() != nil && err != nil {
			return true, hung // stopping: the attempt does not count
		}
		w.tried(n.Channel, err)
		if err != nil {
			w.fallBack(ctx, n, err)
		}
		keep = w.judge(n, err)
	}
	// What happened must be recorded even while stopping, or it happens twice.
	rctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := keep(rctx)
	if err != nil {
		w.opt.Logger.Error("record a delivery; it is done again later", "key", n.Key, "err", err)
	} else {
		keep = nil
	}
	w.remember(n.Key, keep)
	return err == nil, hung
}

func (w *Worker) outcome(key string) record {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.unrecorded[key]
}

func (w *Worker) remember(key string, r record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r == nil {
		delete(w.unrecorded, key)
		return
	}
	w.unrecorded[key] = r
}

// fallBackAfter is at which attempt others channels take over what one does not
// take: after about a minute and a half.
const fallBackAfter = 4

// fallBack queues a notice that does not get through on the other channels that
// lead to those whom it concerns. The channel goes on trying.
func (w *Worker) fallBack(ctx context.Context, n alerting.Notice, err error) {
	var permanent *Permanent
	if w.opt.Fallback == nil || n.Beside() || !errors.As(err, &permanent) && n.Attempts+1 != fallBackAfter {
		return
	}
	m, err := w.say(ctx, n)
	if err != nil {
		return
	}
	list := w.opt.Fallback(ctx, n, m)
	if len(list) == 0 {
		return
	}
	if err := w.opt.Outbox.Send(ctx, list); err != nil {
		w.opt.Logger.Error("queue a notice on other channels", "key", n.Key, "err", err)
		return
	}
	w.opt.Logger.Warn("a channel does not take a notice; it goes over others too", "key", n.Key, "channel", n.Channel, "others", len(list))
	w.Wake()
}

// judge says, counts and logs what an attempt comes to, and returns how to
// record it.
func (w *Worker) judge(n alerting.Notice, err error) record {
	now := w.opt.Now()
	var permanent *Permanent
	switch {
	case err == nil:
		w.count(n.Channel, func(c *Counts) { c.Delivered++ })
		return func(ctx context.Context) error { return w.opt.Outbox.Delivered(ctx, n.Key, now) }
	case errors.As(err, &permanent), now.Sub(n.Created) > givenUpAfter && n.Attempts >= leastTries:
		w.opt.Logger.Error("notice given up", "key", n.Key, "channel", n.Channel, "recipient", n.Recipient, "err", err)
		w.count(n.Channel, func(c *Counts) { c.Dead++ })
		return func(ctx context.Context) error { return w.opt.Outbox.Dead(ctx, n.Key, why(err), now) }
	}
	w.opt.Logger.Warn("notice not delivered, it is tried again", "key", n.Key, "channel", n.Channel, "attempt", n.Attempts+1, "err", err)
	w.count(n.Channel, func(c *Counts) { c.Failed++ })
	next := now.Add(retryIn(n.Attempts, err))
	return func(ctx context.Context) error { return w.opt.Outbox.Failed(ctx, n.Key, why(err), next) }
}

// why is an error as it is kept: the other side wrote it, at any length.
func why(err error) string { return channel.OneLine(err.Error()) }

// attempt puts a notice into words and sends it.
func (w *Worker) attempt(ctx context.Context, n alerting.Notice) (hung <-chan struct{}, err error) {
	channel := w.channel(n.Channel)
	if channel == nil {
		return nil, fmt.Errorf("channel %q is not configured", n.Channel)
	}
	m, err := w.say(ctx, n)
	if err != nil {
		return nil, err
	}
	return send(ctx, channel, m)
}

func (w *Worker) say(ctx context.Context, n alerting.Notice) (m Message, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("put notice %s into words: %v", n.Key, r)
		}
	}()
	if n.Beside() && w.opt.Report != nil {
		return w.opt.Report(ctx, n)
	}
	events, err := w.opt.Outbox.Events(ctx, n.Incident)
	if err != nil {
		return Message{}, err
	}
	if m, err = w.opt.Words.Message(n, events); err != nil {
		return Message{}, &Permanent{Err: err}
	}
	return m, nil
}

// send waits for a delivery no longer than it may take: a channel that does
// not honour its context costs one goroutine and holds up neither the record
// nor the end of the agent.
func send(ctx context.Context, c Channel, m Message) (hung <-chan struct{}, err error) {
	dctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deliverWithin)
	over := make(chan struct{})
	answer := fmt.Errorf("channel %s ended without an answer", c.Name())
	go func() {
		defer close(over)
		defer cancel()
		defer func() {
			if r := recover(); r != nil {
				answer = fmt.Errorf("channel %s broke: %v", c.Name(), r)
			}
		}()
		answer = c.Deliver(dctx, m)
	}()
	if !within(over, deliverWithin+grace, ctx.Done()) && ctx.Err() != nil && !within(over, grace, nil) {
		cancel()
		within(over, grace, nil)
	}
	select {
	case <-over:
		return nil, answer
	default:
		return over, fmt.Errorf("channel %s does not come back, though its time is over", c.Name())
	}
}

// within waits for over, at most d and until stop.
func within(over <-chan struct{}, d time.Duration, stop <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-over:
		return true
	case <-t.C:
	case <-stop:
	}
	return false
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
		return min(after.After, longestAfter)
	}
	wait := min(longestRetry, firstRetry<<min(attempts, 16))
	return wait*3/4 + rand.N(wait/2)
}
