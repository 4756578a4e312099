package store_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"xunjian/alerting/incident"
	"xunjian/alerting/storetest"
)

// BenchmarkCommit is one event and its fold, durably, and beside it the least
// that a disk can do: the same bytes appended to a file with an fsync.
func BenchmarkCommit(b *testing.B) {
	b.Run("store", func(b *testing.B) {
		s := open(b, temp(b))
		u, i := storetest.Opening(storetest.ID(1), "k", "E01", t0)
		commit(b, s, u)
		for b.Loop() {
			u, i = storetest.Extend(i, i.UpdatedAt.Add(time.Millisecond), person, incident.Commented{Text: "checked, still down"})
			commit(b, s, u)
		}
	})
	b.Run("append+fsync", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
		must(b, err)
		defer f.Close()
		u, _ := storetest.Opening(storetest.ID(1), "k", "E01", t0)
		raw, err := json.Marshal(u.Incidents)
		must(b, err)
		for b.Loop() {
			_, err := f.Write(raw)
			must(b, err)
			must(b, f.Sync())
		}
	})
}

// BenchmarkOpenOne opens incidents one by one: two events, fold, alert, notice.
func BenchmarkOpenOne(b *testing.B) {
	s := open(b, temp(b))
	n := 0
	for b.Loop() {
		commit(b, s, storm(n, 1))
		n++
	}
}

// BenchmarkOpenThousand opens 1,000 incidents in one unit.
func BenchmarkOpenThousand(b *testing.B) {
	s := open(b, temp(b))
	n := 0
	for b.Loop() {
		commit(b, s, storm(n, 1000))
		n += 1000
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "incidents/s")
}

// BenchmarkVerify walks a chain of 20,000 events.
func BenchmarkVerify(b *testing.B) {
	s := open(b, temp(b))
	commit(b, s, storm(0, 10_000))
	for b.Loop() {
		if r, err := s.Verify(b.Context()); err != nil || len(r.Faults) > 0 {
			b.Fatal(r.Faults, err)
		}
	}
}

// BenchmarkDue looks at an outbox with 10,000 notices that wait.
func BenchmarkDue(b *testing.B) {
	s := open(b, temp(b))
	commit(b, s, storm(0, 10_000))
	for b.Loop() {
		if list, err := s.Due(b.Context(), t0, nil, 256); err != nil || len(list) != 256 {
			b.Fatal(len(list), err)
		}
	}
}
