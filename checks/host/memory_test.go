//go:build linux

package host

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"xunjian/checks"
)

func rewrite(t testing.TB, path string, change func(string) string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(change(string(b))), 0o644); err != nil {
		t.Fatal(err)
	}
}

func replace(old, new string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, new, 1) }
}

// A kill for want of memory is told once, at the first look after it; kills
// before the first look are history.
func TestOOMKill(t *testing.T) {
	cfg := machine(t)
	c := newMemory(newMemoryReader(cfg.Procfs).read)
	killed := func() (n float64) {
		for _, f := range run(t, c).Findings() {
			if f.Code == "memory.oom_kill" {
				if f.Verdict != checks.Attention {
					t.Errorf("verdict %v", f.Verdict)
				}
				n += f.Args["killed"].(float64)
			}
		}
		return n
	}
	got := []float64{killed()}
	rewrite(t, cfg.Procfs+"/vmstat", replace("oom_kill 3", "oom_kill 5"))
	got = append(got, killed(), killed())
	if !slices.Equal(got, []float64{0, 2, 0}) {
		t.Errorf("kills told at three looks: %v, want 0, 2, 0", got)
	}
}

func TestMemoryOfOldKernel(t *testing.T) {
	cfg := machine(t)
	rewrite(t, cfg.Procfs+"/meminfo", replace("MemAvailable:    6144000 kB\n", ""))
	out := run(t, newMemory(newMemoryReader(cfg.Procfs).read))
	if got := finding(t, out, "memory.usage", "").Args["available"]; got != 2048000.0*1024 {
		t.Errorf("available %v, want what is free", got)
	}
}

func TestMemoryBadFiles(t *testing.T) {
	cfg := machine(t)
	c := newMemory(newMemoryReader(cfg.Procfs).read)
	rewrite(t, cfg.Procfs+"/meminfo", func(string) string { return "nonsense\nMemTotal: many kB\nOdd-name: 4 kB\n" })
	if err := c.Run(t.Context(), checks.NewOutput(0)); err == nil || !strings.Contains(err.Error(), "no MemTotal") {
		t.Errorf("%v, want an error that says what is missing", err)
	}
	os.Remove(cfg.Procfs + "/meminfo")
	if err := c.Run(t.Context(), checks.NewOutput(0)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want: does not exist", err)
	}
}

func TestMeminfoNames(t *testing.T) {
	for key, want := range map[string]string{
		"Active(anon)": "node_memory_Active_anon_bytes", "MemTotal": "node_memory_MemTotal_bytes", "bad name": "",
	} {
		d := meminfoDesc(key, true)
		if want == "" && d != nil || want != "" && (d == nil || d.Name != want) {
			t.Errorf("%q becomes %+v, want %q", key, d, want)
		}
	}
}

func TestPressureTurnedOff(t *testing.T) {
	cfg := machine(t)
	c := &pressureCheck{folder: cfg.Procfs + "/pressure/"}
	for _, f := range []string{"cpu", "memory"} {
		os.Remove(cfg.Procfs + "/pressure/" + f)
	}
	out := run(t, c)
	if len(out.Samples()) != 2 || finding(t, out, "pressure.waiting", "").Args["io"] != 0.002 {
		t.Errorf("with io alone: %v", out.Samples())
	}
	os.Remove(cfg.Procfs + "/pressure/io")
	if err := c.Run(t.Context(), checks.NewOutput(0)); !errors.Is(err, checks.ErrNotApplicable) {
		t.Errorf("%v, want not applicable", err)
	}
}

func TestPressureOfInterrupts(t *testing.T) {
	cfg := machine(t)
	put(t, cfg.Procfs, "pressure/irq", "full avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\n")
	out := run(t, &pressureCheck{folder: cfg.Procfs + "/pressure/"})
	if v := value(t, out, "node_pressure_irq_stalled_seconds_total"); v != 2.5 {
		t.Errorf("%v s, want 2.5", v)
	}
}
