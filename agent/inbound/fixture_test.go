package inbound_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"xunjian/agent/inbound"
	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
	"xunjian/alerting/store"
	"xunjian/alerting/yamlfile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// room is an Inbound before a Desk over a real store.
type room struct {
	t       testing.TB
	path    string
	cfg     inbound.Config
	now     func() time.Time
	store   *store.Store
	desk    *alerting.Desk
	in      *inbound.Inbound
	handler http.Handler
	failing *failing
	log     bytes.Buffer
}

// clock is the time as the test sets it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

var t0 = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// failing is a desk whose commits can be told to fail.
type failing struct {
	*alerting.Desk
	err     error
	commits int
}

func (f *failing) Signals(ctx context.Context, s []alerting.Signal) error {
	if f.err != nil {
		return f.err
	}
	if len(s) > 0 {
		f.commits++
	}
	return f.Desk.Signals(ctx, s)
}

// enter builds a room from a configuration in YAML; nil means the real clock.
func enter(t testing.TB, now func() time.Time, yaml string) *room {
	t.Helper()
	if now == nil {
		now = time.Now
	}
	r := &room{t: t, path: filepath.Join(t.TempDir(), "xunjian.db"), now: now, cfg: config(t, yaml)}
	t.Cleanup(func() { r.store.Close() })
	r.restart()
	return r
}

func config(t testing.TB, yaml string) inbound.Config {
	t.Helper()
	cfg := inbound.Default()
	if err := yamlfile.Decode("inbound.yaml", []byte(yaml), &cfg, func() error { return cfg.Validate() }); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// restart is the agent's: a new store, desk and Inbound over the same file.
func (r *room) restart() {
	r.t.Helper()
	if r.store != nil {
		r.store.Close()
	}
	ctx := context.WithoutCancel(r.t.Context())
	var err error
	if r.store, err = store.Open(ctx, r.path, nil); err != nil {
		r.t.Fatal(err)
	}
	p := planfile.Default()
	r.desk, err = alerting.NewDesk(ctx, alerting.Options{
		Store: r.store, Basis: alerting.Basis{Plan: p, Systems: map[string]plan.SystemKind{"bidding": plan.Opening}}, Host: "web1", Now: r.now,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.failing = &failing{Desk: r.desk}
	r.in, err = inbound.New(r.cfg, inbound.Options{
		Desk: r.failing, Plan: r.desk.Plan, Now: r.now, Host: "web1", Logger: slog.New(slog.NewTextHandler(&r.log, nil)),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.handler = r.in.Handler()
}

// answer is what a request got.
type answer struct {
	Status int
	Body   string
}

// send makes a request of this machine, with headers in pairs.
func (r *room) send(method, path, body string, headers ...string) answer {
	r.t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.RemoteAddr = "127.0.0.1:40000"
	req.Header.Set("Content-Type", "application/json")
	for n := 0; n+1 < len(headers); n += 2 {
		if headers[n] == "RemoteAddr" {
			req.RemoteAddr = headers[n+1]
			continue
		}
		req.Header.Set(headers[n], headers[n+1])
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, req)
	b, _ := io.ReadAll(w.Result().Body)
	return answer{w.Code, strings.TrimSpace(string(b))}
}

func (r *room) post(path, body string, headers ...string) {
	r.t.Helper()
	if a := r.send("POST", path, body, headers...); a.Status != 200 {
		r.t.Fatalf("POST %s: %d %s", path, a.Status, a.Body)
	}
}

// refuses checks that a request is refused so, and changes nothing.
func (r *room) refuses(status int, says, method, path, body string, headers ...string) {
	r.t.Helper()
	before := r.desk.Alerts()
	a := r.send(method, path, body, headers...)
	if a.Status != status || !strings.Contains(a.Body, says) || !json.Valid([]byte(a.Body)) {
		r.t.Errorf("%s %s %.80q: %d %s, want %d …%s…", method, path, body, a.Status, a.Body, status, says)
	}
	if d := cmp.Diff(before, r.desk.Alerts()); d != "" {
		r.t.Errorf("%s %s %.80q changed the alerts: %s", method, path, body, d)
	}
}

// api is the body of an alert for the API: labels in pairs, then the times.
func api(starts, ends time.Time, labels ...string) string {
	m := map[string]any{"labels": pairs(labels), "annotations": map[string]string{"summary": "Disk is full", "summary_zh": "磁盘已满"}, "generatorURL": "http://prometheus.example.org/graph"}
	if !starts.IsZero() {
		m["startsAt"] = starts
	}
	if !ends.IsZero() {
		m["endsAt"] = ends
	}
	b, _ := json.Marshal([]any{m})
	return string(b)
}

func pairs(labels []string) map[string]string {
	out := map[string]string{}
	for n := 0; n+1 < len(labels); n += 2 {
		out[labels[n]] = labels[n+1]
	}
	return out
}

func (r *room) incidents() []incident.Incident {
	r.t.Helper()
	list, err := r.desk.Find(context.WithoutCancel(r.t.Context()), alerting.Query{Limit: 1000})
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

func (r *room) only() incident.Incident {
	r.t.Helper()
	list := r.incidents()
	if len(list) != 1 {
		r.t.Fatalf("%d incidents, want 1: %v", len(list), list)
	}
	return list[0]
}

func (r *room) alert() alerting.AlertRecord {
	r.t.Helper()
	list := r.desk.Alerts()
	if len(list) != 1 {
		r.t.Fatalf("%d alerts, want 1: %v", len(list), list)
	}
	return list[0]
}

// sound checks the whole chain of the store.
func (r *room) sound() {
	r.t.Helper()
	report, err := r.store.Verify(context.WithoutCancel(r.t.Context()))
	if err != nil || len(report.Faults) > 0 {
		r.t.Fatalf("verify: %v, faults %q", err, report.Faults)
	}
}

func is(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// file writes a secret and returns its path.
func file(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func sign(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	io.WriteString(mac, text)
	return hex.EncodeToString(mac.Sum(nil))
}

// eventually waits for something that another process brings about.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("after a minute: no %s", what)
}

var errDisk = errors.New("no space left on device")

func stamp(t time.Time) string { return fmt.Sprint(t.Unix()) }
