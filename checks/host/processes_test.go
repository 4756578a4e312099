//go:build linux

package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"xunjian/checks"
)

func TestParseProcess(t *testing.T) {
	cfg := machine(t)
	var l processLook
	if err := newProcessReader(cfg.Procfs).read(&l); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(l.list, func(p process) bool { return p.pid == 700 })
	want := process{pid: 700, parent: 1, name: "a (b) c) S 9", state: 'R', threads: 12,
		cpu: 50 * time.Second, rss: 250000 * float64(os.Getpagesize()), started: 1000 * time.Second}
	if i < 0 || l.list[i] != want {
		t.Errorf("got  %+v\nwant %+v", l.list, want)
	}
	if l.uptime != 86400*time.Second+500*time.Millisecond {
		t.Errorf("uptime %v", l.uptime)
	}
}

func TestProcessesBadFiles(t *testing.T) {
	cfg := machine(t)
	rewrite(t, cfg.Procfs+"/900/stat", func(string) string { return "900 nonsense" })
	err := linuxProcesses(cfg).Run(t.Context(), checks.NewOutput(0))
	if err == nil || !strings.Contains(err.Error(), "is not a process") {
		t.Errorf("%v", err)
	}
	os.RemoveAll(cfg.Procfs + "/900")
	rewrite(t, cfg.Procfs+"/uptime", func(string) string { return "long" })
	err = linuxProcesses(cfg).Run(t.Context(), checks.NewOutput(0))
	if err == nil || !strings.Contains(err.Error(), "is not a number") {
		t.Errorf("%v", err)
	}
}

// A process's share is taken between two looks; of a new one, since it
// started. A process number that was given again is another process.
func TestShares(t *testing.T) {
	looks := []processLook{
		{uptime: 100 * time.Second, list: []process{{pid: 7, name: "old", cpu: 20 * time.Second, started: 60 * time.Second}}},
		{uptime: 110 * time.Second, list: []process{{pid: 7, name: "old", cpu: 25 * time.Second, started: 60 * time.Second}}},
		{uptime: 120 * time.Second, list: []process{{pid: 7, name: "new", cpu: 4 * time.Second, started: 118 * time.Second}}},
		{uptime: 130 * time.Second},
	}
	c := newProcesses(ProcessesConfig{})
	c.read = func(l *processLook) error {
		*l, looks = looks[0], looks[1:]
		return nil
	}
	for i, want := range []float64{0.5, 0.5, 2} {
		run(t, c)
		if got := c.busy[0].share; !near(got, want) {
			t.Errorf("look %d: %v of a core, want %v", i, got, want)
		}
	}
	run(t, c)
	if len(c.spent) != 0 {
		t.Errorf("%d processes kept that are gone", len(c.spent))
	}
}

func TestGreatest(t *testing.T) {
	var list []load
	for i := range 100 {
		list = append(list, load{process: process{pid: i}, share: float64(i * 37 % 100)})
	}
	got := greatest(list, 3, byShare)
	if len(got) != 3 || got[0].share != 99 || got[1].share != 98 || got[2].share != 97 {
		t.Errorf("%+v", got)
	}
	if got := greatest(list[:2], 5, byShare); len(got) != 2 || got[0].share < got[1].share {
		t.Errorf("of two: %+v", got)
	}
}

// start runs a program of a name of our own choosing until the test ends.
func start(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

// A required process of flesh and blood: there, and gone after it is killed.
func TestRequiredProcessReal(t *testing.T) {
	const name = "xunjian-sleeper-with-a-long-name" // the kernel keeps 15 bytes of it
	cfg := Default()
	cfg.Processes.Required = []RequiredProcess{{Name: name}, {Command: name + ` 311\.5$`}, {Command: name, Min: 2}}
	c := linuxProcesses(cfg)
	cmd := start(t, name, "311.5")
	deadline := time.Now().Add(5 * time.Second)
	var out *checks.Output
	for { // the name changes when the new program is loaded, shortly after the start
		out = run(t, c)
		if slices.ContainsFunc(out.Findings(), func(f checks.Finding) bool { return f.Code == "processes.present" && f.Subject == name }) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not seen: %+v", out.Findings())
		}
	}
	finding(t, out, "processes.present", name+` 311\.5$`)
	if f := missingOf(t, out, name, 2); f.Args["have"] != 1 {
		t.Errorf("of two required: %+v", f)
	}
	cmd.Process.Kill()
	cmd.Wait()
	out = run(t, c)
	if f := finding(t, out, "processes.missing", name); f.Verdict != checks.Abnormal || f.Args["have"] != 0 {
		t.Errorf("%+v", f)
	}
	finding(t, out, "processes.missing", name+` 311\.5$`)
}

