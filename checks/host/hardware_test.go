//go:build linux

package host

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"xunjian/checks"
)

func TestClockNotSynchronised(t *testing.T) {
	c := &timesyncCheck{adjtimex: func(x *unix.Timex) (int, error) {
		*x = unix.Timex{Offset: 1500, Maxerror: 16_000_000, Status: 64}
		return timeError, nil
	}}
	out := run(t, c)
	f := finding(t, out, "timesync.unsynchronised", "")
	if f.Verdict != checks.Attention || f.Args["offset_ms"] != 1.5 || f.Args["max_error"] != 16.0 {
		t.Errorf("%+v", f)
	}
	if v := value(t, out, "node_timex_sync_status"); v != 0 {
		t.Errorf("sync_status %v", v)
	}
}

// A sandbox that forbids adjtimex leaves us blind, which is not ok.
func TestClockForbidden(t *testing.T) {
	c := &timesyncCheck{adjtimex: func(*unix.Timex) (int, error) { return 0, unix.EPERM }}
	if err := c.Run(t.Context(), checks.NewOutput(0)); !errors.Is(err, unix.EPERM) {
		t.Errorf("%v", err)
	}
}

func TestNoHardware(t *testing.T) {
	cfg := Default()
	cfg.Procfs, cfg.Sysfs = t.TempDir(), t.TempDir()
	for _, c := range []checks.Check{
		newTemperature(cfg), &raidCheck{procfs: cfg.Procfs}, &eccCheck{folder: cfg.Sysfs + "/devices/system/edac/mc"}, &conntrackCheck{procfs: cfg.Procfs},
	} {
		if err := c.Run(t.Context(), checks.NewOutput(0)); !errors.Is(err, checks.ErrNotApplicable) {
			t.Errorf("%s: %v, want not applicable", c.Name(), err)
		}
	}
	put(t, cfg.Procfs, "mdstat", "Personalities : [raid1]\nunused devices: <none>\n")
	if err := (&raidCheck{procfs: cfg.Procfs}).Run(t.Context(), checks.NewOutput(0)); !errors.Is(err, checks.ErrNotApplicable) {
		t.Errorf("raid without arrays: %v", err)
	}
}

func TestRAIDUnreadable(t *testing.T) {
	cfg := machine(t)
	rewrite(t, cfg.Procfs+"/mdstat", func(string) string { return "Personalities : [raid1]\nmd0 : active\n" })
	err := (&raidCheck{procfs: cfg.Procfs}).Run(t.Context(), checks.NewOutput(0))
	if err == nil || errors.Is(err, checks.ErrNotApplicable) {
		t.Errorf("%v, want an error: an array that cannot be told is unknown", err)
	}
}

// The evidence of an array is its own lines, and only where it is not whole.
func TestRAIDEvidence(t *testing.T) {
	out := run(t, &raidCheck{procfs: machine(t).Procfs})
	f := finding(t, out, "raid.degraded", "md1")
	if !strings.HasPrefix(f.Evidence, "md1 : active raid5") || !strings.Contains(f.Evidence, "bitmap") || strings.Contains(f.Evidence, "md2") {
		t.Errorf("%q", f.Evidence)
	}
	if f := finding(t, out, "raid.whole", "md0"); f.Evidence != "" {
		t.Errorf("evidence of what is whole: %q", f.Evidence)
	}
}

