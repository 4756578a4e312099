// Package amsink keeps incidents as alerts in a real Alertmanager, by its API
// v2.
package amsink

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
)

// Config is one Alertmanager, or the members of one cluster.
type Config struct {
	channel.GroupConfig `yaml:",inline"`
	// Addresses are those of the members, like https://am1.example.org:9093, with
	// the path prefix where there is one. Each is told, as Prometheus does it.
	Addresses []string `yaml:"addresses"`
	// Username and PasswordFile are for basic authentication; TokenFile holds a
	// bearer token instead.
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
	TokenFile    string `yaml:"token_file"`
	// CAFile holds the certificates (PEM) that those of the members are checked
	// against; empty: those of this machine.
	CAFile string `yaml:"ca_file"`
	// Resend is how often the alerts of open incidents are sent again, 1s to 4m;
	// 0 means 1m. It has to be well below the Alertmanager's resolve_timeout.
	Resend time.Duration `yaml:"resend"`
}

// The bounds of Resend.
const (
	defaultResend  = time.Minute
	shortestResend = time.Second
	longestResend  = 4 * time.Minute
)

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string { return []*string{&c.PasswordFile, &c.TokenFile, &c.CAFile} }

// Secrets are the files with a secret in them, by key.
func (c Config) Secrets() map[string]string {
	return map[string]string{"password_file": c.PasswordFile, "token_file": c.TokenFile}
}

// Validate returns every mistake, joined, each beginning with the key.
func (c Config) Validate() error {
	errs := []error{c.GroupConfig.Validate()}
	if len(c.Addresses) == 0 {
		errs = append(errs, errors.New("addresses: is empty; give at least one, like https://am1.example.org:9093"))
	}
	for i, a := range c.Addresses {
		u, err := url.Parse(a)
		switch wrong := post.Address(a); {
		case wrong != nil:
			errs = append(errs, fmt.Errorf("addresses[%d]: %q %w", i, a, wrong))
		case err == nil && u.RawQuery != "":
			errs = append(errs, fmt.Errorf("addresses[%d]: %q has a query; allowed: an address with at most a path", i, a))
		case slices.Contains(c.Addresses[:i], a):
			errs = append(errs, fmt.Errorf("addresses[%d]: %q stands twice in this list", i, a))
		}
	}
	switch {
	case c.TokenFile != "" && (c.Username != "" || c.PasswordFile != ""):
		errs = append(errs, errors.New("token_file: stands beside username or password_file; give either the token or both of these"))
	case (c.Username == "") != (c.PasswordFile == ""):
		errs = append(errs, errors.New("username: give both username and password_file, or neither"))
	case strings.ContainsFunc(c.Username, func(r rune) bool { return r == ':' || unicode.IsControl(r) }):
		errs = append(errs, fmt.Errorf("username: %q has a colon or a control character, which basic authentication cannot carry", c.Username))
	}
	for _, f := range []struct{ key, path string }{{"password_file", c.PasswordFile}, {"token_file", c.TokenFile}} {
		if f.path == "" {
			continue
		}
		if _, err := secret.Read(f.path); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.key, err))
		}
	}
	if _, err := post.Roots(c.CAFile); err != nil {
		errs = append(errs, fmt.Errorf("ca_file: %w", err))
	}
	if c.Resend != 0 && (c.Resend < shortestResend || c.Resend > longestResend) {
		errs = append(errs, fmt.Errorf("resend: %s is out of range; allowed: 1s to 4m", c.Resend))
	}
	return errors.Join(errs...)
}

func (c Config) resend() time.Duration {
	if c.Resend == 0 {
		return defaultResend
	}
	return c.Resend
}
