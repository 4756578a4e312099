package slack_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/slack"
)

// run starts Socket Mode, ended at the end of t.
func run(t *testing.T, s *slack.Slack) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- s.Run(ctx) }()
	stop = func() {
		cancel()
		select {
		case err := <-over:
			over <- nil
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Error("it does not end")
		}
	}
	t.Cleanup(stop)
	return stop
}

func (f *fake) next(t *testing.T) *socket {
	t.Helper()
	select {
	case s := <-f.sockets:
		return s
	case <-time.After(20 * time.Second):
		t.Fatal("nobody connects")
		return nil
	}
}

// envelope sends a request over the socket and waits for its acknowledgement.
func (s *socket) envelope(t *testing.T, kind, id string, payload any) {
	t.Helper()
	s.send(object{"type": kind, "envelope_id": id, "payload": payload, "accepts_response_payload": true})
	select {
	case ack := <-s.acks:
		if ack["envelope_id"] != id || ack["payload"] != nil {
			t.Errorf("acknowledged %v, want %s", ack, id)
		}
	case <-time.After(20 * time.Second):
		t.Errorf("%s is not acknowledged", id)
	}
}

func command(f *fake, user, text string) object {
	out := object{}
	for k, v := range slash(f, user, text) {
		out[k] = v[0]
	}
	return out
}

// Everything that comes by HTTP comes by Socket Mode too, over one connection
// after the other.
func TestSocket(t *testing.T) {
	f, d, s := place(t)
	stop := run(t, s)
	link := f.next(t)
	link.envelope(t, "interactive", "e1", pressed(f, "U0000000001", "acknowledge", ""))
	if told := answered(t, f, 1); told.text != incident+"：已办理。" || !strings.Contains(f.all()[0].reads(), "确认：王芳") {
		t.Errorf("%+v", told)
	}
	link.envelope(t, "slash_commands", "e2", command(f, "U0000000002", "take "+incident))
	answered(t, f, 2)
	link.envelope(t, "interactive", "e3", pressed(f, "U0000000001", "resolve", ""))
	eventually(t, "a form", func() bool { return len(f.forms()) == 1 })
	link.envelope(t, "interactive", "e4", filled(f, "U0000000001", "换了网线"))
	answered(t, f, 3)
	link.envelope(t, "interactive", "e5", pressed(f, "U0000000009", "acknowledge", ""))
	if told := answered(t, f, 4); !strings.Contains(told.text, "不在值班名册上") {
		t.Errorf("%+v", told)
	}
	// What is none of ours is acknowledged, and what is no sense does no harm.
	link.envelope(t, "events_api", "e6", object{"type": "event_callback", "event": object{"type": "app_mention", "user": "U0000000001", "text": "x", "ts": "1.1", "channel": room}})
	link.envelope(t, "interactive", "e7", object{"type": "block_actions", "user": object{"id": "U0000000001"}, "actions": []object{{"action_id": "xunjian_link", "block_id": "b", "type": "button"}}})
	link.send("nonsense")
	link.send(object{"type": "next_years_kind", "envelope_id": "e8"})
	if got := d.did(); len(got) != 3 || got[2] != "slack wang "+incident+" resolve  换了网线" {
		t.Errorf("%q", got)
	}
	// Slack ends each connection now and then, with or without a word.
	link.send(object{"type": "disconnect", "reason": "warning", "debug_info": object{"host": "applink"}})
	<-link.gone
	link = f.next(t)
	link.conn.Close()
	link = f.next(t)
	link.envelope(t, "slash_commands", "e9", command(f, "U0000000002", "show "+incident))
	answered(t, f, 5)
	stop()
	<-link.gone
}

// A panic costs one request, not the connection.
func TestSocketPanic(t *testing.T) {
	f, d, s := place(t)
	run(t, s)
	link := f.next(t)
	d.set(func(d *desk) { d.panics = true })
	link.envelope(t, "slash_commands", "e1", command(f, "U0000000001", "ack "+incident))
	eventually(t, "the panic", func() bool { return len(d.did()) == 1 })
	d.set(func(d *desk) { d.panics = false })
	link.envelope(t, "slash_commands", "e2", command(f, "U0000000001", "ack "+incident))
	answered(t, f, 1)
	if f.opens() != 1 {
		t.Errorf("%d connections", f.opens())
	}
}

