// Package notifytest is what every channel must pass, however it reaches
// people.
package notifytest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
)

// Place is a channel with its other side, as a test has built them.
type Place struct {
	// Channel leads to a receiver that takes everything.
	Channel channel.Channel
	// Refused leads to where nobody listens; Silent to a server that takes the
	// call and says nothing.
	Refused, Silent channel.Channel
	// Arrived returns what the receiver has taken so far.
	Arrived func(t *testing.T) []Arrival
	// Person is the recipient; zero for a group.
	Person roster.Person
	// Identified says that the receiver can drop a second delivery by its id.
	Identified bool
	// Once says that the channel itself drops it: two deliveries under one key
	// arrive once.
	Once bool
	// Secrets must not stand in any error.
	Secrets []string
}

// Arrival is one message as its reader has it.
type Arrival struct{ ID, Text string }

// Run runs the suite. open makes a new place, and clears it away at the end of
// t.
func Run(t *testing.T, open func(t *testing.T) Place) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, p Place)
	}{
		{"has one name", oneName},
		{"arrives whole", arrivesWhole},
		{"keeps its id", keepsID},
		{"takes any text", takesAnyText},
		{"goes out side by side", sideBySide},
		{"does nothing when it is too late", tooLate},
		{"is tried again when refused", refused},
		{"does not outlast its time", silent},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// Message is the nth notice of an incident.
func Message(p Place, lang string, n int) channel.Message {
	m := channel.Message{
		Key: fmt.Sprintf("INC-20260302-0001/%d/channel", n), Recipient: p.Person.ID, To: p.Person.Name, Person: p.Person,
		Lang: lang, Kind: "opened", At: time.Date(2026, 3, 2, 16, 0, n, 0, time.FixedZone("CST", 8*3600)),
		Link: "https://xunjian.example.org/incidents/INC-20260302-0001",
		Incident: channel.Incident{
			ID: "INC-20260302-0001", State: "open", Code: "F03", Level: plan.LevelIV, Host: "web1", Key: "k",
			Title: plan.Text{ZH: "开标大厅无法登录", EN: "Nobody gets into the hall"}, Opened: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC),
		},
	}
	if lang == "en" {
		m.Subject, m.Text = fmt.Sprintf("[IV] F03 Nobody gets into the hall (no. %d)", n), "Bid-opening hall unusable on web1.\nFirst: take the customer's report on site."
		m.Facts, m.LinkText = []channel.Fact{{Name: "Server", Value: "web1"}, {Name: "Level", Value: "IV"}}, "Open it in the console"
		return m
	}
	m.Subject, m.Text = fmt.Sprintf("【IV 级】F03 开标大厅无法登录（第 %d 号）", n), "web1 发生 F03 开标大厅无法使用。\n首要处置：受理客户在现场反映的问题。"
	m.Facts, m.LinkText = []channel.Fact{{Name: "服务器", Value: "web1"}, {Name: "级别", Value: "IV 级"}}, "在控制台中查看"
	return m
}

// within is more than any delivery of the suite takes.
const within = 30 * time.Second

func deliver(t *testing.T, c channel.Channel, m channel.Message, d time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return c.Deliver(ctx, m)
}

func arrivals(t *testing.T, p Place, n int) []Arrival {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		got := p.Arrived(t)
		if len(got) >= n {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d arrived: %+v", len(got), n, got)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func oneName(t *testing.T, p Place) {
	name := p.Channel.Name()
	if name == "" || name == "journal" || strings.ContainsAny(name, " \t\n") || p.Channel.Name() != name {
		t.Errorf("the name is %q", name)
	}
}

func arrivesWhole(t *testing.T, p Place) {
	for i, lang := range []string{"zh-CN", "en"} {
		m := Message(p, lang, i)
		if err := deliver(t, p.Channel, m, within); err != nil {
			t.Fatal(err)
		}
		text := arrivals(t, p, i+1)[i].Text
		parts := append(strings.Split(m.Text, "\n"), m.Subject, m.Link)
		for _, f := range m.Facts {
			parts = append(parts, f.Name, f.Value)
		}
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("%q is not in what arrived:\n%s", part, text)
			}
		}
	}
}

// The same notice at two attempts has one id, two notices have two.
func keepsID(t *testing.T, p Place) {
	for _, n := range []int{1, 1, 2} {
		if err := deliver(t, p.Channel, Message(p, "en", n), within); err != nil {
			t.Fatal(err)
		}
	}
	n := 3
	if p.Once {
		n = 2
	}
	ids := map[string]int{}
	got := arrivals(t, p, n)
	for _, a := range got {
		ids[a.ID]++
	}
	if p.Once && len(got) != n {
		t.Errorf("two notices, one of them twice, arrived %d times", len(got))
	}
	if p.Identified && (len(ids) != 2 || ids[""] > 0) {
		t.Errorf("two notices, one of them twice, came under the ids %v", ids)
	}
}

// Strange are texts from outside that a channel has to cope with.
var Strange = []string{
	"a\r\nBcc: everybody@example.org\r\n\r\nforged", "\x00\x1b[31m\u202e\ufeff", "half \xff\xfe utf-8", "<script>alert(1)</script> & \"quoted\" 'text'",
	strings.Repeat("长", 100_000), strings.Repeat("nospaces", 20_000), "[link](http://evil.example.org) **bold** `code` <at id=all></at> @all # no heading", "👩‍👩‍👧‍👦", "",
}

func takesAnyText(t *testing.T, p Place) {
	for i, s := range Strange {
		m := Message(p, "zh-CN", i)
		m.Subject, m.Text = channel.OneLine(s), s
		m.Facts = append(m.Facts, channel.Fact{Name: "strange", Value: s})
		var permanent *channel.Permanent
		if err := deliver(t, p.Channel, m, within); err != nil && !errors.As(err, &permanent) {
			t.Errorf("%.40q: %v", s, err)
		}
	}
	for _, a := range p.Arrived(t) {
		if !utf8.ValidString(a.Text) || strings.ContainsAny(a.Text, "\x00\x1b") {
			t.Errorf("arrived as %.100q", a.Text)
		}
	}
}

func sideBySide(t *testing.T, p Place) {
	const n = 4
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := deliver(t, p.Channel, Message(p, "en", i), within); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var all strings.Builder
	for _, a := range arrivals(t, p, n) {
		all.WriteString(a.Text)
	}
	for i := range n {
		if want := Message(p, "en", i).Subject; !strings.Contains(all.String(), want) {
			t.Errorf("%q did not arrive", want)
		}
	}
}

func tooLate(t *testing.T, p Place) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	temporary(t, p, p.Channel.Deliver(ctx, Message(p, "en", 1)))
	if got := p.Arrived(t); len(got) > 0 {
		t.Errorf("%d arrived all the same", len(got))
	}
}

func refused(t *testing.T, p Place) {
	temporary(t, p, deliver(t, p.Refused, Message(p, "en", 1), within))
}

func silent(t *testing.T, p Place) {
	began := time.Now()
	temporary(t, p, deliver(t, p.Silent, Message(p, "en", 1), time.Second))
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("it came back after %v", took)
	}
}

func temporary(t *testing.T, p Place, err error) {
	t.Helper()
	var permanent *channel.Permanent
	if err == nil || errors.As(err, &permanent) {
		t.Fatalf("error %v, want one that is tried again", err)
	}
	for _, s := range p.Secrets {
		if strings.Contains(err.Error(), s) {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}
