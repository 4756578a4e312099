package storetest

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting"
	"xunjian/alerting/incident"
)

func ids(list []incident.Incident) []string {
	out := []string{}
	for _, i := range list {
		out = append(out, i.ID)
	}
	return out
}

func active(t *testing.T, s alerting.Store) {
	end := func(n int, at time.Time, d incident.Data) {
		i := mustOpen(t, s, ID(n), ID(n), "E01", T0)
		u, _ := Extend(i, at, person, d)
		mustCommit(t, s, u)
	}
	mustOpen(t, s, ID(1), "a", "E01", T0.AddDate(0, -1, 0))
	end(2, T0.Add(time.Hour), incident.Resolved{})
	end(3, T0.Add(2*time.Hour), incident.FalseAlarm{Reason: "x"})
	end(4, T0.Add(time.Hour+time.Millisecond), incident.Resolved{})
	for _, c := range []struct {
		since time.Time
		want  []string
	}{
		{T0, []string{ID(1), ID(2), ID(3), ID(4)}},
		{T0.Add(time.Hour), []string{ID(1), ID(2), ID(3), ID(4)}},
		{T0.Add(time.Hour + time.Millisecond), []string{ID(1), ID(3), ID(4)}},
		{T0.Add(3 * time.Hour), []string{ID(1)}},
	} {
		got, err := s.Active(t.Context(), c.since)
		if err != nil {
			t.Fatal(err)
		}
		have := ids(got)
		slices.Sort(have)
		if d := cmp.Diff(c.want, have); d != "" {
			t.Errorf("active since %s (-want +got):\n%s", c.since.Format(time.TimeOnly), d)
		}
	}
}

func find(t *testing.T, s alerting.Store) {
	mustOpen(t, s, ID(1), "disk /var", "E01", T0)
	mustOpen(t, s, ID(2), "gateway", "D01", T0.Add(time.Hour))
	i := mustOpen(t, s, ID(3), "Disk /data", "E01", T0.Add(2*time.Hour))
	u, _ := Extend(i, T0.Add(3*time.Hour), person, incident.Resolved{Note: "x"})
	mustCommit(t, s, u)
	for _, c := range []struct {
		name string
		q    alerting.Query
		want []string
	}{
		{"all, newest first", alerting.Query{}, []string{ID(3), ID(2), ID(1)}},
		{"code", alerting.Query{Code: "E01"}, []string{ID(3), ID(1)}},
		{"no such code", alerting.Query{Code: "E"}, []string{}},
		{"one state", alerting.Query{States: []incident.State{incident.Done}}, []string{ID(3)}},
		{"two states", alerting.Query{States: []incident.State{incident.Done, incident.Open}}, []string{ID(3), ID(2), ID(1)}},
		{"state and code", alerting.Query{States: []incident.State{incident.Open}, Code: "E01"}, []string{ID(1)}},
		{"part of the key, any case", alerting.Query{Text: "DISK /"}, []string{ID(3), ID(1)}},
		{"part of the Chinese title", alerting.Query{Text: "已满：gate"}, []string{ID(2)}},
		{"part of the id", alerting.Query{Text: "inc-20260302-00002"}, []string{ID(2)}},
		{"from is inclusive", alerting.Query{From: T0.Add(time.Hour)}, []string{ID(3), ID(2)}},
		{"to is exclusive", alerting.Query{To: T0.Add(time.Hour)}, []string{ID(1)}},
		{"limit", alerting.Query{Limit: 2}, []string{ID(3), ID(2)}},
		{"offset", alerting.Query{Limit: 2, Offset: 2}, []string{ID(1)}},
		{"beyond", alerting.Query{Offset: 3}, []string{}},
		{"a wrong offset is none", alerting.Query{Offset: -7}, []string{ID(3), ID(2), ID(1)}},
	} {
		got, err := s.Find(t.Context(), c.q)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if d := cmp.Diff(c.want, ids(got)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

func findLiterally(t *testing.T, s alerting.Store) {
	for n, key := range []string{"100% full", "100 full", `a\b`, "a_b", "axb", `it's "so"`} {
		mustOpen(t, s, ID(n+1), key, "E01", T0)
	}
	for text, want := range map[string][]string{
		"100% f": {ID(1)}, "%": {ID(1)}, `\`: {ID(3)}, `a\b`: {ID(3)}, "a_b": {ID(4)}, "_": {ID(4)},
		`it's "`: {ID(6)}, `' OR '1'='1`: {},
	} {
		got, err := s.Find(t.Context(), alerting.Query{Text: text})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if d := cmp.Diff(want, ids(got)); d != "" {
			t.Errorf("text %q (-want +got):\n%s", text, d)
		}
	}
}

func findPages(t *testing.T, s alerting.Store) {
	var u alerting.Unit
	for n := range 1005 {
		one, _ := Opening(ID(n+1), ID(n+1), "E01", T0)
		u.Events, u.Incidents = append(u.Events, one.Events...), append(u.Incidents, one.Incidents...)
	}
	mustCommit(t, s, u)
	for limit, want := range map[int]int{0: 100, -1: 100, 1: 1, 500: 500, 100000: 1000} {
		got, err := s.Find(t.Context(), alerting.Query{Limit: limit})
		if err != nil || len(got) != want || got[0].ID != ID(1005) {
			t.Errorf("limit %d: %d incidents, %v, want %d", limit, len(got), err, want)
		}
	}
}

func record(key string, status alerting.Status, fired, changed time.Time) alerting.AlertRecord {
	return alerting.AlertRecord{
		Key: key, Rule: "R", Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"summary": "汉"},
		Status: status, Value: 1.5, Basis: []string{"b"}, Sources: []string{"s"},
		Since: fired.Add(-time.Minute), FiredAt: fired, ChangedAt: changed, Incident: ID(1),
	}
}

func alerts(t *testing.T, s alerting.Store) {
	at := func(d time.Duration) time.Time { return T0.Add(d) }
	a := record("a", alerting.Firing, T0, at(time.Minute))
	b := record("b", alerting.Lost, T0, at(2*time.Minute))
	c := record("c", alerting.Ended, T0, at(3*time.Minute))
	c.EndedAt = c.ChangedAt
	mustCommit(t, s, alerting.Unit{Alerts: []alerting.AlertRecord{c, b, a}})
	current, err := s.CurrentAlerts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]alerting.AlertRecord{a, b}, current); d != "" {
		t.Errorf("current alerts (-want +got):\n%s", d)
	}
	for _, q := range []struct {
		from, to time.Time
		limit    int
		want     []alerting.AlertRecord
	}{
		{T0, at(time.Hour), 0, []alerting.AlertRecord{c, b, a}},
		{at(time.Minute), at(3 * time.Minute), 10, []alerting.AlertRecord{b, a}},
		{T0, at(time.Hour), 1, []alerting.AlertRecord{c}},
		{at(time.Hour), at(2 * time.Hour), 10, nil},
	} {
		got, err := s.AlertLog(t.Context(), q.from, q.to, q.limit)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(q.want, got); d != "" {
			t.Errorf("alert log from %s limit %d (-want +got):\n%s", q.from.Format(time.TimeOnly), q.limit, d)
		}
	}
}

