package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"xunjian/alerting/notify/channel"
)

// Options are the parts of the agent that the channel leans on. Each may be
// left out.
type Options struct {
	// Memory keeps which thread is whose over a restart. Without it that is
	// looked up in Slack's history.
	Memory Memory
	// Actions carries out what people ask for. Without it there are no buttons,
	// and nothing is taken from Slack.
	Actions channel.Actions
	// Logger hears of what nobody waits for the outcome of.
	Logger *slog.Logger
}

// Slack is a channel to one Slack channel: channel.Group, and the way back from
// there.
type Slack struct {
	cfg     Config
	memory  Memory
	actions channel.Actions
	log     *slog.Logger
	doer    *doer
	posts   *pace
	at      locks
	// retry are the waits before a head is brought up to date that could not be.
	retry []time.Duration
	// reconnect are the least and the most wait before Run connects again.
	reconnect [2]time.Duration

	// base is over when the channel is closed: what was asked over HTTP goes on
	// after it was acknowledged.
	base   context.Context
	cancel context.CancelFunc
	under  sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	working int
	// unsaved are the threads that Memory did not take.
	unsaved map[string]thread
	// behind are the incidents whose head is brought up to date in the
	// background, with the latest notice.
	behind map[string]channel.Message
	// seen are the signatures of requests, and when they are forgotten.
	seen map[string]time.Time
}

var _ channel.Group = (*Slack)(nil)

// New returns the channel of a valid configuration. Close ends what it has
// under way.
func New(cfg Config, opt Options) (*Slack, error) {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Slack{
		cfg: cfg, memory: opt.Memory, actions: opt.Actions, log: opt.Logger, doer: newDoer(), posts: newPace(postBurst, postEvery),
		retry:     []time.Duration{5 * time.Second, 20 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute},
		reconnect: [2]time.Duration{time.Second, 5 * time.Minute},
		unsaved:   map[string]thread{}, behind: map[string]channel.Message{}, seen: map[string]time.Time{},
	}
	s.base, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Close ends what is under way and waits for it. Nothing is taken on after.
func (s *Slack) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.under.Wait()
	return nil
}

// background runs f until the channel is closed. It reports whether it runs.
func (s *Slack) background(f func(ctx context.Context)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.under.Go(func() { f(s.base) })
	return true
}

// Name returns "slack/" and the configured name.
func (s *Slack) Name() string { return "slack/" + s.cfg.Name }

// Hears reports whether the channel is told what is addressed to these roles.
func (s *Slack) Hears(roles []string) bool { return channel.Hears(s.cfg.Roles, roles) }

// Lang is the language word of what the channel is told.
func (s *Slack) Lang() string { return s.cfg.Reads() }

// client speaks to Slack with the token as it is now, which it returns.
func (s *Slack) client() (*slack.Client, string, error) {
	bot, err := token(s.cfg.TokenFile, "xoxb-")
	if err != nil {
		return nil, "", fmt.Errorf("%s: token_file: %w", s.Name(), err)
	}
	return slack.New(bot, slack.OptionAPIURL(s.cfg.endpoint()), slack.OptionHTTPClient(s.doer)), bot, nil
}

// Deliver tells the channel of m: the first notice of an incident begins a
// thread, each later one is a reply in it, and the head of the thread is
// changed to show how the incident stands. A notice that has arrived is not
// posted again. A head that cannot be changed at once is brought up to date
// later, and no notice waits for it.
func (s *Slack) Deliver(ctx context.Context, m channel.Message) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", s.Name(), err)
	}
	m = m.Lines()
	incident, key := m.Incident.ID, keyOf(m)
	api, bot, err := s.client()
	if err != nil {
		return err
	}
	free, err := s.at.take(ctx, incident)
	if err != nil {
		return fmt.Errorf("%s: others of the same incident go first: %w", s.Name(), err)
	}
	defer free()
	t, sure := s.load(ctx, incident)
	if !t.has(key) && (!sure || t.Pending != "") {
		if t, err = s.ask(ctx, api, bot, m, t); err != nil {
			return err
		}
	}
	if !t.has(key) {
		if t, err = s.post(ctx, api, bot, m, t); err != nil {
			return err
		}
	}
	if t.Stale {
		s.bringUp(ctx, api, bot, m, t)
	}
	return nil
}

