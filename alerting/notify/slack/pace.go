package slack

import (
	"context"
	"fmt"
	"sync"
	"time"

	"xunjian/alerting/notify/channel"
)

// The limits of Slack: a channel takes one message a second, and connections
// for Socket Mode are opened a few times a minute.
const (
	postBurst, postEvery = 1, 1100 * time.Millisecond
	openBurst, openEvery = 4, 15 * time.Second
)

// pace is a bucket of tokens, one for each request, which fills by itself.
type pace struct {
	mu     sync.Mutex
	size   int
	every  time.Duration
	full   time.Time // when the bucket will be full
	closed time.Time // until when nothing goes out
}

func newPace(size int, every time.Duration) *pace { return &pace{size: size, every: every} }

// wait takes a token. Where that would take longer than ctx lasts, it says
// when to come back instead.
func (p *pace) wait(ctx context.Context) error {
	p.mu.Lock()
	now := time.Now()
	if p.full.Before(now) {
		p.full = now
	}
	d := max(p.full.Add(p.every).Sub(now)-time.Duration(p.size)*p.every, p.closed.Sub(now))
	if deadline, ok := ctx.Deadline(); ok && d > deadline.Sub(now) {
		p.mu.Unlock()
		return &channel.RetryAfter{After: d, Err: fmt.Errorf("others go first, or Slack wants to be left alone, for %s", d.Round(time.Second))}
	}
	p.full = p.full.Add(p.every)
	p.mu.Unlock()
	return pause(ctx, d)
}

// hold lets nothing out for a while.
func (p *pace) hold(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(p.closed) {
		p.closed = until
	}
}

// pause waits for d, or until ctx is over.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// locks lets one at a time at each incident.
type locks struct {
	mu   sync.Mutex
	held map[string]*lock
}

type lock struct {
	free    chan struct{}
	waiting int
}

// take waits for the incident; the function that it returns gives it back.
func (l *locks) take(ctx context.Context, incident string) (func(), error) {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[string]*lock{}
	}
	k := l.held[incident]
	if k == nil {
		k = &lock{free: make(chan struct{}, 1)}
		l.held[incident] = k
	}
	k.waiting++
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if k.waiting--; k.waiting == 0 {
			delete(l.held, incident)
		}
	}
	select {
	case k.free <- struct{}{}:
		return func() { <-k.free; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
