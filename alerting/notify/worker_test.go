package notify_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"xunjian/alerting/incident"
	"xunjian/alerting/notify"
)

func TestDelivers(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.open(t, 300)
		c := &channel{name: "journal", deliver: arrives}
		w, stop := b.work(t, b.st, c)
		synctest.Wait()
		time.Sleep(time.Second) // no round waits for the next poll
		stop()
		got := c.seen()
		if waiting, dead := b.depth(t); len(got) != 300 || waiting != 0 || dead != 0 {
			t.Errorf("%d delivered, %d wait, %d given up", len(got), waiting, dead)
		}
		slices.Sort(got)
		if n := len(slices.Compact(got)); n != 300 {
			t.Errorf("only %d are different", n)
		}
		if got := w.Counts()["journal"]; got != (notify.Counts{Delivered: 300}) {
			t.Errorf("counted %+v", got)
		}
	})
}

// A notice that fails is tried again under one key, later each time up to half
// an hour, and the log says so each time.
func TestTriesAgain(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.open(t, 1)
		var at []time.Time
		c := &channel{name: "journal", deliver: func(context.Context, notify.Message) error {
			at = append(at, time.Now())
			return errors.New("no route to host")
		}}
		w, stop := b.work(t, b.st, c)
		time.Sleep(12 * time.Hour)
		stop()
		if keys := slices.Compact(c.seen()); len(keys) != 1 || len(at) < 25 {
			t.Fatalf("%d attempts under the keys %q", len(at), keys)
		}
		wait := 5 * time.Second
		for i := range at[1:] {
			// A quarter either way, and the poll that finds it due.
			if got := at[i+1].Sub(at[i]); got < wait*3/4 || got > wait*5/4+30*time.Second {
				t.Errorf("attempt %d came %v after the one before, want about %v", i+2, got, wait)
			}
			wait = min(2*wait, 30*time.Minute)
		}
		if waiting, dead := b.depth(t); waiting != 1 || dead != 0 || w.Counts()["journal"] != (notify.Counts{Failed: uint64(len(at))}) {
			t.Errorf("%d wait, %d given up, counted %+v", waiting, dead, w.Counts())
		}
		if n := strings.Count(b.log.String(), "it is tried again"); n != len(at) {
			t.Errorf("the log tells of %d attempts, there were %d", n, len(at))
		}
	})
}

// It is given up only when a week is over and many attempts were made, where
// people see it.
func TestGivesUp(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.open(t, 1)
		created := time.Now().Add(-7*24*time.Hour + 2*time.Hour)
		b.exec(t, fmt.Sprintf(`UPDATE outbox SET attempts = 300, created = %d`, created.UnixMilli()))
		var last time.Time
		c := &channel{name: "journal", deliver: func(context.Context, notify.Message) error {
			last = time.Now()
			return errors.New("no route to host")
		}}
		w, stop := b.work(t, b.st, c)
		time.Sleep(4 * time.Hour)
		stop()
		age := last.Sub(created)
		if waiting, dead := b.depth(t); waiting != 0 || dead != 1 || age < 7*24*time.Hour || age > 7*24*time.Hour+40*time.Minute {
			t.Errorf("%d wait, %d given up at the age of %v", waiting, dead, age)
		}
		if c := w.Counts()["journal"]; c.Dead != 1 || c.Failed < 3 {
			t.Errorf("counted %+v", c)
		}
		if log := b.log.String(); !strings.Contains(log, `level=ERROR msg="notice given up" key=`+c.seen()[0]) {
			t.Errorf("the log does not say it: %.300s", log)
		}
	})
}

// A server that was off for a week has not tried yet.
func TestOldNoticeIsTried(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.open(t, 1)
		b.put(t, "mail", 1, time.Now().Add(-30*24*time.Hour))
		up := time.Now().Add(3 * time.Hour)
		mail := &channel{name: "mail", deliver: func(context.Context, notify.Message) error {
			if time.Now().Before(up) {
				return errors.New("network is unreachable")
			}
			return nil
		}}
		w, stop := b.work(t, b.st, mail, &channel{name: "journal", deliver: arrives})
		time.Sleep(4 * time.Hour)
		stop()
		if waiting, dead := b.depth(t); waiting != 0 || dead != 0 || w.Counts()["mail"].Delivered != 1 {
			t.Errorf("%d wait, %d given up, counted %+v", waiting, dead, w.Counts()["mail"])
		}
	})
}

