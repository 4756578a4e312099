package slack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/slack"
)

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		change func(*slack.Config)
		want   string // of the only mistake; empty: none
	}{
		{func(*slack.Config) {}, ""},
		{func(c *slack.Config) { c.AppTokenFile, c.SigningSecretFile, c.People, c.APIURL = "", "", nil, "" }, ""},
		{func(c *slack.Config) { c.Channel = "G0123456789" }, ""},
		{func(c *slack.Config) { c.Name = "值班" }, "name: "},
		{func(c *slack.Config) { c.Lang = "zh" }, "lang: "},
		{func(c *slack.Config) { c.Channel = "#duty" }, `channel: "#duty" is not the ID of a channel`},
		{func(c *slack.Config) { c.Channel = "" }, "channel: "},
		{func(c *slack.Config) { c.TokenFile = "" }, "token_file: is missing"},
		{func(c *slack.Config) { c.TokenFile = "/nonexistent" }, "token_file: cannot read /nonexistent"},
		{func(c *slack.Config) { c.TokenFile, c.AppTokenFile = c.AppTokenFile, "" }, "token_file: what "},
		{func(c *slack.Config) { c.AppTokenFile = c.TokenFile }, "app_token_file: what "},
		{func(c *slack.Config) { c.AppTokenFile = write(t, "") }, "app_token_file: "},
		{func(c *slack.Config) { c.SigningSecretFile = "/nonexistent" }, "signing_secret_file: cannot read /nonexistent"},
		{func(c *slack.Config) { c.People = map[string]string{"@wang": "wang"} }, "people.@wang: is not the ID of a Slack user"},
		{func(c *slack.Config) { c.People = map[string]string{"U0000000001": "王"} }, `people.U0000000001: "王" is not an id of the roster`},
		{func(c *slack.Config) { c.APIURL = "slack.com" }, `api_url: "slack.com" `},
		{func(c *slack.Config) { c.APIURL = "http://slack.com/api/" }, "api_url: "},
		{func(c *slack.Config) { c.APIURL = "https://slack.com/api?x=" }, "api_url: "},
	} {
		cfg := config(t, "https://slack.com/api/")
		c.change(&cfg)
		err := cfg.Validate()
		switch {
		case err == nil && c.want == "":
		case err == nil || c.want == "" || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), botToken) || strings.Contains(err.Error(), appToken):
			t.Errorf("%+v: %v, want %s…", cfg, err, c.want)
		}
	}
	cfg := config(t, "")
	if err := cfg.ValidatePeople([]string{"wang", "smith"}); err == nil || err.Error() != `people.U0000000003: nobody on the roster has the id "gone"` {
		t.Error(err)
	}
	if n, m := len(cfg.Paths()), len(cfg.Secrets()); n != 3 || m != 3 {
		t.Errorf("%d paths, %d secrets", n, m)
	}
}

func TestYAML(t *testing.T) {
	var got slack.Config
	if err := yaml.Unmarshal([]byte(`
name: duty
roles: [leader]
lang: en
channel: C0123456789
token_file: a
app_token_file: b
signing_secret_file: c
people: {U0123456789: wang}
api_url: https://slack.example.org/api/
`), &got); err != nil {
		t.Fatal(err)
	}
	want := slack.Config{
		GroupConfig: channel.GroupConfig{Name: "duty", Roles: []string{"leader"}, Lang: "en"}, Channel: "C0123456789", TokenFile: "a", AppTokenFile: "b",
		SigningSecretFile: "c", People: map[string]string{"U0123456789": "wang"}, APIURL: "https://slack.example.org/api/",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%+v", got)
	}
}
