package alerting

import "context"

// Tick lets the clock act once, as Run does.
func (d *Desk) Tick(ctx context.Context) error { return d.tick(ctx) }

// Held is how many incidents the Desk has in memory.
func (d *Desk) Held() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.active)
}