// ask looks in Slack's history for what may have arrived. Where it may not be
// read, or fails for long, nothing is known, and the notice goes out: better
// twice than never.
func (s *Slack) ask(ctx context.Context, api *slack.Client, bot string, m channel.Message, t thread) (thread, error) {
	since := t.Since
	if t.Pending == "" {
		if since = m.Incident.Opened; since.IsZero() || !m.At.IsZero() && m.At.Before(since) {
			since = m.At
		}
	}
	found, err := s.recover(ctx, api, m.Incident.ID, since, t)
	if err == nil {
		s.save(ctx, m.Incident.ID, found)
		return found, nil
	}
	told := s.judge("conversations.history", err, bot)
	var later *channel.RetryAfter
	switch {
	case ctx.Err() != nil, errors.As(told, &later):
		return t, told
	case slices.Contains(unread, said(err)), time.Since(since) > patience:
		s.log.Warn("Slack's history cannot be read: a notice may be posted twice", "channel", s.Name(), "notice", m.Key, "err", told)
		t.Pending, t.Since = "", time.Time{}
		return t, nil
	}
	return t, told
}

// unread are the errors that say that this app does not get to read the
// history; what they mean for posting, posting shows.
var unread = []string{
	"missing_scope", "no_permission", "not_allowed_token_type", "access_denied", "method_not_supported_for_channel_type", "unknown_method",
	"not_in_channel", "channel_not_found",
}

// patience is how long a notice waits for a history that fails.
const patience = 10 * time.Minute

// post sends m, as the head or as a reply, and remembers that.
func (s *Slack) post(ctx context.Context, api *slack.Client, bot string, m channel.Message, t thread) (thread, error) {
	incident, key := m.Incident.ID, keyOf(m)
	if err := s.posts.wait(ctx); err != nil {
		return t, s.judge("chat.postMessage", err, bot)
	}
	t.Channel, t.Pending, t.Since = s.cfg.Channel, key, time.Now().UTC()
	s.save(ctx, incident, t)
	p, err := s.send(ctx, api, m, t)
	if t.TS != "" && is(err, lost) {
		// Somebody deleted the head: the incident gets another.
		t.TS, t.First, t.Stale, t.Frozen = "", "", false, false
		s.save(ctx, incident, t)
		p, err = s.send(ctx, api, m, t)
	}
	if err != nil {
		if decided(err) {
			t.Pending, t.Since = "", time.Time{}
			s.save(ctx, incident, t)
		}
		err = s.judge("chat.postMessage", err, bot)
		var later *channel.RetryAfter
		if errors.As(err, &later) {
			s.posts.hold(later.After)
		}
		return t, err
	}
	t.Pending, t.Since = "", time.Time{}
	t.add(key)
	switch {
	case incident == "":
	case t.TS == "":
		t.TS, t.First, t.Shown = p.ts, key, m.At
	case p.alone:
		t.TS, t.First, t.Stale, t.Frozen = p.ts, key, true, false
	default:
		t.Stale = true
	}
	s.save(ctx, incident, t)
	return t, nil
}

// posted is a message as Slack took it. alone says that a reply stands by
// itself: that is what Slack makes, without an error, of a reply to a head that
// somebody deleted.
type posted struct {
	ts    string
	alone bool
}

// send posts m once; a second time without blocks where Slack does not take
// them.
func (s *Slack) send(ctx context.Context, api *slack.Client, m channel.Message, t thread) (posted, error) {
	var blocks []slack.Block
	if t.TS == "" {
		blocks = s.head(m, s.stands(ctx, m.Incident.ID), t.By)
	} else {
		blocks = s.reply(m)
	}
	options := func(text string) []slack.MsgOption {
		out := []slack.MsgOption{
			slack.MsgOptionText(text, false), slack.MsgOptionDisableMarkdown(), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
			slack.MsgOptionMetadata(metadata(m.Incident.ID, keyOf(m))),
		}
		if t.TS != "" {
			out = append(out, slack.MsgOptionTS(t.TS))
		}
		return out
	}
	_, ts, as, err := api.PostMessageWithResponseContext(ctx, s.cfg.Channel, append(options(notice(m, s.Lang())), slack.MsgOptionBlocks(blocks...))...)
	if is(err, badBlocks) {
		s.log.Warn("Slack does not take the blocks of a notice; it goes as text", "channel", s.Name(), "notice", m.Key, "err", s.judge("chat.postMessage", err))
		if err = s.posts.wait(ctx); err == nil {
			_, ts, as, err = api.PostMessageWithResponseContext(ctx, s.cfg.Channel, options(s.whole(m))...)
		}
	}
	if err == nil && ts == "" {
		err = errors.New("the answer is not Slack's; do: check what stands between")
	}
	return posted{ts: ts, alone: t.TS != "" && as.Timestamp == ts && as.ThreadTimestamp == ""}, err
}

func metadata(incident, key string) slack.SlackMetadata {
	return slack.SlackMetadata{EventType: eventType, EventPayload: map[string]any{"incident": incident, "key": key}}
}

// stands is how an incident stands now; nil where that is not known.
func (s *Slack) stands(ctx context.Context, incident string) *channel.Standing {
	if s.actions == nil || incident == "" {
		return nil
	}
	st, err := s.actions.Stands(ctx, incident, s.Lang())
	if err != nil {
		if !errors.Is(err, channel.ErrUnknown) {
			s.log.Warn("how an incident stands is not known", "channel", s.Name(), "incident", incident, "err", err)
		}
		return nil
	}
	st.Message = st.Lines()
	return &st
}

