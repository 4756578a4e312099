// Package novelty notices log lines such as have never been before, without a
// pattern written for them: lines are reduced to templates (after Drain, of He
// et al.), and a template that is new, or suddenly frequent against its own
// history, is a finding of its own with the lines behind it.
package novelty

import (
	"errors"
	"fmt"
	"time"
)

// Config says what counts as new. Start from Default.
type Config struct {
	// Off turns it off.
	Off bool `yaml:"off"`
	// Learn is how long the lines of a source are learned before anything of
	// it is told; 1 h to 90 d.
	Learn time.Duration `yaml:"learn"`
	// Forget is how long a template is away until it counts as new again; 1 d
	// to 1 y.
	Forget time.Duration `yaml:"forget"`
	// Show is how long a novelty stays a finding; 10 min to 7 d.
	Show time.Duration `yaml:"show"`
	// Templates bounds how many are known of each source; 100 to 20,000.
	Templates int `yaml:"templates"`
}

const day = 24 * time.Hour

// Default returns the Config that suits a server.
func Default() Config {
	return Config{Learn: 7 * day, Forget: 28 * day, Show: day, Templates: 2000}
}

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error {
	var errs []error
	within := func(key string, d, low, high time.Duration, said string) {
		if d < low || d > high {
			errs = append(errs, fmt.Errorf("%s: %v is out of range, %s", key, d, said))
		}
	}
	within("learn", c.Learn, time.Hour, 90*day, "1h to 2160h")
	within("forget", c.Forget, day, 366*day, "24h to 8784h")
	within("show", c.Show, 10*time.Minute, 7*day, "10m to 168h")
	if c.Templates < 100 || c.Templates > 20_000 {
		errs = append(errs, fmt.Errorf("templates: %d is out of range, 100 to 20000", c.Templates))
	}
	return errors.Join(errs...)
}
