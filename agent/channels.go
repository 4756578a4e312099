package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"xunjian/agent/config"
	"xunjian/agent/outlets"
	"xunjian/alerting/notify"
	"xunjian/alerting/notify/dingstream"
	"xunjian/alerting/notify/feishustream"
	"xunjian/alerting/notify/heartbeat"
	"xunjian/alerting/notify/mail"
	"xunjian/alerting/notify/policy"
	"xunjian/alerting/notify/robots"
	"xunjian/alerting/notify/webhook"
)

// lines builds what a configuration asks for. Nothing runs yet: a new channel
// is one package and its lines here.
func (a *Agent) lines(cfg *config.Config) (outlets.Lines, error) {
	// Under systemd the journal reads priorities; on a terminal they are noise.
	out := outlets.Lines{
		Ways:   []notify.Channel{notify.NewJournal(os.Stderr, os.Getenv("JOURNAL_STREAM") != "")},
		Policy: policy.New(cfg.Notify.Config, cfg.Location(), cfg.Workdays().Working),
	}
	n := cfg.Notify
	if n.Mail.Server != "" {
		c, err := mail.New(n.Mail)
		if err != nil {
			return outlets.Lines{}, err
		}
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
	for _, one := range n.DingTalkStreams {
		s, err := dingstream.New(one, a.answers, a.log)
		if err != nil {
			return outlets.Lines{}, err
		}
		out.Runs = append(out.Runs, outlets.Running{Name: s.Name(), Run: s.Run})
	}
	for _, one := range n.FeishuStreams {
		s, err := feishustream.New(one, a.answers, a.log)
		if err != nil {
			return outlets.Lines{}, err
		}
		out.Runs = append(out.Runs, outlets.Running{Name: s.Name(), Run: s.Run})
	}
	for _, one := range n.Heartbeats {
		h, err := heartbeat.New(one, a.works, a.log)
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
