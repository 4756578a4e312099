package dingstream

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/post"
	"xunjian/alerting/notify/secret"
	"xunjian/alerting/notify/stream"
)

// Via is the channel's word for channel.Actions.
const Via = "dingtalk"

// usual is the rhythm with DingTalk, whose own libraries ping each 30 to 120 s.
var usual = stream.Rhythm{First: 2 * time.Second, Most: time.Minute, Beat: 30 * time.Second, Silence: 95 * time.Second}

// Stream hears what people write to one app.
type Stream struct {
	cfg    Config
	client *post.Client
	roots  *x509.CertPool
	clerk  channel.Hearer
	log    *slog.Logger
	rhythm stream.Rhythm
}

// New returns the stream of a valid configuration.
func New(cfg Config, hear channel.Hearer, logger *slog.Logger) (*Stream, error) {
	client, err := post.New(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("dingtalk stream %s: %w", cfg.Name, err)
	}
	roots, err := post.Roots(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("dingtalk stream %s: %w", cfg.Name, err)
	}
	s := &Stream{cfg: cfg, client: client, roots: roots, clerk: hear, log: logger, rhythm: usual}
	return s, nil
}

// Name returns "dingstream/" and the configured name.
func (s *Stream) Name() string { return "dingstream/" + s.cfg.Name }

// Run hears and answers until ctx ends, and then returns nil. A connection that
// is lost is made anew for ever. It is called once.
func (s *Stream) Run(ctx context.Context) error {
	k := stream.Keeper{Name: s.Name(), Platform: platform{s}, Roots: s.roots, Logger: s.log}
	return k.Run(ctx)
}

// platform is what the keeper of the connection sees of a Stream.
type platform struct{ s *Stream }

func (p platform) Rhythm() stream.Rhythm { return p.s.rhythm }

func (p platform) Beat(c *stream.Conn) error { return c.Ping() }

// Open gets an address with a ticket, which holds once and for 90 s.
func (p platform) Open(ctx context.Context) (string, error) {
	s := p.s
	key, err := secret.Read(s.cfg.SecretFile)
	if err != nil {
		return "", fmt.Errorf("client secret: %w", err)
	}
	body, err := json.Marshal(map[string]any{
		"clientId": s.cfg.ClientID, "clientSecret": key, "ua": "xunjian/1",
		"subscriptions": []map[string]string{{"type": typeCallback, "topic": topicMessage}},
	})
	if err != nil {
		return "", err
	}
	a, err := s.client.Do(ctx, s.cfg.api()+"/v1.0/gateway/connections/open", jsonHeader(), body)
	if err != nil {
		return "", fmt.Errorf("ask for a connection: %w", err)
	}
	var said struct {
		Endpoint string `json:"endpoint"`
		Ticket   string `json:"ticket"`
		Code     string `json:"code"`
		Message  string `json:"message"`
	}
	err = json.Unmarshal(a.Body, &said)
	switch {
	case err != nil:
		return "", fmt.Errorf("ask for a connection: HTTP status %d without a word that can be understood", a.Status)
	case a.Status != http.StatusOK:
		words := channel.OneLine(secret.Mask(said.Code+" "+said.Message, key))
		return "", fmt.Errorf("ask for a connection: HTTP status %d: %.300s; see client_id and secret_file, and that the app's robot is in stream mode", a.Status, words)
	case said.Endpoint == "" || said.Ticket == "":
		return "", errors.New("ask for a connection: the answer has no endpoint or no ticket")
	}
	return said.Endpoint + "?ticket=" + url.QueryEscape(said.Ticket), nil
}

func jsonHeader() http.Header {
	return http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}, "User-Agent": {"xunjian"}}
}

