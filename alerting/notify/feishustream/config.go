// Package feishustream lets people answer from Feishu or Lark: it hears what
// they write to an app's bot over a WebSocket, and answers there.
package feishustream

import (
	"errors"
	"fmt"
	"strings"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
)

// Where the platforms stand on the Internet.
const (
	FeishuAPI = "https://open.feishu.cn"
	LarkAPI   = "https://open.larksuite.com"
)

// Config is one app with a bot.
type Config struct {
	// Name tells it from the others of its kind.
	Name string `yaml:"name"`
	// AppID is the app's, like cli_….
	AppID string `yaml:"app_id"`
	// SecretFile holds the app's secret.
	SecretFile string `yaml:"secret_file"`
	// People are the roster's IDs by open_id, like ou_…, which is another one in
	// each app.
	People channel.People `yaml:"people"`
	// API is LarkAPI, or the address of a Feishu of one's own; empty: FeishuAPI.
	API string `yaml:"api"`
	// CAFile holds the certificates (PEM) that the platform's are checked
	// against; empty: those of this machine.
	CAFile string `yaml:"ca_file"`
}

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string { return []*string{&c.SecretFile, &c.CAFile} }

// Secrets are the files with a secret in them, by key.
func (c Config) Secrets() map[string]string { return map[string]string{"secret_file": c.SecretFile} }

// Validate returns every mistake, joined, each beginning with the key.
func (c Config) Validate() error {
	errs := []error{channel.GroupConfig{Name: c.Name}.Validate(), c.People.Validate()}
	if c.AppID == "" {
		errs = append(errs, errors.New("app_id: is missing; it stands in the developer console under the app's credentials, like cli_…"))
	}
	if c.SecretFile == "" {
		errs = append(errs, errors.New("secret_file: is missing; name the file that holds the app's secret"))
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
		return FeishuAPI
	}
	return strings.TrimRight(c.API, "/")
}
