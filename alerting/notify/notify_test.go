package notify_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/notify"
	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
	"xunjian/alerting/roster"
	"xunjian/alerting/store"
	"xunjian/alerting/text"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the golden files")

var people = roster.Roster{People: []roster.Person{
	{ID: "li", Name: "李明", Roles: []string{"business-manager"}, Phone: "010-5550-0101"},
	{ID: "wang", Name: "王芳", Roles: []string{"tech-staff"}, Phone: "010-5550-0102"},
}}

// bench is a desk with a real store; its notices wait in the outbox.
type bench struct {
	st   *store.Store
	desk *alerting.Desk
	dir  string
}

func sit(t testing.TB) *bench {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(context.Background(), filepath.Join(dir, "x.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	desk, err := alerting.NewDesk(context.Background(), alerting.Options{Store: st, Plan: planfile.Default(), Roster: people, Host: "web1"})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{st, desk, dir}
}

func (b *bench) open(t testing.TB, n int) {
	t.Helper()
	var signals []alerting.Signal
	for i := range n {
		signals = append(signals, alerting.Signal{
			Key: fmt.Sprint("a", i), Status: alerting.Firing, Rule: "DiskFull", At: time.Now(), Since: time.Now(), Via: "rules",
			Labels: map[string]string{"code": "E01"}, Annotations: map[string]string{"summary": "disk full", "summary_zh": "磁盘已满"},
		})
	}
	if err := b.desk.Signals(context.Background(), signals); err != nil {
		t.Fatal(err)
	}
}

func words(t testing.TB) *notify.Words {
	t.Helper()
	zone := time.FixedZone("CST", 8*3600)
	c, err := text.Load(zone, notify.Messages, incident.Messages)
	if err != nil {
		t.Fatal(err)
	}
	return &notify.Words{Catalog: c, Plan: planfile.Default(), Roster: people}
}

// work runs a Worker until stop.
func (b *bench) work(t testing.TB, out notify.Outbox, channels ...notify.Channel) (w *notify.Worker, stop func()) {
	t.Helper()
	w = notify.NewWorker(notify.Options{Outbox: out, Channels: channels, Words: words(t)})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	return w, func() { cancel(); <-done }
}

func (b *bench) waiting(t testing.TB) int {
	t.Helper()
	n, _, err := b.st.OutboxDepth(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// channel is one whose deliveries a test decides.
type channel struct {
	name    string
	deliver func(ctx context.Context, m notify.Message) error
	mu      sync.Mutex
	keys    []string
}

func (c *channel) Name() string { return c.name }

func (c *channel) Deliver(ctx context.Context, m notify.Message) error {
	c.mu.Lock()
	c.keys = append(c.keys, m.Key)
	c.mu.Unlock()
	return c.deliver(ctx, m)
}

func (c *channel) seen() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.keys...)
}

func bubble(t *testing.T, f func(t *testing.T, b *bench)) {
	synctest.Test(t, func(t *testing.T) { f(t, sit(t)) })
}

func TestDelivers(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.open(t, 300)
		c := &channel{name: "journal", deliver: func(context.Context, notify.Message) error { return nil }}
		w, stop := b.work(t, b.st, c)
		time.Sleep(time.Minute)
		stop()
		if got := len(c.seen()); got != 300 || b.waiting(t) != 0 {
			t.Errorf("%d delivered, %d wait", got, b.waiting(t))
		}
		if got := w.Counts()["journal"].Delivered; got != 300 {
			t.Errorf("counted %d", got)
		}
	})
}

