package amsink_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"xunjian/alerting/notify/amsink"
	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/notifytest"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "password of a test"

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// posted is an alert as it came in.
type posted struct {
	Labels, Annotations map[string]string
	StartsAt            time.Time
	EndsAt              time.Time
	GeneratorURL        string
}

// member is an Alertmanager that only keeps what it is told; what a real one
// makes of it stands in real_test.go.
type member struct {
	// status other than 0 is answered, with says.
	status int
	header http.Header
	says   string

	mu    sync.Mutex
	auth  []string
	posts [][]posted
}

func (s *member) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, v := range s.header {
		w.Header()[k] = v
	}
	var alerts []posted
	switch {
	case s.status != 0:
		w.WriteHeader(s.status)
		io.WriteString(w, s.says)
		return
	case r.Method != http.MethodPost || r.URL.Path != "/am/api/v2/alerts":
		w.WriteHeader(http.StatusNotFound)
		return
	case json.Unmarshal(raw, &alerts) != nil:
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, a := range alerts {
		if len(a.Labels) == 0 || !a.EndsAt.IsZero() && a.EndsAt.Before(a.StartsAt) {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `"start time must be before end time"`)
			return
		}
	}
	s.auth, s.posts = append(s.auth, r.Header.Get("Authorization")), append(s.posts, alerts)
}

func (s *member) all() [][]posted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.posts)
}