// Frame deals with a frame; one that cannot be understood is left unanswered.
func (p platform) Frame(c *stream.Conn, kind int, data []byte) error {
	s := p.s
	f, err := parseFrame(data)
	if err != nil || kind != websocket.TextMessage {
		s.log.Debug("a frame that is none", "name", s.Name(), "error", err)
		return nil
	}
	switch {
	case f.Type == typeSystem && f.Headers.Topic == topicDisconnect:
		return stream.ErrOver // it wants no answer
	case f.Type == typeSystem && f.Headers.Topic == topicPing:
		return c.Send(websocket.TextMessage, f.answer(codeOK, f.Data)) // with the same opaque
	case f.Type == typeSystem:
		return nil // news of the connection
	case f.Type != typeCallback || f.Headers.Topic != topicMessage:
		return c.Send(websocket.TextMessage, f.answer(codeNotFound, ""))
	}
	if !c.Go(func(ctx context.Context) { s.hear(ctx, c, f) }) {
		s.log.Warn("too many messages at once; one is left for later", "name", s.Name())
		return c.Send(websocket.TextMessage, f.answer(codeBusy, ""))
	}
	return nil
}

// hear deals with a message: carry out, say that it has arrived, answer.
func (s *Stream) hear(ctx context.Context, c *stream.Conn, f frame) {
	var answer string
	var first bool
	m, err := parseMessage(f.Data)
	if err != nil {
		s.log.Warn("a message that cannot be understood", "name", s.Name(), "error", err)
	} else {
		answer, first, err = s.clerk.Hear(ctx, m.said(f.Headers.MessageID))
		if err != nil {
			s.log.Error("what somebody asked for could not be done", "name", s.Name(), "error", err)
		}
	}
	// It is dealt with, so even a message that cannot be read must not come again.
	if err := c.Send(websocket.TextMessage, f.answer(codeOK, `{"response":null}`)); err != nil {
		s.log.Debug("a message could not be confirmed; it may come again", "name", s.Name(), "error", err)
	}
	if !first {
		return
	}
	if err := s.reply(ctx, m, answer); err != nil {
		s.log.Warn("an answer did not reach the chat", "name", s.Name(), "error", err)
	}
}

// reply answers in the chat, by the address that came with the message. A
// request goes nowhere but to DingTalk, whatever the message says.
func (s *Stream) reply(ctx context.Context, m message, answer string) error {
	u, err := url.Parse(m.Webhook)
	if err != nil || post.Address(m.Webhook) != nil || !s.theirs(u) {
		return errors.New("the address for the answer is none of DingTalk's")
	}
	if m.WebhookEndMilli > 0 && time.Now().After(time.UnixMilli(m.WebhookEndMilli)) {
		return errors.New("the time to answer is over")
	}
	body := map[string]any{"msgtype": "text", "text": map[string]string{"content": answer}}
	if m.ConversationType == "2" && m.SenderStaffID != "" {
		body["at"] = map[string]any{"atUserIds": []string{m.SenderStaffID}, "isAtAll": false}
	}
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	a, err := s.client.Do(ctx, m.Webhook, jsonHeader(), b)
	if err != nil {
		return err
	}
	var said struct {
		Code *int   `json:"errcode"`
		Text string `json:"errmsg"`
	}
	if err := json.Unmarshal(a.Body, &said); err != nil || said.Code == nil {
		return fmt.Errorf("HTTP status %d without a word that can be understood", a.Status)
	}
	if *said.Code != 0 || a.Status != http.StatusOK {
		tokens := []string{u.RequestURI()}
		for _, values := range u.Query() {
			tokens = append(tokens, values...)
		}
		return fmt.Errorf("HTTP status %d, error %d: %.300s", a.Status, *said.Code, channel.OneLine(secret.Mask(said.Text, tokens...)))
	}
	return nil
}

// theirs reports whether an address is DingTalk's, or that of the API.
func (s *Stream) theirs(u *url.URL) bool {
	if api, err := url.Parse(s.cfg.api()); err == nil && u.Host == api.Host && u.Scheme == api.Scheme {
		return true
	}
	host := strings.ToLower(u.Hostname())
	return u.Scheme == "https" && (host == "dingtalk.com" || strings.HasSuffix(host, ".dingtalk.com"))
}
