package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/policy"
	"xunjian/alerting/plan"
	"xunjian/alerting/text"
)

// Notices is what the API may do about notices.
type Notices interface {
	Channels() []string
	// Test sends over one channel; channel.ErrNoChannel, channel.ErrNotReached, or why it did not
	// arrive.
	Test(ctx context.Context, channel, person, lang string) error
	Queue(ctx context.Context, dead bool, limit int) (list []alerting.Notice, waiting, gone int, err error)
	Retry(ctx context.Context, key string) (int, error)
	Silences() []policy.Silence
	Silence(ctx context.Context, s policy.Silence) (policy.Silence, error)
	EndSilence(ctx context.Context, id, by string) (policy.Silence, error)
}

type (
	// NoticeRoute says who would hear of an incident, and why.
	NoticeRoute struct {
		At Moment `json:"at"`
		// Roles are those that it is addressed to.
		Roles []string    `json:"roles"`
		Ways  []NoticeWay `json:"ways"`
		// Unreached are people who hold one of the roles and whom nothing reaches.
		Unreached []string `json:"unreached"`
		// HeldUntil is when it would go out, if not at once.
		HeldUntil *Moment `json:"held_until,omitempty"`
		// Told is false where a policy, announced work or a silence keeps it back.
		Told bool `json:"told"`
		// Why are the grounds beside the plan, in words.
		Why []string `json:"why"`
	}
	// NoticeWay is one way to one reader.
	NoticeWay struct {
		Channel   string `json:"channel"`
		Recipient string `json:"recipient"`
		Name      string `json:"name,omitempty"`
		// Roles are those for which this person is told; none for a group.
		Roles []string `json:"roles"`
	}
	// TestNotice has a notice that means nothing sent.
	TestNotice struct {
		Channel string `json:"channel"`
		// Person of the roster; needed where the channel reaches single people.
		Person string `json:"person,omitempty"`
	}
	// TestedNotice is how that went.
	TestedNotice struct {
		Delivered bool    `json:"delivered"`
		Error     string  `json:"error,omitempty"`
		Seconds   float64 `json:"seconds"`
	}
	// NoticeQueue is what the outbox holds.
	NoticeQueue struct {
		Notices []QueuedNotice `json:"notices"`
		Waiting int            `json:"waiting"`
		GivenUp int            `json:"given_up"`
	}
	// QueuedNotice is one that is not delivered.
	QueuedNotice struct {
		Key       string `json:"key"`
		Incident  string `json:"incident"`
		Kind      string `json:"kind"`
		Channel   string `json:"channel"`
		Recipient string `json:"recipient"`
		Created   Moment `json:"created"`
		// Next is when it is tried next.
		Next     Moment `json:"next"`
		Attempts int    `json:"attempts"`
		Urgent   bool   `json:"urgent"`
		Error    string `json:"error,omitempty"`
	}
	// RetryNotice has a notice tried at once.
	RetryNotice struct {
		// Key of the notice; empty: all that were given up.
		Key string `json:"key"`
	}
	// Retried is how many.
	Retried struct {
		Notices int `json:"notices"`
	}
	// SilenceList are the silences, those in force first.
	SilenceList struct {
		Silences []SilenceView `json:"silences"`
	}
	// SilenceView is one silence.
	SilenceView struct {
		ID      string   `json:"id"`
		Systems []string `json:"systems"`
		Codes   []string `json:"codes"`
		Reason  string   `json:"reason"`
		Owner   string   `json:"owner"`
		From    Moment   `json:"from"`
		To      Moment   `json:"to"`
		EndedBy string   `json:"ended_by,omitempty"`
		Active  bool     `json:"active"`
	}
	// NewSilence keeps notices back for a while.
	NewSilence struct {
		Systems []string `json:"systems,omitempty"`
		Codes   []string `json:"codes,omitempty"`
		Reason  string   `json:"reason"`
		To      Moment   `json:"to"`
	}
)

func noticeRoutes() []route {
	return []route{
		{http.MethodGet, "/notify/route", viewer, (*server).noticeRoute, limits{}},
		{http.MethodPost, "/notify/test", operator, (*server).testNotice, limits{within: time.Minute}},
		{http.MethodGet, "/notify/queue", viewer, (*server).noticeQueue, limits{}},
		{http.MethodPost, "/notify/retry", operator, (*server).retryNotices, limits{}},
		{http.MethodGet, "/silences", viewer, (*server).listSilences, limits{}},
		{http.MethodPost, "/silences", operator, (*server).addSilence, limits{}},
		{http.MethodDelete, "/silences/{id}", operator, (*server).endSilence, limits{}},
	}
}

