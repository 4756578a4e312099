package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/notifytest"
	"xunjian/alerting/notify/webhook"
	"xunjian/alerting/roster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "key of a test's signature"

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// receiver checks each signature and keeps what it took.
type receiver struct {
	t      *testing.T
	status int
	header http.Header
	says   string

	mu     sync.Mutex
	heads  []http.Header
	bodies [][]byte
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	stamp := req.Header.Get("X-Xunjian-Timestamp")
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(stamp + "." + string(body)))
	sec, err := strconv.ParseInt(stamp, 10, 64)
	if want := "v1=" + hex.EncodeToString(mac.Sum(nil)); err != nil || req.Header.Get("X-Xunjian-Signature") != want || time.Since(time.Unix(sec, 0)).Abs() > time.Minute {
		r.t.Errorf("signed %q at %q, want %q", req.Header.Get("X-Xunjian-Signature"), stamp, want)
	}
	for k, v := range r.header {
		w.Header()[k] = v
	}
	if r.status == 0 {
		r.status = http.StatusNoContent
	}
	r.heads, r.bodies = append(r.heads, req.Header), append(r.bodies, body)
	w.WriteHeader(r.status)
	if r.status != http.StatusNoContent {
		io.WriteString(w, r.says)
	}
}

func (r *receiver) all() ([]http.Header, [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heads, r.bodies
}

func open(t *testing.T, cfg webhook.Config) *webhook.Hook {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	h, err := webhook.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// serve opens a hook to r, over HTTPS with a certificate of the test's own.
func serve(t *testing.T, r *receiver, format string) (*webhook.Hook, webhook.Config) {
	t.Helper()
	r.t = t
	server := httptest.NewTLSServer(r)
	t.Cleanup(server.Close)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	cfg := webhook.Config{
		GroupConfig: channel.GroupConfig{Name: "ops"}, URL: server.URL + "/hook", Format: format, SecretFile: write(t, key), CAFile: write(t, string(cert)),
	}
	return open(t, cfg), cfg
}

func note(n int) channel.Message { return notifytest.Message(notifytest.Place{}, "zh-CN", n) }

func TestContract(t *testing.T) {
	for _, format := range []string{webhook.CloudEvents, webhook.Alertmanager} {
		t.Run(format, func(t *testing.T) {
			notifytest.Run(t, func(t *testing.T) notifytest.Place {
				r := &receiver{}
				h, cfg := serve(t, r, format)
				silent, err := net.Listen("tcp", "127.0.0.1:0") // nobody ever accepts
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { silent.Close() })
				refused, mute := cfg, cfg
				refused.URL, mute.URL = "https://127.0.0.1:1/hook", "https://"+silent.Addr().String()
				return notifytest.Place{
					Channel: h, Refused: open(t, refused), Silent: open(t, mute), Identified: true, Secrets: []string{key},
					Arrived: func(t *testing.T) []notifytest.Arrival {
						var out []notifytest.Arrival
						heads, bodies := r.all()
						for i, b := range bodies {
							out = append(out, notifytest.Arrival{ID: heads[i].Get("Idempotency-Key"), Text: shown(t, b)})
						}
						return out
					},
				}
			})
		})
	}
}

// shown are all texts of a body.
func shown(t *testing.T, body []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	var out []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			out = append(out, v)
		case map[string]any:
			for _, e := range v {
				walk(e)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(v)
	// A text of several lines is one text.
	return strings.Join(out, "\n")
}

func full() channel.Message {
	m := note(1)
	m.Concerned = []roster.Person{{ID: "wang", Name: "王芳", Phone: "010-5550-0102", Mail: "wang@example.org"}}
	m.Incident.Since = m.At.Add(-time.Minute)
	m.Incident.System = "opening-hall"
	return m
}

func TestCloudEvent(t *testing.T) {
	r := &receiver{}
	h, _ := serve(t, r, "")
	for range 2 {
		if err := h.Deliver(t.Context(), full()); err != nil {
			t.Fatal(err)
		}
	}
	heads, bodies := r.all()
	if string(bodies[0]) != string(bodies[1]) || heads[0].Get("Idempotency-Key") == "" {
		t.Errorf("two attempts differ:\n%s\n%s", bodies[0], bodies[1])
	}
	if got := heads[0].Get("Content-Type"); got != "application/cloudevents+json; charset=utf-8" {
		t.Error(got)
	}
	if s := string(bodies[0]); strings.Contains(s, "010-5550") || strings.Contains(s, "wang@") {
		t.Errorf("carries how to reach people: %s", s)
	}
	var got map[string]any
	if err := json.Unmarshal(bodies[0], &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"specversion": "1.0", "id": heads[0].Get("Idempotency-Key"), "source": "urn:xunjian:web1", "type": "xunjian.incident.opened",
		"subject": "INC-20260302-0001", "time": "2026-03-02T08:00:01Z", "datacontenttype": "application/json",
		"data": map[string]any{
			"lang": "zh-CN", "subject": "【IV 级】F03 开标大厅无法登录（第 1 号）", "text": "web1 发生 F03 开标大厅无法使用。\n首要处置：受理客户在现场反映的问题。",
			"facts": []any{map[string]any{"name": "服务器", "value": "web1"}, map[string]any{"name": "级别", "value": "IV 级"}},
			"link":  "https://xunjian.example.org/incidents/INC-20260302-0001", "for": []any{"wang"},
			"incident": map[string]any{
				"id": "INC-20260302-0001", "state": "open", "key": "k", "code": "F03", "system": "opening-hall", "host": "web1", "level": "IV", "drill": false,
				"title": map[string]any{"zh-CN": "开标大厅无法登录", "en": "Nobody gets into the hall"}, "since": "2026-03-02T15:59:01+08:00", "opened": "2026-03-02T08:00:00Z",
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// As receivers of Alertmanager's read it: the end has the labels, the group
// and the fingerprint of the beginning.
func TestAlertmanager(t *testing.T) {
	r := &receiver{}
	h, _ := serve(t, r, webhook.Alertmanager)
	end := full()
	end.Key, end.Kind = "INC-20260302-0001/9/channel", "resolved"
	end.Incident.Over, end.Incident.Ended = true, end.At.Add(time.Hour)
	for _, m := range []channel.Message{full(), end} {
		if err := h.Deliver(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	type payload struct {
		Version, GroupKey, Status, Receiver, ExternalURL string
		GroupLabels, CommonLabels                        map[string]string
		Alerts                                           []struct {
			Status, Fingerprint string
			Labels, Annotations map[string]string
			StartsAt, EndsAt    time.Time
		}
	}
	var got [2]payload
	_, bodies := r.all()
	for i := range got {
		if err := json.Unmarshal(bodies[i], &got[i]); err != nil {
			t.Fatal(err)
		}
	}
	first, last := got[0], got[1]
	labels := map[string]string{
		"alertname": "XunjianIncident", "incident": "INC-20260302-0001", "code": "F03", "instance": "web1", "level": "IV", "severity": "warning", "system": "opening-hall",
	}
	if diff := cmp.Diff(labels, first.Alerts[0].Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if first.Version != "4" || first.Receiver != "ops" || first.Status != "firing" || first.Alerts[0].Status != "firing" || !first.Alerts[0].EndsAt.IsZero() ||
		!first.Alerts[0].StartsAt.Equal(full().Incident.Since) || first.ExternalURL != full().Link || first.GroupLabels["incident"] != "INC-20260302-0001" {
		t.Errorf("%+v", first)
	}
	if last.Status != "resolved" || last.Alerts[0].Status != "resolved" || !last.Alerts[0].EndsAt.Equal(end.Incident.Ended) || last.GroupKey != first.GroupKey ||
		last.Alerts[0].Fingerprint != first.Alerts[0].Fingerprint || cmp.Diff(labels, last.Alerts[0].Labels) != "" || last.Alerts[0].Annotations["event"] != "resolved" {
		t.Errorf("%+v", last)
	}
}

func TestHTTPFaults(t *testing.T) {
	for _, format := range []string{webhook.CloudEvents, webhook.Alertmanager} {
		t.Run(format, func(t *testing.T) {
			notifytest.HTTPFaults(t, roster.Person{}, []string{key}, func(t *testing.T, s notifytest.Side) channel.Channel {
				return open(t, webhook.Config{
					GroupConfig: channel.GroupConfig{Name: "ops"}, URL: s.URL + "/hook", Format: format, SecretFile: write(t, key), CAFile: s.CAFile,
				})
			})
		})
	}
}
