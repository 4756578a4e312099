package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"xunjian/agent/config"
	"xunjian/agent/outlets"
	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/notify"
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
	"xunjian/alerting/notify/slack"
	"xunjian/alerting/notify/spoken"
	"xunjian/alerting/notify/webhook"
	"xunjian/alerting/store"
	"xunjian/checks/self"
)

// lines builds what a configuration asks for. Nothing runs yet: a new channel
// is one package and its lines here.
func (a *Agent) lines(cfg *config.Config) (outlets.Lines, error) {
	// Under systemd the journal reads priorities; on a terminal they are noise.
	out := outlets.Lines{
		Ways:   []notify.Channel{notify.NewJournal(os.Stderr, os.Getenv("JOURNAL_STREAM") != "")},
		Heard:  map[string]http.Handler{},
		Policy: policy.New(cfg.Notify.Config, cfg.Location(), cfg.Workdays().Working),
	}
	n := cfg.Notify
	var mailer channel.Channel
	if n.Mail.Server != "" {
		c, err := mail.New(n.Mail)
		if err != nil {
			return outlets.Lines{}, err
		}
		mailer = c
		out.Ways = append(out.Ways, c)
	}
	for _, one := range n.Robots {
		c, err := robots.New(one)
		if err != nil {
			return outlets.Lines{}, err
		}
		out.Ways = append(out.Ways, c)
	}
	for _, one := range n.Webhooks {
		c, err := webhook.New(one)
		if err != nil {
			return outlets.Lines{}, err
		}
		out.Ways = append(out.Ways, c)
	}
	for _, one := range n.Gateways {
		c, err := gateway.New(one)
		if err != nil {
			return outlets.Lines{}, err
		}
		out.Ways = append(out.Ways, c)
	}
	for _, one := range n.PagerDuty {
		c, err := pagerduty.New(one)
		if err != nil {
			return outlets.Lines{}, err
		}
		out.Ways = append(out.Ways, c)
	}
	for _, one := range n.Alertmanagers {
		c, err := amsink.New(one, a.openMessages, a.log)
		if err != nil {
			return outlets.Lines{}, err
		}
		out.Ways = append(out.Ways, c)
		out.Runs = append(out.Runs, outlets.Running{Name: c.Name(), Run: c.Run})
	}
	for _, one := range n.Slack {
		c, err := slack.New(one, slack.Options{Memory: memory{a.store}, Actions: a.answers, Logger: a.log})
		if err != nil {
			return outlets.Lines{}, err
		}
		out.Ways = append(out.Ways, c)
		out.Ends = append(out.Ends, c.Close)
		if one.AppTokenFile != "" {
			out.Runs = append(out.Runs, outlets.Running{Name: c.Name(), Run: c.Run})
		}
		if one.SigningSecretFile != "" {
			out.Heard[c.Name()] = c.Handler()
		}
	}
	for _, one := range n.DingTalkStreams {
		s, err := dingstream.New(one, spoken.NewClerk(dingstream.Via, one.People, a.answers), a.log)
		if err != nil {
			return outlets.Lines{}, err
		}
		out.Runs = append(out.Runs, outlets.Running{Name: s.Name(), Run: s.Run})
	}
	for _, one := range n.FeishuStreams {
		s, err := feishustream.New(one, spoken.NewClerk(feishustream.Via, one.People, a.answers), a.log)
		if err != nil {
			return outlets.Lines{}, err
		}
		out.Runs = append(out.Runs, outlets.Running{Name: s.Name(), Run: s.Run})
	}
	for _, one := range n.Heartbeats {
		h, err := heartbeat.New(one, heartbeat.Options{Works: a.works, Mailer: mailer, Host: cfg.Host, Logger: a.log})
		if err != nil {
			return outlets.Lines{}, err
		}
		out.Hearts = append(out.Hearts, h)
		out.Runs = append(out.Runs, outlets.Running{Name: "heartbeat/" + one.Name, Run: h.Run})
	}
	return out, nil
}

// works says what keeps the agent from its work; nil if nothing does. A beat
// from an agent that only sits there would be a lie.
func (a *Agent) works(ctx context.Context) error {
	if !a.alive(time.Now()) {
		return errors.New("checks have not come to a result for a while")
	}
	if err := a.store.Save(ctx, "heartbeat", []byte(time.Now().UTC().Format(time.RFC3339))); err != nil {
		return fmt.Errorf("the store cannot be written: %w", err)
	}
	return nil
}

// memory keeps what channels have to know after a restart among the store's
// small things.
type memory struct{ store *store.Store }

// Load returns what was saved under a name; nil if nothing was.
func (m memory) Load(ctx context.Context, name string) ([]byte, error) {
	all, err := m.store.LoadAll(ctx, name)
	return all[name], err
}

// Save keeps it.
func (m memory) Save(ctx context.Context, name string, body []byte) error {
	return m.store.Save(ctx, name, body)
}

// noticesState is how telling people does, for the check of it.
func (a *Agent) noticesState(ctx context.Context) (self.Notices, error) {
	_, dead, err := a.store.OutboxDepth(ctx)
	out := self.Notices{GivenUp: dead}
	for name, h := range a.outbox.Health() {
		c := self.Channel{Name: name, Error: h.Error, Journal: name == "journal"}
		if !h.FailingSince.IsZero() {
			c.Failing = max(time.Since(h.FailingSince), time.Millisecond)
		}
		out.Channels = append(out.Channels, c)
	}
	return out, err
}

// lastResort tells by what is left when nothing reaches people any more.
func (a *Agent) lastResort() *outlets.LastResort {
	return &outlets.LastResort{
		Failing: a.failing, Queue: a.store.Queue, File: outlets.UndeliveredFile(a.cfg.Load().Data), Wall: outlets.Wall(), Now: time.Now,
		Say: func(ctx context.Context, n alerting.Notice) (notify.Message, error) {
			events, err := a.store.Events(ctx, n.Incident)
			if err != nil {
				return notify.Message{}, err
			}
			return a.words.Message(n, events)
		},
		Log: func(what string, err error) { a.log.Error("last resort: "+what, "err", err) },
	}
}

// failing is since when each channel fails.
func (a *Agent) failing() map[string]time.Time {
	out := map[string]time.Time{}
	for name, h := range a.outbox.Health() {
		out[name] = h.FailingSince
	}
	return out
}

// openMessages are the incidents that have not ended, as they stand now.
func (a *Agent) openMessages(ctx context.Context) ([]channel.Message, error) {
	list, err := a.desk.Find(ctx, alerting.Query{States: []incident.State{incident.Open, incident.Acked}, Limit: 1000})
	if err != nil {
		return nil, err
	}
	var out []channel.Message
	for _, i := range list {
		s, err := a.answers.Stands(ctx, i.ID, "en")
		if err != nil {
			return nil, err
		}
		out = append(out, s.Message)
	}
	return out, nil
}
