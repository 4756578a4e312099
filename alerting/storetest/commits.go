package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting"
	"xunjian/alerting/incident"
)

func empty(t *testing.T, s alerting.Store) {
	if _, err := s.Events(t.Context(), ID(1)); !errors.Is(err, alerting.ErrNotFound) {
		t.Errorf("events of nothing: %v, want ErrNotFound", err)
	}
	if _, err := s.Blob(t.Context(), "no"); !errors.Is(err, alerting.ErrNotFound) {
		t.Errorf("blob of nothing: %v, want ErrNotFound", err)
	}
	if id, err := s.LastID(t.Context(), "INC-"); id != "" || err != nil {
		t.Errorf("last id of nothing: %q, %v", id, err)
	}
	if list, err := s.Active(t.Context(), time.Time{}); len(list) != 0 || err != nil {
		t.Errorf("active: %v, %v", list, err)
	}
	if r := Clean(t, s); r.Events != 0 || r.Head != "" {
		t.Errorf("verify of nothing: %+v", r)
	}
	if sealed := mustCommit(t, s, alerting.Unit{}); len(sealed) != 0 {
		t.Errorf("an empty unit gave events: %v", sealed)
	}
}

func commitReadBack(t *testing.T, s alerting.Store) {
	u, want := Opening(ID(1), "HostDown{web1}", "E01", T0)
	sealed := mustCommit(t, s, u)
	more, want := Extend(want, T0.Add(time.Second), person, incident.Acknowledged{Note: "去机房看看"})
	sealed = append(sealed, mustCommit(t, s, more)...)

	got, err := s.Events(t.Context(), ID(1))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(sealed, got); d != "" {
		t.Errorf("events read differ from those committed (-committed +read):\n%s", d)
	}
	if d := cmp.Diff(want, incident.Fold(got)); d != "" {
		t.Errorf("fold differs (-want +got):\n%s", d)
	}
	found, err := s.Find(t.Context(), alerting.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]incident.Incident{want}, found); d != "" {
		t.Errorf("listed differs (-want +got):\n%s", d)
	}
	Clean(t, s)
}

func strangeText(t *testing.T, s alerting.Store) {
	i := mustOpen(t, s, ID(1), "k", "E01", T0)
	for n, text := range []string{"", "'; DROP TABLE events; --", "a\x00b", "\"\\\n\r\t", "<script>", "𝄞 汉字 \u202e", string(make([]byte, incident.MaxText))} {
		actor := incident.Actor{Kind: "person", Name: text, Via: "cli"}
		var u alerting.Unit
		u, i = Extend(i, T0.Add(time.Duration(n)*time.Millisecond), actor, incident.Commented{Text: text})
		mustCommit(t, s, u)
	}
	got, err := s.Events(t.Context(), ID(1))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(i, incident.Fold(got)); d != "" {
		t.Errorf("fold differs (-want +got):\n%s", d)
	}
	Clean(t, s)
}

// all is everything that a reader can see.
func all(t *testing.T, s alerting.Store) any {
	t.Helper()
	found, err1 := s.Find(t.Context(), alerting.Query{Limit: 1000})
	current, err2 := s.CurrentAlerts(t.Context())
	log, err3 := s.AlertLog(t.Context(), time.Time{}, T0.AddDate(1, 0, 0), 1000)
	report := Clean(t, s)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return []any{found, current, log, report}
}

func conflict(t *testing.T, s alerting.Store) {
	i := mustOpen(t, s, ID(1), "k", "E01", T0)
	before := all(t, s)

	u, _ := Opening(ID(2), "other", "D01", T0)
	stale, _ := Extend(i, T0.Add(time.Second), person, incident.Commented{Text: "too late"})
	stale.Events[0].Version = i.Version // taken already
	u.Events = append(u.Events, stale.Events...)
	u.Incidents = append(u.Incidents, stale.Incidents...)
	u.Alerts = []alerting.AlertRecord{{Key: "other", Status: alerting.Firing, FiredAt: T0, ChangedAt: T0}}
	u.Blobs = []alerting.Blob{alerting.NewBlob("b", []byte("{}"))}
	u.Notices = []alerting.Notice{{Key: "n", Incident: ID(2), Version: 1, Kind: "opened", Channel: "journal"}}
	if _, err := s.Commit(t.Context(), u); !errors.Is(err, alerting.ErrConflict) {
		t.Fatalf("commit of a taken version: %v, want ErrConflict", err)
	}
	if d := cmp.Diff(before, all(t, s)); d != "" {
		t.Errorf("a conflict wrote something:\n%s", d)
	}
	if _, err := s.Blob(t.Context(), "b"); !errors.Is(err, alerting.ErrNotFound) {
		t.Errorf("the blob of a conflict: %v, want ErrNotFound", err)
	}
	good, _ := Extend(i, T0.Add(time.Second), person, incident.Commented{Text: "in time"})
	if sealed := mustCommit(t, s, good); sealed[0].Seq != 3 {
		t.Errorf("the event after a conflict has number %d, want 3", sealed[0].Seq)
	}
	Clean(t, s)
}

