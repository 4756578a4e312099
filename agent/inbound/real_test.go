package inbound_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"xunjian/alerting/incident"
	"xunjian/alerting/notify/amsink"
	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/notifytest"
)

func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// output gathers what a program says, for when the test fails.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// start runs a program until the test ends.
func start(t *testing.T, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	out := &output{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, out.b.String())
		}
	})
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// port is one that was free a moment ago.
func port(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// serve puts the room's handler behind a real listener.
func (r *room) serve() *httptest.Server {
	s := httptest.NewServer(r.handler)
	r.t.Cleanup(s.Close)
	return s
}

// A rule of a real Prometheus opens an incident, and its end ends it.
func TestPrometheus(t *testing.T) {
	prometheus := program(t, "prometheus")
	r := enter(t, nil, "token_file: "+file(t, "token-of-a-test\n"))
	s := r.serve()
	var full atomic.Int64
	full.Store(1)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "test_disk_full{mountpoint=\"/data\"} %d\n", full.Load())
	}))
	t.Cleanup(target.Close)
	dir := t.TempDir()
	write(t, dir, "rules.yml", `
groups:
- name: g
  rules:
  - alert: DiskFull
    expr: test_disk_full > 0
    labels: {code: E01, resolve: auto, system: bidding}
    annotations: {summary: 'Disk {{$labels.mountpoint}} is full', summary_zh: '磁盘 {{$labels.mountpoint}} 已满'}
`)
	cfg := write(t, dir, "prometheus.yml", fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s, external_labels: {site: test}}
rule_files: [rules.yml]
alerting:
  alertmanagers:
  - authorization: {credentials: token-of-a-test}
    static_configs: [{targets: ['%s']}]
scrape_configs:
- job_name: disk
  static_configs: [{targets: ['%s']}]
`, strings.TrimPrefix(s.URL, "http://"), strings.TrimPrefix(target.URL, "http://")))
	start(t, prometheus, "--config.file="+cfg, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		fmt.Sprintf("--web.listen-address=127.0.0.1:%d", port(t)), "--rules.alert.resend-delay=1s")

	eventually(t, "incident", func() bool { return len(r.incidents()) == 1 })
	i := r.only()
	is(t, "code, state, title, system, resolve", []string{i.Code, string(i.State), i.Title.ZH, i.Title.EN, i.System, i.Resolve},
		[]string{"E01", "open", "磁盘 /data 已满", "Disk /data is full", "bidding", "auto"})
	a := r.alert()
	is(t, "external label", a.Labels["site"], "test")
	is(t, "rule", a.Rule, "alertmanager/DiskFull")
	commits := r.failing.commits
	received := r.in.Counts()["alertmanager"].Received
	eventually(t, "renewal", func() bool { return r.in.Counts()["alertmanager"].Received >= received+3 })
	is(t, "commits for renewals", r.failing.commits, commits)

	full.Store(0)
	eventually(t, "end", func() bool { return r.only().State == incident.Done })
	is(t, "alerts that go on", len(r.desk.Alerts()), 0)
	is(t, "refused", r.in.Counts()["alertmanager"].Refused, uint64(0))
	r.sound()
}

// amtool adds an alert, sees it, and ends it.
func TestAmtool(t *testing.T) {
	amtool := program(t, "amtool")
	r := enter(t, nil, "")
	s := r.serve()
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), amtool, append([]string{"--alertmanager.url=" + s.URL}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("amtool %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("alert", "add", "DiskFull", "code=E01", "resolve=auto", "mountpoint=/data", "--annotation=summary=Disk /data is full")
	run("alert", "add", "Slow", "host=db1", "--end="+time.Now().Add(time.Hour).Format(time.RFC3339))
	is(t, "code", r.only().Code, "E01")
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "DiskFull Slow"}, {[]string{"DiskFull"}, "DiskFull"}, {[]string{"mountpoint=~/da.*"}, "DiskFull"}, {[]string{"code!=E01"}, "Slow"},
		{[]string{"alertname=None"}, ""}, {[]string{"--silenced"}, ""}, {[]string{"--inhibited"}, ""}, {[]string{"--unprocessed"}, ""}, {[]string{"--receiver=xunjian"}, "DiskFull Slow"}, {[]string{"--receiver=mail"}, ""},
	} {
		out := run(append([]string{"alert", "query", "-o", "simple"}, c.args...)...)
		var names []string
		for _, name := range []string{"DiskFull", "Slow"} {
			if strings.Contains(out, name) {
				names = append(names, name)
			}
		}
		is(t, fmt.Sprint("query ", c.args), strings.Join(names, " "), c.want)
	}
	if out := run("alert", "query", "-o", "extended"); !strings.Contains(out, "Disk /data is full") {
		t.Errorf("extended: %s", out)
	}
	if out := run("silence", "query"); strings.Contains(out, "DiskFull") {
		t.Errorf("silences: %s", out)
	}
	run("cluster", "show")
	now := time.Now()
	run("alert", "add", "DiskFull", "code=E01", "resolve=auto", "mountpoint=/data", "--start="+now.Add(-time.Hour).Format(time.RFC3339), "--end="+now.Format(time.RFC3339))
	is(t, "state", r.only().State, incident.Done)
	r.sound()
}

// A real Alertmanager hands on what it was told, and its end.
func TestAlertmanager(t *testing.T) {
	alertmanager, amtool := program(t, "prometheus-alertmanager"), program(t, "amtool")
	r := enter(t, nil, "username: am\npassword_file: "+file(t, "password-of-a-test\n"))
	s := r.serve()
	dir := t.TempDir()
	cfg := write(t, dir, "am.yml", fmt.Sprintf(`
route: {receiver: xunjian, group_wait: 1s, group_interval: 1s, repeat_interval: 1h}
receivers:
- name: xunjian
  webhook_configs:
  - url: %s/webhook/alertmanager
    send_resolved: true
    http_config: {basic_auth: {username: am, password: password-of-a-test}}
`, s.URL))
	address := fmt.Sprintf("127.0.0.1:%d", port(t))
	start(t, alertmanager, "--config.file="+cfg, "--storage.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--cluster.listen-address=", "--log.level=debug")
	add := func(more ...string) func() bool {
		return func() bool {
			args := append([]string{"--alertmanager.url=http://" + address, "alert", "add", "DbDown", "code=E01", "resolve=auto", "instance=db1"}, more...)
			return exec.CommandContext(t.Context(), amtool, args...).Run() == nil
		}
	}
	eventually(t, "Alertmanager", add())
	eventually(t, "incident", func() bool { return len(r.incidents()) == 1 })
	a := r.alert()
	is(t, "rule, via", []string{a.Rule, a.Sources[0]}, []string{"webhook/alertmanager/DbDown", "webhook/alertmanager"})
	eventually(t, "end told to Alertmanager", add("--start="+time.Now().Add(-time.Hour).Format(time.RFC3339), "--end="+time.Now().Format(time.RFC3339)))
	eventually(t, "end", func() bool { return r.only().State == incident.Done })
	is(t, "refused", r.in.Counts()["webhook/alertmanager"].Refused, uint64(0))

	// What the agent itself keeps in this Alertmanager comes back to it, and
	// opens nothing.
	sink, err := amsink.New(amsink.Config{GroupConfig: channel.GroupConfig{Name: "main"}, Addresses: []string{"http://" + address}, Resend: time.Minute}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Deliver(t.Context(), notifytest.Message(notifytest.Place{}, "en", 1)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the agent's own alert", func() bool { return r.in.Counts()["webhook/alertmanager"].Own > 0 })
	is(t, "incidents", len(r.incidents()), 1)
	r.sound()
}
