package outlets_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/notify"
	"xunjian/alerting/notify/policy"
	"xunjian/alerting/notify/webhook"
)

// storm is n alerts of as many faults, every hundredth of a kind that is grave
// from the first moment.
func storm(n int) []alerting.Signal {
	var out []alerting.Signal
	for i := range n {
		out = append(out, alerting.Signal{
			Key: fmt.Sprint("storm/", i), Status: alerting.Firing, Rule: "DiskFull", At: time.Now(), Since: time.Now(), Via: "test",
			Labels: map[string]string{"code": "E01", "disk": fmt.Sprint("sd", i)}, Annotations: map[string]string{"summary": "disk full", "summary_zh": "磁盘已满"},
		})
	}
	return out
}

// receiver takes what is posted and notes when the first and the last alert or
// incident came.
type receiver struct {
	*httptest.Server
	mu          sync.Mutex
	seen        map[string]bool
	first, last time.Time
}

func newReceiver(t testing.TB) *receiver {
	r := &receiver{seen: map[string]bool{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		var in struct {
			Alerts []struct{ Labels map[string]string }
		}
		if err := json.NewDecoder(req.Body).Decode(&in); err != nil {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.first.IsZero() {
			r.first = time.Now()
		}
		for _, a := range in.Alerts {
			if id := a.Labels["disk"] + a.Labels["incident"]; !r.seen[id] {
				r.seen[id], r.last = true, time.Now()
			}
		}
	}))
	t.Cleanup(r.Server.Close)
	return r
}

func (r *receiver) wait(t testing.TB, n int) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		r.mu.Lock()
		have := len(r.seen)
		r.mu.Unlock()
		if have >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d arrived", have, n)
		}
	}
}

// In a storm every incident is kept, a program hears of each, a person gets the
// first and a digest instead of a flood, and what is grave is not behind it.
func TestStorm(t *testing.T) {
	const n = 1500
	mail := personal{&way{name: "mail", fail: well}}
	hook := newReceiver(t)
	hooked, err := webhook.New(webhook.Config{GroupConfig: named("ops"), URL: hook.URL, Format: webhook.Alertmanager})
	if err != nil {
		t.Fatal(err)
	}
	d, _, w := desk(t, policy.Config{}, mail, hooked, notify.NewJournal(io.Discard, false))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	defer func() { cancel(); <-done }()
	if err := d.Signals(ctx, storm(n)); err != nil {
		t.Fatal(err)
	}
	hook.wait(t, n)
	list, err := d.Find(ctx, alerting.Query{Limit: 1000, Offset: 1000})
	if err != nil || len(list) != n-1000 {
		t.Errorf("%d incidents beyond the first thousand, %v", len(list), err)
	}
	got := mail.all()
	if len(got) < 2 || len(got) > 12 || got[0] != "wang opened" || got[len(got)-1] != "wang digest" {
		t.Errorf("by mail came %d: %q", len(got), got[:min(len(got), 12)])
	}
}

// BenchmarkStorm is 10,000 alerts at once, to Debian's Alertmanager and to the
// desk with its store and outbox, each telling a program over HTTP: how long
// until the first and until all are told, and what it takes. Alertmanager keeps
// alerts in memory and has nothing to write; the desk has made every incident
// durable before it tells of it.
func BenchmarkStorm(b *testing.B) {
	const n = 10_000
	b.Run("alertmanager", func(b *testing.B) {
		for b.Loop() {
			hook := newReceiver(b)
			am, address := alertmanager(b, hook.URL)
			var list []map[string]any
			for _, s := range storm(n) {
				s.Labels["alertname"] = "DiskFull"
				list = append(list, map[string]any{"labels": s.Labels, "annotations": s.Annotations})
			}
			began := time.Now()
			for from := 0; from < n; from += 500 {
				body, _ := json.Marshal(list[from : from+500])
				res, err := http.Post("http://"+address+"/api/v2/alerts", "application/json", bytes.NewReader(body))
				if err != nil || res.StatusCode != 200 {
					b.Fatal(res, err)
				}
				res.Body.Close()
			}
			hook.wait(b, n)
			report(b, hook, began, processTime(b, am.Process.Pid), resident(b, am.Process.Pid))
			_ = am.Process.Kill()
			_ = am.Wait()
			hook.Close()
		}
	})
	b.Run("xunjian", func(b *testing.B) {
		for b.Loop() {
			hook := newReceiver(b)
			hooked, err := webhook.New(webhook.Config{GroupConfig: named("ops"), URL: hook.URL, Format: webhook.Alertmanager})
			if err != nil {
				b.Fatal(err)
			}
			mail := personal{&way{name: "mail", fail: well}}
			d, _, w := desk(b, policy.Config{}, mail, hooked)
			ctx, cancel := context.WithCancel(b.Context())
			done := make(chan struct{})
			go func() { defer close(done); w.Run(ctx) }()
			list := storm(n)
			runtime.GC()
			cpu, began := processTime(b, os.Getpid()), time.Now()
			if err := d.Signals(ctx, list); err != nil {
				b.Fatal(err)
			}
			kept := time.Since(began)
			hook.wait(b, n)
			report(b, hook, began, processTime(b, os.Getpid())-cpu, resident(b, os.Getpid()))
			b.ReportMetric(kept.Seconds(), "all_kept_s")
			b.ReportMetric(float64(len(mail.all())), "mails")
			cancel()
			<-done
			hook.Close()
		}
	})
}

func report(b *testing.B, r *receiver, began time.Time, cpu time.Duration, rss int64) {
	b.ReportMetric(r.first.Sub(began).Seconds(), "first_s")
	b.ReportMetric(r.last.Sub(began).Seconds(), "all_told_s")
	b.ReportMetric(cpu.Seconds(), "cpu_s")
	b.ReportMetric(float64(rss)/(1<<20), "resident_MiB")
	b.ReportMetric(0, "ns/op")
}

// alertmanager starts Debian's with one group for each alert's fault, as
// impatient as it can be.
func alertmanager(b *testing.B, url string) (*exec.Cmd, string) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	dir := b.TempDir()
	conf := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(conf, []byte(`
route: {receiver: ops, group_by: [...], group_wait: 0s, group_interval: 1s}
receivers: [{name: ops, webhook_configs: [{url: "`+url+`"}]}]
`), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command("prometheus-alertmanager", "--config.file="+conf, "--storage.path="+dir, "--web.listen-address="+address, "--cluster.listen-address=", "--log.level=error")
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		res, err := http.Get("http://" + address + "/-/ready")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == 200 {
				return cmd, address
			}
		}
		if time.Now().After(deadline) {
			b.Fatal("it does not start: ", err)
		}
	}
}

// processTime is the processor time a process has used.
func processTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+2:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

func resident(b *testing.B, pid int) int64 {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		b.Fatal(err)
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(raw))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
