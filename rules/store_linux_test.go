package rules

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// smallDisk mounts a tmpfs of 24 MiB; the test must run as root.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Fatalf("mount a tmpfs (run the tests as root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves no byte free on the disk of dir and returns what to remove.
func fill(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "big")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 4096, 1} {
		block := make([]byte, size)
		for err = nil; err == nil; {
			_, err = f.Write(block)
		}
		if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, io.ErrShortWrite) {
			t.Fatal(err)
		}
	}
	return path
}

func (w *world) count(t *testing.T, expr string) float64 {
	t.Helper()
	got, err := w.engine.Query(context.Background(), expr, w.now)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) == 0 {
		return 0
	}
	return got[0].Value
}

func TestFullDiskStillJudges(t *testing.T) {
	w := newWorld(t, hotRule)
	w.close()
	dir := smallDisk(t)
	t.Cleanup(w.close) // before the disk goes
	w.cfg.Dir = filepath.Join(dir, "metrics")
	w.open()
	w.tick(step, w.batch("t", `temp{room="a"} 60`))
	big := fill(t, dir)

	var failed error
	var said []string
	for i := 0; failed == nil; i++ {
		if i > 2000 {
			t.Fatal("the disk takes everything")
		}
		changed, err := w.engine.Tick(context.Background(), w.now, []Batch{w.batch("t", `temp{room="a"} 60`, `temp{room="b"} 60`)})
		w.now, failed = w.now.Add(step), err
		w.note(changed)
	}
	if !errors.Is(failed, syscall.ENOSPC) {
		t.Errorf("the error is %v", failed)
	}
	full := w.now
	for range 4 {
		changed, err := w.engine.Tick(context.Background(), w.now, []Batch{w.batch("t", `temp{room="a"} 95`, `temp{room="new"} 60`)})
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("while the disk is full the error is %v", err)
		}
		w.now = w.now.Add(step)
		said = append(said, w.note(changed)...)
	}
	w.want(said, `Hot{room="a"}: pending → firing`)
	if s := w.engine.Stats(); s.InMemory == 0 {
		t.Errorf("nothing waits for the disk: %+v", s)
	}

	if err := os.Remove(big); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.tick(step, w.batch("t", `temp{room="a"} 95`, `temp{room="new"} 60`))
	}
	if s := w.engine.Stats(); s.InMemory != 0 {
		t.Errorf("%d samples still wait for the disk", s.InMemory)
	}
	w.restart(time.Second)
	if got := w.count(t, `count_over_time(temp{room="new"}[`+(w.now.Sub(full)+time.Second).String()+`])`); got != 6 {
		t.Errorf("of the samples of the bad time %v are left, want 6", got)
	}
}

func TestStartOnAFullDisk(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	w.close()
	dir := smallDisk(t)
	t.Cleanup(w.close)
	if err := os.CopyFS(filepath.Join(dir, "metrics"), os.DirFS(w.cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	w.cfg.Dir = filepath.Join(dir, "metrics")
	big := fill(t, dir)
	w.restart(time.Minute)
	if !strings.Contains(w.log.String(), "samples stay in memory") {
		t.Errorf("the log is silent: %s", w.log)
	}
	for i, want := range [][]string{nil, {`Hot{room="a"}: firing → ended`}} {
		changed, err := w.engine.Tick(context.Background(), w.now, []Batch{w.batch("t", fmt.Sprintf(`temp{room="a"} %d`, 95-i*35))})
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("on a full disk the error is %v", err)
		}
		w.now = w.now.Add(step)
		w.want(w.note(changed), want...)
	}
	if err := os.Remove(big); err != nil {
		t.Fatal(err)
	}
	w.tick(step, w.batch("t", `temp{room="a"} 61`))
	if got := w.count(t, `count_over_time(temp{room="a"}[1h])`); got != 6 {
		t.Errorf("there are %v samples, want 3 from before and 3 from now", got)
	}
}
