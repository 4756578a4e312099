package mail_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/mail"
	"xunjian/alerting/notify/notifytest"
	"xunjian/alerting/roster"
)

// What each refusal comes to: only the recipient's or the text's is for ever.
func TestFaults(t *testing.T) {
	cert, key := certificate(t, "127.0.0.1", time.Now().Add(time.Hour))
	for _, c := range []struct {
		at, answer string
		permanent  bool
		said       string
	}{
		{"GREETING", "421 4.3.2 too busy", false, "421"}, {"GREETING", "554 5.7.1 you are on a list", false, "on a list"}, {"GREETING", "", false, "i/o timeout"},
		{"GREETING", "close", false, "EOF"}, {"GREETING", "hello?", false, "hello?"},
		{"EHLO", "", false, "i/o timeout"}, {"EHLO", "close", false, "EOF"},
		{"STARTTLS", "454 4.7.0 no", false, "454"}, {"STARTTLS", "", false, "i/o timeout"}, {"STARTTLS", "close", false, "EOF"},
		{"AUTH", "535 5.7.8 wrong password", false, "wrong password"}, {"AUTH", "454 4.7.0 later", false, "later"}, {"AUTH", "", false, "i/o timeout"},
		{"MAIL", "550 5.7.1 not your address", false, "not your address"}, {"MAIL", "451 4.3.0 later", false, "later"}, {"MAIL", "530 5.7.0 log in", false, "log in"}, {"MAIL", "", false, "i/o timeout"},
		{"RCPT", "550 5.1.1 no such user", true, "no such user"}, {"RCPT", "550 mailbox unavailable", true, "unavailable"}, {"RCPT", "554 5.7.1 relay access denied", false, "relay access denied"},
		{"RCPT", "452 4.2.2 mailbox full", false, "mailbox full"}, {"RCPT", "421 4.3.2 going down", false, "going down"}, {"RCPT", "", false, "i/o timeout"},
		{"DATA", "", false, "i/o timeout"}, {"DATA", "451 4.3.0 later", false, "later"}, {"DATA", "554 5.6.0 no", true, "no"}, {"DATA", "close", false, "EOF"},
		{"END", "", false, "i/o timeout"}, {"END", "close", false, "EOF"}, {"END", "452 4.3.1 disk full", false, "disk full"}, {"END", "554 5.6.0 spam", true, "spam"},
	} {
		t.Run(c.at+" "+c.answer, func(t *testing.T) {
			s := startHostile(t, &hostile{at: c.at, answer: c.answer, cert: cert, key: key})
			ch := open(t, mail.Config{Server: s.address, Security: mail.StartTLS, From: "xunjian@example.org", Username: login, PasswordFile: write(t, password), CAFile: write(t, cert)})
			ch.Within(300 * time.Millisecond)
			began := time.Now()
			err := ch.Deliver(t.Context(), notifytest.Message(notifytest.Place{Person: wang}, "en", 1))
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			check(t, err, c.permanent, c.said)
		})
	}
}

func check(t *testing.T, err error, permanent bool, said string) {
	t.Helper()
	var p *channel.Permanent
	if err == nil || errors.As(err, &p) != permanent || !strings.Contains(err.Error(), said) || !strings.Contains(err.Error(), "wang@example.org") {
		t.Errorf("%v (want permanent: %v, and that it says %q)", err, permanent, said)
	}
	if err != nil && (strings.Contains(err.Error(), password) || strings.Contains(err.Error(), "\n")) {
		t.Errorf("shows the password or more than a line: %v", err)
	}
}

// What a server says after it took the mail on does not bring a second one.
func TestTakenIsTaken(t *testing.T) {
	for _, answer := range []string{"", "close", "421 going down"} {
		s := startHostile(t, &hostile{at: "QUIT", answer: answer})
		ch := open(t, mail.Config{Server: s.address, Security: mail.Plain, From: "xunjian@example.org"})
		began := time.Now()
		if err := ch.Deliver(t.Context(), notifytest.Message(notifytest.Place{Person: wang}, "en", 1)); err != nil {
			t.Errorf("QUIT is answered by %q: %v", answer, err)
		}
		if _, n := s.words(); n != 1 || time.Since(began) > 3*time.Second {
			t.Errorf("QUIT is answered by %q: %d taken in %v", answer, n, time.Since(began))
		}
	}
}

