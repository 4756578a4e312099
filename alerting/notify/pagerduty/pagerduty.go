package pagerduty

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
)

// pause is how long the API is left alone after too many events, where it does
// not say: its limit is counted by the minute.
const pause = time.Minute

// Service is a channel to one service of PagerDuty's.
type Service struct {
	cfg    Config
	client *post.Client
}

// New returns the service of a valid configuration.
func New(cfg Config) (*Service, error) {
	client, err := post.New(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("pagerduty %s: %w", cfg.Name, err)
	}
	return &Service{cfg: cfg, client: client}, nil
}

// Program says that every notice goes out by itself.
func (s *Service) Program() {}

// Name returns "pagerduty/" and the configured name.
func (s *Service) Name() string { return "pagerduty/" + s.cfg.Name }

// Hears reports whether the service is told what is addressed to these roles.
func (s *Service) Hears(roles []string) bool { return channel.Hears(s.cfg.Roles, roles) }

// Lang is the language word of what the service is told.
func (s *Service) Lang() string { return s.cfg.Reads() }

// Deliver sends the event of m. 2xx, there 202, means that it was taken on. A
// refused event is *channel.Permanent, too many events *channel.RetryAfter.
func (s *Service) Deliver(ctx context.Context, m channel.Message) error {
	m = m.Lines()
	key, err := secret.Read(s.cfg.RoutingKeyFile)
	if err != nil {
		return fmt.Errorf("%s: routing key: %w", s.Name(), err)
	}
	body, err := json.Marshal(eventOf(m, key))
	if err != nil {
		return &channel.Permanent{Err: fmt.Errorf("%s: %w", s.Name(), err)}
	}
	u, err := url.Parse(s.cfg.address())
	if err != nil {
		return fmt.Errorf("%s: the address is none", s.Name())
	}
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"xunjian"}}
	answer, err := s.client.Do(ctx, u.String(), header, body)
	if err != nil {
		return fmt.Errorf("%s at %s: %w", s.Name(), u.Host, err)
	}
	return s.judge(answer, u.Host, key)
}

// judge says what an answer comes to.
func (s *Service) judge(a post.Answer, host, key string) error {
	if a.Status >= 200 && a.Status < 300 {
		return nil
	}
	said := channel.OneLine(secret.Mask(reason(a.Body), key))
	err := fmt.Errorf("%s at %s: HTTP status %d: %.300s", s.Name(), host, a.Status, said)
	switch a.Status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return &channel.Permanent{Err: err}
	case http.StatusTooManyRequests:
		return &channel.RetryAfter{After: max(a.Wait(time.Now()), pause), Err: err}
	}
	if wait := a.Wait(time.Now()); wait > 0 && a.Status >= 500 {
		return &channel.RetryAfter{After: wait, Err: err}
	}
	// The rest, like 403 and 404, is a matter of the key, the address or a proxy
	// on the way, which can be mended.
	return err
}

// reason is what the API says is wrong, or the whole body.
func reason(body []byte) string {
	var said struct {
		Message string   `json:"message"`
		Errors  []string `json:"errors"`
	}
	if err := json.Unmarshal(body, &said); err != nil || said.Message == "" {
		return string(body)
	}
	return strings.Join(append([]string{said.Message}, said.Errors...), ": ")
}
