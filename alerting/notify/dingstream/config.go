// Package dingstream lets people answer from DingTalk: it hears what they write
// to an app's robot over DingTalk's stream mode, and answers there.
package dingstream

import (
	"errors"
	"fmt"
	"strings"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
)

// PublicAPI is where DingTalk's API stands on the Internet.
const PublicAPI = "https://api.dingtalk.com"

// Config is one app with a robot.
type Config struct {
	// Name tells it from the others of its kind.
	Name string `yaml:"name"`
	// ClientID is the app's, formerly AppKey.
	ClientID string `yaml:"client_id"`
	// SecretFile holds the app's client secret, formerly AppSecret.
	SecretFile string `yaml:"secret_file"`
	// People are the roster's IDs by DingTalk's userid (senderStaffId).
	People channel.People `yaml:"people"`
	// API is the address of a DingTalk of one's own; empty: PublicAPI.
	API string `yaml:"api"`
	// CAFile holds the certificates (PEM) that DingTalk's are checked against;
	// empty: those of this machine.
	CAFile string `yaml:"ca_file"`
}

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string { return []*string{&c.SecretFile, &c.CAFile} }

// Secrets are the files with a secret in them, by key.
func (c Config) Secrets() map[string]string { return map[string]string{"secret_file": c.SecretFile} }

// Validate returns every mistake, joined, each beginning with the key.
func (c Config) Validate() error {
	errs := []error{channel.GroupConfig{Name: c.Name}.Validate(), c.People.Validate()}
	if c.ClientID == "" {
		errs = append(errs, errors.New("client_id: is missing; it stands in DingTalk's developer console under the app's credentials"))
	}
	if c.SecretFile == "" {
		errs = append(errs, errors.New("secret_file: is missing; name the file that holds the app's client secret"))
	} else if _, err := secret.Read(c.SecretFile); err != nil {
		errs = append(errs, fmt.Errorf("secret_file: %w", err))
	}
	if c.API != "" {
		if err := post.Address(c.API); err != nil {
			errs = append(errs, fmt.Errorf("api: %q %w", c.API, err))
		}
	}
	if _, err := post.Roots(c.CAFile); err != nil {
		errs = append(errs, fmt.Errorf("ca_file: %w", err))
	}
	return errors.Join(errs...)
}

// api is the address without a slash at its end.
func (c Config) api() string {
	if c.API == "" {
		return PublicAPI
	}
	return strings.TrimRight(c.API, "/")
}
