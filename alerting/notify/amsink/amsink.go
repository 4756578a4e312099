package amsink

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
)

// roundWithin bounds one round of sending again: a notice may be waiting for
// its turn.
const roundWithin = 10 * time.Second

// OpenFunc returns the incidents that have not ended, each in the words of its
// last notice.
type OpenFunc func(ctx context.Context) ([]channel.Message, error)

// Sink is a channel to one Alertmanager.
type Sink struct {
	cfg    Config
	client *post.Client
	open   OpenFunc
	log    *slog.Logger

	// turn is held while something is sent: an alert that is sent again must not
	// overtake its end. It guards what follows.
	turn chan struct{}
	// alerts are the incidents that are open, by server and id.
	alerts map[string]*entry
	// known says that open has been asked.
	known bool
}

// entry is an incident that is open.
type entry struct {
	now alert
	// before are its alerts under labels that hold no more, like those of its
	// earlier level, until their end has been told.
	before []alert
}

// New returns the sink of a valid configuration. open may be nil: then Run
// knows only the incidents that Deliver was told of; nil for log: no log.
func New(cfg Config, open OpenFunc, log *slog.Logger) (*Sink, error) {
	client, err := post.New(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("alertmanager %s: %w", cfg.Name, err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Sink{cfg: cfg, client: client, open: open, log: log, turn: make(chan struct{}, 1), alerts: map[string]*entry{}, known: open == nil}, nil
}

// Program says that every notice goes out by itself.
func (s *Sink) Program() {}

// Name returns "alertmanager/" and the configured name.
func (s *Sink) Name() string { return "alertmanager/" + s.cfg.Name }

// Hears reports whether the sink is told what is addressed to these roles.
func (s *Sink) Hears(roles []string) bool { return channel.Hears(s.cfg.Roles, roles) }

// Lang is the language word of what the sink is told.
func (s *Sink) Lang() string { return s.cfg.Reads() }

// Deliver posts the alert of m's incident to every address; it has arrived when
// one took it. It is *channel.Permanent when all refused it for good.
func (s *Sink) Deliver(ctx context.Context, m channel.Message) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.release()
	m = m.Lines()
	key, a := m.Incident.Host+"\x00"+m.Incident.ID, alertOf(m)
	e := s.alerts[key]
	if e == nil {
		e = &entry{now: a}
	} else if !e.now.same(a) {
		e.before = append(e.before, e.now.ended(m.At))
	}
	// Back at an earlier level, its alert goes on.
	e.before = slices.DeleteFunc(e.before, a.same)
	e.now = a
	s.alerts[key] = e
	if m.Incident.Over {
		// From now on it is not sent again, so that it ends even where the end
		// cannot be told.
		delete(s.alerts, key)
	}
	if err := s.send(ctx, append(slices.Clone(e.before), a)); err != nil {
		return err
	}
	e.before = nil
	return nil
}

// Run sends the alerts of open incidents again until ctx is done, or
// Alertmanager would take them for over. It returns nil.
func (s *Sink) Run(ctx context.Context) error {
	t := time.NewTicker(s.cfg.resend())
	defer t.Stop()
	for {
		if err := s.again(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("alerts of open incidents not sent again", "channel", s.Name(), "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// again is one round.
func (s *Sink) again(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, roundWithin)
	defer cancel()
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.release()
	asked := s.ask(ctx)
	var all []alert
	for _, key := range slices.Sorted(maps.Keys(s.alerts)) {
		all = append(append(all, s.alerts[key].before...), s.alerts[key].now)
	}
	if len(all) == 0 {
		return asked
	}
	if err := s.send(ctx, all); err != nil {
		return errors.Join(asked, err)
	}
	for _, e := range s.alerts {
		e.before = nil
	}
	return asked
}

// ask takes over what was open before this process began. What Deliver was told
// since stays as it is.
func (s *Sink) ask(ctx context.Context) error {
	if s.known {
		return nil
	}
	messages, err := s.open(ctx)
	if err != nil {
		return fmt.Errorf("read the open incidents, it is tried again: %w", err)
	}
	for _, m := range messages {
		key := m.Incident.Host + "\x00" + m.Incident.ID
		if s.alerts[key] == nil && !m.Incident.Over {
			s.alerts[key] = &entry{now: alertOf(m.Lines())}
		}
	}
	s.known = true
	return nil
}

func (s *Sink) take(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", s.Name(), ctx.Err())
	}
}

func (s *Sink) release() { <-s.turn }

// send posts alerts to all addresses side by side, and is content when one took
// them: the members of a cluster do not share alerts, but what one tells people
// is heard.
func (s *Sink) send(ctx context.Context, alerts []alert) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", s.Name(), err)
	}
	header, secrets, err := s.header()
	if err != nil {
		return err
	}
	body, err := json.Marshal(alerts)
	if err != nil {
		return &channel.Permanent{Err: fmt.Errorf("%s: %w", s.Name(), err)}
	}
	errs := make([]error, len(s.cfg.Addresses))
	var wg sync.WaitGroup
	for i, address := range s.cfg.Addresses {
		wg.Go(func() { errs[i] = s.post(ctx, address, header, body, secrets) })
	}
	wg.Wait()
	if slices.Contains(errs, nil) {
		for _, err := range errs {
			if err != nil {
				s.log.Warn("one Alertmanager of several did not take the alerts", "err", err)
			}
		}
		return nil
	}
	return worst(errs)
}

// worst is what all errors come to: given up only if each is for good.
func worst(errs []error) error {
	var words []string
	final, wait := true, time.Duration(0)
	for _, err := range errs {
		var permanent *channel.Permanent
		if errors.As(err, &permanent) {
			err = permanent.Err
		} else {
			final = false
		}
		var after *channel.RetryAfter
		if errors.As(err, &after) && (wait == 0 || after.After < wait) {
			wait = after.After
		}
		words = append(words, err.Error())
	}
	err := errors.New(strings.Join(words, "; "))
	switch {
	case final:
		return &channel.Permanent{Err: err}
	case wait > 0:
		return &channel.RetryAfter{After: wait, Err: err}
	}
	return err
}

func (s *Sink) header() (h http.Header, secrets []string, err error) {
	h = http.Header{"Content-Type": {"application/json"}, "User-Agent": {"xunjian"}}
	switch {
	case s.cfg.TokenFile != "":
		token, err := secret.Read(s.cfg.TokenFile)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: token: %w", s.Name(), err)
		}
		h.Set("Authorization", "Bearer "+token)
		return h, []string{token}, nil
	case s.cfg.PasswordFile != "":
		password, err := secret.Read(s.cfg.PasswordFile)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: password: %w", s.Name(), err)
		}
		both := base64.StdEncoding.EncodeToString([]byte(s.cfg.Username + ":" + password))
		h.Set("Authorization", "Basic "+both)
		return h, []string{both, password}, nil
	}
	return h, nil, nil
}

func (s *Sink) post(ctx context.Context, address string, header http.Header, body []byte, secrets []string) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%s: the address is none", s.Name())
	}
	a, err := s.client.Do(ctx, u.JoinPath("api/v2/alerts").String(), header, body)
	if err != nil {
		return fmt.Errorf("%s at %s: %w", s.Name(), u.Host, err)
	}
	if a.Status >= 200 && a.Status < 300 {
		return nil
	}
	said := channel.OneLine(secret.Mask(string(a.Body), secrets...))
	err = fmt.Errorf("%s at %s: HTTP status %d: %.300s", s.Name(), u.Host, a.Status, said)
	if wait := a.Wait(time.Now()); wait > 0 && (a.Status == http.StatusTooManyRequests || a.Status >= 500) {
		return &channel.RetryAfter{After: wait, Err: err}
	}
	switch a.Status {
	// The word on these alerts; 401, 404 and the like are a matter of the
	// settings, which can be mended.
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return &channel.Permanent{Err: err}
	}
	return err
}
