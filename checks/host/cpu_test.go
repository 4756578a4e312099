//go:build linux

package host

import (
	"math"
	"os"
	"strings"
	"testing"

	"xunjian/checks"
)

func cpuOf(looks ...[]core) *cpuCheck {
	return newCPU(func(l *cpuLook) error {
		l.cores, looks = looks[0], looks[1:]
		return nil
	})
}

func times(user, idle, iowait, steal float64) (t coreTimes) {
	t[cpuUser], t[cpuIdle], t[cpuIOWait], t[cpuSteal] = user, idle, iowait, steal
	return t
}

// The first look tells the time since boot, each further one what was spent
// since the one before.
func TestCPUUsage(t *testing.T) {
	c := cpuOf(
		[]core{{0, times(10, 90, 0, 0)}, {1, times(50, 50, 0, 0)}},
		[]core{{0, times(11, 97, 1, 1)}, {1, times(60, 50, 0, 0)}},
	)
	for _, want := range []map[string]any{
		{"busy": 0.3, "window": 100.0, "busiest": 0.5, "busiest_core": 1},
		{"busy": 0.6, "iowait": 0.05, "steal": 0.05, "user": 0.55, "window": 10.0, "busiest": 1.0, "busiest_core": 1, "cores": 2},
	} {
		got := finding(t, run(t, c), "cpu.usage", "").Args
		for key, v := range want {
			if !near(got[key], v) {
				t.Errorf("%s = %v, want %v", key, got[key], v)
			}
		}
	}
}

func near(a, b any) bool {
	x, ok := a.(float64)
	y, ok2 := b.(float64)
	if !ok || !ok2 {
		return a == b
	}
	return math.Abs(x-y) <= 1e-9*max(1, math.Abs(y))
}

// The kernel's counters may go back a little by rounding; a series that did
// would look reset. A core that was taken out and put in does begin anew.
func TestCPUCountersDoNotGoBack(t *testing.T) {
	c := cpuOf(
		[]core{{0, times(10, 100, 5, 0)}},
		[]core{{0, times(10, 99.5, 4.9, 0)}},
		[]core{{0, times(1, 2, 0, 0)}},
	)
	idle := func(out *checks.Output) float64 { return value(t, out, "node_cpu_seconds_total", "0", "idle") }
	run(t, c)
	if out := run(t, c); idle(out) != 100 || value(t, out, "node_cpu_seconds_total", "0", "iowait") != 5 {
		t.Errorf("went back to %v", idle(out))
	}
	if out := run(t, c); idle(out) != 2 || value(t, out, "node_cpu_seconds_total", "0", "user") != 1 {
		t.Errorf("after the core was put in again idle is %v, want 2", idle(out))
	}
}

func TestCPUWithoutLoad(t *testing.T) {
	c := newCPU(func(l *cpuLook) error {
		l.cores = []core{{0, times(1, 1, 0, 0)}}
		l.load = [3]float64{math.NaN(), math.NaN(), math.NaN()}
		return nil
	})
	for _, s := range run(t, c).Samples() {
		if s.Desc == load1 {
			t.Errorf("a load of %v where the system has none", s.Value)
		}
	}
}

func TestCPUBadFiles(t *testing.T) {
	for _, c := range []struct{ file, text, want string }{
		{"stat", "btime 1\n", "no processor in it"},
		{"loadavg", "high 1 1\n", `"high" is not a load`},
	} {
		cfg := machine(t)
		if err := os.WriteFile(cfg.Procfs+"/"+c.file, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		err := newCPU(newStatReader(cfg.Procfs).read).Run(t.Context(), checks.NewOutput(0))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.file, err, c.want)
		}
	}
}