// It goes on trying: over errors of the server, a refused token that is then
// mended, one that is not readable.
func TestSocketComesBack(t *testing.T) {
	f, d := newFake(t), newDesk(note(1))
	f.answer = func(method string, n int) (int, http.Header, string, bool) {
		switch {
		case method != "apps.connections.open":
		case n == 1:
			return 500, nil, "<html>", true
		case n == 2:
			return 200, nil, `{"ok":false,"error":"internal_error"}`, true
		case n == 3:
			return 200, nil, `{"ok":true,"url":"ws://127.0.0.1:1/link"}`, true
		case n == 4:
			return 404, nil, "", true
		case n == 5:
			return 200, nil, `{"ok":false,"error":"account_inactive"}`, true
		}
		return 0, nil, "", false
	}
	log := &journal{}
	cfg := config(t, f.server.URL+"/api")
	s := open(t, cfg, slack.Options{Actions: d, Memory: newStore(), Logger: slog.New(slog.NewTextHandler(log, nil))})
	os.WriteFile(cfg.AppTokenFile, []byte("xapp-wrong"), 0o600)
	run(t, s)
	eventually(t, "the wrong token is refused", func() bool { return strings.Contains(log.String(), "invalid_auth") })
	os.Remove(cfg.AppTokenFile)
	eventually(t, "the token is missed", func() bool { return strings.Contains(log.String(), "cannot read") })
	os.WriteFile(cfg.AppTokenFile, []byte(appToken), 0o600)
	link := f.next(t)
	link.envelope(t, "slash_commands", "e1", command(f, "U0000000001", "list"))
	answered(t, f, 1)
	for _, secret := range []string{"xapp-wrong", appToken, botToken} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log shows %s", secret)
		}
	}
	// Another program under the same app takes a share of what is asked.
	link.send(object{"type": "hello", "num_connections": 2})
	eventually(t, "the other is noticed", func() bool { return strings.Contains(log.String(), "another program") })
}

// Without a token for it, or without Actions, there is nothing to run.
func TestSocketUnwanted(t *testing.T) {
	f := newFake(t)
	cfg := config(t, f.server.URL+"/api")
	if err := open(t, cfg, slack.Options{}).Run(t.Context()); err != nil || f.opens() > 0 {
		t.Error(err, f.opens())
	}
	cfg.AppTokenFile = ""
	if err := open(t, cfg, slack.Options{Actions: newDesk(note(1))}).Run(t.Context()); err != nil || f.opens() > 0 {
		t.Error(err, f.opens())
	}
}

// A connection that breaks as soon as it is there is not opened without end.
func TestSocketStorm(t *testing.T) {
	f := newFake(t)
	s, err := slack.New(config(t, f.server.URL+"/api"), slack.Options{Actions: newDesk(note(1))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	run(t, s)
	storm := make(chan struct{})
	go func() {
		defer close(storm)
		for end := time.After(3 * time.Second); ; {
			select {
			case link := <-f.sockets:
				link.conn.Close()
			case <-end:
				return
			}
		}
	}()
	<-storm
	if n := f.opens(); n < 2 || n > 6 {
		t.Errorf("%d connections in 3 s", n)
	}
}

// While answers are taken, notices go out: the two do not wait for each other.
func TestSocketAndNotices(t *testing.T) {
	f, d, s := place(t)
	run(t, s)
	link := f.next(t)
	gate := make(chan struct{})
	d.set(func(d *desk) { d.gate = gate })
	for n := range 5 {
		link.envelope(t, "slash_commands", fmt.Sprint("e", n), command(f, "U0000000001", "ack "+incident))
	}
	var ms []channel.Message
	for n := range 5 {
		ms = append(ms, note(n+2))
	}
	deliver(t, s, ms...)
	close(gate)
	answered(t, f, 5)
	if n := len(f.all()); n != 6 {
		t.Errorf("%d messages", n)
	}
}
