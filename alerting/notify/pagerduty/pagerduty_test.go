package pagerduty_test

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/notifytest"
	"xunjian/alerting/notify/pagerduty"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const routingKey = "0123456789abcdef0123456789abcdef"

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// fake is the Events API v2 as its documents describe it: which fields it
// wants, how long they may be, and what it answers.
type fake struct {
	t *testing.T
	// status other than 0 is answered to everything, with says.
	status int
	header http.Header
	says   string

	mu    sync.Mutex
	taken []map[string]any
	// open are the alerts by key.
	open map[string]string
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for k, v := range f.header {
		w.Header()[k] = v
	}
	if f.status != 0 {
		w.WriteHeader(f.status)
		io.WriteString(w, f.says)
		return
	}
	var e map[string]any
	if r.URL.Path != "/v2/enqueue" || r.Method != http.MethodPost || json.Unmarshal(raw, &e) != nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if wrong := faults(e, raw); len(wrong) > 0 {
		w.WriteHeader(http.StatusBadRequest)
		json.NewEncoder(w).Encode(map[string]any{"status": "invalid event", "message": "Event object is invalid", "errors": wrong})
		return
	}
	key := e["dedup_key"].(string)
	switch e["event_action"] {
	case "trigger":
		if f.open[key] == "" {
			f.open[key] = "triggered"
		}
	case "acknowledge":
		if f.open[key] != "" {
			f.open[key] = "acknowledged"
		}
	case "resolve":
		delete(f.open, key)
	}
	f.taken = append(f.taken, e)
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, `{"status":"success","message":"Event processed","dedup_key":%q}`, key)
}

func faults(e map[string]any, raw []byte) []string {
	var wrong []string
	if s, _ := e["routing_key"].(string); len(s) != 32 {
		wrong = append(wrong, "Length of 'routing_key' is incorrect (should be 32 characters)")
	}
	if s, _ := e["dedup_key"].(string); s == "" || len(s) > 255 {
		wrong = append(wrong, "Length of 'dedup_key' is incorrect (should be less than or equal to 255 characters)")
	}
	if s, _ := e["event_action"].(string); !slices.Contains([]string{"trigger", "acknowledge", "resolve"}, s) {
		wrong = append(wrong, "'event_action' is missing or not one of ['trigger', 'acknowledge', 'resolve']")
	}
	p, _ := e["payload"].(map[string]any)
	if s, _ := p["summary"].(string); s == "" || utf8.RuneCountInString(s) > 1024 {
		wrong = append(wrong, "'payload.summary' is missing or blank")
	}
	if s, _ := p["source"].(string); s == "" {
		wrong = append(wrong, "'payload.source' is missing or blank")
	}
	if s, _ := p["severity"].(string); !slices.Contains([]string{"critical", "error", "warning", "info"}, s) {
		wrong = append(wrong, "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')")
	}
	if s, _ := p["timestamp"].(string); s != "" {
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			wrong = append(wrong, "'payload.timestamp' is not a valid ISO 8601 timestamp")
		}
	}
	if len(raw) > 512<<10 {
		wrong = append(wrong, "Event size exceeds 512KB")
	}
	return wrong
}

func (f *fake) all() []map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.taken)
}

func open(t *testing.T, cfg pagerduty.Config) *pagerduty.Service {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := pagerduty.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func serve(t *testing.T, f *fake) (*pagerduty.Service, pagerduty.Config) {
	t.Helper()
	f.t, f.open = t, map[string]string{}
	server := httptest.NewTLSServer(f)
	t.Cleanup(server.Close)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	cfg := pagerduty.Config{
		GroupConfig: channel.GroupConfig{Name: "duty"}, URL: server.URL + "/v2/enqueue", RoutingKeyFile: write(t, routingKey+"\n"), CAFile: write(t, string(cert)),
	}
	return open(t, cfg), cfg
}

func note(n int) channel.Message { return notifytest.Message(notifytest.Place{}, "zh-CN", n) }

func TestContract(t *testing.T) {
	notifytest.Run(t, func(t *testing.T) notifytest.Place {
		f := &fake{}
		s, cfg := serve(t, f)
		silent, err := net.Listen("tcp", "127.0.0.1:0") // nobody ever accepts
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { silent.Close() })
		refused, mute := cfg, cfg
		refused.URL, mute.URL = "https://127.0.0.1:1/v2/enqueue", "https://"+silent.Addr().String()
		return notifytest.Place{
			Channel: s, Refused: open(t, refused), Silent: open(t, mute), Secrets: []string{routingKey},
			Arrived: func(t *testing.T) []notifytest.Arrival {
				var out []notifytest.Arrival
				for _, e := range f.all() {
					p := e["payload"].(map[string]any)
					text := p["summary"].(string)
					for k, v := range p["custom_details"].(map[string]any) {
						text += "\n" + k + "\n" + v.(string)
					}
					for _, l := range e["links"].([]any) {
						text += "\n" + l.(map[string]any)["href"].(string)
					}
					out = append(out, notifytest.Arrival{Text: text})
				}
				return out
			},
		}
	})
}

