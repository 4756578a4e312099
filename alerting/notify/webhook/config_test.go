package webhook_test

import (
	"strings"
	"testing"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/webhook"
)

func TestConfig(t *testing.T) {
	whole := webhook.Config{GroupConfig: channel.GroupConfig{Name: "ops"}, URL: "https://hook.example.org/xunjian", Format: webhook.Alertmanager, SecretFile: write(t, key)}
	for _, c := range []struct {
		change func(*webhook.Config)
		want   string // of the only mistake; empty: none
	}{
		{func(*webhook.Config) {}, ""},
		{func(c *webhook.Config) { c.Format, c.SecretFile = "", "" }, ""},
		{func(c *webhook.Config) { c.URL, c.URLFile = "", write(t, "https://hook.example.org/secret") }, ""},
		{func(c *webhook.Config) { c.URL = "http://[::1]:9/hook" }, ""},
		{func(c *webhook.Config) { c.URL = "http://hook.example.org" }, `url: "http://hook.example.org" would be sent in the clear; allowed: https, and http to this machine itself`},
		{func(c *webhook.Config) { c.URL = "https://a:b@hook.example.org" }, "url: "},
		{func(c *webhook.Config) { c.URL = "https://hook.example.org/#x" }, "url: "},
		{func(c *webhook.Config) { c.URL = "ftp://hook.example.org" }, "url: "},
		{func(c *webhook.Config) { c.URL = "" }, "url: give either url or url_file"},
		{func(c *webhook.Config) { c.URLFile = "/x" }, "url: give either url or url_file"},
		{func(c *webhook.Config) { c.URL, c.URLFile = "", "/nonexistent" }, "url_file: cannot read /nonexistent"},
		{func(c *webhook.Config) { c.URL, c.URLFile = "", write(t, "hook") }, "url_file: what "},
		{func(c *webhook.Config) { c.Name = "Ops" }, "name: "},
		{func(c *webhook.Config) { c.Format = "json" }, `format: unknown value "json"; allowed: cloudevents, alertmanager`},
		{func(c *webhook.Config) { c.SecretFile = "/nonexistent" }, "secret_file: cannot read /nonexistent"},
		{func(c *webhook.Config) { c.CAFile = write(t, "x") }, "ca_file: "},
	} {
		cfg := whole
		c.change(&cfg)
		err := cfg.Validate()
		switch {
		case err == nil && c.want == "":
		case err == nil || c.want == "" || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n"):
			t.Errorf("%+v: %v, want %s…", cfg, err, c.want)
		}
	}
}
