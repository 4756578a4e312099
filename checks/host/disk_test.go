//go:build linux

package host

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"xunjian/checks"
)

func diskCheckOf(looks ...[]disk) *diskCheck {
	c := newDisk(Default().Disk)
	c.read = func([]disk) ([]disk, error) {
		l := looks[0]
		looks = looks[1:]
		return l, nil
	}
	return c
}

func sda(figures diskTimes) []disk {
	return []disk{{name: "sda", count: int(diskFigures), figures: figures}}
}

// The first look tells totals; the next rates over the time between.
func TestDiskRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := diskCheckOf(
			sda(diskTimes{diskReads: 100, diskReadBytes: 1000, diskReadTime: 1, diskWrites: 10, diskWrittenBytes: 500, diskBusy: 5}),
			sda(diskTimes{diskReads: 140, diskReadBytes: 5000, diskReadTime: 2, diskWrites: 50, diskWrittenBytes: 20500, diskWriteTime: 1, diskBusy: 9}),
		)
		first := finding(t, run(t, c), "disk.total", "sda").Args
		if first["read"] != 1000.0 || first["written"] != 500.0 {
			t.Errorf("totals %v", first)
		}
		time.Sleep(8 * time.Second)
		got := finding(t, run(t, c), "disk.io", "sda").Args
		for key, want := range map[string]float64{"read": 500, "write": 2500, "iops": 10, "busy": 0.5, "await_ms": 25, "window": 8} {
			if !near(got[key], want) {
				t.Errorf("%s = %v, want %v", key, got[key], want)
			}
		}
	})
}

// A device of the same name whose counters are lower is another one.
func TestDiskReplaced(t *testing.T) {
	described := 0
	c := diskCheckOf(sda(diskTimes{diskReads: 100}), sda(diskTimes{diskReads: 120}), sda(diskTimes{diskReads: 3}))
	c.describe = func(d disk) []string {
		described++
		return []string{d.name, "8", "0", "", "", "", "", ""}
	}
	run(t, c)
	run(t, c)
	if described != 1 {
		t.Errorf("described %d times while it was the same, want once", described)
	}
	finding(t, run(t, c), "disk.total", "sda")
	if described != 2 {
		t.Errorf("described %d times, want again after it was replaced", described)
	}
}

func TestDiskGone(t *testing.T) {
	c := diskCheckOf(sda(diskTimes{}), []disk{{name: "loop0", count: 11}})
	run(t, c)
	if err := c.Run(t.Context(), checks.NewOutput(0)); !errors.Is(err, checks.ErrNotApplicable) {
		t.Errorf("%v, want not applicable: only an ignored device is left", err)
	}
	if c.known["sda"] != nil {
		t.Error("the device that is gone is still kept")
	}
}

func TestDiskstatsBad(t *testing.T) {
	cfg := machine(t)
	for _, bad := range []string{"8 0 sda 1 2 3\n", "eight 0 sda 1 2 3 4 5 6 7 8 9 10 11\n"} {
		if err := os.WriteFile(cfg.Procfs+"/diskstats", []byte(bad), 0o644); err != nil {
			t.Fatal(err)
		}
		err := linuxDisk(cfg).Run(t.Context(), checks.NewOutput(0))
		if err == nil || !strings.Contains(err.Error(), "is not a device") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
