package notify_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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

func TestMain(m *testing.M) {
	if path, url := os.Getenv(victimStore), os.Getenv(victimURL); url != "" {
		courier(path, url) // does not come back
	} else if path != "" {
		victim(path) // does not come back
	}
	goleak.VerifyTestMain(m)
}

var update = flag.Bool("update", false, "write the golden files")

var people = roster.Roster{People: []roster.Person{
	{ID: "li", Name: "李明", Roles: []string{"business-manager"}, Phone: "010-5550-0101"},
	{ID: "wang", Name: "王芳", Roles: []string{"tech-staff"}, Phone: "010-5550-0102"},
}}

// bench is a desk with a real store; its notices wait in the outbox.
type bench struct {
	st   *store.Store
	desk *alerting.Desk
	path string
	log  bytes.Buffer // read it after stop
}

func sit(t testing.TB) *bench {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.db")
	st, err := store.Open(context.Background(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	desk, err := alerting.NewDesk(context.Background(), alerting.Options{Store: st, Basis: alerting.Basis{Plan: planfile.Default(), Roster: people}, Host: "web1"})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{st: st, desk: desk, path: path}
}

func signals(n int) []alerting.Signal {
	var signals []alerting.Signal
	for i := range n {
		signals = append(signals, alerting.Signal{
			Key: fmt.Sprint("a", i), Status: alerting.Firing, Rule: "DiskFull", At: time.Now(), Since: time.Now(), Via: "rules",
			Labels: map[string]string{"code": "E01"}, Annotations: map[string]string{"summary": "disk full", "summary_zh": "磁盘已满"},
		})
	}
	return signals
}

// open opens n incidents, each with a notice for the journal.
func (b *bench) open(t testing.TB, n int) {
	t.Helper()
	if err := b.desk.Signals(context.Background(), signals(n)); err != nil {
		t.Fatal(err)
	}
}

func words() *notify.Words {
	c, err := text.Load(time.FixedZone("CST", 8*3600), notify.Messages, incident.Messages)
	if err != nil {
		panic(err)
	}
	p := planfile.Default()
	return &notify.Words{Catalog: c, Plan: func(incident.Incident) *plan.Plan { return p }, Roster: func() roster.Roster { return people }}
}

// work runs a Worker until stop.
func (b *bench) work(t testing.TB, out notify.Outbox, channels ...notify.Channel) (w *notify.Worker, stop func()) {
	t.Helper()
	w = notify.NewWorker(notify.Options{Outbox: out, Channels: channels, Words: words(), Logger: slog.New(slog.NewTextHandler(&b.log, nil))})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	return w, func() { cancel(); <-done }
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
	return slices.Clone(c.keys)
}

func bubble(t *testing.T, f func(t *testing.T, b *bench)) {
	synctest.Test(t, func(t *testing.T) { f(t, sit(t)) })
}

func (b *bench) first(t testing.TB) incident.Incident {
	t.Helper()
	list, err := b.desk.Find(context.Background(), alerting.Query{Limit: 1})
	if err != nil || len(list) == 0 {
		t.Fatal(err, len(list))
	}
	return list[0]
}

// put adds n notices about the first incident, each to somebody else.
func (b *bench) put(t testing.TB, channel string, n int, created time.Time) {
	t.Helper()
	var unit alerting.Unit
	i := b.first(t)
	for k := range n {
		unit.Notices = append(unit.Notices, alerting.Notice{
			Key: fmt.Sprint(channel, k), Incident: i.ID, Version: 1, Kind: "opened", Channel: channel, Recipient: fmt.Sprint(channel, k), Lang: "en",
			Created: created, NotBefore: created,
		})
	}
	if _, err := b.st.Commit(context.Background(), unit); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) depth(t testing.TB) (waiting, dead int) {
	t.Helper()
	waiting, dead, err := b.st.OutboxDepth(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return waiting, dead
}

func (b *bench) exec(t testing.TB, query string) {
	t.Helper()
	if _, err := b.st.DB().ExecContext(context.Background(), query); err != nil {
		t.Fatal(err)
	}
}

func arrives(context.Context, notify.Message) error { return nil }