func lives(t *testing.T, s alerting.Store) {
	first := record("a", alerting.Firing, T0, T0)
	mustCommit(t, s, alerting.Unit{Alerts: []alerting.AlertRecord{first}})
	first.Status, first.ChangedAt, first.EndedAt = alerting.Ended, T0.Add(time.Minute), T0.Add(time.Minute)
	mustCommit(t, s, alerting.Unit{Alerts: []alerting.AlertRecord{first}})
	second := record("a", alerting.Firing, T0.Add(time.Hour), T0.Add(time.Hour))
	mustCommit(t, s, alerting.Unit{Alerts: []alerting.AlertRecord{second}})
	current, err := s.CurrentAlerts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]alerting.AlertRecord{second}, current); d != "" {
		t.Errorf("current (-want +got):\n%s", d)
	}
	log, err := s.AlertLog(t.Context(), T0, T0.Add(2*time.Hour), 0)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]alerting.AlertRecord{second, first}, log); d != "" {
		t.Errorf("log (-want +got):\n%s", d)
	}
}

func lastID(t *testing.T, s alerting.Store) {
	for _, id := range []string{"INC-20260301-00007", "INC-20260302-00009", "INC-20260302-00010", "INC-20260303-99999", "INC-20260303-100000"} {
		mustOpen(t, s, id, id, "E01", T0)
	}
	for prefix, want := range map[string]string{
		"INC-20260301-": "INC-20260301-00007",
		"INC-20260302-": "INC-20260302-00010",
		"INC-20260303-": "INC-20260303-100000",
		"INC-20260304-": "",
	} {
		if got, err := s.LastID(t.Context(), prefix); got != want || err != nil {
			t.Errorf("last id of %s: %q, %v, want %q", prefix, got, err, want)
		}
	}
}

func evidence(t *testing.T, s alerting.Store) {
	i := mustOpen(t, s, ID(1), "k", "E01", T0)
	body := bytes.Repeat([]byte(`{"processes":["数据库"]}`), 10_000)
	b := alerting.NewBlob(ID(1)+"-e1", body)
	u, i := Extend(i, T0.Add(time.Second), person, incident.EvidenceTaken{ID: b.ID, SHA256: b.SHA256, Bytes: len(body)})
	u.Blobs = []alerting.Blob{b}
	mustCommit(t, s, u)
	got, err := s.Blob(t.Context(), b.ID)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(b, got); d != "" {
		t.Errorf("blob (-want +got):\n%.500s", d)
	}
	if r := Clean(t, s); r.Blobs != 1 {
		t.Errorf("verify saw %d blobs, want 1", r.Blobs)
	}
	// A reference to evidence that is not there is a fault.
	missing, _ := Extend(i, T0.Add(2*time.Second), person, incident.EvidenceTaken{ID: "gone", SHA256: b.SHA256})
	mustCommit(t, s, missing)
	r, err := s.Verify(t.Context())
	if err != nil || len(r.Faults) != 1 {
		t.Errorf("verify without a blob: %q, %v, want one fault", r.Faults, err)
	}
}
