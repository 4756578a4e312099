//go:build linux

package host

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"xunjian/checks"
)

func uptimeOf(t *testing.T, state string, l *uptimeLook) *uptimeCheck {
	cfg := Default()
	cfg.State = state
	return newUptime(cfg, func() (uptimeLook, error) { return *l, nil })
}

// codes are the findings' codes without that of the uptime itself.
func codes(out *checks.Output) (list []string) {
	for _, f := range out.Findings() {
		if f.Code != "uptime.up" {
			list = append(list, f.Code+" "+f.Verdict.String())
		}
	}
	return list
}

// Without a state file a machine that has just booted is told, for a while.
func TestRebootByUptime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := uptimeLook{uptime: time.Minute, boot: "a"}
		c := uptimeOf(t, "", &l)
		if got := codes(run(t, c)); !slices.Equal(got, []string{"uptime.rebooted attention"}) {
			t.Errorf("a minute after: %v", got)
		}
		time.Sleep(15 * time.Minute)
		l.uptime += 15 * time.Minute
		if got := codes(run(t, c)); got != nil {
			t.Errorf("16 minutes after: %v", got)
		}
	})
}

// With a state file a reboot is told even if the agent comes up long after it,
// and not again when only the agent is started anew.
func TestRebootSinceLastLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := uptimeLook{uptime: time.Minute, boot: "first"}
		if got := codes(run(t, uptimeOf(t, dir, &l))); got != nil {
			t.Errorf("new on this machine: %v; there was no look before", got)
		}
		l = uptimeLook{uptime: 5 * time.Hour, boot: "second", known: true}
		if got := codes(run(t, uptimeOf(t, dir, &l))); !slices.Equal(got, []string{"uptime.crashed attention"}) {
			t.Errorf("five hours after a crash: %v", got)
		}
		time.Sleep(10 * time.Minute)
		if got := codes(run(t, uptimeOf(t, dir, &l))); !slices.Equal(got, []string{"uptime.crashed attention"}) {
			t.Errorf("agent started anew within the window: %v", got)
		}
		time.Sleep(6 * time.Minute)
		if got := codes(run(t, uptimeOf(t, dir, &l))); got != nil {
			t.Errorf("after the window: %v", got)
		}
		l = uptimeLook{uptime: time.Minute, boot: "third", known: true, ordered: true}
		if got := codes(run(t, uptimeOf(t, dir, &l))); !slices.Equal(got, []string{"uptime.restarted ok"}) {
			t.Errorf("restarted in order: %v; that needs no person", got)
		}
	})
}

func TestRebootWindowOff(t *testing.T) {
	cfg := Default()
	cfg.Uptime.RebootWindow = 0
	c := newUptime(cfg, func() (uptimeLook, error) { return uptimeLook{uptime: time.Second, boot: "a"}, nil })
	if got := codes(run(t, c)); got != nil {
		t.Errorf("%v", got)
	}
}

// The check still tells the uptime's error if its state cannot be kept: it is
// a blind spot, not a reboot.
func TestRebootStateUnwritable(t *testing.T) {
	l := uptimeLook{uptime: time.Hour, boot: "a"}
	c := uptimeOf(t, filepath.Join(t.TempDir(), "none"), &l)
	if err := c.Run(t.Context(), checks.NewOutput(0)); err == nil {
		t.Error("no error, though the state cannot be written")
	}
}

// wtmp makes a log of boots with records of that length.
func wtmp(size int, records ...string) (log []byte) {
	for _, r := range records {
		rec := make([]byte, size)
		kind := map[string]uint16{"boot": bootMark, "shutdown": runLevel, "runlevel": runLevel, "login": 7}[r]
		binary.NativeEndian.PutUint16(rec, kind)
		copy(rec[wtmpUser:], r)
		log = append(log, rec...)
	}
	return log
}

func TestLastShutdown(t *testing.T) {
	for _, c := range []struct {
		name           string
		log            []byte
		ordered, known bool
	}{
		{"ordered", wtmp(384, "boot", "runlevel", "login", "shutdown", "boot", "runlevel"), true, true},
		{"crashed", wtmp(384, "shutdown", "boot", "runlevel", "login", "boot", "runlevel"), false, true},
		{"longer records", wtmp(400, "boot", "shutdown", "boot"), true, true},
		{"log turned, ordered", wtmp(384, "login", "shutdown", "boot"), true, true},
		{"log turned, not known", wtmp(384, "login", "boot"), false, false},
		{"empty", nil, false, false},
		{"not a log", []byte("hello"), false, false},
	} {
		ordered, known := lastShutdown(c.log)
		if ordered != c.ordered || known != c.known {
			t.Errorf("%s: ordered %v known %v, want %v %v", c.name, ordered, known, c.ordered, c.known)
		}
	}
}

func TestUptimeReader(t *testing.T) {
	cfg := machine(t)
	put(t, cfg.Rootfs, "var/log/wtmp", string(wtmp(384, "boot", "shutdown", "boot")))
	l, err := newUptimeReader(cfg).read()
	want := uptimeLook{86400*time.Second + 500*time.Millisecond, "11111111-2222-3333-4444-555555555555", true, true}
	if err != nil || l != want {
		t.Errorf("%+v, %v, want %+v", l, err, want)
	}
	os.Remove(cfg.Procfs + "/uptime")
	if _, err := newUptimeReader(cfg).read(); err == nil {
		t.Error("no error without /proc/uptime")
	}
}

func TestReadUpTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, make([]byte, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := readUpTo(path, 100); err != nil || len(b) != 100 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if _, err := readUpTo(path, 99); err == nil {
		t.Error("read though it is too long")
	}
}
