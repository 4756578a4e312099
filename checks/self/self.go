// Package self is the agent watching itself, as ordinary checks: its own
// metrics, the room for its data, its memory, its clock, and the runs that
// hang. What is told of each check (duration, verdict, findings) is not here:
// it derives from results, by checks.Describe.
package self

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"xunjian/checks"
)

// Config of the agent's checks of itself. Start from Default.
type Config struct {
	// MinFreeBytes and MinFreeInodes are what should be free where the data
	// lies; below it asks for attention, below a quarter of it is abnormal. 0
	// turns it off.
	MinFreeBytes  int64 `yaml:"min_free_bytes"`
	MinFreeInodes int64 `yaml:"min_free_inodes"`
	// MaxMemoryBytes is how much resident memory the agent may use: over four
	// fifths of it ask for attention, over 95 % is abnormal. The limit of the
	// agent's control group holds if it is lower. 0: that one only.
	MaxMemoryBytes int64 `yaml:"max_memory_bytes"`
	// ClockStep is how far the wall clock may move against the running time
	// from one look to the next, 15 s later; 100 ms to 1 h. A step stays a
	// finding for ClockWindow.
	ClockStep   time.Duration `yaml:"clock_step"`
	ClockWindow time.Duration `yaml:"clock_window"`
	// MaxStuck is how many runs may hang before it asks for attention.
	MaxStuck int `yaml:"max_stuck"`
}

// Default returns the Config that suits a server.
func Default() Config {
	return Config{
		MinFreeBytes: 512 << 20, MinFreeInodes: 10_000, MaxMemoryBytes: 256 << 20,
		ClockStep: 2 * time.Second, ClockWindow: 10 * time.Minute, MaxStuck: 3,
	}
}

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error {
	var errs []error
	for _, n := range []struct {
		key   string
		value int64
	}{
		{"min_free_bytes", c.MinFreeBytes}, {"min_free_inodes", c.MinFreeInodes},
		{"max_memory_bytes", c.MaxMemoryBytes}, {"max_stuck", int64(c.MaxStuck)},
	} {
		if n.value < 0 {
			errs = append(errs, fmt.Errorf("%s: %d is negative", n.key, n.value))
		}
	}
	if c.ClockStep < 100*time.Millisecond || c.ClockStep > time.Hour {
		errs = append(errs, fmt.Errorf("clock_step: %v is out of range, 100ms to 1h", c.ClockStep))
	}
	if c.ClockWindow < 0 {
		errs = append(errs, fmt.Errorf("clock_window: %v is negative", c.ClockWindow))
	}
	return errors.Join(errs...)
}

// Parts are what the checks look at.
type Parts struct {
	// DataDir is the agent's data folder.
	DataDir string
	// Metrics are the agent's own: NewRegistry and what else there is.
	Metrics prometheus.Gatherer
	// Runner tells what the Runner does.
	Runner func() checks.RunnerStats
	// Conflicts tells how many samples do not fit on the page of metrics; nil
	// leaves it out.
	Conflicts func() int
	// Notices tells how telling people does; nil: nothing is known.
	Notices func(context.Context) (Notices, error)
}

func (p Parts) notices() func(context.Context) (Notices, error) {
	if p.Notices == nil {
		return func(context.Context) (Notices, error) { return Notices{}, nil }
	}
	return p.Notices
}

// slow is the rhythm of what changes slowly.
const slow = time.Minute

// Checks returns all checks of the agent itself. It panics if cfg is not valid:
// call Config.Validate before.
func Checks(cfg Config, p Parts) []checks.Check {
	if err := cfg.Validate(); err != nil {
		panic("self: " + err.Error())
	}
	return []checks.Check{
		newMetrics(p.Metrics),
		newData(cfg, p.DataDir),
		checks.Func{ID: "self_memory", Look: memory{limit: float64(cfg.MaxMemoryBytes), used: resident, group: groupLimit}.look},
		newClock(cfg, time.Now),
		newRuns(cfg.MaxStuck, p),
		&notices{p.notices()},
	}
}
