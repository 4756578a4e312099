package slack

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"xunjian/alerting/notify/secret"
)

const (
	// maxBody bounds a request.
	maxBody = 64 << 10
	// window is how long a signature could be shown again: it holds for five
	// minutes before and after its time.
	window = 11 * time.Minute
	// maxSeen bounds the signatures remembered. More in a window is no work of
	// people, and is turned away.
	maxSeen = 20_000
)

// Handler takes what Slack posts when somebody asks for something: the request
// URL of interactivity and of the slash command alike. It answers 404 without
// a signing secret or Actions, 401 to what Slack did not sign within five
// minutes, 409 to what came before, 413 over 64 KiB, and 503 when there is too
// much. What it takes it acknowledges at once, and does in the background.
func (s *Slack) Handler() http.Handler { return http.HandlerFunc(s.serve) }

func (s *Slack) serve(w http.ResponseWriter, r *http.Request) {
	if s.cfg.SigningSecretFile == "" || s.actions == nil {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "only POST", http.StatusMethodNotAllowed)
		return
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		http.Error(w, "broken off", http.StatusBadRequest)
		return
	}
	key, err := secret.Read(s.cfg.SigningSecretFile)
	if err != nil {
		s.log.Error("requests of Slack cannot be checked", "channel", s.Name(), "err", err)
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	if err := verify(r.Header, key, raw); err != nil {
		s.log.Warn("a request was not signed by Slack", "channel", s.Name(), "from", r.RemoteAddr, "err", err)
		http.Error(w, "not signed", http.StatusUnauthorized)
		return
	}
	work, err := s.read(raw)
	if err != nil {
		http.Error(w, "not understood", http.StatusBadRequest)
		return
	}
	// Upper and lower case are one signature.
	if !s.first(strings.ToLower(r.Header.Get("X-Slack-Signature"))) {
		s.log.Warn("a request of Slack came twice", "channel", s.Name(), "from", r.RemoteAddr)
		http.Error(w, "came before", http.StatusConflict)
		return
	}
	if work != nil && !s.start(work) {
		http.Error(w, "too much at once", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// verify checks the signature and its age.
func verify(header http.Header, key string, raw []byte) error {
	v, err := slack.NewSecretsVerifier(header, key)
	if err != nil {
		return err
	}
	if _, err := v.Write(raw); err != nil {
		return err
	}
	return v.Ensure()
}

// read says what a request asks for; nil for Slack's own check of the address.
func (s *Slack) read(raw []byte) (func(ctx context.Context), error) {
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, err
	}
	switch {
	case form.Get("payload") != "":
		var ic slack.InteractionCallback
		if err := json.Unmarshal([]byte(form.Get("payload")), &ic); err != nil {
			return nil, err
		}
		return func(ctx context.Context) { s.interact(ctx, ic) }, nil
	case form.Get("command") != "":
		cmd := slack.SlashCommand{
			Command: form.Get("command"), Text: form.Get("text"), UserID: form.Get("user_id"), ChannelID: form.Get("channel_id"),
			ResponseURL: form.Get("response_url"), TriggerID: form.Get("trigger_id"),
		}
		return func(ctx context.Context) { s.command(ctx, cmd) }, nil
	case form.Get("ssl_check") == "1":
		return nil, nil
	}
	return nil, errors.New("neither an interaction nor a command")
}

// first reports whether a signature has not been shown before.
func (s *Slack) first(signature string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for k, until := range s.seen {
		if now.After(until) {
			delete(s.seen, k)
		}
	}
	if _, again := s.seen[signature]; again || len(s.seen) >= maxSeen {
		return false
	}
	s.seen[signature] = now.Add(window)
	return true
}
