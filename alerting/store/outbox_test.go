package store_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting"
	"xunjian/alerting/store"
	"xunjian/alerting/storetest"
)

var t0 = storetest.T0

// notice is one of incident n's, numbered by version.
func notice(n, version int, channel, recipient string) alerting.Notice {
	return alerting.Notice{
		Key:      fmt.Sprintf("%s/%d/%s/%s", storetest.ID(n), version, channel, recipient),
		Incident: storetest.ID(n), Version: version, Kind: "opened", Channel: channel, Recipient: recipient,
		Lang: "zh-CN", Created: t0, NotBefore: t0,
	}
}

func due(t testing.TB, s *store.Store, now time.Time, skip ...string) []string {
	t.Helper()
	list, err := s.Due(t.Context(), now, skip, 100)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, n := range list {
		out = append(out, n.Key)
	}
	return out
}

func keys(list ...alerting.Notice) []string {
	out := []string{}
	for _, n := range list {
		out = append(out, n.Key)
	}
	return out
}

func want(t testing.TB, what string, got, want []string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Of one incident, channel and recipient only the oldest that waits is due.
func TestOutboxKeepsOrder(t *testing.T) {
	s := open(t, temp(t))
	first, second, third := notice(1, 1, "mail", "wang"), notice(1, 2, "mail", "wang"), notice(1, 3, "mail", "wang")
	other, elsewhere, next := notice(1, 2, "mail", "li"), notice(1, 2, "sms", "wang"), notice(2, 1, "mail", "wang")
	commit(t, s, alerting.Unit{Notices: []alerting.Notice{first, second, other}})
	commit(t, s, alerting.Unit{Notices: []alerting.Notice{third, elsewhere, next}})
	ctx := t.Context()

	want(t, "at first", due(t, s, t0), keys(first, other, elsewhere, next))
	want(t, "before its time", due(t, s, t0.Add(-time.Millisecond)), []string{})
	want(t, "mail is busy", due(t, s, t0, "mail"), keys(elsewhere))
	want(t, "both are busy", due(t, s, t0, "mail", "sms"), []string{})

	must(t, s.Failed(ctx, first.Key, "no route", t0.Add(time.Minute)))
	want(t, "while the first is retried, those behind it wait", due(t, s, t0), keys(other, elsewhere, next))
	want(t, "when its time has come", due(t, s, t0.Add(time.Minute)), keys(first, other, elsewhere, next))

	must(t, s.Delivered(ctx, first.Key, t0.Add(time.Minute)))
	want(t, "the first has arrived", due(t, s, t0.Add(time.Minute)), keys(second, other, elsewhere, next))
	must(t, s.Dead(ctx, second.Key, "no such address", t0.Add(time.Minute)))
	want(t, "the second is given up", due(t, s, t0.Add(time.Minute)), keys(other, third, elsewhere, next))
}

func TestOutboxRecords(t *testing.T) {
	s := open(t, temp(t))
	n := notice(1, 1, "mail", "wang")
	commit(t, s, alerting.Unit{Notices: []alerting.Notice{n, notice(2, 1, "mail", "wang"), notice(3, 1, "mail", "wang")}})
	must(t, s.Failed(t.Context(), n.Key, "no route", t0.Add(time.Minute)))
	must(t, s.Failed(t.Context(), n.Key, "still no route", t0.Add(time.Hour)))
	list, err := s.Due(t.Context(), t0.Add(time.Hour), nil, 1)
	must(t, err)
	n.Attempts, n.LastError, n.NotBefore = 2, "still no route", t0.Add(time.Hour)
	if d := cmp.Diff([]alerting.Notice{n}, list); d != "" {
		t.Errorf("due, limit 1 (-want +got):\n%s", d)
	}
	must(t, s.Dead(t.Context(), n.Key, "x", t0))
	must(t, s.Delivered(t.Context(), notice(2, 1, "mail", "wang").Key, t0))
	waiting, dead, err := s.OutboxDepth(t.Context())
	if waiting != 1 || dead != 1 || err != nil {
		t.Errorf("depth: %d waiting, %d dead, %v, want 1 and 1", waiting, dead, err)
	}
}

// A notice under a key that is there already is the same notice.
func TestOutboxKeyIsStable(t *testing.T) {
	path := temp(t)
	s := open(t, path)
	n := notice(1, 1, "mail", "wang")
	commit(t, s, alerting.Unit{Notices: []alerting.Notice{n}})
	must(t, s.Delivered(t.Context(), n.Key, t0))
	commit(t, s, alerting.Unit{Notices: []alerting.Notice{n}})
	want(t, "delivered, then committed again", due(t, s, t0), []string{})
	s.Close()
	want(t, "after opening again", due(t, open(t, path), t0), []string{})
}

// storm is a unit that opens n incidents, each with an alert and a notice.
func storm(from, n int) alerting.Unit {
	var u alerting.Unit
	for i := from; i < from+n; i++ {
		one, _ := storetest.Opening(storetest.ID(i), storetest.ID(i), "E01", t0)
		u.Events, u.Incidents = append(u.Events, one.Events...), append(u.Incidents, one.Incidents...)
		u.Notices = append(u.Notices, notice(i, 1, "journal", "web1"))
		u.Alerts = append(u.Alerts, alerting.AlertRecord{Key: storetest.ID(i), Rule: "HostDown", Status: alerting.Firing, FiredAt: t0, ChangedAt: t0})
	}
	return u
}

// A backlog of thousands must not make each look at the outbox slow.
func TestDueOfBacklog(t *testing.T) {
	s := open(t, temp(t))
	u := storm(0, 5000)
	for n := range u.Notices {
		later := notice(n, 2, "journal", "web1")
		u.Notices = append(u.Notices, later) // each behind one that is retried
	}
	commit(t, s, u)
	if _, err := s.DB().ExecContext(t.Context(), `UPDATE outbox SET not_before = ?, attempts = 1 WHERE version = 1`, t0.Add(time.Hour).UnixMilli()); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if list := due(t, s, t0); len(list) != 0 {
		t.Errorf("%d notices are due, want none", len(list))
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("looking at 10,000 waiting notices took %v", d)
	}
}

// TestDueAfterTheClockWasSetBack: what an earlier, later clock put off is due,
// and what waits as long as anything may still waits.
func TestDueAfterTheClockWasSetBack(t *testing.T) {
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), nil)
	must(t, err)
	defer s.Close()
	n := notice(1, 1, "mail", "li")
	_, err = s.Commit(t.Context(), alerting.Unit{Notices: []alerting.Notice{n}})
	must(t, err)
	must(t, s.Failed(t.Context(), n.Key, "refused", t0.Add(time.Hour)))
	want(t, "an hour off", due(t, s, t0), []string{})
	want(t, "a year ahead of the clock", due(t, s, t0.AddDate(-1, 0, 0)), keys(n))
}

