package robots_test

import (
	"strings"
	"testing"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/robots"
)

func TestConfig(t *testing.T) {
	whole := robots.Config{
		GroupConfig: channel.GroupConfig{Name: "duty-group", Roles: []string{"leader"}, Lang: "en"}, Kind: robots.Feishu,
		URLFile: write(t, "https://open.feishu.cn/open-apis/bot/v2/hook/"+token), SecretFile: write(t, key),
	}
	for _, c := range []struct {
		change func(*robots.Config)
		want   string // of the only mistake; empty: none
	}{
		{func(*robots.Config) {}, ""},
		{func(c *robots.Config) { c.SecretFile, c.Lang, c.Roles = "", "", nil }, ""},
		{func(c *robots.Config) { c.Name = "" }, `name: "" is not a name`},
		{func(c *robots.Config) { c.Name = "值班群" }, "name: "},
		{func(c *robots.Config) { c.Lang = "zh" }, "lang: "},
		{func(c *robots.Config) { c.Kind = "slack" }, `kind: unknown value "slack"; allowed: dingtalk, wecom, feishu`},
		{func(c *robots.Config) { c.URLFile = "" }, "url_file: is missing"},
		{func(c *robots.Config) { c.URLFile = "/nonexistent" }, "url_file: cannot read /nonexistent"},
		{func(c *robots.Config) { c.URLFile = write(t, token) }, "url_file: what "},
		{func(c *robots.Config) { c.URLFile = write(t, "http://open.feishu.cn/"+token) }, "url_file: what "},
		{func(c *robots.Config) { c.Kind = robots.WeCom }, "secret_file: robots of wecom know no signature; leave it out"},
		{func(c *robots.Config) { c.SecretFile = write(t, "") }, "secret_file: "},
	} {
		cfg := whole
		c.change(&cfg)
		err := cfg.Validate()
		switch {
		case err == nil && c.want == "":
		case err == nil || c.want == "" || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), token):
			t.Errorf("%+v: %v, want %s…", cfg, err, c.want)
		}
	}
	if err := whole.ValidateRoles([]string{"tech-staff"}); err == nil || !strings.HasPrefix(err.Error(), `roles[0]: unknown role "leader"; allowed: tech-staff`) {
		t.Error(err)
	}
}