// The other side may say when to come back, within reason, and that it need
// not be tried again.
func TestRetryAfterAndPermanent(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.open(t, 1)
		var at []time.Time
		c := &channel{name: "journal", deliver: func(context.Context, notify.Message) error {
			switch at = append(at, time.Now()); len(at) {
			case 1:
				return fmt.Errorf("robot: %w", &notify.RetryAfter{After: 10 * time.Minute, Err: errors.New("slow down")})
			case 2:
				return &notify.RetryAfter{After: 365 * 24 * time.Hour, Err: errors.New("next year")}
			}
			return fmt.Errorf("mail: %w", &notify.Permanent{Err: errors.New("no such mailbox")})
		}}
		_, stop := b.work(t, b.st, c)
		time.Sleep(3 * time.Hour)
		stop()
		if len(at) != 3 || at[1].Sub(at[0]).Round(time.Minute) != 10*time.Minute || at[2].Sub(at[1]).Round(time.Minute) != time.Hour {
			t.Errorf("attempts at %v", at)
		}
		if _, dead := b.depth(t); dead != 1 || !strings.Contains(b.log.String(), "no such mailbox") {
			t.Errorf("%d given up: %s", dead, b.log.String())
		}
	})
}

// Of what one recipient hears about one incident the order is kept, even while
// the first is being tried again; others do not wait for it.
func TestOrder(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.open(t, 2)
		one := b.first(t)
		if _, err := b.desk.Do(t.Context(), one.ID, one.Version, incident.Actor{Kind: "person", Name: "wang"}, incident.Acknowledge{Note: "on it"}); err != nil {
			t.Fatal(err)
		}
		failing := 3
		c := &channel{name: "journal", deliver: func(_ context.Context, m notify.Message) error {
			if m.Incident.ID == one.ID && failing > 0 {
				failing--
				return errors.New("busy")
			}
			return nil
		}}
		_, stop := b.work(t, b.st, c)
		time.Sleep(10 * time.Minute)
		stop()
		last := map[string]int{}
		for _, key := range c.seen() {
			var version int
			id, rest, _ := strings.Cut(key, "/")
			if _, err := fmt.Sscanf(rest, "%d/", &version); err != nil || version < last[id] {
				t.Errorf("version %d of %s after %d (%v)", version, id, last[id], err)
			}
			last[id] = version
		}
		if waiting, _ := b.depth(t); waiting != 0 || len(last) != 2 || c.seen()[1] == c.seen()[0] {
			t.Errorf("%d wait; went in the order %q", waiting, c.seen())
		}
	})
}

// A channel that hangs, breaks or is not there delays no other, not by a
// second: neither those before it in the queue nor those behind.
func TestChannelsAreApart(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.open(t, 1)
		// More than a round of what hangs is before what goes.
		for _, ch := range []string{"hangs", "deaf"} {
			b.put(t, ch, 260, time.Now())
		}
		for _, ch := range []string{"panics", "fails", "exits", "missing", "good"} {
			b.put(t, ch, 20, time.Now())
		}
		release := make(chan struct{})
		hangs := &channel{name: "hangs", deliver: func(ctx context.Context, _ notify.Message) error { <-ctx.Done(); return ctx.Err() }}
		deaf := &channel{name: "deaf", deliver: func(context.Context, notify.Message) error { <-release; return nil }}
		panics := &channel{name: "panics", deliver: func(context.Context, notify.Message) error { panic("oh") }}
		fails := &channel{name: "fails", deliver: func(context.Context, notify.Message) error { return errors.New("no") }}
		exits := &channel{name: "exits", deliver: func(context.Context, notify.Message) error { runtime.Goexit(); return nil }}
		good := &channel{name: "good", deliver: arrives}
		w, stop := b.work(t, b.st, hangs, deaf, panics, fails, exits, good, &channel{name: "journal", deliver: arrives})
		time.Sleep(time.Second)
		if got := len(good.seen()); got != 20 {
			t.Errorf("%d of 20 delivered beside channels that do not", got)
		}
		time.Sleep(5 * time.Minute)
		if n := len(deaf.seen()); n != 1 {
			t.Errorf("%d deliveries were begun on a channel that does not come back", n)
		}
		close(release)
		time.Sleep(5 * time.Minute)
		stop()
		counts := w.Counts()
		for name, least := range map[string]uint64{"panics": 100, "fails": 100, "exits": 100, "hangs": 20} {
			if c := counts[name]; c.Delivered != 0 || c.Dead != 0 || c.Failed < least {
				t.Errorf("%s: counted %+v", name, c)
			}
		}
		if c := counts["deaf"]; c.Delivered != 260 || c.Failed != 1 {
			t.Errorf("a channel that came back: counted %+v", c)
		}
		if waiting, dead := b.depth(t); waiting != 260+4*20 || dead != 0 {
			t.Errorf("%d wait, want what the five could not send; %d given up", waiting, dead)
		}
		for _, said := range []string{"channel panics broke: oh", `channel \"missing\" is not configured`, "channel deaf does not come back", "channel exits ended without an answer"} {
			if !strings.Contains(b.log.String(), said) {
				t.Errorf("the log does not say %q", said)
			}
		}
	})
}
