package feishustream

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
	"xunjian/alerting/notify/stream"
)

// Via is the channel's word for channel.Actions.
const Via = "feishu"

// What a data frame is answered.
const (
	codeOK   = 200
	codeBusy = 500 // say it again later
)

// clientConfig is how the platform wants to be dealt with, in seconds. How
// often to try again is left out: it is for ever.
type clientConfig struct {
	ReconnectInterval, ReconnectNonce, PingInterval int
}

// rhythm keeps it within bounds: the platform cannot make us ask without end,
// nor stay away.
func (c clientConfig) rhythm() stream.Rhythm {
	seconds := func(n, usual, least, most int) time.Duration {
		if n <= 0 {
			n = usual
		}
		return time.Duration(min(max(n, least), most)) * time.Second
	}
	beat := seconds(c.PingInterval, 120, 10, 300)
	return stream.Rhythm{
		First: seconds(c.ReconnectNonce, 5, 1, 30), Most: seconds(c.ReconnectInterval, 120, 30, 600), Beat: beat, Silence: 2*beat + 30*time.Second,
	}
}

// Stream hears what people write to one app.
type Stream struct {
	cfg    Config
	client *post.Client
	roots  *x509.CertPool
	clerk  channel.Hearer
	log    *slog.Logger
	tokens tokens
	parts  parts
	now    func() time.Time
	pause  time.Duration

	mu      sync.Mutex
	rhythm  stream.Rhythm
	fixed   bool // the rhythm is a test's
	service int32
}

// New returns the stream of a valid configuration.
func New(cfg Config, hear channel.Hearer, logger *slog.Logger) (*Stream, error) {
	client, err := post.New(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("feishu stream %s: %w", cfg.Name, err)
	}
	roots, err := post.Roots(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("feishu stream %s: %w", cfg.Name, err)
	}
	return &Stream{
		cfg: cfg, client: client, roots: roots, clerk: hear, log: logger,
		now: time.Now, pause: pause, rhythm: clientConfig{}.rhythm(),
	}, nil
}

// Name returns "feishustream/" and the configured name.
func (s *Stream) Name() string { return "feishustream/" + s.cfg.Name }

// Run hears and answers until ctx ends, and then returns nil. A connection that
// is lost is made anew for ever. It is called once.
func (s *Stream) Run(ctx context.Context) error {
	k := stream.Keeper{Name: s.Name(), Platform: platform{s}, Roots: s.roots, Explain: explain, Logger: s.log}
	return k.Run(ctx)
}

// explain reads why the gateway refuses a connection.
func explain(h http.Header) string {
	words := h.Get("Handshake-Status") + " " + h.Get("Handshake-Autherrcode") + " " + h.Get("Handshake-Msg")
	return fmt.Sprintf("%.300s", channel.OneLine(words))
}

// platform is what the keeper of the connection sees of a Stream.
type platform struct{ s *Stream }

func (p platform) Rhythm() stream.Rhythm {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.s.rhythm
}

// configure takes on how the platform wants to be dealt with.
func (s *Stream) configure(c *clientConfig) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c != nil && !s.fixed {
		s.rhythm = c.rhythm()
	}
}

func (p platform) Beat(c *stream.Conn) error {
	p.s.mu.Lock()
	service := p.s.service
	p.s.mu.Unlock()
	return c.Send(websocket.BinaryMessage, ping(service))
}