// What quiet hours hold waits however long that is; worse about the same
// incident takes it along at once, and goes before everything else.
func TestHeldAndUrgent(t *testing.T) {
	s := open(t, temp(t))
	held := notice(1, 1, "mail", "wang")
	held.NotBefore = t0.Add(10 * time.Hour)
	other := notice(2, 1, "mail", "wang")
	commit(t, s, alerting.Unit{Notices: []alerting.Notice{held, other}})
	want(t, "in the night", due(t, s, t0.Add(time.Hour)), []string{other.Key})
	want(t, "in the morning", due(t, s, t0.Add(10*time.Hour)), []string{held.Key, other.Key})
	// An hour before the morning a server's clock is set back: it waits still.
	want(t, "after the clock was set back", due(t, s, t0.Add(-3*time.Hour)), []string{other.Key})
	worse := notice(1, 2, "mail", "wang")
	worse.Urgent = true
	commit(t, s, alerting.Unit{Notices: []alerting.Notice{worse}})
	want(t, "when it is worse", due(t, s, t0.Add(time.Hour)), []string{held.Key, other.Key})
	must(t, s.Delivered(t.Context(), held.Key, t0))
	want(t, "then", due(t, s, t0.Add(time.Hour)), []string{worse.Key, other.Key})
	if list, err := s.Due(t.Context(), t0.Add(time.Hour), nil, 10); err != nil || !list[0].Urgent || list[1].Urgent {
		t.Errorf("%+v, %v", list, err)
	}
	must(t, s.Postpone(t.Context(), "mail", "wang", t0.Add(5*time.Hour)))
	want(t, "with the rest put off", due(t, s, t0.Add(time.Hour)), []string{worse.Key})
	must(t, s.DeliveredAll(t.Context(), []string{worse.Key, other.Key}, t0))
	want(t, "in the end", due(t, s, t0.Add(24*time.Hour)), []string{})
}