// A server that answers so slowly that each byte is in time does not hold the
// delivery beyond its own.
func TestDrip(t *testing.T) {
	s := startHostile(t, &hostile{at: "nothing", drip: 50 * time.Millisecond})
	ch := open(t, mail.Config{Server: s.address, Security: mail.Plain, From: "xunjian@example.org"})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	check(t, ch.Deliver(ctx, notifytest.Message(notifytest.Place{Person: wang}, "en", 1)), false, "no answer in time")
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
}

// No password goes to whom it is not meant for, and none is shown.
func TestPasswordIsKept(t *testing.T) {
	cert, key := certificate(t, "127.0.0.1", time.Now().Add(time.Hour))
	old, oldKey := certificate(t, "127.0.0.1", time.Now().Add(-time.Minute))
	other, otherKey := certificate(t, "127.0.0.9", time.Now().Add(time.Hour))
	for name, c := range map[string]struct {
		server *hostile
		trust  string
		said   string
	}{
		"expired":       {&hostile{at: "nothing", cert: old, key: oldKey}, old, "expired"},
		"of another":    {&hostile{at: "nothing", cert: other, key: otherKey}, other, "127.0.0.9"},
		"not trusted":   {&hostile{at: "nothing", cert: cert, key: key}, old, "unknown authority"},
		"none at all":   {&hostile{at: "nothing"}, cert, "STARTTLS"},
		"taken away":    {&hostile{at: "STARTTLS", answer: "502 what?", cert: cert, key: key}, cert, "502"},
		"says it back":  {&hostile{at: "AUTH", answer: "535 5.7.8 not " + base64.StdEncoding.EncodeToString([]byte("\x00"+login+"\x00"+password)), cert: cert, key: key}, cert, "<secret>"},
		"knows it, too": {&hostile{at: "RCPT", answer: "451 4.3.0 not " + password, cert: cert, key: key}, cert, "<secret>"},
	} {
		t.Run(name, func(t *testing.T) {
			s := startHostile(t, c.server)
			ch := open(t, mail.Config{Server: s.address, Security: mail.StartTLS, From: "xunjian@example.org", Username: login, PasswordFile: write(t, password), CAFile: write(t, c.trust)})
			ch.Within(time.Second)
			err := ch.Deliver(t.Context(), notifytest.Message(notifytest.Place{Person: wang}, "en", 1))
			check(t, err, false, c.said)
			if s := base64.StdEncoding.EncodeToString([]byte("\x00" + login + "\x00" + password)); strings.Contains(err.Error(), s) {
				t.Errorf("shows the password: %v", err)
			}
			heard, taken := s.words()
			if asked := c.server.at == "AUTH" || c.server.at == "RCPT"; taken > 0 || strings.Contains(heard, "AUTH") != asked {
				t.Errorf("%d taken, heard %q", taken, heard)
			}
		})
	}
}

// A name server that never answers, and a name that nobody has.
func TestNoName(t *testing.T) {
	dead, err := net.ListenPacket("udp", "127.0.0.1:0") // takes questions, answers none
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	ch := open(t, mail.Config{Server: "mx.example.org:25", Security: mail.StartTLS, From: "xunjian@example.org"})
	ch.Ask(&net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", dead.LocalAddr().String())
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	check(t, ch.Deliver(ctx, notifytest.Message(notifytest.Place{Person: wang}, "en", 1)), false, "lookup mx.example.org")
}

// The address is the roster's of today.
func TestNoAddress(t *testing.T) {
	ch := open(t, mail.Config{Server: "127.0.0.1:1", Security: mail.StartTLS, From: "xunjian@example.org"})
	m := notifytest.Message(notifytest.Place{Person: roster.Person{ID: "wang"}}, "en", 1)
	var permanent *channel.Permanent
	if err := ch.Deliver(t.Context(), m); !errors.As(err, &permanent) || !strings.Contains(err.Error(), "mail to wang") {
		t.Error(err)
	}
	if ch.Reaches(m.Person) || !ch.Reaches(wang) {
		t.Error("reaches whom it cannot, or not whom it can")
	}
}

// A password that is gone is a matter of repair, not the end of the notice.
func TestPasswordFile(t *testing.T) {
	cfg := mail.Config{Server: "127.0.0.1:1", Security: mail.StartTLS, From: "xunjian@example.org", Username: login, PasswordFile: "/nonexistent/password"}
	c, err := mail.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var permanent *channel.Permanent
	err = c.Deliver(t.Context(), notifytest.Message(notifytest.Place{Person: wang}, "en", 1))
	if err == nil || errors.As(err, &permanent) || !strings.Contains(err.Error(), "/nonexistent/password") {
		t.Error(err)
	}
}
