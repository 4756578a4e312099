package self

import (
	"context"
	"time"

	"xunjian/checks"
)

var (
	descJumps = checks.NewDesc("xunjian_clock_jumps_total", checks.Counter,
		"How often the wall clock moved against the running time since the start.")
	descJump = checks.NewDesc("xunjian_clock_last_jump_seconds", checks.Gauge,
		"How far the wall clock moved the last time; negative: backwards; 0 if it did not.")
)

// clock watches the wall clock against the running time. Deadlines of the plan
// are wall clock time, and what is stored carries it.
type clock struct {
	step, window time.Duration
	wall         func() time.Time

	begun time.Time // carries the running time
	ahead time.Duration
	jumps int
	jump  time.Duration // the last one
	at    time.Time     // of the last jump, by the running time
}

func newClock(cfg Config, wall func() time.Time) *clock {
	return &clock{step: cfg.ClockStep, window: cfg.ClockWindow, wall: wall}
}

// Name is that of a single check.
func (c *clock) Name() string { return "self_clock" }

// Run compares the clocks.
func (c *clock) Run(_ context.Context, out *checks.Output) error {
	now, wall := time.Now(), c.wall().Round(0)
	if c.begun.IsZero() {
		c.begun = now
		c.ahead = wall.Sub(now.Round(0))
	}
	// What the wall clock says less what has passed since the first look.
	ahead := wall.Sub(c.begun.Round(0)) - now.Sub(c.begun)
	if moved := ahead - c.ahead; moved.Abs() >= c.step {
		c.jumps, c.jump, c.at = c.jumps+1, moved, now
	}
	c.ahead = ahead
	out.Set(descJumps, float64(c.jumps))
	out.Set(descJump, c.jump.Seconds())
	if ago := now.Sub(c.at); c.jumps > 0 && ago < c.window {
		code := "self.clock_forward"
		if c.jump < 0 {
			code = "self.clock_back"
		}
		out.Find(checks.Finding{Code: code, Verdict: checks.Attention, Args: map[string]any{"by": c.jump.Abs().Seconds(), "ago": ago.Seconds()}})
	}
	return nil
}