// A notice that fails is tried again, later each time, under one key, for days;
// then it is given up where people see it.
func TestTriesAgainForDays(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.open(t, 1)
		var at []time.Time
		c := &channel{name: "journal", deliver: func(context.Context, notify.Message) error {
			at = append(at, time.Now())
			return errors.New("no route to host")
		}}
		_, stop := b.work(t, b.st, c)
		time.Sleep(9 * 24 * time.Hour)
		stop()
		for _, k := range c.seen() {
			if k != c.seen()[0] {
				t.Fatalf("keys %q and %q", k, c.seen()[0])
			}
		}
		if len(at) < 100 || at[1].Sub(at[0]) > 40*time.Second || at[90].Sub(at[89]) < 20*time.Minute {
			t.Errorf("%d attempts, the second after %v, later every %v", len(at), at[1].Sub(at[0]), at[90].Sub(at[89]))
		}
		waiting, dead, err := b.st.OutboxDepth(t.Context())
		if err != nil || waiting != 0 || dead != 1 {
			t.Errorf("%d wait, %d given up (%v)", waiting, dead, err)
		}
	})
}

func TestRetryAfterAndPermanent(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.open(t, 1)
		var at []time.Time
		c := &channel{name: "journal", deliver: func(context.Context, notify.Message) error {
			if at = append(at, time.Now()); len(at) == 1 {
				return &notify.RetryAfter{After: 10 * time.Minute, Err: errors.New("slow down")}
			}
			return &notify.Permanent{Err: errors.New("no such mailbox")}
		}}
		_, stop := b.work(t, b.st, c)
		time.Sleep(time.Hour)
		stop()
		if len(at) != 2 || at[1].Sub(at[0]) < 10*time.Minute {
			t.Errorf("attempts at %v", at)
		}
		if _, dead, _ := b.st.OutboxDepth(t.Context()); dead != 1 {
			t.Errorf("%d given up", dead)
		}
	})
}

// forgetful is an outbox whose record of a delivery is lost: the agent died
// between the two.
type forgetful struct {
	*store.Store
	lost int
}

func (f *forgetful) Delivered(ctx context.Context, key string, at time.Time) error {
	if f.lost++; f.lost == 1 {
		return errors.New("killed")
	}
	return f.Store.Delivered(ctx, key, at)
}

func TestAtLeastOnce(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.open(t, 1)
		c := &channel{name: "journal", deliver: func(context.Context, notify.Message) error { return nil }}
		_, stop := b.work(t, &forgetful{Store: b.st}, c)
		time.Sleep(5 * time.Minute)
		stop()
		if k := c.seen(); len(k) != 2 || k[0] != k[1] {
			t.Errorf("delivered as %q", k)
		}
	})
}

// A channel that hangs, breaks or is not there delays no other.
func TestChannelsAreApart(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.open(t, 400)
		for n, ch := range []string{"hangs", "panics", "missing"} {
			var unit alerting.Unit
			i := b.first(t)
			for k := range 300 {
				unit.Notices = append(unit.Notices, alerting.Notice{
					Key: fmt.Sprint(ch, k), Incident: i.ID, Version: 1, Kind: "opened", Channel: ch, Recipient: fmt.Sprint(n, k), Lang: "en", Created: time.Now(), NotBefore: time.Now(),
				})
			}
			if _, err := b.st.Commit(t.Context(), unit); err != nil {
				t.Fatal(err)
			}
		}
		hangs := &channel{name: "hangs", deliver: func(ctx context.Context, _ notify.Message) error { <-ctx.Done(); return ctx.Err() }}
		panics := &channel{name: "panics", deliver: func(context.Context, notify.Message) error { panic("oh") }}
		good := &channel{name: "journal", deliver: func(context.Context, notify.Message) error { return nil }}
		_, stop := b.work(t, b.st, hangs, panics, good)
		time.Sleep(2 * time.Minute)
		if got := len(good.seen()); got != 400 {
			t.Errorf("%d of 400 delivered beside a channel that hangs", got)
		}
		stop()
	})
}

func (b *bench) first(t testing.TB) incident.Incident {
	t.Helper()
	list, err := b.desk.Find(context.Background(), alerting.Query{Limit: 1})
	if err != nil || len(list) == 0 {
		t.Fatal(err, len(list))
	}
	return list[0]
}

