package archive

import (
	"context"
	"time"
)

// pace slows a reader down to a rate, so that a night's verification does not
// take the disk from the database beside it.
type pace struct{ begun time.Time }

// wait sleeps until reading n bytes since the begin is not faster than rate, or
// ctx ends.
func (p *pace) wait(ctx context.Context, n, rate int64) {
	if rate <= 0 {
		return
	}
	if p.begun.IsZero() {
		p.begun = time.Now()
	}
	due := time.Duration(float64(n) / float64(rate) * float64(time.Second))
	ahead := due - time.Since(p.begun)
	if ahead < 5*time.Millisecond {
		return
	}
	timer := time.NewTimer(ahead)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
