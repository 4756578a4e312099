package robots

import (
	"context"
	"fmt"
	"sync"
	"time"

	"xunjian/alerting/notify/channel"
)

// A robot may say 20 things a minute, Feishu's also no more than 5 a second;
// one too many shuts it up for minutes. These say at most 5 at once and 5 and
// 60/4.2, so 19, in any minute.
const (
	burst  = 5
	refill = 4200 * time.Millisecond
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
	if d := p.closed.Sub(now); d > 0 {
		p.mu.Unlock()
		return &channel.RetryAfter{After: d, Err: fmt.Errorf("told too much, it is left alone for %s", d.Round(time.Second))}
	}
	if p.full.Before(now) {
		p.full = now
	}
	d := p.full.Add(p.every).Sub(now) - time.Duration(p.size)*p.every
	if deadline, ok := ctx.Deadline(); ok && d > deadline.Sub(now) {
		p.mu.Unlock()
		return &channel.RetryAfter{After: d, Err: fmt.Errorf("others go first for %s", d.Round(time.Second))}
	}
	p.full = p.full.Add(p.every)
	p.mu.Unlock()
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

// pause lets nothing out for a while.
func (p *pace) pause(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(p.closed) {
		p.closed = until
	}
}
