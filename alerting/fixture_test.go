package alerting_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
	"xunjian/alerting/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	t0     = time.Date(2026, 3, 2, 8, 0, 0, 123e6, time.UTC)
	person = incident.Actor{Kind: "person", Name: "wang", Via: "console"}
)

// clock is the time as the test sets it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// room is a Desk over a real store, as one agent has it.
type room struct {
	t     testing.TB
	path  string
	clock *clock
	opt   alerting.Options
	store *store.Store
	desk  *alerting.Desk
}

func enter(t testing.TB, change ...func(*alerting.Options)) *room {
	t.Helper()
	r := &room{t: t, path: filepath.Join(t.TempDir(), "xunjian.db"), clock: &clock{now: t0}}
	r.opt = alerting.Options{
		Basis: alerting.Basis{Plan: planfile.Default(), Systems: map[string]plan.SystemKind{"bidding": plan.Opening}},
		Host:  "web1", Zone: time.FixedZone("CST", 8*3600), Now: r.clock.Now,
	}
	for _, f := range change {
		f(&r.opt)
	}
	t.Cleanup(func() { r.store.Close() })
	r.restart()
	return r
}

// restart is the agent's: a new store and a new Desk over the same file.
func (r *room) restart() {
	r.t.Helper()
	if r.store != nil {
		r.store.Close()
	}
	var err error
	if r.store, err = store.Open(context.WithoutCancel(r.t.Context()), r.path, nil); err != nil {
		r.t.Fatal(err)
	}
	r.redesk(r.store)
}

func (r *room) redesk(s alerting.Store) {
	r.t.Helper()
	r.opt.Store = s
	var err error
	if r.desk, err = alerting.NewDesk(r.t.Context(), r.opt); err != nil {
		r.t.Fatal(err)
	}
}

// signal is one of the rule DiskFull for a mount.
func signal(key string, status alerting.Status, labels ...string) alerting.Signal {
	s := alerting.Signal{
		Key: key, Status: status, Rule: "DiskFull", Via: "rules", Value: 0.97,
		Labels:      map[string]string{"code": "E01", "kind": "incident", "resolve": "auto", "mountpoint": "/" + key},
		Annotations: map[string]string{"summary": "Disk " + key + " is full", "summary_zh": "磁盘 " + key + " 已满"},
	}
	for n := 0; n+1 < len(labels); n += 2 {
		s.Labels[labels[n]] = labels[n+1]
	}
	return s
}

// at fills in the times of signals.
func (r *room) at(signals ...alerting.Signal) []alerting.Signal {
	for n := range signals {
		if signals[n].At.IsZero() {
			signals[n].At = r.clock.Now()
		}
		if signals[n].Since.IsZero() {
			signals[n].Since = signals[n].At
		}
	}
	return signals
}

func (r *room) signals(signals ...alerting.Signal) {
	r.t.Helper()
	if err := r.desk.Signals(r.t.Context(), r.at(signals...)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) do(id string, cmd incident.Command) incident.Incident {
	r.t.Helper()
	i, err := r.desk.Do(r.t.Context(), id, 0, person, cmd)
	if err != nil {
		r.t.Fatalf("%T: %v", cmd, err)
	}
	return i
}

// all lists the incidents, oldest first.
func (r *room) all() []incident.Incident {
	r.t.Helper()
	list, err := r.desk.Find(r.t.Context(), alerting.Query{Limit: 1000})
	if err != nil {
		r.t.Fatal(err)
	}
	out := make([]incident.Incident, 0, len(list))
	for n := range list {
		out = append(out, list[len(list)-1-n])
	}
	return out
}

// only returns the one incident there is.
func (r *room) only() incident.Incident {
	r.t.Helper()
	list := r.all()
	if len(list) != 1 {
		r.t.Fatalf("%d incidents, want 1: %v", len(list), list)
	}
	return list[0]
}

// states are the incidents' states, oldest first.
func (r *room) states() []incident.State {
	r.t.Helper()
	out := []incident.State{}
	for _, i := range r.all() {
		out = append(out, i.State)
	}
	return out
}

// kinds are the kinds of an incident's events.
func (r *room) kinds(id string) []string {
	r.t.Helper()
	i, events, err := r.desk.Get(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	is(r.t, "the fold of "+id, i, incident.Fold(events))
	out := []string{}
	for _, e := range events {
		out = append(out, e.Data.Kind())
	}
	return out
}

func (r *room) clean() {
	r.t.Helper()
	report, err := r.store.Verify(context.WithoutCancel(r.t.Context()))
	if err != nil || len(report.Faults) > 0 {
		r.t.Fatalf("verify: %v, faults %q", err, report.Faults)
	}
}

func is(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func code(err error) string {
	if r := (*incident.Refusal)(nil); errors.As(err, &r) {
		return r.Code
	}
	return fmt.Sprint(err)
}

// failing is a store that can be told to fail.
type failing struct {
	alerting.Store
	err error
}

func (f *failing) Commit(ctx context.Context, u alerting.Unit) ([]incident.Event, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.Store.Commit(ctx, u)
}
