// Package access reads the records of web servers as they are written: how
// they answer and how fast, who asks most for what, and who attacks. Attacks
// are told by the OWASP Core Rule Set behind a cheap look that hardly any
// ordinary request gets past.
package access

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
)

// Config says how access records are read. Start from Default.
type Config struct {
	// Formats are those that this machine's servers write beside the usual
	// ones, by name: nginx's log_format, Apache's LogFormat, Tomcat's pattern.
	Formats map[string]string `yaml:"formats"`
	// Login is a regular expression of the paths to which people post their
	// passwords.
	Login string `yaml:"login"`
	// Rate is how many requests a second the rules for attacks look at, beside
	// those whose like they have seen; 1 to 10,000. What is over it is counted.
	Rate int `yaml:"rate"`
	// Learn is how long pages are learned before a new one that takes a POST
	// is told; 0 to 90 d.
	Learn time.Duration `yaml:"learn"`
	// Top is how many clients and paths are told, 0 to 50.
	Top int `yaml:"top"`
}

// Default returns the Config that suits a platform.
func Default() Config {
	return Config{
		Login: `(?i)(log_?-?in|sign_?-?in|logon|j_security_check|authenticate|passport|/token$)`,
		Rate:  200, Learn: 7 * 24 * time.Hour, Top: 10,
	}
}

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, name := range slices.Sorted(maps.Keys(c.Formats)) {
		if _, err := ParseFormat(name, c.Formats[name]); err != nil {
			add("formats.%s: %w", name, err)
		}
	}
	if _, err := regexp.Compile(c.Login); err != nil {
		add("login: %q is no regular expression: %w", c.Login, err)
	}
	if c.Rate < 1 || c.Rate > 10_000 {
		add("rate: %d is out of range, 1 to 10000", c.Rate)
	}
	if c.Learn < 0 || c.Learn > 90*24*time.Hour {
		add("learn: %v is out of range, 0 to 2160h", c.Learn)
	}
	if c.Top < 0 || c.Top > 50 {
		add("top: %d is out of range, 0 to 50", c.Top)
	}
	return errors.Join(errs...)
}

func (c Config) formats() []*Format {
	var out []*Format
	for _, name := range slices.Sorted(maps.Keys(c.Formats)) {
		if f, err := ParseFormat(name, c.Formats[name]); err == nil {
			out = append(out, f)
		}
	}
	return out
}