func TestTemperatureLimits(t *testing.T) {
	for _, c := range []struct {
		name string
		t    map[string]float64
		want bool
	}{
		{"under", map[string]float64{"input": 99_999, "crit": 100_000}, false},
		{"at", map[string]float64{"input": 100_000, "crit": 100_000}, true},
		{"alarm", map[string]float64{"input": 50_000, "crit_alarm": 1}, true},
		{"no limit", map[string]float64{"input": 100_000, "crit": 0}, false},
		{"broken", map[string]float64{"input": 127_000, "crit": 100_000, "fault": 1}, false},
	} {
		cfg := Default()
		cfg.Sysfs = t.TempDir()
		put(t, cfg.Sysfs, "class/hwmon/hwmon0/temp2_input", "20000\n") // keeps the check applicable
		for prop, v := range c.t {
			put(t, cfg.Sysfs, "class/hwmon/hwmon0/temp1_"+prop, fmt.Sprintf("%.0f\n", v))
		}
		out := run(t, newTemperature(cfg))
		got := slices.ContainsFunc(out.Findings(), func(f checks.Finding) bool {
			return f.Code == "temperature.critical" && f.Verdict == checks.Abnormal && f.Subject == "hwmon0 temp1"
		})
		if got != c.want {
			t.Errorf("%s: critical %v, want %v: %+v", c.name, got, c.want, out.Findings())
		}
	}
}

// Chips that share a device are told apart by their names, or else by the
// folder.
func TestHwmonNames(t *testing.T) {
	cfg := Default()
	cfg.Sysfs = t.TempDir()
	for dir, name := range map[string]string{"hwmon0": "fans", "hwmon1": "sensors", "hwmon2": "same", "hwmon3": "same"} {
		device := "../../../devices/platform/board.0"
		if name == "same" {
			device = "../../../devices/platform/other.1"
		}
		put(t, cfg.Sysfs, "class/hwmon/"+dir+"/name", name+"\n")
		put(t, cfg.Sysfs, "class/hwmon/"+dir+"/device -> "+device, "")
	}
	os.MkdirAll(cfg.Sysfs+"/devices/platform/board.0", 0o755)
	os.MkdirAll(cfg.Sysfs+"/devices/platform/other.1", 0o755)
	var got []string
	for _, chip := range newTemperature(cfg).chips() {
		got = append(got, chip.label)
	}
	want := []string{"platform_board_0_fans", "platform_board_0_sensors", "platform_other_1_hwmon2", "platform_other_1_hwmon3"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestIgnoredSensors(t *testing.T) {
	cfg := machine(t)
	cfg.Temperature.IgnoredSensors = `^platform_coretemp_0;|x86_pkg_temp$`
	out := run(t, newTemperature(cfg))
	for _, s := range out.Samples() {
		if s.Desc.Name != "node_hwmon_chip_names" && (s.Values[0] == "platform_coretemp_0" || slices.Contains(s.Values, "x86_pkg_temp")) {
			t.Errorf("%s is there, though it is ignored", series(s))
		}
	}
	if f := finding(t, out, "temperature.highest", ""); f.Args["celsius"] != 38.85 {
		t.Errorf("%+v", f)
	}
}

func TestECCWithoutCounts(t *testing.T) {
	cfg := machine(t)
	folder := cfg.Sysfs + "/devices/system/edac/mc"
	os.Remove(folder + "/mc0/ue_count")
	out := run(t, &eccCheck{folder: folder})
	if len(out.Findings()) != 1 || out.Findings()[0].Subject != "mc1" {
		t.Errorf("%+v, want the controller that counts", out.Findings())
	}
}

func TestParseRelease(t *testing.T) {
	got := parseRelease("# comment\nNAME=\"A \\\"B\\\" \\$C\"\nID='single quoted'\nVERSION_ID=7.9.2009\n\nbroken line\nEMPTY=\n")
	for key, want := range map[string]string{"NAME": `A "B" $C`, "ID": "single quoted", "VERSION_ID": "7.9.2009", "EMPTY": ""} {
		if got[key] != want {
			t.Errorf("%s = %q, want %q", key, got[key], want)
		}
	}
	if len(got) != 4 {
		t.Errorf("%d keys: %v", len(got), got)
	}
	for version, want := range map[string]float64{"7.9.2009": 7.9, "12": 12, "V10": 0, "": 0, "22.04": 22.04, "10 SP3": 10} {
		if v, _ := majorMinor(version); v != want {
			t.Errorf("%q is read as %v, want %v", version, v, want)
		}
	}
}
