package mail_test

import (
	"errors"
	"fmt"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/mail"
	"xunjian/alerting/notify/notifytest"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var wang = roster.Person{ID: "wang", Name: "王芳", Mail: "wang@example.org", Phone: "010-5550-0102"}

func open(t *testing.T, cfg mail.Config) *mail.Channel {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	c, err := mail.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (p *postfix) config(t *testing.T) mail.Config {
	return mail.Config{
		Server: p.starttls, Security: mail.StartTLS, From: "巡检 <xunjian@example.org>",
		Username: login, PasswordFile: write(t, password+"\n"), CAFile: p.ca,
	}
}

// With Debian's Postfix at the other end.
func TestPostfix(t *testing.T) {
	server := startPostfix(t, "plain login scram-sha-256")
	t.Run("contract", server.contract)
	t.Run("starttls", func(t *testing.T) { server.form(t, mail.StartTLS, "SCRAM-SHA-256") })
	t.Run("tls", func(t *testing.T) { server.form(t, mail.TLS, "SCRAM-SHA-256") })
	t.Run("thread", server.thread)
	t.Run("injection", server.injection)
	t.Run("report", server.report)
	t.Run("signed", server.signed)
	t.Run("refusals", server.refusals)
}

// A server that knows nothing but the oldest login, as some appliances do.
func TestOldLogin(t *testing.T) {
	startPostfix(t, "login").form(t, mail.StartTLS, "LOGIN")
}

func (p *postfix) contract(t *testing.T) {
	server := p
	notifytest.Run(t, func(t *testing.T) notifytest.Place {
		before := len(server.received(t))
		cfg := server.config(t)
		refused, silent := cfg, cfg
		refused.Server, silent.Server = freeAddress(t), startHostile(t, &hostile{}).address
		return notifytest.Place{
			Channel: open(t, cfg), Refused: open(t, refused), Silent: open(t, silent),
			Person: wang, Identified: true, Secrets: []string{password},
			Arrived: func(t *testing.T) []notifytest.Arrival {
				var out []notifytest.Arrival
				for _, raw := range server.received(t)[before:] {
					l := read(t, raw)
					out = append(out, notifytest.Arrival{ID: l.header.Get("Message-ID"), Text: l.subject + "\n" + l.text})
				}
				return out
			},
		}
	})
}

// form checks what arrives, and how it came.
func (p *postfix) form(t *testing.T, security, login string) {
	cfg := p.config(t)
	if cfg.Security = security; security == mail.TLS {
		cfg.Server = p.tls
	}
	m := notifytest.Message(notifytest.Place{Person: wang}, "zh-CN", 1)
	m.Incident.Level = plan.LevelII
	before := len(p.received(t))
	deliver(t, open(t, cfg), m)
	l := p.next(t, before+1)
	checkForm(t, l, m)
	if got := l.header.Get("Received"); !strings.Contains(got, "with ESMTPSA") || !strings.Contains(got, "Authenticated sender: xunjian") {
		t.Errorf("it came %q", got)
	}
	if log := p.log(t); !strings.Contains(log, "sasl_method="+login) {
		t.Errorf("no login by %s", login)
	}
}

func checkForm(t *testing.T, l letter, m channel.Message) {
	t.Helper()
	if from := l.address(t, "From"); from != (netmail.Address{Name: "巡检", Address: "xunjian@example.org"}) {
		t.Errorf("from %v", from)
	}
	if to := l.address(t, "To"); to != (netmail.Address{Name: "王芳", Address: "wang@example.org"}) {
		t.Errorf("to %v", to)
	}
	if at, err := l.header.Date(); err != nil || !at.Equal(m.At) {
		t.Errorf("date %v %v, want %v", at, err, m.At)
	}
	for field, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "Importance": "high", "Content-Language": "zh-CN", "X-Xunjian-Incident": m.Incident.ID, "Mime-Version": "1.0",
	} {
		if got := l.header.Get(field); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	if l.subject != m.Subject {
		t.Errorf("subject %q, want %q", l.subject, m.Subject)
	}
	if page, text := l.said(); page != text {
		t.Errorf("the page says\n%s\nand the text\n%s", page, text)
	}
	if !strings.Contains(l.html, "<table") || strings.Contains(l.html, "<style") {
		t.Errorf("the page is\n%s", l.html)
	}
}

// The mails of an incident hang together, those of another one elsewhere.
func (p *postfix) thread(t *testing.T) {
	server, before := p, len(p.received(t))
	c := open(t, server.config(t))
	place := notifytest.Place{Person: wang}
	other := notifytest.Message(place, "en", 3)
	other.Incident.ID = "INC-20260302-0002"
	twin := notifytest.Message(place, "en", 4)
	twin.Incident.Host = "web2" // another server may count alike
	for _, m := range []channel.Message{notifytest.Message(place, "en", 1), notifytest.Message(place, "en", 2), other, twin} {
		deliver(t, c, m)
	}
	threads := map[string][]string{}
	ids := map[string]bool{}
	server.next(t, before+4)
	for _, raw := range server.received(t)[before:] {
		l := read(t, raw)
		r := l.header.Get("References")
		if r == "" || r != l.header.Get("In-Reply-To") || r == l.header.Get("Message-ID") || !strings.HasSuffix(r, "@example.org>") {
			t.Errorf("references %q, in reply to %q", r, l.header.Get("In-Reply-To"))
		}
		threads[r] = append(threads[r], l.subject)
		ids[l.header.Get("Message-ID")] = true
	}
	sizes := []int{}
	for _, subjects := range threads {
		sizes = append(sizes, len(subjects))
	}
	if slices.Sort(sizes); !slices.Equal(sizes, []int{1, 1, 2}) || len(ids) != 4 {
		t.Errorf("threads %v, ids %v", threads, ids)
	}
}

// No text becomes a header, and none is lost.
func (p *postfix) injection(t *testing.T) {
	server, before := p, len(p.received(t))
	c := open(t, server.config(t))
	for i, s := range notifytest.Strange {
		m := notifytest.Message(notifytest.Place{Person: wang}, "zh-CN", i)
		m.Subject, m.Text, m.Incident.ID, m.Lang = s, s, s, s
		m.Person.Name = s
		if len(s) > 1000 {
			m.Incident.ID, m.Lang, m.Person.Name = "INC-1", "zh-CN", "王芳"
		}
		deliver(t, c, m)
		l := server.next(t, before+i+1)
		known := []string{"Return-Path", "X-Original-To", "Delivered-To", "Received", "Auto-Submitted", "Content-Language", "Date", "Importance",
			"In-Reply-To", "Message-Id", "Mime-Version", "References", "Subject", "X-Auto-Response-Suppress", "X-Xunjian-Incident", "From", "To", "Content-Type"}
		for field, values := range l.header {
			if !slices.Contains(known, field) || field != "Received" && len(values) != 1 {
				t.Errorf("%.40q made a header %s: %q", s, field, values)
			}
		}
		if l.subject != channel.OneLine(s) {
			t.Errorf("%.40q became the subject %.60q", s, l.subject)
		}
		if to := l.address(t, "To"); to.Address != wang.Mail {
			t.Errorf("%.40q goes to %v", s, to)
		}
		if strings.Contains(l.html, "<script>") {
			t.Errorf("%.40q is live in the page", s)
		}
	}
}

// next waits for the nth mail and returns the newest.
func (p *postfix) next(t *testing.T, n int) letter {
	t.Helper()
	return read(t, p.arrived(t, n))
}

// arrived waits for the nth mail and returns the newest as it came.
func (p *postfix) arrived(t *testing.T, n int) []byte {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if all := p.received(t); len(all) >= n {
			return all[len(all)-1]
		}
		if time.Now().After(deadline) {
			t.Fatalf("mail %d did not arrive", n)
		}
	}
}

func deliver(t *testing.T, c *mail.Channel, m channel.Message) {
	t.Helper()
	if err := c.Deliver(t.Context(), m); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", m.Key, err))
	}
}

// refusals are what Postfix itself says no to.
func (p *postfix) refusals(t *testing.T) {
	for _, c := range []struct {
		name      string
		change    func(*mail.Config, *roster.Person)
		permanent bool
		said      string
	}{
		{"nobody", func(_ *mail.Config, r *roster.Person) { r.Mail = "nobody@example.org" }, true, "550"},
		{"wrong password", func(c *mail.Config, _ *roster.Person) { c.PasswordFile = write(t, "hunter2") }, false, "535"},
		{"no login", func(c *mail.Config, _ *roster.Person) { c.Username, c.PasswordFile = "", "" }, false, "554"},
	} {
		cfg, person := p.config(t), wang
		c.change(&cfg, &person)
		err := open(t, cfg).Deliver(t.Context(), notifytest.Message(notifytest.Place{Person: person}, "en", 1))
		var permanent *channel.Permanent
		if err == nil || errors.As(err, &permanent) != c.permanent || !strings.Contains(err.Error(), c.said) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
