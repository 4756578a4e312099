package amsink_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"xunjian/alerting/notify/amsink"
	"xunjian/alerting/notify/channel"
	"xunjian/alerting/plan"
)

// receiver is whom the Alertmanager notifies.
type receiver struct {
	mu   sync.Mutex
	said []string
}

func (r *receiver) ServeHTTP(_ http.ResponseWriter, req *http.Request) {
	var body struct {
		Alerts []struct {
			Status       string
			Labels       map[string]string
			Annotations  map[string]string
			GeneratorURL string
		}
	}
	if json.NewDecoder(req.Body).Decode(&body) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range body.Alerts {
		r.said = append(r.said, strings.Join([]string{a.Status, a.Labels["incident"], a.Labels["level"], a.Annotations["event"], a.GeneratorURL}, " "))
	}
}

func (r *receiver) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.said...)
}

// until waits for a line that begins with want, after the first n.
func (r *receiver) until(t *testing.T, n int, want string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		for _, s := range r.all()[n:] {
			if strings.HasPrefix(s, want) {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%q did not come: %q", want, r.all())
}

const timeout = 3 * time.Second // the Alertmanager's resolve_timeout

// alertmanager starts Debian's on a free port.
func alertmanager(t *testing.T) (address string, said *receiver) {
	t.Helper()
	path, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		t.Fatal("prometheus-alertmanager is missing: run make packages")
	}
	said = &receiver{}
	hook := httptest.NewServer(said)
	t.Cleanup(hook.Close)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := free.Addr().String()
	free.Close()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string]string{
		"alertmanager.yml": fmt.Sprintf(`
global: {resolve_timeout: %s}
route: {receiver: test, group_by: [incident, level], group_wait: 100ms, group_interval: 200ms, repeat_interval: 1h}
receivers: [{name: test, webhook_configs: [{url: "%s", send_resolved: true}]}]
`, timeout, hook.URL),
		"web.yml": fmt.Sprintf("basic_auth_users: {xunjian: '%s'}\n", hash),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log strings.Builder
	cmd := exec.Command(path, "--config.file="+dir+"/alertmanager.yml", "--storage.path="+dir+"/data", "--web.listen-address="+listen,
		"--web.config.file="+dir+"/web.yml", "--cluster.listen-address=")
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	address = "http://" + listen
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		req, err := http.NewRequest(http.MethodGet, address+"/-/ready", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("xunjian", password)
		if res, err := client.Do(req); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return address, said
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not start")
		}
	}
}

// listed is what amtool shows.
func listed(t *testing.T, address string) string {
	t.Helper()
	path, err := exec.LookPath("amtool")
	if err != nil {
		t.Fatal("amtool is missing: run make packages")
	}
	at := strings.Replace(address, "http://", "http://xunjian:"+strings.ReplaceAll(password, " ", "%20")+"@", 1)
	out, err := exec.Command(path, "--alertmanager.url="+at, "alert", "query", "-o", "extended").CombinedOutput()
	if err != nil {
		t.Fatalf("amtool: %v: %s", err, out)
	}
	return string(out)
}

// now is a notice of an incident that began a minute ago.
func now(kind string) channel.Message {
	m := note(1)
	m.Kind, m.At = kind, time.Now()
	m.Incident.Opened, m.Incident.Since = m.At.Add(-time.Minute), m.At.Add(-time.Minute)
	return m
}

func TestRealAlertmanager(t *testing.T) {
	address, said := alertmanager(t)
	cfg := amsink.Config{
		GroupConfig: channel.GroupConfig{Name: "real"}, Addresses: []string{address, "http://127.0.0.1:1"}, // the other member is down
		Username: "xunjian", PasswordFile: write(t, password), Resend: time.Second,
	}
	before := now("opened")
	before.Incident.ID = "INC-before"
	s := start(t, cfg, func(context.Context) ([]channel.Message, error) { return []channel.Message{before}, nil })
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); s.Run(ctx) }()
	defer func() { stop(); <-ran }()

	first := now("opened")
	if err := s.Deliver(ctx, first); err != nil {
		t.Fatal(err)
	}
	said.until(t, 0, "firing INC-before IV opened")
	said.until(t, 0, "firing INC-20260302-0001 IV opened https://xunjian.example.org/incidents/INC-20260302-0001")
	list := listed(t, address)
	for _, want := range []string{`incident="INC-20260302-0001"`, `alertname="F03"`, `code="F03"`, `instance="web1"`, `severity="warning"`, "开标大厅无法登录"} {
		if !strings.Contains(list, want) {
			t.Errorf("%s is not in what amtool lists:\n%s", want, list)
		}
	}

	// It stays far longer than the Alertmanager keeps what is not sent again.
	time.Sleep(3 * timeout)
	for _, s := range said.all() {
		if strings.HasPrefix(s, "resolved") {
			t.Errorf("%s, though it goes on", s)
		}
	}

	// At another level there is one alert, not two.
	graver := now("level_changed")
	graver.Incident.Level, graver.Incident.Since = plan.LevelII, first.Incident.Since
	if err := s.Deliver(ctx, graver); err != nil {
		t.Fatal(err)
	}
	said.until(t, 0, "firing INC-20260302-0001 II level_changed")
	said.until(t, 0, "resolved INC-20260302-0001 IV")

	over := now("resolved")
	over.Incident.Level, over.Incident.Since, over.Incident.Over, over.Incident.Ended = plan.LevelII, first.Incident.Since, true, time.Now()
	if err := s.Deliver(ctx, over); err != nil {
		t.Fatal(err)
	}
	said.until(t, 0, "resolved INC-20260302-0001 II resolved")
	if list := listed(t, address); strings.Contains(list, `incident="INC-20260302-0001"`) || !strings.Contains(list, `incident="INC-before"`) {
		t.Errorf("amtool lists:\n%s", list)
	}

	// It was Run that kept the other one.
	stop()
	<-ran
	said.until(t, 0, "resolved INC-before IV opened")
}

// The real one's words on a wrong password are no reason to give up.
func TestRealRefusal(t *testing.T) {
	address, _ := alertmanager(t)
	cfg := amsink.Config{GroupConfig: channel.GroupConfig{Name: "real"}, Addresses: []string{address}, Username: "xunjian", PasswordFile: write(t, "wrong")}
	err := start(t, cfg, nil).Deliver(t.Context(), now("opened"))
	if err == nil || strings.Contains(err.Error(), "permanent") || !strings.Contains(err.Error(), "HTTP status 401") {
		t.Error(err)
	}
}
