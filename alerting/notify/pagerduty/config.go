// Package pagerduty tells of incidents by the Events API v2 of PagerDuty, which
// other services speak too.
package pagerduty

import (
	"errors"
	"fmt"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
)

// Config is one service that events are sent to.
type Config struct {
	channel.GroupConfig `yaml:",inline"`
	// URL takes the events; empty: PagerDuty's own in the USA. Its European one
	// is https://events.eu.pagerduty.com/v2/enqueue.
	URL string `yaml:"url"`
	// RoutingKeyFile holds the integration key, 32 letters and digits at
	// PagerDuty; other services may have others.
	RoutingKeyFile string `yaml:"routing_key_file"`
	// CAFile holds the certificates (PEM) that the receiver's is checked
	// against; empty: those of this machine.
	CAFile string `yaml:"ca_file"`
}

const defaultURL = "https://events.pagerduty.com/v2/enqueue"

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string { return []*string{&c.RoutingKeyFile, &c.CAFile} }

// Secrets are the files with a secret in them, by key.
func (c Config) Secrets() map[string]string {
	return map[string]string{"routing_key_file": c.RoutingKeyFile}
}

// Validate returns every mistake, joined, each beginning with the key.
func (c Config) Validate() error {
	errs := []error{c.GroupConfig.Validate()}
	if c.URL != "" {
		if err := post.Address(c.URL); err != nil {
			errs = append(errs, fmt.Errorf("url: %q %w", c.URL, err))
		}
	}
	if c.RoutingKeyFile == "" {
		errs = append(errs, errors.New("routing_key_file: is missing; name the file that holds the integration key"))
	} else if _, err := secret.Read(c.RoutingKeyFile); err != nil {
		errs = append(errs, fmt.Errorf("routing_key_file: %w", err))
	}
	if _, err := post.Roots(c.CAFile); err != nil {
		errs = append(errs, fmt.Errorf("ca_file: %w", err))
	}
	return errors.Join(errs...)
}

func (c Config) address() string {
	if c.URL == "" {
		return defaultURL
	}
	return c.URL
}
