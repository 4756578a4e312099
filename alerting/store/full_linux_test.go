package store_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"xunjian/alerting"
	"xunjian/alerting/store"
	"xunjian/alerting/storetest"
)

// smallDisk mounts a file system of its own. It needs root, as the test
// scripts have.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("xunjian-test", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Fatalf("mount a small tmpfs (this test runs as root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// fillUp takes the last byte of the disk.
func fillUp(t *testing.T, file string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else {
			must(t, err)
		}
	}
}

// bulky is a unit that needs room: its evidence cannot be compressed.
func bulky(n, size int) alerting.Unit {
	u, _ := storetest.Opening(storetest.ID(n), storetest.ID(n), "E01", t0)
	noise := make([]byte, size)
	rand.Read(noise)
	u.Blobs = []alerting.Blob{alerting.NewBlob(storetest.ID(n)+"-e1", noise)}
	return u
}

func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, "24m")
	ballast, filler := filepath.Join(dir, "ballast"), filepath.Join(dir, "filler")
	var log bytes.Buffer
	s, err := store.Open(t.Context(), filepath.Join(dir, "xunjian.db"), slog.New(slog.NewTextHandler(&log, nil)))
	must(t, err)
	defer s.Close()
	commit(t, s, bulky(1, 100))
	fillUp(t, filler)

	for n := range 4 {
		if _, err := s.Commit(t.Context(), bulky(10+n, 256<<10)); err != nil {
			t.Fatalf("commit %d on the full disk: %v", n, err)
		}
	}
	if _, err := os.Stat(ballast); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the ballast is still there: %v", err)
	}
	if got := strings.Count(log.String(), "ballast file was given up"); got != 1 {
		t.Errorf("the log says it %d times, want once:\n%s", got, &log)
	}

	// The ballast's room is used up too: an error, and no harm.
	fillUp(t, filler)
	before := storetest.Clean(t, s)
	refused := 0
	for n := range 40 {
		if _, err := s.Commit(t.Context(), bulky(100+n, 256<<10)); err != nil {
			refused++
		}
	}
	if refused == 0 {
		t.Fatal("nothing was refused: the disk was not full")
	}
	if after := storetest.Clean(t, s); after.Incidents != before.Incidents+40-refused {
		t.Errorf("%d incidents, want %d and the %d that were accepted", after.Incidents, before.Incidents, 40-refused)
	}

	must(t, os.Remove(filler))
	if _, err := s.Commit(t.Context(), bulky(500, 256<<10)); err != nil {
		t.Errorf("commit after room was made: %v", err)
	}
	storetest.Clean(t, s)
}

// Deliveries and what other rooms keep may use the ballast too: a notice that
// cannot be marked would be sent again.
func TestFullDiskMarks(t *testing.T) {
	dir := smallDisk(t, "20m")
	s := open(t, filepath.Join(dir, "xunjian.db"))
	n := notice(1, 1, "journal", "web1")
	commit(t, s, alerting.Unit{Notices: []alerting.Notice{n}})
	fillUp(t, filepath.Join(dir, "filler"))
	noise := make([]byte, 1<<20)
	rand.Read(noise)
	if err := s.Save(t.Context(), "pings", noise); err != nil {
		t.Errorf("save on a full disk: %v", err)
	}
	if err := s.Delivered(t.Context(), n.Key, t0); err != nil {
		t.Errorf("record a delivery on a full disk: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "ballast")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the ballast is still there: %v", err)
	}
}

// Opening on a full disk works as far as it can: without a ballast.
func TestOpenOnFullDisk(t *testing.T) {
	dir := smallDisk(t, "20m")
	path := filepath.Join(dir, "xunjian.db")
	s, err := store.Open(t.Context(), path, nil)
	must(t, err)
	commit(t, s, bulky(1, 100))
	must(t, s.Close())
	must(t, os.Remove(filepath.Join(dir, "ballast")))
	must(t, os.WriteFile(filepath.Join(dir, "half"), make([]byte, 8<<20), 0o600))

	var log bytes.Buffer
	s, err = store.Open(t.Context(), path, slog.New(slog.NewTextHandler(&log, nil)))
	must(t, err)
	defer s.Close()
	if !strings.Contains(log.String(), "no room for the ballast file") {
		t.Errorf("log: %q", &log)
	}
	if _, err := os.Stat(filepath.Join(dir, "ballast")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a ballast takes up the last room: %v", err)
	}
	commit(t, s, bulky(2, 100))
}