func start(t *testing.T, cfg amsink.Config, open amsink.OpenFunc) *amsink.Sink {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := amsink.New(cfg, open, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func serve(t *testing.T, members ...*member) amsink.Config {
	t.Helper()
	cfg := amsink.Config{GroupConfig: channel.GroupConfig{Name: "main"}}
	var certs strings.Builder
	for _, m := range members {
		server := httptest.NewTLSServer(m)
		t.Cleanup(server.Close)
		pem.Encode(&certs, &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
		cfg.Addresses = append(cfg.Addresses, server.URL+"/am")
	}
	cfg.CAFile, cfg.Username, cfg.PasswordFile = write(t, certs.String()), "xunjian", write(t, password)
	return cfg
}

func note(n int) channel.Message { return notifytest.Message(notifytest.Place{}, "zh-CN", n) }

func TestContract(t *testing.T) {
	notifytest.Run(t, func(t *testing.T) notifytest.Place {
		m := &member{}
		cfg := serve(t, m)
		silent, err := net.Listen("tcp", "127.0.0.1:0") // nobody ever accepts
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { silent.Close() })
		refused, mute := cfg, cfg
		refused.Addresses, mute.Addresses = []string{"https://127.0.0.1:1"}, []string{"https://" + silent.Addr().String()}
		return notifytest.Place{
			Channel: start(t, cfg, nil), Refused: start(t, refused, nil), Silent: start(t, mute, nil), Secrets: []string{password},
			Arrived: func(t *testing.T) []notifytest.Arrival {
				var out []notifytest.Arrival
				for _, p := range m.all() {
					a := p[len(p)-1]
					out = append(out, notifytest.Arrival{Text: a.Annotations["summary"] + "\n" + a.Annotations["description"] + "\n" + a.GeneratorURL})
				}
				return out
			},
		}
	})
}

func TestAlert(t *testing.T) {
	m := &member{}
	s := start(t, serve(t, m), nil)
	begin, end := note(1), note(2)
	begin.Incident.System, begin.Incident.Scenario, begin.Incident.Since, begin.Incident.Drill = "opening-hall", "hall-down", begin.At.Add(-time.Minute), true
	end.Incident = begin.Incident
	end.Kind, end.Incident.Over, end.Incident.Ended = "resolved", true, end.At.Add(time.Hour)
	for _, n := range []channel.Message{begin, end} {
		if err := s.Deliver(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	labels := map[string]string{
		"alertname": "F03", "incident": "INC-20260302-0001", "code": "F03", "level": "IV", "system": "opening-hall", "scenario": "hall-down", "instance": "web1",
		"severity": "warning", "drill": "true",
	}
	want := [][]posted{{{
		Labels: labels, Annotations: map[string]string{
			"summary": "【IV 级】F03 开标大厅无法登录（第 1 号）", "description": "web1 发生 F03 开标大厅无法使用。\n首要处置：受理客户在现场反映的问题。\n服务器: web1\n级别: IV 级", "event": "opened", "xunjian_incident": "INC-20260302-0001",
		}, StartsAt: begin.Incident.Since.UTC(), GeneratorURL: "https://xunjian.example.org/incidents/INC-20260302-0001",
	}}, {{
		Labels: labels, Annotations: map[string]string{
			"summary": "【IV 级】F03 开标大厅无法登录（第 2 号）", "description": "web1 发生 F03 开标大厅无法使用。\n首要处置：受理客户在现场反映的问题。\n服务器: web1\n级别: IV 级", "event": "resolved", "xunjian_incident": "INC-20260302-0001",
		}, StartsAt: begin.Incident.Since.UTC(), EndsAt: end.Incident.Ended.UTC(), GeneratorURL: "https://xunjian.example.org/incidents/INC-20260302-0001",
	}}}
	if diff := cmp.Diff(want, m.all()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m.auth[0] != "Basic eHVuamlhbjpwYXNzd29yZCBvZiBhIHRlc3Q=" {
		t.Error(m.auth)
	}
	// A clock that went back: the end is refused where it is before the beginning.
	end.Incident.ID, end.Incident.Ended = "INC-2", begin.Incident.Since.Add(-time.Hour)
	if err := s.Deliver(t.Context(), end); err != nil {
		t.Error(err)
	}
}

// At another level the alert has other labels, so the one before ends.
func TestLevelChanges(t *testing.T) {
	m := &member{}
	s := start(t, serve(t, m), nil)
	deliver := func(n int, level plan.Level) []posted {
		t.Helper()
		c := note(n)
		c.Incident.Level = level
		if err := s.Deliver(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		all := m.all()
		return all[len(all)-1]
	}
	deliver(1, plan.LevelIV)
	m.status = 500
	c := note(2)
	c.Incident.Level = plan.LevelIII
	if err := s.Deliver(t.Context(), c); err == nil {
		t.Fatal("taken")
	}
	m.status = 0
	got := deliver(3, plan.LevelII)
	var levels []string
	for _, a := range got {
		over := ""
		if !a.EndsAt.IsZero() {
			over = " over"
		}
		levels = append(levels, a.Labels["level"]+" "+a.Labels["severity"]+over)
	}
	if diff := cmp.Diff([]string{"IV warning over", "III warning over", "II critical"}, levels); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := deliver(4, plan.LevelII); len(got) != 1 {
		t.Errorf("the earlier ones end once: %v", got)
	}
	deliver(5, plan.LevelIV)
	m.status = 500
	_ = s.Deliver(t.Context(), c)
	m.status = 0
	if got := deliver(6, plan.LevelIV); len(got) != 2 || got[0].Labels["level"] != "III" || !got[1].EndsAt.IsZero() {
		t.Errorf("back at IV, which goes on: %+v", got)
	}
}

// One member of several is enough, each is told.
func TestSeveral(t *testing.T) {
	a, b := &member{}, &member{status: 503, says: "starting"}
	s := start(t, serve(t, a, b), nil)
	if err := s.Deliver(t.Context(), note(1)); err != nil || len(a.all()) != 1 {
		t.Errorf("%v, %d", err, len(a.all()))
	}
	b.status = 0
	if err := s.Deliver(t.Context(), note(2)); err != nil || len(a.all()) != 2 || len(b.all()) != 1 {
		t.Errorf("%v, %d, %d", err, len(a.all()), len(b.all()))
	}
	var permanent *channel.Permanent
	a.status, b.status = 400, 500
	if err := s.Deliver(t.Context(), note(3)); err == nil || errors.As(err, &permanent) || strings.Count(err.Error(), "HTTP status") != 2 {
		t.Errorf("%v, want one that is tried again and names both", err)
	}
	b.status = 400
	if err := s.Deliver(t.Context(), note(4)); !errors.As(err, &permanent) {
		t.Errorf("%v, want a permanent one", err)
	}
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		status    int
		after     string
		permanent bool
		wait      time.Duration
	}{
		{400, "", true, 0}, {413, "", true, 0}, {422, "", true, 0}, {401, "", false, 0}, {403, "", false, 0}, {404, "", false, 0}, {302, "", false, 0},
		{429, "20", false, 20 * time.Second}, {503, "7", false, 7 * time.Second}, {500, "", false, 0},
	} {
		m := &member{status: c.status, header: http.Header{}, says: "no: " + password}
		if c.after != "" {
			m.header.Set("Retry-After", c.after)
		}
		err := start(t, serve(t, m), nil).Deliver(t.Context(), note(1))
		var permanent *channel.Permanent
		var after *channel.RetryAfter
		var wait time.Duration
		if errors.As(err, &after) {
			wait = after.After
		}
		if err == nil || errors.As(err, &permanent) != c.permanent || wait != c.wait || strings.Contains(err.Error(), password) {
			t.Errorf("%d: %v after %v", c.status, err, wait)
		}
	}
}

// Run sends what is open and nothing else, also what was open before it began,
// and goes on when it could not read that at first.
func TestRun(t *testing.T) {
	m := &member{}
	cfg := serve(t, m)
	cfg.Username, cfg.PasswordFile, cfg.TokenFile = "", "", write(t, "token-of-a-test")
	var asked atomic.Int64
	open := func(context.Context) ([]channel.Message, error) {
		if asked.Add(1) == 1 {
			return nil, errors.New("the store is busy")
		}
		before, told := note(1), note(2)
		before.Incident.ID, told.Subject = "INC-before", "of the store"
		return []channel.Message{before, told}, nil
	}
	dial := make(chan net.Conn)
	synctest.Test(t, func(t *testing.T) {
		// The bubble has a network of its own, or its clock would not move.
		cfg := cfg
		cfg.Addresses, cfg.CAFile = []string{"http://127.0.0.1:9093/am"}, ""
		s := start(t, cfg, open)
		dial = make(chan net.Conn)
		amsink.Over(s, func(ctx context.Context, _, _ string) (net.Conn, error) {
			here, there := net.Pipe()
			select {
			case dial <- there:
				return here, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
		server := &http.Server{Handler: m}
		stop := make(chan struct{})
		go server.Serve(pipe{dial, stop})
		defer server.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()

		told := note(2)
		if err := s.Deliver(ctx, told); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		round := func() []string {
			t.Helper()
			before := len(m.all())
			time.Sleep(time.Minute)
			synctest.Wait()
			all := m.all()
			if len(all) != before+1 {
				t.Fatalf("%d posts in a minute", len(all)-before)
			}
			var ids []string
			for _, a := range all[before] {
				ids = append(ids, a.Labels["incident"]+" "+a.Annotations["summary"])
			}
			return ids
		}
		synctest.Wait()
		if asked.Load() != 1 || len(m.all()) != 2 {
			t.Fatalf("asked %d times, %d posts", asked.Load(), len(m.all()))
		}
		want := []string{"INC-20260302-0001 " + told.Subject, "INC-before " + note(1).Subject}
		for range 2 {
			if diff := cmp.Diff(want, round()); diff != "" || asked.Load() != 2 {
				t.Errorf("asked %d times (-want +got):\n%s", asked.Load(), diff)
			}
		}
		told.Incident.Over, told.Incident.Ended = true, told.At
		if err := s.Deliver(ctx, told); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want[1:], round()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		// What cannot be told is not sent again either.
		m.status = 500
		before := note(3)
		before.Incident.ID, before.Incident.Over, before.Incident.Ended = "INC-before", true, before.At
		if err := s.Deliver(ctx, before); err == nil {
			t.Error("taken")
		}
		m.status = 0
		n := len(m.all())
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if len(m.all()) != n {
			t.Errorf("%v", m.all()[n:])
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if m.auth[0] != "Bearer token-of-a-test" {
			t.Error(m.auth)
		}
	})
}

// pipe is a listener without a network.
type pipe struct {
	calls chan net.Conn
	over  chan struct{}
}

func (p pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.calls:
		return c, nil
	case <-p.over:
		return nil, net.ErrClosed
	}
}

func (p pipe) Close() error   { close(p.over); return nil }
func (p pipe) Addr() net.Addr { return &net.TCPAddr{} }

func TestConfig(t *testing.T) {
	whole := amsink.Config{
		GroupConfig: channel.GroupConfig{Name: "main"}, Addresses: []string{"https://am1.example.org:9093", "https://am2.example.org/prefix"},
		Username: "xunjian", PasswordFile: write(t, password), Resend: 30 * time.Second,
	}
	for _, c := range []struct {
		change func(*amsink.Config)
		want   string // of the only mistake; empty: none
	}{
		{func(*amsink.Config) {}, ""},
		{func(c *amsink.Config) { c.Username, c.PasswordFile, c.Resend = "", "", 0 }, ""},
		{func(c *amsink.Config) { c.Username, c.PasswordFile, c.TokenFile = "", "", write(t, "token") }, ""},
		{func(c *amsink.Config) { c.Name = "Main" }, "name: "},
		{func(c *amsink.Config) { c.Addresses = nil }, "addresses: is empty"},
		{func(c *amsink.Config) { c.Addresses = []string{"http://am1.example.org:9093"} }, `addresses[0]: "http://am1.example.org:9093" would be sent in the clear`},
		{func(c *amsink.Config) { c.Addresses = []string{"https://am1.example.org/?x=1"} }, "addresses[0]: "},
		{func(c *amsink.Config) { c.Addresses = []string{"https://a.example.org", "https://a.example.org"} }, "addresses[1]: "},
		{func(c *amsink.Config) { c.TokenFile = write(t, "token") }, "token_file: stands beside"},
		{func(c *amsink.Config) { c.Username = "" }, "username: give both"},
		{func(c *amsink.Config) { c.Username = "a:b" }, `username: "a:b" has a colon`},
		{func(c *amsink.Config) { c.PasswordFile = "/nonexistent" }, "password_file: cannot read /nonexistent"},
		{func(c *amsink.Config) { c.CAFile = write(t, "x") }, "ca_file: "},
		{func(c *amsink.Config) { c.Resend = 5 * time.Minute }, "resend: 5m0s is out of range; allowed: 1s to 4m"},
	} {
		cfg := whole
		c.change(&cfg)
		err := cfg.Validate()
		switch {
		case err == nil && c.want == "":
		case err == nil || c.want == "" || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n"):
			t.Errorf("%+v: %v, want %s…", cfg, err, c.want)
		}
	}
}

func TestHTTPFaults(t *testing.T) {
	notifytest.HTTPFaults(t, roster.Person{}, []string{password}, func(t *testing.T, s notifytest.Side) channel.Channel {
		return start(t, amsink.Config{
			GroupConfig: channel.GroupConfig{Name: "main"}, Addresses: []string{s.URL}, CAFile: s.CAFile, Username: "xunjian", PasswordFile: write(t, password),
		}, nil)
	})
}
