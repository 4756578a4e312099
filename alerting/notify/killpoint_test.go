package notify_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/notify"
	base "xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/webhook"
	"xunjian/alerting/store"
)

// victimURL names the receiver to which a victim of the kernel delivers.
const victimURL = "XUNJIAN_VICTIM_URL"

// courier delivers what waits in a store to a webhook and ends.
func courier(path, url string) {
	st, err := store.Open(context.Background(), path, nil)
	if err != nil {
		panic(err)
	}
	empty(st, url)
	os.Exit(0)
}

// empty works until nothing waits.
func empty(st *store.Store, url string) {
	hook, err := webhook.New(webhook.Config{GroupConfig: base.GroupConfig{Name: "ops"}, URL: url, Format: webhook.CloudEvents})
	if err != nil {
		panic(err)
	}
	w := notify.NewWorker(notify.Options{Outbox: st, Channels: []notify.Channel{hook, &channel{name: "journal", deliver: arrives}}, Words: words()})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = w.Run(ctx) }()
	for ctx.Err() == nil {
		if waiting, _, err := st.OutboxDepth(ctx); err == nil && waiting == 0 {
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	cancel()
	<-done
}

// Killed by the kernel at any system call of a delivery (strace sends SIGKILL
// instead of the nth one), no notice is lost, and one that arrives a second time
// does so under the same key.
func TestKilledAtAnySystemCall(t *testing.T) {
	var mu sync.Mutex
	arrived, last := map[string]int{}, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		last = r.Header.Get("Idempotency-Key")
		arrived[last]++
		mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	b := sit(t)
	b.open(t, 1)
	about := b.first(t)
	killed, whole, twice := 0, 0, 0
	for n := 1; whole < 2 && n < 2000; n++ {
		b.wait(t, about, n)
		if err := b.st.Close(); err != nil {
			t.Fatal(err)
		}
		if ended(t, b.path, server.URL, n) {
			whole++
		} else {
			killed++
		}
		st, err := store.Open(t.Context(), b.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.st = st
		empty(st, server.URL)
		mu.Lock()
		if times := arrived[last]; len(arrived) != killed+whole || times > 2 {
			t.Fatalf("after system call %d: %d keys for %d notices, the last %d times", n, len(arrived), killed+whole, times)
		} else if times == 2 {
			twice++
		}
		mu.Unlock()
	}
	_ = b.st.Close()
	mu.Lock()
	defer mu.Unlock()
	if killed < 5 || whole == 0 {
		t.Errorf("killed %d times, %d ended by themselves: the points were not met", killed, whole)
	}
	t.Logf("killed at %d system calls, %d notices came twice", killed, twice)
}

// wait puts a notice of its own into the outbox.
func (b *bench) wait(t *testing.T, i incident.Incident, n int) {
	t.Helper()
	_, err := b.st.Commit(t.Context(), alerting.Unit{Notices: []alerting.Notice{{
		Key: "point-" + strconv.Itoa(n), Incident: i.ID, Version: 1, Kind: "opened", Channel: "webhook/ops", Recipient: "webhook/ops", Lang: "en", Created: time.Now(), NotBefore: time.Now(),
	}}})
	if err != nil {
		t.Fatal(err)
	}
}

// ended runs a courier that is killed at its nth system call of those that
// change something or could; it reports whether it ended before.
func ended(t *testing.T, path, url string, n int) bool {
	t.Helper()
	calls := "write,pwrite64,read,pread64,fsync,fdatasync,connect,openat,close,unlink,unlinkat,ftruncate,fcntl"
	cmd := exec.CommandContext(t.Context(), "strace", "-f", "-qq", "-o", os.DevNull, "-e", "trace="+calls,
		"-e", "inject="+calls+":signal=KILL:when="+strconv.Itoa(n), os.Args[0])
	cmd.Env = append(os.Environ(), victimStore+"="+path, victimURL+"="+url, "GOMAXPROCS=1")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return true
	}
	if cmd.ProcessState == nil || len(out) > 0 {
		t.Fatalf("a courier under strace: %v\n%s", err, out)
	}
	return false
}