func TestEvent(t *testing.T) {
	f := &fake{}
	s, _ := serve(t, f)
	m := note(1)
	m.Concerned = []roster.Person{{ID: "wang", Name: "王芳", Phone: "010-5550-0102"}}
	m.Incident.System, m.Incident.Scenario, m.Incident.Since, m.Incident.Drill = "opening-hall", "hall-down", m.At.Add(-time.Minute), true
	m.Facts = append(m.Facts, channel.Fact{Name: "服务器", Value: "web2"})
	if err := s.Deliver(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"routing_key": routingKey, "event_action": "trigger", "dedup_key": "xunjian/web1/INC-20260302-0001", "client": "xunjian",
		"client_url": "https://xunjian.example.org/incidents/INC-20260302-0001",
		"links":      []any{map[string]any{"href": "https://xunjian.example.org/incidents/INC-20260302-0001", "text": "在控制台中查看"}},
		"payload": map[string]any{
			"summary": "【IV 级】F03 开标大厅无法登录（第 1 号）", "source": "web1", "severity": "info", "timestamp": "2026-03-02T08:00:01.000Z",
			"component": "opening-hall", "group": "F03", "class": "hall-down",
			"custom_details": map[string]any{
				"服务器": "web1", "服务器 (2)": "web2", "级别": "IV 级", "详情": "web1 发生 F03 开标大厅无法使用。\n首要处置：受理客户在现场反映的问题。",
				"since": "2026-03-02T07:59:01Z", "drill": "true",
			},
		},
	}
	if diff := cmp.Diff(want, f.all()[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// One incident is one alert there, from its beginning to its end.
func TestLife(t *testing.T) {
	f := &fake{}
	s, _ := serve(t, f)
	const key = "xunjian/web1/INC-20260302-0001"
	for i, c := range []struct {
		kind   string
		over   bool
		level  plan.Level
		action string
		grave  string
		state  string
	}{
		{"opened", false, plan.LevelIV, "trigger", "info", "triggered"},
		{"level_changed", false, plan.LevelII, "trigger", "error", "triggered"},
		{"acknowledged", false, plan.LevelII, "acknowledge", "error", "acknowledged"},
		{"reminded", false, plan.LevelIII, "trigger", "warning", "acknowledged"},
		{"flapping", false, plan.LevelI, "trigger", "critical", "acknowledged"},
		{"resolved", true, plan.LevelI, "resolve", "critical", ""},
		{"resolved", false, plan.LevelI, "resolve", "critical", ""},
		{"alert_lost", true, plan.LevelI, "resolve", "critical", ""}, // late: it opens nothing
		{"reopened", false, plan.LevelI, "trigger", "critical", "triggered"},
		{"false_alarm", false, "", "resolve", "info", ""},
	} {
		m := note(i)
		m.Kind, m.Incident.Over, m.Incident.Level = c.kind, c.over, c.level
		if err := s.Deliver(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		e := f.all()[i]
		if e["event_action"] != c.action || e["dedup_key"] != key || e["payload"].(map[string]any)["severity"] != c.grave || f.open[key] != c.state {
			t.Errorf("%s: %v, the alert is %q; want %s, %q", c.kind, e, f.open[key], c.action, c.state)
		}
	}
	other := note(1)
	other.Incident.Host = strings.Repeat("长", 100)
	if err := s.Deliver(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if e := f.all(); e[len(e)-1]["dedup_key"] == key {
		t.Error("two servers share one alert")
	}
}

func TestSizes(t *testing.T) {
	f := &fake{}
	s, _ := serve(t, f)
	m := note(1)
	m.Subject, m.Incident.Host = strings.Repeat("长", 3000), ""
	m.Text = strings.Repeat(strings.Repeat("文", 1000)+"\n", 1000)
	for i := range 500 {
		m.Facts = append(m.Facts, channel.Fact{Name: fmt.Sprint(i), Value: strings.Repeat("值", 3000)})
	}
	if err := s.Deliver(t.Context(), m); err != nil {
		t.Error(err)
	}
	m.Subject = ""
	if err := s.Deliver(t.Context(), m); err != nil {
		t.Error(err)
	}
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		status    int
		after     string
		delivered bool
		permanent bool
		wait      time.Duration
	}{
		{202, "", true, false, 0}, {200, "", true, false, 0},
		{400, "", false, true, 0}, {413, "", false, true, 0},
		{429, "", false, false, time.Minute}, {429, "300", false, false, 5 * time.Minute}, {429, "5", false, false, time.Minute},
		{500, "", false, false, 0}, {503, "30", false, false, 30 * time.Second}, {403, "", false, false, 0}, {404, "", false, false, 0}, {302, "", false, false, 0},
	} {
		f := &fake{status: c.status, header: http.Header{}, says: `{"status":"invalid event","message":"Event object is invalid","errors":["no ` + routingKey + ` here"]}`}
		if c.after != "" {
			f.header.Set("Retry-After", c.after)
		}
		s, _ := serve(t, f)
		err := s.Deliver(t.Context(), note(1))
		var permanent *channel.Permanent
		var after *channel.RetryAfter
		var wait time.Duration
		if errors.As(err, &after) {
			wait = after.After
		}
		if (err == nil) != c.delivered || errors.As(err, &permanent) != c.permanent || wait != c.wait {
			t.Errorf("%d %s: %v after %v", c.status, c.after, err, wait)
		}
		if err != nil && (strings.Contains(err.Error(), routingKey) || !strings.Contains(err.Error(), "Event object is invalid: no <secret> here")) {
			t.Error(err)
		}
	}
}

// A wrong key is refused for good, and a changed one holds at once.
func TestKey(t *testing.T) {
	f := &fake{}
	s, cfg := serve(t, f)
	if err := os.WriteFile(cfg.RoutingKeyFile, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	var permanent *channel.Permanent
	if err := s.Deliver(t.Context(), note(1)); !errors.As(err, &permanent) || !strings.Contains(err.Error(), "should be 32 characters") {
		t.Error(err)
	}
	if err := os.WriteFile(cfg.RoutingKeyFile, []byte(routingKey), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Deliver(t.Context(), note(1)); err != nil {
		t.Error(err)
	}
	if err := os.Remove(cfg.RoutingKeyFile); err != nil {
		t.Fatal(err)
	}
	if err := s.Deliver(t.Context(), note(1)); err == nil || !strings.Contains(err.Error(), "routing key: cannot read") {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	whole := pagerduty.Config{GroupConfig: channel.GroupConfig{Name: "duty", Lang: "en"}, RoutingKeyFile: write(t, routingKey)}
	for _, c := range []struct {
		change func(*pagerduty.Config)
		want   string // of the only mistake; empty: none
	}{
		{func(*pagerduty.Config) {}, ""},
		{func(c *pagerduty.Config) { c.URL = "https://events.eu.pagerduty.com/v2/enqueue" }, ""},
		{func(c *pagerduty.Config) { c.URL = "http://events.example.org" }, `url: "http://events.example.org" would be sent in the clear`},
		{func(c *pagerduty.Config) { c.Name = "" }, "name: "},
		{func(c *pagerduty.Config) { c.Lang = "de" }, "lang: "},
		{func(c *pagerduty.Config) { c.RoutingKeyFile = "" }, "routing_key_file: is missing"},
		{func(c *pagerduty.Config) { c.RoutingKeyFile = "/nonexistent" }, "routing_key_file: cannot read /nonexistent"},
		{func(c *pagerduty.Config) { c.CAFile = write(t, "x") }, "ca_file: "},
	} {
		cfg := whole
		c.change(&cfg)
		err := cfg.Validate()
		switch {
		case err == nil && c.want == "":
		case err == nil || c.want == "" || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), routingKey):
			t.Errorf("%+v: %v, want %s…", cfg, err, c.want)
		}
	}
}

func TestHTTPFaults(t *testing.T) {
	notifytest.HTTPFaults(t, roster.Person{}, []string{routingKey}, func(t *testing.T, s notifytest.Side) channel.Channel {
		return open(t, pagerduty.Config{
			GroupConfig: channel.GroupConfig{Name: "duty"}, URL: s.URL + "/v2/enqueue", RoutingKeyFile: write(t, routingKey+"\n"), CAFile: s.CAFile,
		})
	})
}
