package archive

import (
	"errors"
	"fmt"
	"time"
)

// Config says how much is kept and how safely. Start from Default.
type Config struct {
	// Keep is how long lines are kept: 4320h (180 days, the least that 等保 2.0
	// allows) to 87600h (ten years).
	Keep time.Duration `yaml:"keep"`
	// BudgetBytes is how much room the kept lines may take, compressed; at least
	// 64 MiB. When they would take more, the oldest are deleted; if that is
	// before 180 days, it is told as abnormal.
	BudgetBytes int64 `yaml:"budget_bytes"`
	// MinFreeBytes is left free on the disk: below it no line is written, and
	// what does not fit into memory is counted as dropped.
	MinFreeBytes int64 `yaml:"min_free_bytes"`
	// Sync is how soon a line is on the disk: 100ms to 1m. A line that came
	// within that time before a crash may be lost.
	Sync time.Duration `yaml:"sync"`
}

// Bounds of Config.
const (
	MinKeep   = 180 * 24 * time.Hour
	maxKeep   = 3650 * 24 * time.Hour
	minBudget = 64 << 20
	minSync   = 100 * time.Millisecond
	maxSync   = time.Minute
)

// Default returns the Config that suits a server.
func Default() Config {
	return Config{Keep: MinKeep, BudgetBytes: 20 << 30, MinFreeBytes: 1 << 30, Sync: time.Second}
}

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch {
	case c.Keep < MinKeep:
		add("keep: %v is too short; audit records are kept for at least 180 days (4320h)", c.Keep)
	case c.Keep > maxKeep:
		add("keep: %v is too long; allowed: 4320h to 87600h", c.Keep)
	}
	if c.BudgetBytes < minBudget {
		add("budget_bytes: %d is too little; at least %d (64 MiB)", c.BudgetBytes, minBudget)
	}
	if c.MinFreeBytes < 0 {
		add("min_free_bytes: %d is negative", c.MinFreeBytes)
	}
	if c.Sync < minSync || c.Sync > maxSync {
		add("sync: %v is out of range; allowed: 100ms to 1m", c.Sync)
	}
	return errors.Join(errs...)
}