func blobConflict(t *testing.T, s alerting.Store) {
	b := alerting.NewBlob("b", []byte(`{"a":1}`))
	mustCommit(t, s, alerting.Unit{Blobs: []alerting.Blob{b}})
	other := alerting.NewBlob("b", []byte(`{"a":2}`))
	if _, err := s.Commit(t.Context(), alerting.Unit{Blobs: []alerting.Blob{other}}); !errors.Is(err, alerting.ErrConflict) {
		t.Errorf("second blob with an id: %v, want ErrConflict: evidence is never replaced", err)
	}
	if got, err := s.Blob(t.Context(), "b"); err != nil || string(got.Body) != `{"a":1}` {
		t.Errorf("blob is now %q, %v", got.Body, err)
	}
}

func cancelled(t *testing.T, s alerting.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	u, _ := Opening(ID(1), "k", "E01", T0)
	if _, err := s.Commit(ctx, u); err == nil {
		t.Error("a cancelled commit succeeded")
	}
	if r := Clean(t, s); r.Events != 0 {
		t.Errorf("a cancelled commit left %d events", r.Events)
	}
	mustCommit(t, s, u)
	Clean(t, s)
}

func chain(t *testing.T, s alerting.Store) {
	var sealed []incident.Event
	for n := range 5 {
		u, _ := Opening(ID(n), fmt.Sprint("k", n), "E01", T0)
		sealed = append(sealed, mustCommit(t, s, u)...)
	}
	prev := ""
	for n, e := range sealed {
		if e.Seq != int64(n+1) || e.Prev != prev || e.Hash == "" || e.Hash == prev {
			t.Errorf("event %d: seq %d, prev %.8s, hash %.8s, want seq %d after %.8s", n, e.Seq, e.Prev, e.Hash, n+1, prev)
		}
		prev = e.Hash
	}
	if r := Clean(t, s); r.Events != 10 || r.Incidents != 5 || r.Head != prev {
		t.Errorf("verify says %+v, want 10 events of 5 incidents up to %.8s", r, prev)
	}
}

func concurrent(t *testing.T, s alerting.Store) {
	const writers, each = 8, 10
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				u, i := Opening(ID(w*100+n), fmt.Sprint(w, "/", n), "E01", T0)
				more, _ := Extend(i, T0.Add(time.Second), person, incident.Commented{Text: "x"})
				for _, u := range []alerting.Unit{u, more} {
					if _, err := s.Commit(t.Context(), u); err != nil {
						t.Errorf("writer %d: %v", w, err)
					}
				}
				if _, err := s.Find(t.Context(), alerting.Query{}); err != nil {
					t.Errorf("reader %d: %v", w, err)
				}
			}
		})
	}
	wg.Wait()
	if r := Clean(t, s); r.Events != writers*each*3 || r.Incidents != writers*each {
		t.Errorf("verify says %+v", r)
	}
}

func twoWriters(t *testing.T, s alerting.Store) {
	i := mustOpen(t, s, ID(1), "k", "E01", T0)
	const writers = 6
	errs := make(chan error, writers)
	for w := range writers {
		u, _ := Extend(i, T0.Add(time.Second), person, incident.Commented{Text: fmt.Sprint("from ", w)})
		go func() {
			_, err := s.Commit(t.Context(), u)
			errs <- err
		}()
	}
	won := 0
	for range writers {
		switch err := <-errs; {
		case err == nil:
			won++
		case !errors.Is(err, alerting.ErrConflict):
			t.Errorf("loser got %v, want ErrConflict", err)
		}
	}
	if won != 1 {
		t.Errorf("%d writers of one version won, want 1", won)
	}
	Clean(t, s)
}
