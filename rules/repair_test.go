package rules

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunks"
)

// addBlock puts a block of one series, of the hours before the epoch, into a
// database, and returns its folder.
func addBlock(t *testing.T, dir, name string, hours int) string {
	t.Helper()
	var points []chunks.Sample
	to := epoch.Truncate(2 * time.Hour).Add(-time.Duration(hours-2) * time.Hour)
	for ts := to.Add(-2 * time.Hour); ts.Before(to); ts = ts.Add(step) {
		points = append(points, memoryPoint{ts.UnixMilli(), 1})
	}
	series := storage.NewListSeries(labels.FromStrings("__name__", name), points)
	block, err := tsdb.CreateBlock([]storage.Series{series}, dir, (2 * time.Hour).Milliseconds(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return block
}

func garble(t *testing.T, path string, from int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(strings.Repeat("\xde\xad\xbe\xef", 64)), from); err != nil {
		t.Fatal(err)
	}
}

func TestDamageDoesNotStopTheStart(t *testing.T) {
	for _, c := range []struct {
		name    string
		damage  func(t *testing.T, dir, block string)
		said    string // in the log
		history bool   // the intact block is still there
	}{
		{"a torn end of the log", func(t *testing.T, dir, _ string) {
			if err := os.Truncate(filepath.Join(dir, "wal", "00000000"), 100); err != nil {
				t.Fatal(err)
			}
		}, "", true},
		{"garbage in the log", func(t *testing.T, dir, _ string) {
			garble(t, filepath.Join(dir, "wal", "00000000"), 40)
		}, "WAL", true},
		{"the log is not a folder", func(t *testing.T, dir, _ string) {
			if err := os.RemoveAll(filepath.Join(dir, "wal")); err != nil {
				t.Fatal(err)
			}
			writeFile(t, dir, "wal", "boo")
		}, "moved aside", true},
		{"a block without its description", func(t *testing.T, _, block string) {
			if err := os.Remove(filepath.Join(block, "meta.json")); err != nil {
				t.Fatal(err)
			}
		}, "", true},
		{"a block with a garbled description", func(t *testing.T, _, block string) {
			garble(t, filepath.Join(block, "meta.json"), 0)
		}, "", true},
		{"a block with a garbled index", func(t *testing.T, _, block string) {
			garble(t, filepath.Join(block, "index"), 0)
		}, "moved aside", true},
		{"a block with an empty index", func(t *testing.T, _, block string) {
			writeFile(t, block, "index", "")
		}, "moved aside", true},
		{"a block without its samples", func(t *testing.T, _, block string) {
			if err := os.RemoveAll(filepath.Join(block, "chunks")); err != nil {
				t.Fatal(err)
			}
		}, "moved aside", true},
		{"garbled chunks", func(t *testing.T, dir, _ string) {
			if err := os.MkdirAll(filepath.Join(dir, "chunks_head"), 0o750); err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(dir, "chunks_head"), "000001", strings.Repeat("x", 4096))
		}, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, hotRule)
			w.fire()
			w.close()
			addBlock(t, w.cfg.Dir, "whole", 6)
			c.damage(t, w.cfg.Dir, addBlock(t, w.cfg.Dir, "broken", 4))
			w.restart(time.Second)
			if !strings.Contains(w.log.String(), c.said) {
				t.Errorf("the log lacks %q:\n%s", c.said, w.log)
			}
			w.want(w.tick(step, w.batch("t", `temp{room="a"} 95`)))
			w.want(w.tick(step, w.batch("t", `temp{room="a"} 60`)), `Hot{room="a"}: firing → ended`)
			if got := w.count(t, `count_over_time(whole[12h])`); (got > 0) != c.history {
				t.Errorf("there are %v samples of the intact block", got)
			}
			w.restart(time.Second)
			w.want(w.tick(step, w.batch("t", `temp{room="a"} 60`)))
		})
	}
}

func TestDamagedPartsDoNotPileUp(t *testing.T) {
	w := newWorld(t, "")
	for range damagedKept + 3 {
		w.close()
		writeFile(t, addBlock(t, w.cfg.Dir, "broken", 4), "index", "")
		w.restart(time.Second)
	}
	kept, err := os.ReadDir(filepath.Join(w.cfg.Dir, "damaged"))
	if err != nil || len(kept) != damagedKept {
		t.Errorf("%d damaged sets are kept (%v), want %d", len(kept), err, damagedKept)
	}
}

func TestCrashLosesNothingThatATickWrote(t *testing.T) {
	w := newWorld(t, hotRule)
	for range 40 {
		w.tick(step, w.batch("t", `temp{room="a"} 60`))
	}
	image := filepath.Join(t.TempDir(), "image")
	if err := os.CopyFS(image, os.DirFS(w.cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	w.close()
	w.cfg.Dir = image
	w.restart(time.Second)
	if got := w.count(t, `count_over_time(temp{room="a"}[1h])`); got != 40 {
		t.Errorf("after the crash there are %v samples of 40", got)
	}
}

func TestTwoProcessesDoNotShareADatabase(t *testing.T) {
	w := newWorld(t, "")
	if e, err := Open(w.cfg, nil); err == nil {
		_ = e.Close()
		t.Fatal("the folder opened twice")
	} else if !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("the error is %v", err)
	}
	w.want(w.tick(step), "Watchdog{}: - → firing")
}