// What each kind of notice says, in both languages.
func TestWords(t *testing.T) {
	w := words(t)
	t0 := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	opened := incident.Opened{
		Key: "k", Code: "F03", Scenario: "opening-hall", SystemKind: plan.Opening, Level: "IV", Title: plan.Text{ZH: "开标大厅无法登录", EN: "Nobody gets into the hall"},
		OutageSince: t0.Add(-time.Minute), PlanVersion: "2017-05", Host: "web1", Resolve: "manual",
	}
	person := incident.Actor{Kind: "person", Name: "wang", Via: "console"}
	agent := incident.Actor{Kind: "agent", Name: "web1", Via: "clock"}
	for name, e := range map[string]struct {
		actor incident.Actor
		data  incident.Data
		drill bool
	}{
		"opened": {agent, nil, false}, "drill": {person, nil, true},
		"alert_lost":      {agent, incident.AlertLost{Alert: "a"}, false},
		"level_changed":   {agent, incident.LevelChanged{From: "IV", To: "III", Clock: "III", Reason: incident.ReasonClock}, false},
		"level_announced": {agent, incident.LevelAnnounced{To: "III", At: t0.Add(time.Hour)}, false},
		"flapping":        {agent, incident.Flapping{Ends: 3, Hold: 5 * time.Minute}, false},
		"acknowledged":    {person, incident.Acknowledged{Note: "正在联系开发团队"}, false},
		"ack_lapsed":      {agent, incident.AckLapsed{By: "wang"}, false},
		"reminded":        {agent, incident.Reminded{Deadline: "step/repair-programs", From: t0, Due: t0.Add(20 * time.Minute), N: 2, To: []string{"dev-team", "leader"}}, false},
		"resolved":        {agent, incident.Resolved{Note: incident.NoteAuto}, false},
		"reopened":        {person, incident.Reopened{Reason: "again"}, false},
		"false_alarm":     {person, incident.FalseAlarm{Reason: "a test"}, false},
		"promoted":        {person, incident.Promoted{Code: "A01", Scenario: "network-attack", Level: "III", Reason: "an intrusion"}, false},
	} {
		o := opened
		o.Drill = e.drill
		events := []incident.Event{{Incident: "INC-1", Version: 1, At: t0, Actor: agent, Data: o}}
		if e.data != nil {
			events = append(events, incident.Event{Incident: "INC-1", Version: 2, At: t0.Add(10 * time.Minute), Actor: e.actor, Data: e.data})
		}
		last := events[len(events)-1]
		var got strings.Builder
		for _, lang := range []string{"zh-CN", "en"} {
			m, err := w.Message(alerting.Notice{Key: "k", Incident: "INC-1", Version: last.Version, Kind: last.Data.Kind(), Lang: lang, Recipient: "wang"}, events)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&got, "%s\nto: %s\n%s\n\n", m.Subject, m.To, m.Text)
		}
		golden(t, name, got.String())
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// A text from outside stays inside its line.
func TestJournalIsOneLine(t *testing.T) {
	var out bytes.Buffer
	j := notify.NewJournal(&out, true)
	evil := "disk\n<0>kernel: forged\r\n\x1b[2Jcleared\u2028\u202eback\x00\xff" + strings.Repeat("长", 1<<16)
	m := notify.Message{Subject: evil, Text: evil, To: evil, Incident: incident.Incident{Level: plan.LevelI}}
	if err := j.Deliver(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	line := out.String()
	if strings.Count(line, "\n") != 1 || !strings.HasPrefix(line, "<1>") || strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\x1b\r\x00\u2028\u202e") || len(line) > 40_000 {
		t.Errorf("wrote %d bytes: %.120q", len(line), line)
	}
	out.Reset()
	notify.NewJournal(&out, false).Deliver(t.Context(), notify.Message{Subject: "s", Text: "a\n b", Incident: incident.Incident{State: incident.Done}})
	if out.String() != "s | a b\n" {
		t.Errorf("on a terminal: %q", out.String())
	}
}

func BenchmarkDrain(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		bn := sit(b)
		bn.open(b, 1000)
		b.StartTimer()
		_, stop := bn.work(b, bn.st, notify.NewJournal(io.Discard, false))
		for bn.waiting(b) > 0 {
			time.Sleep(time.Millisecond)
		}
		stop()
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "notices/s")
}
