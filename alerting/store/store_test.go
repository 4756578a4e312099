package store_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/store"
	"xunjian/alerting/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func temp(t testing.TB) string { return filepath.Join(t.TempDir(), "xunjian.db") }

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) alerting.Store { return open(t, temp(t)) })
}

func commit(t testing.TB, s *store.Store, u alerting.Unit) {
	t.Helper()
	if _, err := s.Commit(t.Context(), u); err != nil {
		t.Fatal(err)
	}
}

var person = incident.Actor{Kind: "person", Name: "wang", Via: "console"}

// small commits two incidents, one of them with evidence and ended.
func small(t testing.TB, s *store.Store) {
	t.Helper()
	u, i := storetest.Opening(storetest.ID(1), "k1", "E01", storetest.T0)
	commit(t, s, u)
	b := alerting.NewBlob("b1", []byte(`{"facts":1}`))
	u, _ = storetest.Extend(i, storetest.T0.Add(time.Second), person,
		incident.EvidenceTaken{ID: b.ID, SHA256: b.SHA256, Bytes: len(b.Body)}, incident.Resolved{Note: "x"})
	u.Blobs = []alerting.Blob{b}
	commit(t, s, u)
	u, _ = storetest.Opening(storetest.ID(2), "k2", "D01", storetest.T0.Add(time.Minute))
	commit(t, s, u)
}

func TestReopen(t *testing.T) {
	path := temp(t)
	s := open(t, path)
	small(t, s)
	before := storetest.Clean(t, s)
	want, err := s.Find(t.Context(), alerting.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, path)
	got, err := s.Find(t.Context(), alerting.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("incidents after opening again (-before +after):\n%s", d)
	}
	if d := cmp.Diff(before, storetest.Clean(t, s)); d != "" {
		t.Errorf("chain after opening again (-before +after):\n%s", d)
	}
	u, _ := storetest.Opening(storetest.ID(3), "k3", "E01", storetest.T0)
	sealed, err := s.Commit(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	if sealed[0].Seq != before.Events+1 || sealed[0].Prev != before.Head {
		t.Errorf("first event after opening again is %d after %.8s, want %d after %.8s", sealed[0].Seq, sealed[0].Prev, before.Events+1, before.Head)
	}
	storetest.Clean(t, s)
}

func TestCloseTwice(t *testing.T) {
	s := open(t, temp(t))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

// Incidents name people: nobody else may read the file, nor its log.
func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // permissions are access lists there, inherited from the folder
	}
	path := temp(t)
	small(t, open(t, path))
	for _, name := range []string{path, path + "-wal", path + "-shm", filepath.Join(filepath.Dir(path), "ballast")} {
		fi, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if fi.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", filepath.Base(name), fi.Mode().Perm())
		}
	}
}

func TestDamagedFile(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"garbage": func(t *testing.T, path string) {
			if err := os.WriteFile(path, bytes.Repeat([]byte("garbage "), 4096), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"truncated": func(t *testing.T, path string) {
			fi, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, fi.Size()/2); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := temp(t)
			s := open(t, path)
			small(t, s)
			s.Close()
			damage(t, path)
			before, _ := os.ReadFile(path)
			_, err := store.Open(t.Context(), path, nil)
			if err == nil {
				t.Fatal("a damaged file was opened")
			}
			for _, want := range []string{path, "the file is damaged", "move it aside", "restore it from a backup"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the damaged file was changed: what can still be saved of it must stay")
			}
		})
	}
}

func TestOpenInMissingFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no", "xunjian.db")
	_, err := store.Open(t.Context(), path, nil)
	if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "damaged") {
		t.Errorf("open in a missing folder: %v", err)
	}
}

// A path may hold what has a meaning in a URL.
func TestStrangePath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "数据 100%?x#y", "xunjian.db")
	if runtime.GOOS == "windows" {
		path = filepath.Join(t.TempDir(), "数据 100%x#y", "xunjian.db")
	}
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	small(t, open(t, path))
	if fi, err := os.Stat(path); err != nil || fi.Size() == 0 {
		t.Errorf("the store is not where it should be: %v, %v", fi, err)
	}
}

func TestSaveAndLoad(t *testing.T) {
	path := temp(t)
	s := open(t, path)
	if b, err := s.Load(t.Context(), "pings"); b != nil || err != nil {
		t.Errorf("load before save: %q, %v, want nothing", b, err)
	}
	for _, body := range []string{"one", "two", "\x00\xff"} {
		if err := s.Save(t.Context(), "pings", []byte(body)); err != nil {
			t.Fatal(err)
		}
		if b, err := s.Load(t.Context(), "pings"); string(b) != body || err != nil {
			t.Errorf("load: %q, %v, want %q", b, err, body)
		}
	}
	if err := s.Save(t.Context(), "other", []byte("x")); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if b, err := open(t, path).Load(t.Context(), "pings"); string(b) != "\x00\xff" || err != nil {
		t.Errorf("load after opening again: %q, %v", b, err)
	}
}

func TestCountIncidents(t *testing.T) {
	s := open(t, temp(t))
	small(t, s)
	u, _ := storetest.Opening(storetest.ID(3), "k3", "D01", storetest.T0)
	commit(t, s, u)
	drill := incident.Opened{Key: "d", Code: "D01", Level: "IV", Drill: true}
	u, _ = storetest.Extend(incident.Incident{ID: storetest.ID(4)}, storetest.T0, person, drill)
	commit(t, s, u)
	got, err := s.CountIncidents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []store.Count{{"D01", "IV", "open", 2}, {"E01", "IV", "resolved", 1}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("counts, drills left out (-want +got):\n%s", d)
	}
}

func TestBallast(t *testing.T) {
	path := temp(t)
	ballast := filepath.Join(filepath.Dir(path), "ballast")
	var log bytes.Buffer
	reopen := func() {
		s, err := store.Open(t.Context(), path, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		if fi, err := os.Stat(ballast); err != nil || fi.Size() != 16<<20 {
			t.Errorf("ballast: %v, %v, want 16 MiB", fi, err)
		}
	}
	reopen()
	if err := os.Truncate(ballast, 5); err != nil {
		t.Fatal(err)
	}
	reopen() // made whole
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	reopen() // made again
	if log.Len() > 0 {
		t.Errorf("log: %s", &log)
	}
}
