package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/mail"
	"xunjian/alerting/notify/robots"
	"xunjian/alerting/notify/secret"
	"xunjian/alerting/notify/webhook"
)

// Notify says how people are reached beside the journal, which is always
// written.
type Notify struct {
	// Mail goes to each person on the roster who has an address.
	Mail mail.Config `yaml:"mail"`
	// Robots speak to groups of DingTalk, WeCom and Feishu.
	Robots []robots.Config `yaml:"robots"`
	// Webhooks post to programs.
	Webhooks []webhook.Config `yaml:"webhooks"`
}

func defaultNotify() Notify { return Notify{Mail: mail.Default()} }

// part is the configuration of one channel, whatever its kind.
type part interface {
	Validate() error
	Paths() []*string
	Secrets() map[string]string
}

// parts are the channels by the path of their section.
func (n *Notify) parts() map[string]part {
	out := map[string]part{"mail": &n.Mail}
	for i := range n.Robots {
		out[fmt.Sprintf("robots[%d]", i)] = &n.Robots[i]
	}
	for i := range n.Webhooks {
		out[fmt.Sprintf("webhooks[%d]", i)] = &n.Webhooks[i]
	}
	return out
}

// groups are those among them that are told what goes to a role.
func (n *Notify) groups() map[string]channel.GroupConfig {
	out := map[string]channel.GroupConfig{}
	for i, c := range n.Robots {
		out[fmt.Sprintf("robots[%d]", i)] = c.GroupConfig
	}
	for i, c := range n.Webhooks {
		out[fmt.Sprintf("webhooks[%d]", i)] = c.GroupConfig
	}
	return out
}

// paths are the fields that hold paths.
func (n *Notify) paths() []*string {
	var out []*string
	for _, p := range n.parts() {
		out = append(out, p.Paths()...)
	}
	return out
}

// validateNotify checks the channels, and the roles of groups by the plan.
func (c *Config) validateNotify(m *mistakes) {
	parts := c.Notify.parts()
	for _, path := range slices.Sorted(maps.Keys(parts)) {
		m.join("notify."+path, parts[path].Validate())
	}
	m.join("notify", c.Notify.twice())
	groups := c.Notify.groups()
	if len(groups) == 0 {
		return
	}
	p, err := c.LoadPlan()
	if err != nil {
		return // told already
	}
	for _, path := range slices.Sorted(maps.Keys(groups)) {
		m.join("notify."+path, groups[path].ValidateRoles(p.Assignable()))
	}
}

// twice are the names that two channels of a kind have.
func (n Notify) twice() error {
	var errs []error
	for i, c := range n.Robots {
		if slices.ContainsFunc(n.Robots[:i], func(b robots.Config) bool { return b.Name == c.Name }) {
			errs = append(errs, fmt.Errorf("robots[%d].name: %q stands twice; each robot needs its own", i, c.Name))
		}
	}
	for i, c := range n.Webhooks {
		if slices.ContainsFunc(n.Webhooks[:i], func(b webhook.Config) bool { return b.Name == c.Name }) {
			errs = append(errs, fmt.Errorf("webhooks[%d].name: %q stands twice; each webhook needs its own", i, c.Name))
		}
	}
	return errors.Join(errs...)
}

// Warnings are what is no mistake and should be mended all the same, each
// beginning with the key.
func (c *Config) Warnings() []string {
	var out []string
	parts := c.Notify.parts()
	for _, path := range slices.Sorted(maps.Keys(parts)) {
		files := parts[path].Secrets()
		for _, key := range slices.Sorted(maps.Keys(files)) {
			if files[key] == "" {
				continue
			}
			if said := secret.Exposed(files[key]); said != "" {
				out = append(out, "notify."+path+"."+key+": "+said)
			}
		}
	}
	return out
}