func missingOf(t *testing.T, out *checks.Output, subject string, min int) checks.Finding {
	t.Helper()
	for _, f := range out.Findings() {
		if f.Code == "processes.missing" && f.Subject == subject && f.Args["min"] == min {
			return f
		}
	}
	t.Fatalf("nothing missing of %q in %+v", subject, out.Findings())
	return checks.Finding{}
}

// Real zombies: children that ended and that this process has not waited for.
func TestZombiesReal(t *testing.T) {
	cfg := Default()
	c := linuxProcesses(cfg)
	before := int(finding(t, run(t, c), "processes.count", "").Args["zombies"].(int))
	c.maxZombies = before + 1
	var children []*exec.Cmd
	for range 3 {
		cmd := start(t, "xunjian-zombie", "0")
		children = append(children, cmd)
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		out := run(t, c)
		f, ok := zombieFinding(out)
		if ok && f.Args["count"].(int) >= before+3 {
			self, _ := os.ReadFile("/proc/self/comm")
			want := fmt.Sprintf("%s[%d] ×3", strings.TrimSpace(string(self)), os.Getpid())
			if f.Verdict != checks.Attention || !strings.Contains(f.Args["parents"].(string), want) {
				t.Errorf("%+v, want attention and the parent %q", f, want)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no zombies seen: %+v", out.Findings())
		}
	}
	for _, cmd := range children {
		cmd.Wait()
	}
	if f, ok := zombieFinding(run(t, c)); ok && strings.Contains(f.Args["parents"].(string), fmt.Sprintf("[%d]", os.Getpid())) {
		t.Errorf("waited for, but still told: %+v", f)
	}
}

func zombieFinding(out *checks.Output) (checks.Finding, bool) {
	for _, f := range out.Findings() {
		if f.Code == "processes.zombies" {
			return f, true
		}
	}
	return checks.Finding{}, false
}

// A command line that cannot be read now makes what needs it unknown, never
// missing; it costs its patience once, and the rest of the check nothing.
func TestStuckCommandLine(t *testing.T) {
	cfg := machine(t)
	fifo := cfg.Procfs + "/700/cmdline" // opening it blocks until somebody writes
	os.Remove(fifo)
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Processes.Required = []RequiredProcess{{Command: "/opt/app/server"}, {Command: "^dd "}, {Name: "dd"}}
	c := linuxProcesses(cfg)
	out := run(t, c)
	if f := finding(t, out, "processes.unreadable", "/opt/app/server"); f.Verdict != checks.Unknown {
		t.Errorf("%+v", f)
	}
	finding(t, out, "processes.present", "dd")
	began := time.Now()
	out = run(t, c)
	if took := time.Since(began); took > commandPatience/2 {
		t.Errorf("the second look took %v: it waited again", took)
	}
	finding(t, out, "processes.unreadable", "/opt/app/server")

	w, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.WriteString("/opt/app/server")
	w.Close()
	os.Remove(fifo)
	put(t, cfg.Procfs, "700/cmdline", "/opt/app/server\x00")
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if slices.ContainsFunc(run(t, c).Findings(), func(f checks.Finding) bool { return f.Subject == "/opt/app/server" && f.Verdict == checks.OK }) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("readable again, but still not seen")
		}
	}
}

// Where other users' processes are hidden, a process that is not seen is
// unknown.
func TestHiddenProcesses(t *testing.T) {
	cfg := machine(t)
	os.RemoveAll(cfg.Procfs + "/1")
	cfg.Processes.Required = []RequiredProcess{{Name: "nginx"}, {Name: "dd"}}
	out := run(t, linuxProcesses(cfg))
	if f := finding(t, out, "processes.unreadable", "nginx"); f.Verdict != checks.Unknown {
		t.Errorf("%+v", f)
	}
	finding(t, out, "processes.present", "dd")
}

// A command line is read once for a process, and again when it runs another
// program.
func TestCommandIsKept(t *testing.T) {
	cfg := machine(t)
	c := newCommands(cfg.Procfs)
	p := process{pid: 900, name: "dd", started: time.Second}
	get := func() string {
		line, ok := c.of(context.Background(), p)
		if !ok {
			t.Fatal("not readable")
		}
		return line
	}
	if got := get(); got != "dd if=/dev/sda of=/dev/null" {
		t.Errorf("%q", got)
	}
	put(t, cfg.Procfs, "900/cmdline", "other\x00")
	if got := get(); !strings.HasPrefix(got, "dd ") {
		t.Errorf("read again without need: %q", got)
	}
	p.name = "other"
	if got := get(); got != "other" {
		t.Errorf("%q, want the new one", got)
	}
	if line, ok := c.of(context.Background(), process{pid: 99999}); line != "" || !ok {
		t.Errorf("a process that is gone: %q, %v; it runs nothing, which is known", line, ok)
	}
}
