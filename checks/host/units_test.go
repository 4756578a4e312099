//go:build linux

package host

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xunjian/checks"
)

// fakeManager is a systemd with the units given.
type fakeManager struct {
	list  []unit
	state string
	err   error
}

func (m fakeManager) units(context.Context, func(string) bool) ([]unit, string, error) {
	return m.list, m.state, m.err
}

func unitsOf(t *testing.T, cfg UnitsConfig, m manager) *unitsCheck {
	c := newUnits(Config{Rootfs: "/", Units: cfg})
	c.booted, c.manager = t.TempDir(), m
	return c
}

func TestUnits(t *testing.T) {
	cfg := Default().Units
	cfg.Required = []string{"nginx.service", "cron.service", "bad.service", "none.service"}
	out := run(t, unitsOf(t, cfg, fakeManager{state: "degraded", list: []unit{
		{"nginx.service", "web", "loaded", "active", "running", "forking"},
		{"cron.service", "jobs", "loaded", "inactive", "dead", "simple"},
		{"bad.service", "bad one", "loaded", "failed", "failed", "oneshot"},
		{"lost.service", "", "not-found", "inactive", "dead", ""},
		{"home.mount", "home", "loaded", "failed", "failed", ""},
		{"backup.timer", "timer", "loaded", "active", "waiting", ""},
	}}))
	var got []string
	for _, f := range out.Findings() {
		got = append(got, f.Code+" "+f.Subject+" "+f.Verdict.String())
	}
	want := []string{
		"units.failed bad.service abnormal", // an ignored one (home.mount) is not told
		"units.active nginx.service ok", "units.inactive cron.service abnormal", "units.missing none.service abnormal",
		"units.count  ok",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for _, s := range out.Samples() {
		if s.Desc == unitState && (s.Values[0] == "lost.service" || s.Values[0] == "home.mount") {
			t.Errorf("series of a unit that is ignored or not loaded: %s", series(s))
		}
	}
	if v := value(t, out, "node_systemd_unit_state", "bad.service", "failed", "oneshot"); v != 1 {
		t.Errorf("state failed is %v", v)
	}
	if v := value(t, out, "node_systemd_units", "failed"); v != 2 {
		t.Errorf("%v units failed, want 2", v)
	}
	if v := value(t, out, "node_systemd_system_running"); v != 0 {
		t.Errorf("system_running %v of a degraded system", v)
	}
}

func TestUnitsUnknown(t *testing.T) {
	lost := errors.New("connection lost")
	c := unitsOf(t, Default().Units, fakeManager{err: lost})
	if err := c.Run(t.Context(), checks.NewOutput(0)); !errors.Is(err, lost) {
		t.Errorf("%v, want the error: what cannot be asked is unknown", err)
	}
	c.booted = t.TempDir() + "/none"
	if err := c.Run(t.Context(), checks.NewOutput(0)); !errors.Is(err, checks.ErrNotApplicable) {
		t.Errorf("%v, want not applicable without systemd", err)
	}
}

// A systemd that takes the connection and says nothing must not hold us.
func TestSystemdSilent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "silent")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	s := &systemd{bus: path}
	if _, _, err := s.units(ctx, func(string) bool { return true }); err == nil {
		t.Error("no error")
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %v with a deadline of 200ms", took)
	}
}

func TestSystemdAbsent(t *testing.T) {
	dir := t.TempDir()
	s := &systemd{bus: dir + "/bus"}
	_, _, err := s.units(t.Context(), func(string) bool { return true })
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "connect to systemd") {
		t.Errorf("%v", err)
	}
}

// A real systemd, of a user, in a mount namespace of its own, asked over its
// bus (Debian packages systemd and dbus-user-session).
func TestSystemdReal(t *testing.T) {
	if !inNamespaces(t, unix.CLONE_NEWPID) { // what it starts ends with us
		return
	}
	mountAt(t, "proc", "/proc", "proc", "")
	mountAt(t, "run", "/run", "tmpfs", "")
	home, err := os.MkdirTemp("/run", "u")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("/run/systemd/system", 0o755); err != nil { // what says that systemd runs
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"xj-good.service": "[Unit]\nDescription=A good one\n[Service]\nExecStart=/bin/sleep 600\n",
		"xj-bad.service":  "[Unit]\nDescription=A bad one\n[Service]\nType=oneshot\nExecStart=/bin/false\n",
	} {
		put(t, home, "config/systemd/user/"+name, text)
	}
	env := append(os.Environ(), "XDG_RUNTIME_DIR="+home, "XDG_CONFIG_HOME="+home+"/config", "HOME="+home)
	manager := exec.Command("/usr/lib/systemd/systemd", "--user", "--unit=basic.target")
	manager.Env = env
	if err := manager.Start(); err != nil {
		t.Fatalf("start systemd (Debian package systemd): %v", err)
	}
	t.Cleanup(func() {
		manager.Process.Kill()
		manager.Wait()
	})
	control := func(args ...string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, "systemctl", append([]string{"--user"}, args...)...)
		cmd.Env = env
		return cmd.Run()
	}
	await(t, "systemd answers", func() bool { return control("start", "xj-good.service") == nil })
	control("start", "xj-bad.service") // fails, as it should

	cfg := Default()
	cfg.Units.Required = []string{"xj-good.service"}
	c := newUnits(cfg)
	c.manager = &systemd{bus: home + "/bus", kinds: map[string]string{}}
	var out *checks.Output
	await(t, "the bus answers", func() bool {
		out = checks.NewOutput(0)
		return c.Run(t.Context(), out) == nil
	})
	if f := finding(t, out, "units.failed", "xj-bad.service"); f.Verdict != checks.Abnormal || f.Args["description"] != "A bad one" {
		t.Errorf("%+v", f)
	}
	finding(t, out, "units.active", "xj-good.service")
	if v := value(t, out, "node_systemd_unit_state", "xj-good.service", "active", "simple"); v != 1 {
		t.Errorf("active is %v", v)
	}
	if v := value(t, out, "node_systemd_unit_state", "xj-bad.service", "failed", "oneshot"); v != 1 {
		t.Errorf("failed is %v", v)
	}
	// A unit that is stopped and that nobody refers to is unloaded after a while.
	await(t, "the required unit is told to be stopped", func() bool {
		control("--no-block", "stop", "xj-good.service")
		return slices.ContainsFunc(run(t, c).Findings(), func(f checks.Finding) bool {
			return f.Subject == "xj-good.service" && f.Verdict == checks.Abnormal
		})
	})
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 20s in vain: %s", what)
		}
	}
}
