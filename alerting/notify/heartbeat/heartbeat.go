// Package heartbeat tells others at regular times that this agent lives and
// works, so that its silence is their alarm: a dead server cannot say that it
// is dead.
package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/mail"
	"net/url"
	"sync"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
	"xunjian/alerting/roster"
)

// Config is one that listens: a service that waits for pings, or the job of
// another server's agent.
type Config struct {
	Name string `yaml:"name"`
	// URL is where to post; URLFile holds it instead where a part of it is a
	// secret.
	URL     string `yaml:"url"`
	URLFile string `yaml:"url_file"`
	// Mail is a mail box that takes beats in place of an address: a watcher there
	// notices that none comes. The mail server is that of the notices.
	Mail string `yaml:"mail"`
	// TokenFile holds a bearer token; empty: none is sent.
	TokenFile string `yaml:"token_file"`
	// Every is the time between two beats, 10 s to 1 h.
	Every time.Duration `yaml:"every"`
	// CAFile holds the certificates (PEM) that the other side's is checked
	// against; empty: those of this machine.
	CAFile string `yaml:"ca_file"`
}

const (
	leastEvery = 10 * time.Second
	mostEvery  = time.Hour
	leastMail  = 5 * time.Minute
	mostMail   = 24 * time.Hour
	within     = 20 * time.Second
)

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string { return []*string{&c.URLFile, &c.TokenFile, &c.CAFile} }

// Secrets are the files with a secret in them, by key.
func (c Config) Secrets() map[string]string {
	return map[string]string{"url_file": c.URLFile, "token_file": c.TokenFile}
}

// Validate returns every mistake, joined, each beginning with the key.
func (c Config) Validate() error {
	var errs []error
	if err := (channel.GroupConfig{Name: c.Name}).Validate(); err != nil {
		errs = append(errs, err)
	}
	address := c.URL
	var err error
	switch {
	case c.ways() != 1:
		errs = append(errs, errors.New("url: give one of url, url_file and mail"))
	case c.Mail != "":
		if a, err := mail.ParseAddress(c.Mail); err != nil || a.Address != c.Mail {
			errs = append(errs, fmt.Errorf("mail: %q is not a mail address; allowed: like watch@example.org", c.Mail))
		}
	case c.URLFile != "":
		if address, err = secret.Read(c.URLFile); err != nil {
			errs = append(errs, fmt.Errorf("url_file: %w", err))
		} else if err := post.Address(address); err != nil {
			errs = append(errs, fmt.Errorf("url_file: what %s holds %w", c.URLFile, err))
		}
	default:
		if err := post.Address(address); err != nil {
			errs = append(errs, fmt.Errorf("url: %q %w", c.URL, err))
		}
	}
	if c.TokenFile != "" {
		if _, err := secret.Read(c.TokenFile); err != nil {
			errs = append(errs, fmt.Errorf("token_file: %w", err))
		}
	}
	switch {
	case c.Mail != "" && (c.Every < leastMail || c.Every > mostMail):
		errs = append(errs, fmt.Errorf("every: %v is out of range; allowed for mail: 5m to 24h", c.Every))
	case c.Mail == "" && (c.Every < leastEvery || c.Every > mostEvery):
		errs = append(errs, fmt.Errorf("every: %v is out of range; allowed: 10s to 1h", c.Every))
	}
	if c.Mail != "" && (c.TokenFile != "" || c.CAFile != "") {
		errs = append(errs, errors.New("mail: has neither token_file nor ca_file; those of notify.mail hold"))
	}
	if _, err := post.Roots(c.CAFile); err != nil {
		errs = append(errs, fmt.Errorf("ca_file: %w", err))
	}
	return errors.Join(errs...)
}

// ways counts the ways that are given; one is right.
func (c Config) ways() int {
	n := 0
	for _, way := range []string{c.URL, c.URLFile, c.Mail} {
		if way != "" {
			n++
		}
	}
	return n
}

// Heart beats for one listener.
type Heart struct {
	cfg    Config
	client *post.Client
	mailer channel.Channel // nil where nobody is mailed
	host   string
	// works says what is wrong with the agent; nil means that it does its work.
	works func(context.Context) error
	log   *slog.Logger

	mu    sync.Mutex
	state State
}

