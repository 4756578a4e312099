// Package webhook posts notices to programs: as CloudEvents, or as
// Alertmanager would.
package webhook

import (
	"errors"
	"fmt"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
)

// Config is one receiver.
type Config struct {
	channel.GroupConfig `yaml:",inline"`
	// URL is the receiver's address; URLFile holds it instead where a part of
	// it is a secret.
	URL     string `yaml:"url"`
	URLFile string `yaml:"url_file"`
	// Format is cloudevents (default) or alertmanager.
	Format string `yaml:"format"`
	// SecretFile holds the key of the signature; empty: requests carry none.
	SecretFile string `yaml:"secret_file"`
	// CAFile holds the certificates (PEM) that the receiver's is checked
	// against; empty: those of this machine.
	CAFile string `yaml:"ca_file"`
}

// The formats.
const (
	CloudEvents  = "cloudevents"
	Alertmanager = "alertmanager"
)

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string { return []*string{&c.URLFile, &c.SecretFile, &c.CAFile} }

// Secrets are the files with a secret in them, by key.
func (c Config) Secrets() map[string]string {
	return map[string]string{"url_file": c.URLFile, "secret_file": c.SecretFile}
}

// Validate returns every mistake, joined, each beginning with the key.
func (c Config) Validate() error {
	errs := []error{c.GroupConfig.Validate(), c.validateAddress()}
	switch c.Format {
	case "", CloudEvents, Alertmanager:
	default:
		errs = append(errs, fmt.Errorf("format: unknown value %q; allowed: cloudevents, alertmanager", c.Format))
	}
	if c.SecretFile != "" {
		if _, err := secret.Read(c.SecretFile); err != nil {
			errs = append(errs, fmt.Errorf("secret_file: %w", err))
		}
	}
	if _, err := post.Roots(c.CAFile); err != nil {
		errs = append(errs, fmt.Errorf("ca_file: %w", err))
	}
	return errors.Join(errs...)
}

func (c Config) validateAddress() error {
	switch {
	case (c.URL == "") == (c.URLFile == ""):
		return errors.New("url: give either url or url_file")
	case c.URL != "":
		if err := post.Address(c.URL); err != nil {
			return fmt.Errorf("url: %q %w", c.URL, err)
		}
		return nil
	}
	address, err := secret.Read(c.URLFile)
	if err != nil {
		return fmt.Errorf("url_file: %w", err)
	}
	if err := post.Address(address); err != nil {
		return fmt.Errorf("url_file: what %s holds %w", c.URLFile, err)
	}
	return nil
}

// address is the receiver's, as it is now.
func (c Config) address() (string, error) {
	if c.URLFile == "" {
		return c.URL, nil
	}
	return secret.Read(c.URLFile)
}
