package notify_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/notify"
)

// program is a channel whose reader is a program.
type program struct{ channel }

func (*program) Program() {}

// fill puts n notices of as many incidents into the outbox for one recipient,
// of which those that urgent names are urgent.
func (b *bench) fill(t *testing.T, channels []string, from, n int, urgent func(i int) bool) {
	t.Helper()
	b.desk.Signals(context.Background(), signals(from+n))
	list, err := b.desk.Find(context.Background(), alerting.Query{Limit: 1000})
	if err != nil || len(list) < from+n {
		t.Fatal(err, len(list))
	}
	var u alerting.Unit
	for i := from; i < from+n; i++ {
		for _, c := range channels {
			u.Notices = append(u.Notices, alerting.Notice{
				Key: fmt.Sprintf("%s/%d", c, i), Incident: list[i].ID, Version: 1, Kind: "opened", Channel: c, Recipient: "wang", Lang: "en",
				Created: time.Now(), NotBefore: time.Now(), Urgent: urgent(i),
			})
		}
	}
	if _, err := b.st.Commit(context.Background(), u); err != nil {
		t.Fatal(err)
	}
}

// In a storm the first goes out by itself, each urgent one by itself and before
// the rest, and the rest as one; the next digest waits for its time; a program
// gets each.
func TestDigest(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.exec(t, `PRAGMA synchronous = OFF`)
		var texts []notify.Message
		var down atomic.Bool
		people := &channel{name: "mail", deliver: func(_ context.Context, m notify.Message) error {
			if down.Load() {
				return errors.New("no route to host")
			}
			texts = append(texts, m)
			return nil
		}}
		prog := &program{channel{name: "webhook/x", deliver: arrives}}
		b.fill(t, []string{"mail", "webhook/x"}, 0, 300, func(i int) bool { return i == 120 || i == 250 })
		w, stop := b.work(t, b.st, people, prog, &channel{name: "journal", deliver: arrives})
		defer stop()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(texts) != 4 {
			t.Fatalf("%d messages: %q", len(texts), people.seen())
		}
		if texts[0].Key != "mail/120" || texts[1].Key != "mail/250" || texts[2].Key != "mail/0" {
			t.Errorf("first come %q", people.seen())
		}
		d := texts[3]
		if d.Kind != "digest" || d.Person.ID != "wang" || !strings.Contains(d.Subject, "297 notices from web1 in one") || !strings.Contains(d.Text, "297 opened") ||
			!strings.Contains(d.Text, "and 277 more") || strings.Count(d.Text, "E01") != 20 {
			t.Errorf("the digest: %s\n%s", d.Subject, d.Text)
		}
		if n := len(prog.seen()); n != 300 {
			t.Errorf("the program got %d", n)
		}
		// More comes within the pause: what is urgent at once, the rest together at
		// its end.
		b.fill(t, []string{"mail"}, 300, 4, func(i int) bool { return i == 303 })
		w.Wake()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if len(texts) != 5 || texts[4].Key != "mail/303" {
			t.Fatalf("within the pause: %d messages, %q", len(texts), people.seen())
		}
		down.Store(true)
		time.Sleep(100 * time.Second)
		down.Store(false)
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if len(texts) != 6 || texts[5].Kind != "digest" || !strings.Contains(texts[5].Text, "3 opened") {
			t.Fatalf("after the pause: %d messages, %q", len(texts), people.seen())
		}
		// When it is quiet again, each goes by itself.
		time.Sleep(time.Hour)
		b.fill(t, []string{"mail"}, 304, 3, func(int) bool { return false })
		w.Wake()
		time.Sleep(time.Minute)
		stop()
		if len(texts) != 9 || texts[8].Kind != "opened" {
			t.Errorf("in the end %d messages, %q", len(texts), people.seen())
		}
		if waiting, dead := b.depth(t); waiting != 0 || dead != 0 {
			t.Errorf("%d wait, %d given up", waiting, dead)
		}
	})
}