// Open gets an address with a ticket.
func (p platform) Open(ctx context.Context) (string, error) {
	s := p.s
	key, err := secret.Read(s.cfg.SecretFile)
	if err != nil {
		return "", fmt.Errorf("app secret: %w", err)
	}
	body, err := json.Marshal(map[string]string{"AppID": s.cfg.AppID, "AppSecret": key})
	if err != nil {
		return "", err
	}
	header := jsonHeader()
	header.Set("locale", "zh")
	a, err := s.client.Do(ctx, s.cfg.api()+"/callback/ws/endpoint", header, body)
	if err != nil {
		return "", fmt.Errorf("ask for a connection: %w", err)
	}
	var in struct {
		said
		Data struct {
			URL          string
			ClientConfig *clientConfig
		} `json:"data"`
	}
	err = json.Unmarshal(a.Body, &in)
	switch {
	case err != nil || in.Code == nil:
		return "", fmt.Errorf("ask for a connection: HTTP status %d without a word that can be understood", a.Status)
	case *in.Code != 0 || a.Status != http.StatusOK:
		words := channel.OneLine(secret.Mask(in.Msg, key))
		return "", fmt.Errorf("ask for a connection: HTTP status %d, error %d: %.300s; see app_id and secret_file, and that the app gets its events over a long connection", a.Status, *in.Code, words)
	}
	u, err := url.Parse(in.Data.URL)
	if err != nil || in.Data.URL == "" {
		return "", errors.New("ask for a connection: the answer has no address")
	}
	s.configure(in.Data.ClientConfig)
	service, _ := strconv.ParseInt(u.Query().Get("service_id"), 10, 32)
	s.mu.Lock()
	s.service = int32(service)
	s.mu.Unlock()
	return in.Data.URL, nil
}

// Frame deals with a frame; one that cannot be understood is left unanswered.
func (p platform) Frame(c *stream.Conn, kind int, data []byte) error {
	s := p.s
	f, err := parseFrame(data)
	if err != nil || kind != websocket.BinaryMessage {
		s.log.Debug("a frame that is none", "name", s.Name(), "error", err)
		return nil
	}
	if f.Method == methodControl {
		var conf clientConfig
		if f.header(headerType) == typePong && len(f.Payload) > 0 && json.Unmarshal(f.Payload, &conf) == nil {
			s.configure(&conf)
		}
		return nil
	}
	if f.Method != methodData {
		return nil
	}
	begun := time.Now()
	whole, ok, err := s.parts.add(f.header(headerMessageID), f.number(headerSum, 1), f.number(headerSeq, 0), f.Payload, begun)
	if err != nil {
		s.log.Warn("a message that cannot be understood", "name", s.Name(), "error", err)
		return nil
	}
	if !ok {
		return nil // it is answered with its last part
	}
	f.Payload = nil
	if f.header(headerType) != typeEvent {
		return c.Send(websocket.BinaryMessage, f.answer(codeOK, 0)) // a card's button; none of ours has any
	}
	if !c.Go(func(ctx context.Context) { s.hear(ctx, c, f, whole, begun) }) {
		s.log.Warn("too many messages at once; one is left for later", "name", s.Name())
		return c.Send(websocket.BinaryMessage, f.answer(codeBusy, 0))
	}
	return nil
}

// hear deals with an event: carry out, say that it has arrived, answer. The
// platform says an event again that is not acknowledged within 3 s, which then
// does nothing.
func (s *Stream) hear(ctx context.Context, c *stream.Conn, f frame, payload []byte, begun time.Time) {
	var answer string
	var first bool
	e, err := parseEvent(payload)
	switch {
	case err != nil:
		s.log.Warn("a message that cannot be understood", "name", s.Name(), "error", err)
	case e.concerns(s.cfg.AppID):
		answer, first, err = s.clerk.Hear(ctx, e.said())
		if err != nil {
			s.log.Error("what somebody asked for could not be done", "name", s.Name(), "error", err)
		}
	}
	if err := c.Send(websocket.BinaryMessage, f.answer(codeOK, time.Since(begun).Milliseconds())); err != nil {
		s.log.Debug("a message could not be confirmed; it may come again", "name", s.Name(), "error", err)
	}
	if !first {
		return
	}
	if err := s.reply(ctx, e.Event.Message.ID, answer); err != nil {
		s.log.Warn("an answer did not reach the chat", "name", s.Name(), "error", err)
	}
}