// State is how a heart beats.
type State struct {
	Name string `json:"name"`
	// Beat is when the other side last took one; Error why it does not now.
	Beat  time.Time `json:"beat,omitzero"`
	Error string    `json:"error,omitempty"`
}

// Options are what a Heart is made of beside its configuration.
type Options struct {
	// Works is asked before each beat: an agent that runs and does not work has
	// to fall silent.
	Works func(context.Context) error
	// Mailer carries beats by mail; nil where there is none. Host is this server.
	Mailer channel.Channel
	Host   string
	Logger *slog.Logger
}

// New returns the heart of a valid configuration.
func New(cfg Config, opt Options) (*Heart, error) {
	if cfg.Mail != "" && opt.Mailer == nil {
		return nil, fmt.Errorf("heartbeat %s: there is no mail server; give notify.mail.server", cfg.Name)
	}
	client, err := post.New(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("heartbeat %s: %w", cfg.Name, err)
	}
	return &Heart{cfg: cfg, client: client, works: opt.Works, mailer: opt.Mailer, host: opt.Host, log: opt.Logger, state: State{Name: cfg.Name}}, nil
}

// State returns how it beats.
func (h *Heart) State() State {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state
}

// Run beats until ctx is done.
func (h *Heart) Run(ctx context.Context) error {
	t := time.NewTicker(h.cfg.Every)
	defer t.Stop()
	for {
		h.beat(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

func (h *Heart) beat(ctx context.Context) {
	bctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := h.works(bctx)
	if err == nil {
		err = h.send(bctx)
	}
	if ctx.Err() != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		if h.state.Error == "" {
			h.log.Warn("heartbeat", "name", h.cfg.Name, "err", err)
		}
		h.state.Error = channel.OneLine(err.Error())
		return
	}
	h.state.Beat, h.state.Error = time.Now(), ""
}

func (h *Heart) send(ctx context.Context) error {
	if h.cfg.Mail != "" {
		return h.post(ctx)
	}
	address := h.cfg.URL
	var err error
	if h.cfg.URLFile != "" {
		if address, err = secret.Read(h.cfg.URLFile); err != nil {
			return fmt.Errorf("address: %w", err)
		}
	}
	header := http.Header{"User-Agent": {"xunjian"}}
	secrets := []string{}
	if h.cfg.TokenFile != "" {
		token, err := secret.Read(h.cfg.TokenFile)
		if err != nil {
			return fmt.Errorf("token: %w", err)
		}
		header.Set("Authorization", "Bearer "+token)
		secrets = append(secrets, token)
	}
	answer, err := h.client.Do(ctx, address, header, nil)
	if err != nil {
		return err
	}
	if answer.Status < 200 || answer.Status > 299 {
		if u, err := url.Parse(address); err == nil && h.cfg.URLFile != "" {
			secrets = append(secrets, u.RequestURI())
		}
		return fmt.Errorf("HTTP status %d: %.200s", answer.Status, channel.OneLine(secret.Mask(string(answer.Body), secrets...)))
	}
	return nil
}

// post sends a beat by mail. Its subject is always the same, so that a rule of
// the mail box can file it and notice that none comes.
func (h *Heart) post(ctx context.Context) error {
	now := time.Now().UTC()
	id := "heartbeat/" + h.host + "/" + h.cfg.Name
	return h.mailer.Deliver(ctx, channel.Message{
		Key: id + "/" + now.Format(time.RFC3339Nano), Kind: "heartbeat", Lang: "en", At: now, Recipient: h.cfg.Name, To: h.cfg.Mail,
		Person:  roster.Person{ID: h.cfg.Name, Name: h.cfg.Name, Mail: h.cfg.Mail},
		Subject: "Xunjian heartbeat: " + h.host + " / 巡检心跳：" + h.host,
		Text: fmt.Sprintf("%s works at %s; the next beat follows within %s.\n%[1]s 于 %[2]s 运行正常，%[3]s 内发送下一次心跳。",
			h.host, now.Format(time.RFC3339), h.cfg.Every),
		Incident: channel.Incident{ID: id, Host: h.host, Key: id, Over: true},
	})
}
