package agent_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"xunjian/agent"
	"xunjian/agent/config"
)

// TestTwoAgents runs two whole agents in one process, the acid test for
// globals, and stops them without leaving a goroutine.
func TestTwoAgents(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	type running struct {
		said chan agent.Announcement
		done chan error
	}
	var agents []running
	for range 2 {
		cfg := config.Default()
		cfg.Data = t.TempDir()
		cfg.Console.Listen, cfg.Metrics.Listen = "127.0.0.1:0", "127.0.0.1:0"
		r := running{make(chan agent.Announcement, 1), make(chan error, 1)}
		a, err := agent.New(ctx, cfg, agent.Options{Version: "test", Announce: func(n agent.Announcement) { r.said <- n }})
		if err != nil {
			t.Fatal(err)
		}
		go func() { r.done <- a.Run(ctx) }()
		agents = append(agents, r)
	}
	var first []agent.Announcement
	for _, r := range agents {
		first = append(first, <-r.said)
	}
	if first[0].Console == first[1].Console || first[0].FirstPassword == first[1].FirstPassword {
		t.Errorf("the agents share something: %+v", first)
	}
	for _, n := range first {
		waitFor(t, 20*time.Second, "metrics at "+n.Metrics, func() bool {
			page := read(t, n.Metrics)
			return strings.Contains(page, "node_cpu_seconds_total") && strings.Contains(page, `xunjian_check_success{check="cpu"} 1`)
		})
	}
	stop()
	for _, r := range agents {
		if err := <-r.done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func read(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestBadReload gives a running agent a configuration that is wrong, and a
// rule file that is: it says where, and goes on with what it had.
func TestBadReload(t *testing.T) {
	data := t.TempDir()
	file := filepath.Join(data, "xunjian.yaml")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(data, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good := "checks:\n  schedule:\n    cpu: {interval: 7s, timeout: 2s}\n"
	write("xunjian.yaml", good)
	p := start(t, data, "--config", file)
	p.ready(t)
	type status struct {
		Config struct{ Error string }
		Rules  struct{ Total int }
	}
	now := func() (s status) {
		p.get(t, "/api/v1/status", &s)
		return s
	}
	total := now().Rules.Total
	for name, bad := range map[string]struct{ config, rules, want string }{
		"unknown key":  {"checks:\n  schedul: {}\n", "", "xunjian.yaml:2:3"},
		"bad interval": {"checks:\n  schedule:\n    cpu: {interval: 7}\n", "", "xunjian.yaml:3"},
		"bad rule":     {"rules:\n  files: [own.yml]\n", "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: sum(\n", "own.yml:5"},
	} {
		write("xunjian.yaml", bad.config)
		write("own.yml", bad.rules)
		p.cmd.Process.Signal(syscall.SIGHUP)
		waitFor(t, 10*time.Second, name+" in the status", func() bool {
			return strings.Contains(now().Config.Error, bad.want)
		})
		if n := now().Rules.Total; n != total {
			t.Errorf("%s: %d rules in force, %d before", name, n, total)
		}
		if got := p.every(t, "cpu"); got != 7 {
			t.Errorf("%s: cpu is looked at every %v s, want the old 7", name, got)
		}
	}
	write("xunjian.yaml", strings.Replace(good, "7s", "8s", 1))
	p.cmd.Process.Signal(syscall.SIGHUP)
	waitFor(t, 10*time.Second, "the good configuration", func() bool {
		return now().Config.Error == "" && p.every(t, "cpu") == 8
	})
}

// TestPlanReload revises the plan under a running agent: a plan with a mistake
// changes nothing, a good one is in force at once.
func TestPlanReload(t *testing.T) {
	data := t.TempDir()
	shipped, err := os.ReadFile("../alerting/plan/default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const version = `version: "2017-05"`
	write := func(old, new string) {
		t.Helper()
		if strings.Count(string(shipped), old) == 0 {
			t.Fatalf("the shipped plan lacks %q", old)
		}
		text := strings.Replace(strings.Replace(string(shipped), version, `version: "2026-12"`, 1), old, new, 1)
		if err := os.WriteFile(filepath.Join(data, "plan.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(data, "xunjian.yaml")
	if err := os.WriteFile(config, []byte("systems: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, data, "--config", config)
	p.ready(t)
	inForce := func() string {
		var got struct{ Version string }
		p.get(t, "/api/v1/plan", &got)
		return got.Version
	}
	fault := func() string {
		var s struct{ Config struct{ Error string } }
		p.get(t, "/api/v1/status", &s)
		return s.Config.Error
	}
	if err := os.WriteFile(config, []byte("plan: plan.yaml\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	write("responsible: [finder]", "responsible: [nobody]")
	p.cmd.Process.Signal(syscall.SIGHUP)
	waitFor(t, 10*time.Second, "the mistake in the status", func() bool { return strings.Contains(fault(), `unknown role "nobody"`) })
	if v := inForce(); v != "2017-05" {
		t.Fatalf("plan %s is in force after a mistake", v)
	}
	write(version, version)
	p.cmd.Process.Signal(syscall.SIGHUP)
	waitFor(t, 10*time.Second, "the revised plan", func() bool { return fault() == "" && inForce() == "2026-12" })
}

func (p *process) every(t *testing.T, check string) float64 {
	t.Helper()
	var c struct {
		Interval float64 `json:"interval_seconds"`
	}
	p.get(t, "/api/v1/checks/"+check, &c)
	return c.Interval
}
