package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
)

// The headers of each request.
const (
	// headerKey is the same for each attempt at a notice: the receiver can drop
	// the second.
	headerKey = "Idempotency-Key"
	// headerTime and headerSignature: "v1=" and the HMAC-SHA256 in hex, under the
	// secret, of the time in seconds, a dot and the body.
	headerTime      = "X-Xunjian-Timestamp"
	headerSignature = "X-Xunjian-Signature"
)

// Hook is a channel to one receiver.
type Hook struct {
	cfg    Config
	client *post.Client
}

// New returns the hook of a valid configuration.
func New(cfg Config) (*Hook, error) {
	client, err := post.New(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("webhook %s: %w", cfg.Name, err)
	}
	return &Hook{cfg: cfg, client: client}, nil
}

// Name returns "webhook/" and the configured name.
func (h *Hook) Name() string { return "webhook/" + h.cfg.Name }

// Hears reports whether the receiver is told what is addressed to these roles.
func (h *Hook) Hears(roles []string) bool { return channel.Hears(h.cfg.Roles, roles) }

// Lang is the language word of what the receiver is told.
func (h *Hook) Lang() string { return h.cfg.Reads() }

// Program says that every notice goes out by itself.
func (h *Hook) Program() {}

// Deliver posts m. Any 2xx means that it has arrived.
func (h *Hook) Deliver(ctx context.Context, m channel.Message) error {
	m = m.Lines()
	address, err := h.cfg.address()
	if err != nil {
		return fmt.Errorf("%s: address: %w", h.Name(), err)
	}
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%s: the address is none", h.Name())
	}
	kind, content := "application/cloudevents+json; charset=utf-8", any(cloudEvent(m))
	if h.cfg.Format == Alertmanager {
		kind, content = "application/json", alerts(m, h.cfg.Name)
	}
	body, err := json.Marshal(content)
	if err != nil {
		return &channel.Permanent{Err: fmt.Errorf("%s: %w", h.Name(), err)}
	}
	header := http.Header{"Content-Type": {kind}, headerKey: {id(m)}, "User-Agent": {"xunjian"}}
	key := ""
	if h.cfg.SecretFile != "" {
		if key, err = secret.Read(h.cfg.SecretFile); err != nil {
			return fmt.Errorf("%s: key of the signature: %w", h.Name(), err)
		}
		sign(header, key, body, time.Now())
	}
	answer, err := h.client.Do(ctx, address, header, body)
	if err != nil {
		return fmt.Errorf("%s at %s: %w", h.Name(), u.Host, err)
	}
	return h.judge(answer, u, key)
}

// sign says who sends it and when, so that nobody else can, nor the same one
// again later.
func sign(header http.Header, key string, body []byte, at time.Time) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "%s.%s", stamp, body)
	header.Set(headerTime, stamp)
	header.Set(headerSignature, "v1="+hex.EncodeToString(mac.Sum(nil)))
}

// judge says what an answer comes to. A 4xx is the receiver's word on this
// notice, but for those that ask for patience.
func (h *Hook) judge(a post.Answer, u *url.URL, key string) error {
	if a.Status >= 200 && a.Status < 300 {
		return nil
	}
	secrets := []string{key}
	if h.cfg.URLFile != "" {
		secrets = append(secrets, u.RequestURI())
		for _, values := range u.Query() {
			secrets = append(secrets, values...)
		}
	}
	said := channel.OneLine(secret.Mask(string(a.Body), secrets...))
	err := fmt.Errorf("%s at %s: HTTP status %d: %.300s", h.Name(), u.Host, a.Status, said)
	if wait := a.Wait(time.Now()); wait > 0 && (a.Status == http.StatusTooManyRequests || a.Status >= 500) {
		return &channel.RetryAfter{After: wait, Err: err}
	}
	switch a.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return err
	}
	if a.Status >= 400 && a.Status < 500 {
		return &channel.Permanent{Err: err}
	}
	return err
}
