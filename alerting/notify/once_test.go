package notify_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"xunjian/alerting/notify"
	"xunjian/alerting/store"
)

// victimStore names the store on which the process is to be a Worker that is
// killed between sending and recording.
const victimStore = "XUNJIAN_VICTIM_STORE"

// mortal is an outbox at which the process dies instead of recording.
type mortal struct{ *store.Store }

func (mortal) Delivered(context.Context, string, time.Time) error {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func victim(path string) {
	st, err := store.Open(context.Background(), path, nil)
	if err != nil {
		panic(err)
	}
	sent := &channel{name: "journal", deliver: func(_ context.Context, m notify.Message) error {
		return os.WriteFile(path+".sent", []byte(m.Key), 0o600)
	}}
	w := notify.NewWorker(notify.Options{Outbox: mortal{st}, Channels: []notify.Channel{sent}, Words: words()})
	panic(w.Run(context.Background()))
}

// Killed between sending and recording, the next agent sends again, under the
// same key, and goes on with the rest.
func TestKilledBetweenSendingAndRecording(t *testing.T) {
	b := sit(t)
	b.open(t, 3)
	if err := b.st.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victimStore+"="+b.path)
	out, err := cmd.CombinedOutput()
	var died *exec.ExitError
	if !errors.As(err, &died) || !died.Sys().(syscall.WaitStatus).Signaled() {
		t.Fatalf("it was not killed: %v\n%s", err, out)
	}
	first, err := os.ReadFile(b.path + ".sent")
	if err != nil {
		t.Fatal(err)
	}
	if b.st, err = store.Open(t.Context(), b.path, nil); err != nil {
		t.Fatal(err)
	}
	defer b.st.Close()
	c := &channel{name: "journal", deliver: arrives}
	_, stop := b.work(t, b.st, c)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if waiting, _ := b.depth(t); waiting == 0 {
			break
		}
	}
	stop()
	got := c.seen()
	if len(got) != 3 || got[0] != string(first) || len(slices.Compact(slices.Sorted(slices.Values(got)))) != 3 {
		t.Errorf("before the kill %q, after it %q", first, got)
	}
}

// While outcomes cannot be recorded, people hear once, not every instant; when
// they can be, they are, and nothing is sent again.
func TestFullDisk(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.open(t, 3)
		var failing atomic.Bool
		failing.Store(true)
		c := &channel{name: "journal", deliver: func(_ context.Context, m notify.Message) error {
			if failing.Load() && strings.Contains(m.Key, "00003/") {
				return errors.New("no route to host")
			}
			return nil
		}}
		out := &counting{Store: b.st}
		b.exec(t, `CREATE TRIGGER full BEFORE UPDATE ON outbox BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END`)
		w, stop := b.work(t, out, c)
		for range 600 {
			w.Wake() // somebody is always at work
			time.Sleep(time.Second)
		}
		if n := len(c.seen()); n != 3 {
			t.Errorf("within ten minutes on a full disk %d were sent", n)
		}
		synctest.Wait()
		// A few writes a minute, not as many as the processor can.
		if n := out.writes.Load(); n > 100 {
			t.Errorf("%d attempts to record within ten minutes", n)
		}
		b.exec(t, `DROP TRIGGER full`)
		failing.Store(false)
		time.Sleep(5 * time.Minute)
		stop()
		if waiting, _ := b.depth(t); waiting != 0 || len(c.seen()) != 4 || w.Counts()["journal"] != (notify.Counts{Delivered: 3, Failed: 1}) {
			t.Errorf("with room again %d wait, %d sent, counted %+v", waiting, len(c.seen()), w.Counts())
		}
	})
}

type counting struct {
	*store.Store
	writes atomic.Int64
}

func (c *counting) Delivered(ctx context.Context, key string, at time.Time) error {
	c.writes.Add(1)
	return c.Store.Delivered(ctx, key, at)
}

func (c *counting) Failed(ctx context.Context, key, why string, next time.Time) error {
	c.writes.Add(1)
	return c.Store.Failed(ctx, key, why, next)
}

// An agent that stops lets a delivery end and records it; it does not wait for
// one that does not, and does not count it either.
func TestStop(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.open(t, 1)
		for _, ch := range []string{"slow", "obeys", "deaf"} {
			b.put(t, ch, 2, time.Now())
		}
		release := make(chan struct{})
		slow := &channel{name: "slow", deliver: func(ctx context.Context, _ notify.Message) error {
			select {
			case <-time.After(4 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		obeys := &channel{name: "obeys", deliver: func(ctx context.Context, _ notify.Message) error { <-ctx.Done(); return ctx.Err() }}
		deaf := &channel{name: "deaf", deliver: func(context.Context, notify.Message) error { <-release; return nil }}
		w, stop := b.work(t, b.st, slow, obeys, deaf, &channel{name: "journal", deliver: arrives})
		time.Sleep(time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("it stopped after %v; a service is killed after 20 s", took)
		}
		close(release)
		if c := w.Counts(); c["slow"] != (notify.Counts{Delivered: 1}) || c["obeys"] != (notify.Counts{}) || c["deaf"] != (notify.Counts{}) {
			t.Errorf("counted %+v", c)
		}
		if waiting, _ := b.depth(t); waiting != 5 {
			t.Errorf("%d wait, want all but the one that was sent", waiting)
		}
		synctest.Wait()
	})
}
