// Package robots sends notices to the group robots of DingTalk, WeCom and
// Feishu (Lark).
package robots

import (
	"errors"
	"fmt"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
)

// Config is one robot of one group.
type Config struct {
	channel.GroupConfig `yaml:",inline"`
	// Kind is dingtalk, wecom or feishu (Lark too).
	Kind string `yaml:"kind"`
	// URLFile holds the robot's webhook address, whose token is a secret.
	URLFile string `yaml:"url_file"`
	// SecretFile holds the key of its signature; empty: it has none. WeCom knows
	// no signature.
	SecretFile string `yaml:"secret_file"`
	// NoMention leaves people unmentioned.
	NoMention bool `yaml:"no_mention"`
}

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string { return []*string{&c.URLFile, &c.SecretFile} }

// Secrets are the files with a secret in them, by key.
func (c Config) Secrets() map[string]string {
	return map[string]string{"url_file": c.URLFile, "secret_file": c.SecretFile}
}

// Validate returns every mistake, joined, each beginning with the key.
func (c Config) Validate() error {
	errs := []error{c.GroupConfig.Validate()}
	if platforms[c.Kind] == nil {
		errs = append(errs, fmt.Errorf("kind: unknown value %q; allowed: dingtalk, wecom, feishu", c.Kind))
	}
	if c.URLFile == "" {
		errs = append(errs, errors.New("url_file: is missing; name the file that holds the robot's webhook address"))
	} else if address, err := secret.Read(c.URLFile); err != nil {
		errs = append(errs, fmt.Errorf("url_file: %w", err))
	} else if err := post.Address(address); err != nil {
		errs = append(errs, fmt.Errorf("url_file: what %s holds %w", c.URLFile, err))
	}
	if c.SecretFile == "" {
		return errors.Join(errs...)
	}
	if c.Kind == WeCom {
		errs = append(errs, errors.New("secret_file: robots of wecom know no signature; leave it out"))
	} else if _, err := secret.Read(c.SecretFile); err != nil {
		errs = append(errs, fmt.Errorf("secret_file: %w", err))
	}
	return errors.Join(errs...)
}
