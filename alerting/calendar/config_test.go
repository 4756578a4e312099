package calendar

import (
	"strings"
	"testing"
	"time"

	"xunjian/alerting/yamlfile"
)

func TestDefaultIsValid(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
	c := Default()
	if c.Opening.Lead != 2*time.Hour || c.Deadline.Lead != time.Hour || c.Opening.Inspect != time.Hour {
		t.Errorf("defaults: %+v", c)
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Paths = []string{"a", " "} }, "paths[1]: is empty; name a file or a folder"},
		{func(c *Config) { c.Paths = []string{"a", "a"} }, `paths[1]: "a" stands twice in this list`},
		{func(c *Config) { c.Systems = []string{"a b"} }, `systems[0]: "a b" is not a name of a system`},
		{func(c *Config) { c.Systems = []string{"a", "a"} }, `systems[1]: "a" stands twice in this list`},
		{func(c *Config) { c.Systems = make([]string, 65) }, "systems: has 65 systems; at most 64 are read"},
		{func(c *Config) { c.Categories["开会"] = "meeting" }, `categories.开会: unknown kind "meeting"; allowed: opening, evaluation, deadline`},
		{func(c *Config) { c.Categories["开会"] = "" }, "categories.开会: is missing; allowed: opening"},
		{func(c *Config) { c.Categories[" "] = Opening }, "the name of the category is empty"},
		{func(c *Config) { c.Categories["Opening"] = Opening }, `is the same category as "Opening"`},
		{func(c *Config) { c.Categories["系统:开标"] = Opening }, "a category that begins like this names a system"},
		{func(c *Config) { c.Unmarked = "openning" }, `unmarked: unknown kind "openning"; did you mean opening?`},
		{func(c *Config) { c.Ahead = time.Hour }, "ahead: 1h0m0s is out of range, 7d to 1098d"},
		{func(c *Config) { c.Opening.Lead = -time.Second }, "opening.lead: -1s is out of range, 0 to 7d"},
		{func(c *Config) { c.Evaluation.Tail = 8 * 24 * time.Hour }, "evaluation.tail: 192h0m0s is out of range, 0 to 7d"},
		{func(c *Config) { c.Deadline.Inspect = -1 }, "deadline.inspect: -1ns is out of range, 0 to 7d"},
		{func(c *Config) { c.Deadline.Length = 9000 * time.Hour }, "deadline.length: 9000h0m0s is out of range, 0 to 366d"},
	} {
		c := Default()
		tt.change(&c)
		err := c.Validate()
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got  %v\nwant %s", err, tt.want)
		}
	}
}

// TestConfigIsReadStrictly: as a part of the agent's configuration.
func TestConfigIsReadStrictly(t *testing.T) {
	whole := struct {
		Calendar Config `yaml:"calendar"`
	}{Default()}
	const file = `calendar:
  paths: [/etc/xunjian/calendar]
  systems: [招标平台]
  categories: {投标截止: deadline, Bid Opening: opening}
  opening: {lead: 3h}
  deadline: {tail: 1d, inspekt: 1h}
`
	err := yamlfile.Decode("agent.yaml", []byte(file), &whole, func() error { return yamlfile.Under("calendar", whole.Calendar.Validate()) })
	if err == nil || !strings.HasPrefix(err.Error(), "agent.yaml:6:24: calendar.deadline.inspekt: unknown key; did you mean inspect?") || strings.Count(err.Error(), "agent.yaml:") != 1 {
		t.Errorf("got %v", err)
	}
	c := whole.Calendar
	if c.Opening.Lead != 3*time.Hour || c.Opening.Tail != 30*time.Minute || len(c.Categories) != 2 {
		t.Errorf("read: %+v", c)
	}
}
