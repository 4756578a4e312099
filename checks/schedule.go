package checks

import (
	"errors"
	"fmt"
	"time"
)

// Schedule is the rhythm of a check. Zero fields take the defaults.
type Schedule struct {
	// Interval between the starts of two runs; 1 s to 24 h.
	Interval time.Duration `yaml:"interval"`
	// Timeout after which a run counts as hung; shorter than Interval. The
	// default is two thirds of Interval, at most DefaultTimeout.
	Timeout time.Duration `yaml:"timeout"`
	// SeriesLimit caps the samples of one run; more are dropped and counted.
	SeriesLimit int `yaml:"series_limit"`
}

// Defaults of a Schedule.
const (
	DefaultInterval    = 15 * time.Second
	DefaultTimeout     = 10 * time.Second
	DefaultSeriesLimit = 2000
)

const (
	minInterval    = time.Second
	maxInterval    = 24 * time.Hour
	minTimeout     = 100 * time.Millisecond
	maxSeriesLimit = 1_000_000
)

// Validate returns every mistake in s, joined, each beginning with the key.
func (s Schedule) Validate() error {
	var errs []error
	if s.Interval != 0 && (s.Interval < minInterval || s.Interval > maxInterval) {
		errs = append(errs, fmt.Errorf("interval: %v is out of range, %v to %v", s.Interval, minInterval, maxInterval))
	}
	if s.Timeout != 0 && s.Timeout < minTimeout {
		errs = append(errs, fmt.Errorf("timeout: %v is too short, at least %v", s.Timeout, minTimeout))
	}
	if s.Interval != 0 && s.Timeout >= s.Interval {
		errs = append(errs, fmt.Errorf("timeout: %v is not shorter than the interval of %v", s.Timeout, s.Interval))
	}
	if s.SeriesLimit < 0 || s.SeriesLimit > maxSeriesLimit {
		errs = append(errs, fmt.Errorf("series_limit: %d is out of range, 1 to %d; 0 takes the default", s.SeriesLimit, maxSeriesLimit))
	}
	return errors.Join(errs...)
}

// scheduleOf returns the whole rhythm of c: what override says, else what c
// wants, else the defaults. A timeout that does not fit into the interval is
// shortened, so that an override of the interval alone is enough.
func scheduleOf(c Check, override Schedule) Schedule {
	s := override
	if wish, ok := c.(Scheduled); ok {
		w := wish.Schedule()
		s.Interval = orElse(s.Interval, w.Interval)
		s.Timeout = orElse(s.Timeout, w.Timeout)
		s.SeriesLimit = orElse(s.SeriesLimit, w.SeriesLimit)
	}
	s.Interval = max(orElse(s.Interval, DefaultInterval), minInterval)
	s.SeriesLimit = orElse(s.SeriesLimit, DefaultSeriesLimit)
	fits := s.Interval * 2 / 3
	if s.Timeout <= 0 {
		s.Timeout = min(DefaultTimeout, fits)
	}
	if s.Timeout >= s.Interval {
		s.Timeout = fits
	}
	return s
}

func orElse[T int | time.Duration](v, other T) T {
	if v != 0 {
		return v
	}
	return other
}

// patience is how long before the timeout the context of a run ends, so that
// a check that honours it can still say what it saw.
func (s Schedule) patience() time.Duration {
	return s.Timeout - min(s.Timeout/10, 250*time.Millisecond)
}
