package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"xunjian/alerting/notify/amsink"
	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/dingstream"
	"xunjian/alerting/notify/feishustream"
	"xunjian/alerting/notify/gateway"
	"xunjian/alerting/notify/heartbeat"
	"xunjian/alerting/notify/mail"
	"xunjian/alerting/notify/pagerduty"
	"xunjian/alerting/notify/policy"
	"xunjian/alerting/notify/robots"
	"xunjian/alerting/notify/secret"
	"xunjian/alerting/notify/slack"
	"xunjian/alerting/notify/webhook"
	"xunjian/alerting/plan"
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
	// Gateways send short texts and voice calls to telephones.
	Gateways []gateway.Config `yaml:"gateways"`
	// PagerDuty are services that speak its Events API v2, Alertmanagers keep
	// incidents as alerts.
	PagerDuty     []pagerduty.Config `yaml:"pagerduty"`
	Alertmanagers []amsink.Config    `yaml:"alertmanagers"`
	// Slack are channels of Slack.
	Slack []slack.Config `yaml:"slack"`
	// DingTalkStreams and FeishuStreams hear what people answer in a chat.
	DingTalkStreams []dingstream.Config   `yaml:"dingtalk_streams"`
	FeishuStreams   []feishustream.Config `yaml:"feishu_streams"`
	// Heartbeats tell others that the agent lives.
	Heartbeats []heartbeat.Config `yaml:"heartbeats"`
	// Config says who hears what beside what the plan says.
	policy.Config `yaml:",inline"`
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
	for i := range n.Gateways {
		out[fmt.Sprintf("gateways[%d]", i)] = &n.Gateways[i]
	}
	for i := range n.PagerDuty {
		out[fmt.Sprintf("pagerduty[%d]", i)] = &n.PagerDuty[i]
	}
	for i := range n.Alertmanagers {
		out[fmt.Sprintf("alertmanagers[%d]", i)] = &n.Alertmanagers[i]
	}
	for i := range n.Slack {
		out[fmt.Sprintf("slack[%d]", i)] = &n.Slack[i]
	}
	for i := range n.DingTalkStreams {
		out[fmt.Sprintf("dingtalk_streams[%d]", i)] = &n.DingTalkStreams[i]
	}
	for i := range n.FeishuStreams {
		out[fmt.Sprintf("feishu_streams[%d]", i)] = &n.FeishuStreams[i]
	}
	for i := range n.Heartbeats {
		out[fmt.Sprintf("heartbeats[%d]", i)] = &n.Heartbeats[i]
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
	for i, c := range n.PagerDuty {
		out[fmt.Sprintf("pagerduty[%d]", i)] = c.GroupConfig
	}
	for i, c := range n.Alertmanagers {
		out[fmt.Sprintf("alertmanagers[%d]", i)] = c.GroupConfig
	}
	for i, c := range n.Slack {
		out[fmt.Sprintf("slack[%d]", i)] = c.GroupConfig
	}
	return out
}

// known are the tables that say who of the roster somebody is elsewhere.
func (n *Notify) known() map[string]channel.People {
	out := map[string]channel.People{}
	for i, c := range n.DingTalkStreams {
		out[fmt.Sprintf("dingtalk_streams[%d]", i)] = c.People
	}
	for i, c := range n.FeishuStreams {
		out[fmt.Sprintf("feishu_streams[%d]", i)] = c.People
	}
	for i, c := range n.Slack {
		out[fmt.Sprintf("slack[%d]", i)] = c.People
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
	groups, known := c.Notify.groups(), c.Notify.known()
	if len(groups)+len(known)+len(c.Notify.Rules)+len(c.Notify.Windows) == 0 {
		return
	}
	p, err := c.LoadPlan()
	if err != nil {
		return // told already
	}
	c.validatePolicy(m, p)
	if r, err := c.LoadRoster(p); err == nil {
		for _, path := range slices.Sorted(maps.Keys(known)) {
			m.join("notify."+path, known[path].ValidateKnown(r.People))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(groups)) {
		m.join("notify."+path, groups[path].ValidateRoles(p.Assignable()))
	}
}

// validatePolicy checks the policies by the plan, the roster and the channels.
func (c *Config) validatePolicy(m *mistakes, p *plan.Plan) {
	known := policy.Known{Roles: p.RoleIDs(), Codes: p.Codes(), Scenarios: p.ScenarioIDs(), Channels: c.Notify.ChannelNames()}
	r, err := c.LoadRoster(p)
	if err != nil {
		return // told already
	}
	for _, person := range r.People {
		known.People = append(known.People, person.ID)
	}
	m.join("notify", c.Notify.Config.Validate(known))
}

// ChannelNames are the names by which policies and people call the channels.
func (n *Notify) ChannelNames() []string {
	out := []string{"journal"}
	if n.Mail.Server != "" {
		out = append(out, "mail")
	}
	for _, c := range n.Robots {
		out = append(out, "robot/"+c.Name)
	}
	for _, c := range n.Webhooks {
		out = append(out, "webhook/"+c.Name)
	}
	for _, c := range n.Gateways {
		out = append(out, c.Kind+"/"+c.Name)
	}
	for _, c := range n.PagerDuty {
		out = append(out, "pagerduty/"+c.Name)
	}
	for _, c := range n.Alertmanagers {
		out = append(out, "alertmanager/"+c.Name)
	}
	for _, c := range n.Slack {
		out = append(out, "slack/"+c.Name)
	}
	return out
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
	for i, c := range n.Heartbeats {
		if slices.ContainsFunc(n.Heartbeats[:i], func(b heartbeat.Config) bool { return b.Name == c.Name }) {
			errs = append(errs, fmt.Errorf("heartbeats[%d].name: %q stands twice; each heartbeat needs its own", i, c.Name))
		}
		if c.Mail != "" && n.Mail.Server == "" {
			errs = append(errs, fmt.Errorf("heartbeats[%d].mail: there is no mail server; give notify.mail.server", i))
		}
	}
	return errors.Join(errs...)
}

// Warnings are what is no mistake and should be mended all the same, each
// beginning with the key.
func (c *Config) Warnings() []string {
	var out []string
	for key, file := range c.Inbound.Secrets() {
		if said := secret.Exposed(file); file != "" && said != "" {
			out = append(out, "inbound."+key+": "+said)
		}
	}
	slices.Sort(out)
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
