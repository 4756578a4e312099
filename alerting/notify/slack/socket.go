package slack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/secret"
)

const (
	// maxEnvelope bounds what comes over a connection at once.
	maxEnvelope = 1 << 20
	// ackWithin bounds the wait for a connection to acknowledge on: Slack waits
	// no longer.
	ackWithin = 3 * time.Second
)

// Run takes what people ask for by Socket Mode until ctx is over, and then
// returns nil. It connects again for as long as that takes, and reads the
// tokens afresh each time. Without an app-level token or Actions it returns at
// once.
func (s *Slack) Run(ctx context.Context) error {
	if s.cfg.AppTokenFile == "" || s.actions == nil {
		return nil
	}
	wait := s.reconnect[0]
	for ctx.Err() == nil {
		greeted, err := s.connected(ctx)
		if ctx.Err() != nil {
			break
		}
		if greeted {
			wait = s.reconnect[0]
		}
		s.log.Warn("Slack's connection ended; it is opened again", "channel", s.Name(), "in", wait.String(), "err", err)
		if pause(ctx, wait) != nil {
			break
		}
		wait = min(2*wait, s.reconnect[1])
	}
	return nil
}

// connected takes requests until the library gives up, which it does when the
// tokens are refused. greeted says that Slack had said hello.
func (s *Slack) connected(ctx context.Context) (greeted bool, err error) {
	app, err := token(s.cfg.AppTokenFile, "xapp-")
	if err != nil {
		return false, fmt.Errorf("app_token_file: %w", err)
	}
	bot, err := token(s.cfg.TokenFile, "xoxb-")
	if err != nil {
		return false, fmt.Errorf("token_file: %w", err)
	}
	api := slack.New(bot, slack.OptionAppLevelToken(app), slack.OptionAPIURL(s.cfg.endpoint()), slack.OptionHTTPClient(s.doer))
	client := socketmode.New(api, socketmode.OptionReadLimit(maxEnvelope))
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan error, 1)
	go func() { over <- client.RunContext(ctx) }()
	defer cancel()
	for {
		select {
		case err := <-over:
			return greeted, s.judge("apps.connections.open", err, app, bot)
		case e := <-client.Events:
			if e.Type == socketmode.EventTypeHello {
				greeted = true
			}
			s.event(ctx, client, e, app, bot)
		}
	}
}

// event takes one event: what people ask for is acknowledged as soon as it is
// begun, and done in the background.
func (s *Slack) event(ctx context.Context, client *socketmode.Client, e socketmode.Event, secrets ...string) {
	var work func(ctx context.Context)
	switch data := e.Data.(type) {
	case slack.InteractionCallback:
		work = func(ctx context.Context) { s.interact(ctx, data) }
	case slack.SlashCommand:
		work = func(ctx context.Context) { s.command(ctx, data) }
	case *slack.ConnectionErrorEvent:
		s.log.Warn("Slack cannot be connected to", "channel", s.Name(), "attempt", data.Attempt, "in", data.Backoff.String(),
			"err", channel.OneLine(secret.Mask(fmt.Sprint(data.ErrorObj), secrets...)))
	case *socketmode.ErrorBadMessage:
		s.log.Warn("Slack sent what is not understood", "channel", s.Name(), "err", channel.OneLine(fmt.Sprint(data.Cause)))
	}
	if e.Type == socketmode.EventTypeHello && e.Request != nil && e.Request.NumConnections > 1 {
		s.log.Warn("another program is connected as the same Slack app, and gets a share of what people ask for; give each agent an app of its own",
			"channel", s.Name(), "connections", e.Request.NumConnections)
	}
	if e.Request == nil || e.Request.EnvelopeID == "" || work != nil && !s.start(work) {
		return
	}
	ackCtx, cancel := context.WithTimeout(ctx, ackWithin)
	defer cancel()
	if err := client.AckCtx(ackCtx, e.Request.EnvelopeID, nil); err != nil && !errors.Is(err, context.Canceled) {
		s.log.Warn("a request of Slack cannot be acknowledged", "channel", s.Name(), "err", err)
	}
}
