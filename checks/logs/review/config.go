package review

import (
	"errors"
	"fmt"
	"time"
)

// Config says what is looked for in logs. Start from Default.
type Config struct {
	// Patterns are files with patterns of the operator's own. One that is named
	// as one of ours takes its place.
	Patterns []string `yaml:"patterns"`
	// BruteForce says when failed logins from one address are an attack.
	BruteForce BruteForce `yaml:"brute_force"`
	// Hold is how long a finding stays after its last line: 1m to 24h.
	Hold time.Duration `yaml:"hold"`
	// LearnLogins is how long it is learned who logs in when and from where,
	// before what differs is told: 24h to 2160h; 0 never tells.
	LearnLogins time.Duration `yaml:"learn_logins"`
	// BackStep is how far the time that lines say may go back, 1s to 24h.
	BackStep time.Duration `yaml:"back_step"`
}

// BruteForce is a sliding window.
type BruteForce struct {
	// Failures within Window, from one address, are an attack: 3 to 1000 within
	// 10s to 24h.
	Failures int           `yaml:"failures"`
	Window   time.Duration `yaml:"window"`
	// ThenLogin is after how many failures within Window a login from the same
	// address means that a password was found: 1 to 1000.
	ThenLogin int `yaml:"then_login"`
}

// Default returns the Config with our own patterns.
func Default() Config {
	return Config{
		BruteForce: BruteForce{Failures: 10, Window: 10 * time.Minute, ThenLogin: 5}, Hold: time.Hour,
		LearnLogins: 14 * 24 * time.Hour, BackStep: 5 * time.Minute,
	}
}

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error {
	var errs []error
	span := func(key string, v, least, most time.Duration) {
		if v < least || v > most {
			errs = append(errs, fmt.Errorf("%s: %v is out of range; allowed: %v to %v", key, v, least, most))
		}
	}
	if n := c.BruteForce.Failures; n < 3 || n > 1000 {
		errs = append(errs, fmt.Errorf("brute_force.failures: %d is out of range; allowed: 3 to 1000", n))
	}
	span("brute_force.window", c.BruteForce.Window, 10*time.Second, 24*time.Hour)
	if n := c.BruteForce.ThenLogin; n < 1 || n > 1000 {
		errs = append(errs, fmt.Errorf("brute_force.then_login: %d is out of range; allowed: 1 to 1000", n))
	}
	span("hold", c.Hold, time.Minute, 24*time.Hour)
	if c.LearnLogins != 0 {
		span("learn_logins", c.LearnLogins, 24*time.Hour, 90*24*time.Hour)
	}
	span("back_step", c.BackStep, time.Second, 24*time.Hour)
	return errors.Join(errs...)
}

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string {
	var out []*string
	for n := range c.Patterns {
		out = append(out, &c.Patterns[n])
	}
	return out
}