// noticeRoute says who would hear of an incident or a warning that is opened at
// a moment.
func (s *server) noticeRoute(c *call) (any, error) {
	p := c.params()
	in := s.Desk.Plan()
	i := incident.Incident{Code: p.text("code"), System: p.text("system"), Level: plan.Level(strings.ToUpper(p.text("level"))), Scenario: p.text("scenario"), State: incident.Open}
	at := p.time("at")
	switch kind := p.text("type"); kind {
	case "", "incident":
	case "warning":
		i.State, i.Warning = incident.Watched, &incident.Sign{Source: "internal"}
	case "major-warning":
		i.State, i.Warning = incident.Watched, &incident.Sign{Source: "internal", Major: true}
	default:
		p.bad("type", "bad_word", "value", kind, "known", "incident, warning, major-warning")
	}
	if i.Warning == nil && !slices.Contains(in.Codes(), i.Code) {
		p.bad("code", "bad_word", "value", i.Code, "known", strings.Join(in.Codes(), ", "))
	}
	if i.Level != "" {
		if _, ok := in.LevelDef(i.Level); !ok {
			p.bad("level", "bad_word", "value", string(i.Level), "known", "I, II, III, IV")
		}
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	if at.IsZero() {
		at = c.now
	}
	if i.Level == "" && i.Warning == nil {
		i.Level = plan.LevelIV
	}
	if sc, ok := in.ScenarioFor(i.Code); ok && i.Scenario == "" {
		i.Scenario = sc.ID
	}
	h := s.Desk.Hear(i, incident.Opened{}, at)
	out := NoticeRoute{At: c.moment(at), Roles: append([]string{}, h.Roles...), Ways: []NoticeWay{}, Unreached: []string{}, Told: !h.Untold, Why: grounds(c.say, h.Why)}
	if h.NotBefore.After(at) {
		m := c.moment(h.NotBefore)
		out.HeldUntil = &m
	}
	for _, w := range h.Ways {
		out.Ways = append(out.Ways, NoticeWay{Channel: w.Channel, Recipient: w.Recipient, Name: w.Person.Name, Roles: append([]string{}, w.Roles...)})
	}
	for _, person := range h.Unreached {
		out.Unreached = append(out.Unreached, person.ID)
	}
	return out, nil
}

func grounds(say *text.Printer, list []alerting.Ground) []string {
	out := []string{}
	for _, g := range list {
		out = append(out, say.T("policy.why."+g.Code, g.Args))
	}
	return out
}

func (s *server) testNotice(c *call) (any, error) {
	var in TestNotice
	if err := readRound(c, &in, func() []told { return []told{{"channel", in.Channel}, {"person", in.Person}} }); err != nil {
		return nil, err
	}
	began := time.Now()
	err := s.Notices.Test(c.Context(), in.Channel, in.Person, c.say.Lang())
	switch {
	case errors.Is(err, channel.ErrNoChannel):
		return nil, &failure{Status: http.StatusUnprocessableEntity, Code: "unknown_channel", Field: "channel", Args: map[string]any{"channel": in.Channel, "channels": strings.Join(s.Notices.Channels(), ", ")}}
	case errors.Is(err, channel.ErrNotReached):
		return nil, &failure{Status: http.StatusUnprocessableEntity, Code: "not_reached", Field: "person", Args: map[string]any{"channel": in.Channel, "person": in.Person}}
	}
	out := TestedNotice{Delivered: err == nil, Seconds: time.Since(began).Seconds()}
	if err != nil {
		out.Error = err.Error()
	}
	return out, nil
}

func (s *server) noticeQueue(c *call) (any, error) {
	p := c.params()
	limit, dead := p.number("limit", 100, 1, 1000), false
	switch p.text("given_up") {
	case "", "false":
	case "true":
		dead = true
	default:
		p.bad("given_up", "bad_truth")
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	list, waiting, gone, err := s.Notices.Queue(c.Context(), dead, limit)
	out := NoticeQueue{Notices: []QueuedNotice{}, Waiting: waiting, GivenUp: gone}
	for _, n := range list {
		out.Notices = append(out.Notices, QueuedNotice{
			Key: n.Key, Incident: n.Incident, Kind: n.Kind, Channel: n.Channel, Recipient: n.Recipient, Created: c.moment(n.Created),
			Next: c.moment(n.NotBefore), Attempts: n.Attempts, Urgent: n.Urgent, Error: n.LastError,
		})
	}
	return out, err
}

func (s *server) retryNotices(c *call) (any, error) {
	var in RetryNotice
	if err := readRound(c, &in, func() []told { return []told{{"key", in.Key}} }); err != nil {
		return nil, err
	}
	n, err := s.Notices.Retry(c.Context(), in.Key)
	if err == nil && n == 0 && in.Key != "" {
		return nil, alerting.ErrNotFound
	}
	return Retried{Notices: n}, err
}

func (c *call) silence(s policy.Silence) SilenceView {
	return SilenceView{
		ID: s.ID, Systems: append([]string{}, s.Systems...), Codes: append([]string{}, s.Codes...), Reason: s.Reason, Owner: s.Owner,
		From: c.moment(s.From), To: c.moment(s.To), EndedBy: s.EndedBy, Active: c.now.Before(s.To),
	}
}

func (s *server) listSilences(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	out := SilenceList{Silences: []SilenceView{}}
	for _, one := range s.Notices.Silences() {
		out.Silences = append(out.Silences, c.silence(one))
	}
	return out, nil
}

func (s *server) addSilence(c *call) (any, error) {
	var in NewSilence
	if err := readRound(c, &in, func() []told {
		return []told{{"reason", in.Reason}, {"systems", strings.Join(in.Systems, " ")}, {"codes", strings.Join(in.Codes, " ")}}
	}); err != nil {
		return nil, err
	}
	one, err := s.Notices.Silence(c.Context(), policy.Silence{Systems: in.Systems, Codes: in.Codes, Reason: in.Reason, Owner: c.who.Name, To: in.To.Time})
	return c.silence(one), silenceRefused(err)
}

func (s *server) endSilence(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	one, err := s.Notices.EndSilence(c.Context(), c.PathValue("id"), c.who.Name)
	return c.silence(one), silenceRefused(err)
}

func silenceRefused(err error) error {
	if r := (*policy.Refusal)(nil); errors.As(err, &r) {
		return &failure{Status: http.StatusUnprocessableEntity, Code: r.Code, Field: r.Field, Args: r.Args, message: "policy.refused." + r.Code}
	}
	if errors.Is(err, policy.ErrNoSilence) {
		return alerting.ErrNotFound
	}
	return err
}

// NoticeRoute says who would hear of an incident; q has the parameters of the
// route.
func (c *Client) NoticeRoute(ctx context.Context, q url.Values) (NoticeRoute, error) {
	return get[NoticeRoute](ctx, c, "/notify/route", q)
}

// TestNotice has a notice that means nothing sent.
func (c *Client) TestNotice(ctx context.Context, channel, person string) (TestedNotice, error) {
	return post[TestedNotice](ctx, c, "/notify/test", TestNotice{channel, person})
}

// NoticeQueue lists what waits, or what was given up.
func (c *Client) NoticeQueue(ctx context.Context, givenUp bool, limit int) (NoticeQueue, error) {
	return get[NoticeQueue](ctx, c, "/notify/queue", url.Values{"given_up": {strconv.FormatBool(givenUp)}, "limit": {strconv.Itoa(limit)}})
}

// RetryNotice has a notice tried at once; an empty key: all that were given up.
func (c *Client) RetryNotice(ctx context.Context, key string) (Retried, error) {
	return post[Retried](ctx, c, "/notify/retry", RetryNotice{key})
}

// Silences lists the silences.
func (c *Client) Silences(ctx context.Context) (SilenceList, error) {
	return get[SilenceList](ctx, c, "/silences", nil)
}

// EndSilence ends one before its time.
func (c *Client) EndSilence(ctx context.Context, id string) (SilenceView, error) {
	var out SilenceView
	return out, c.Call(ctx, http.MethodDelete, "/silences/"+url.PathEscape(id), nil, nil, &out)
}

// AddSilence makes one.
func (c *Client) AddSilence(ctx context.Context, in NewSilence) (SilenceView, error) {
	return post[SilenceView](ctx, c, "/silences", in)
}