// bringUp changes the head to show how the incident stands, now or later.
func (s *Slack) bringUp(ctx context.Context, api *slack.Client, bot string, m channel.Message, t thread) {
	if err := s.update(ctx, api, bot, m, t); err != nil {
		s.log.Warn("the head of a thread is brought up to date later", "channel", s.Name(), "incident", m.Incident.ID, "err", err)
		s.later(m, err)
	}
}

// update changes the head once. m is the latest notice; how the incident
// stands goes before it.
func (s *Slack) update(ctx context.Context, api *slack.Client, bot string, m channel.Message, t thread) error {
	incident := m.Incident.ID
	st := s.stands(ctx, incident)
	if t.TS == "" || t.Frozen || st == nil && m.At.Before(t.Shown) {
		t.Stale = false
		s.save(ctx, incident, t)
		return nil
	}
	shown := m
	switch {
	case st == nil && m.Subject == "":
		return fmt.Errorf("%s: how %s stands is not known", s.Name(), incident)
	case st != nil:
		shown = st.Message
		if shown.Link == "" {
			shown.Link, shown.LinkText = m.Link, m.LinkText
		}
	}
	shown.Concerned = nil // whom it called, the notices say
	blocks := s.head(shown, st, t.By)
	_, ts, _, err := api.UpdateMessageContext(ctx, s.cfg.Channel, t.TS,
		slack.MsgOptionText(notice(shown, s.Lang()), false), slack.MsgOptionBlocks(blocks...), slack.MsgOptionMetadata(metadata(incident, t.First)))
	switch {
	case is(err, lost): // the next notice begins another
		t.TS, t.First, t.Stale = "", "", false
	case is(err, frozen), is(err, never):
		s.log.Warn("the head of a thread stays as it is", "channel", s.Name(), "incident", incident, "err", s.judge("chat.update", err, bot))
		t.Stale, t.Frozen = false, is(err, frozen)
	case err != nil:
		return s.judge("chat.update", err, bot)
	case ts == "":
		return fmt.Errorf("%s: chat.update: the answer is not Slack's; do: check what stands between", s.Name())
	default:
		if t.Stale = false; m.At.After(t.Shown) {
			t.Shown = m.At
		}
	}
	s.save(ctx, incident, t)
	return nil
}

// later tries again in the background to bring a head up to date. After the
// last time it waits for the next notice or the next answer.
func (s *Slack) later(m channel.Message, why error) {
	incident := m.Incident.ID
	s.mu.Lock()
	_, runs := s.behind[incident]
	s.behind[incident] = m
	s.mu.Unlock()
	if runs {
		return
	}
	forget := func() {
		s.mu.Lock()
		delete(s.behind, incident)
		s.mu.Unlock()
	}
	started := s.background(func(ctx context.Context) {
		for _, wait := range s.retry {
			var after *channel.RetryAfter
			if errors.As(why, &after) {
				wait = max(wait, after.After)
			}
			if pause(ctx, wait) != nil {
				forget()
				return
			}
			if why = s.catchUp(ctx, incident); why == nil {
				return
			}
		}
		forget()
		s.log.Warn("the head of a thread is behind until the next notice", "channel", s.Name(), "incident", incident, "err", why)
	})
	if !started {
		forget()
	}
}

// catchUp brings a head up to date that is behind, and takes it off the list
// unless another notice came meanwhile.
func (s *Slack) catchUp(ctx context.Context, incident string) error {
	for {
		s.mu.Lock()
		latest := s.behind[incident]
		s.mu.Unlock()
		if err := s.refresh(ctx, latest, func(*thread) {}); err != nil {
			return err
		}
		s.mu.Lock()
		now := s.behind[incident]
		same := now.Key == latest.Key && now.At.Equal(latest.At)
		if same {
			delete(s.behind, incident)
		}
		s.mu.Unlock()
		if same {
			return nil
		}
	}
}

// refresh brings the head up to date if the channel has been told of the
// incident. change, where it is given, is made to what is remembered.
func (s *Slack) refresh(ctx context.Context, m channel.Message, change func(*thread)) error {
	ctx, cancel := context.WithTimeout(ctx, workWithin)
	defer cancel()
	api, bot, err := s.client()
	if err != nil {
		return err
	}
	free, err := s.at.take(ctx, m.Incident.ID)
	if err != nil {
		return err
	}
	defer free()
	t, _ := s.load(ctx, m.Incident.ID)
	if t.TS == "" {
		return nil
	}
	change(&t)
	t.Stale = true
	s.save(ctx, m.Incident.ID, t)
	return s.update(ctx, api, bot, m, t)
}
