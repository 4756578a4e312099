package ping

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Bounds of how the pings of a look are spread.
const (
	stepMost   = 100 * time.Millisecond // between the starts of two targets
	gapMost    = 200 * time.Millisecond // between two packets to one
	gapLeast   = 20 * time.Millisecond
	atOnce     = 16                      // targets in flight, as far as gapLeast allows
	windowElse = 5 * time.Second         // where nothing says how long a look may take
	reserve    = 2700 * time.Millisecond // for the way of those that lose
)

// pace returns the time between the starts of two of n targets, so that all are
// done in time and never sent at once, and the time between two packets to one:
// less where there are many, since each socket that is open may hear the answers
// to all.
func pace(ctx context.Context, n, count int, wait time.Duration) (step, gap time.Duration) {
	window := windowElse
	if end, ok := ctx.Deadline(); ok {
		window = time.Until(end) - time.Duration(count-1)*gapMost - wait - reserve
	}
	step = max(0, min(window/time.Duration(n), stepMost))
	return step, min(max(atOnce*step/time.Duration(max(1, count-1)), gapLeast), gapMost)
}

// all pings the targets, each from its own moment on.
func (c *Check) all(ctx context.Context, targets []Target) []look {
	step, gap := pace(ctx, len(targets), c.cfg.Count, c.cfg.Wait)
	round := Round{Count: c.cfg.Count, Interval: gap, Wait: c.cfg.Wait, Size: c.cfg.Size}
	p := takePulse(c.cfg.Wait / 4)
	defer p.stop()
	looks := make([]look, len(targets))
	done := make(chan struct{}, len(targets))
	for i, t := range targets {
		looks[i].to = t
		go guarded(func() {
			select {
			case <-time.After(time.Duration(i) * step):
				begun := time.Now()
				looks[i].answer, looks[i].err = c.echo(ctx, t, round)
				if looks[i].err == nil && looks[i].answer.Loss() > 0 {
					looks[i].err = p.missed(begun)
				}
			case <-ctx.Done():
				looks[i].err = ctx.Err()
			}
		}, func(v any) { looks[i].err = fmt.Errorf("%v\n%s", v, debug.Stack()) }, done)
	}
	for range targets {
		<-done
	}
	return looks
}

// errBusy is what is made of a loss while this process did not get to run: what
// it did not send or read in time is not lost on the way.
var errBusy = errors.New("this machine was too busy to tell")

// pulse notices when the process is kept from running.
type pulse struct {
	limit time.Duration
	end   chan struct{}

	mu   sync.Mutex
	beat time.Time
	late time.Time // when it was last found to have been kept waiting
}

// takePulse notices waits of more than limit until it is stopped.
func takePulse(limit time.Duration) *pulse {
	p := &pulse{limit: limit, end: make(chan struct{}), beat: time.Now()}
	go func() {
		t := time.NewTicker(limit / 5)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				p.feel()
			case <-p.end:
				return
			}
		}
	}()
	return p
}

// feel notes whether it was felt in time.
func (p *pulse) feel() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.beat) > p.limit {
		p.late = now
	}
	p.beat = now
}

// missed returns errBusy if the process was kept waiting since then.
func (p *pulse) missed(since time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.late.After(since) || time.Since(p.beat) > p.limit {
		return errBusy
	}
	return nil
}

func (p *pulse) stop() { close(p.end) }
