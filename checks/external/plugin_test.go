//go:build unix

package external

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/checktest"
)

// script writes a plugin and returns a check that runs it.
func script(t *testing.T, text string, args ...string) *plugin {
	t.Helper()
	path := filepath.Join(folder(t), "check_it")
	write(t, path, "#!/bin/sh\n"+text+"\n", 0o755)
	return newPlugin(PluginConfig{Name: "it", Command: append([]string{path}, args...), Timeout: 5 * time.Second})
}

func run(t *testing.T, c checks.Check) checks.Result {
	t.Helper()
	return checks.RunOnce(t.Context(), c, time.Now())
}

func TestHowPluginsEnd(t *testing.T) {
	for _, tt := range []struct{ script, want, evidence string }{
		{"echo 'OK - all fine'", "ok plugin.result . map[code:0 text:OK - all fine]", ""},
		{"echo 'LOAD WARNING'; echo more; exit 1", "attention plugin.result . map[code:1 text:LOAD WARNING]", "LOAD WARNING\nmore"},
		{"echo bad; echo why >&2; exit 2", "abnormal plugin.result . map[code:2 text:bad]", "bad\n\nwhy"},
		{"echo 'cannot tell'; exit 3", "unknown plugin.result . map[code:3 text:cannot tell]", "cannot tell"},
		{"exit 0", "ok plugin.silent . map[code:0]", ""},
		{"echo only an error >&2; exit 2", "abnormal plugin.silent . map[code:2]", "only an error"},
		{"echo huh; exit 4", "unknown plugin.exit . map[code:4 text:huh]", "huh"},
		{"no_such_command 2>/dev/null", "unknown plugin.exit . map[code:127 text:]", ""},
		{"echo oops; kill -SEGV $$", "unknown plugin.signal . map[signal:segmentation fault text:oops]", "oops"},
		{"echo oops; kill -KILL $$", "unknown plugin.signal . map[signal:killed text:oops]", "oops"},
		{`printf 'a\033[31mb\377c\n'`, "ok plugin.result . map[code:0 text:a\uFFFD[31mb\uFFFDc]", ""},
	} {
		res := run(t, script(t, tt.script))
		wantText(t, tt.script, findings(res), tt.want)
		wantText(t, "evidence of "+tt.script, res.Findings[0].Evidence, tt.evidence)
	}
}

func TestPluginFigures(t *testing.T) {
	res := run(t, script(t, `echo "OK | '/ used'=42%;80;@~:90;0;100 rx=7c time=250ms;1: odd==1 rx=8c u=U"`))
	wantText(t, "findings", findings(res), "ok plugin.result . map[code:0 text:OK]\nok plugin.perfdata . map[count:2 first:odd==1: \"=1\" is not a number]")
	wantText(t, "page", exposed(t, res), `# HELP xunjian_plugin_perfdata A figure of a plugin, in seconds, bytes, a ratio of 1, or whatever unit it said.
# TYPE xunjian_plugin_perfdata gauge
xunjian_plugin_perfdata{label="/ used",plugin="it",unit="ratio"} 0.42
xunjian_plugin_perfdata{label="time",plugin="it",unit="seconds"} 0.25
# HELP xunjian_plugin_perfdata_limit The least and the largest value that a figure of a plugin can have.
# TYPE xunjian_plugin_perfdata_limit gauge
xunjian_plugin_perfdata_limit{edge="min",label="/ used",plugin="it",unit="ratio"} 0
xunjian_plugin_perfdata_limit{edge="max",label="/ used",plugin="it",unit="ratio"} 1
# HELP xunjian_plugin_perfdata_threshold An edge of the range that a plugin takes for good (alert outside) or for bad (alert inside).
# TYPE xunjian_plugin_perfdata_threshold gauge
xunjian_plugin_perfdata_threshold{alert="outside",edge="lower",label="/ used",plugin="it",severity="warning",unit="ratio"} 0
xunjian_plugin_perfdata_threshold{alert="outside",edge="upper",label="/ used",plugin="it",severity="warning",unit="ratio"} 0.8
xunjian_plugin_perfdata_threshold{alert="inside",edge="upper",label="/ used",plugin="it",severity="critical",unit="ratio"} 0.9
xunjian_plugin_perfdata_threshold{alert="outside",edge="lower",label="time",plugin="it",severity="warning",unit="seconds"} 0.001
# HELP xunjian_plugin_perfdata_total A figure of a plugin that only grows.
# TYPE xunjian_plugin_perfdata_total counter
xunjian_plugin_perfdata_total{label="rx",plugin="it"} 7
`)
}

func TestNoShellReadsTheArguments(t *testing.T) {
	mark := filepath.Join(folder(t), "mark")
	c := script(t, `printf '%s;' "$0" "$@"`, "$(touch "+mark+")", "; touch "+mark, "a b", "*")
	res := run(t, c)
	if got, want := res.Findings[0].Args["text"], strings.Join(c.cfg.Command, ";")+";"; got != want {
		t.Errorf("the plugin was given %q, want %q", got, want)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("an argument was run")
	}
}

func TestPluginsGetLittleOfTheWorld(t *testing.T) {
	t.Setenv("XUNJIAN_SECRET", "x")
	c := script(t, `echo "$(env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= | sort | tr '\n' ' ')in $PWD; $(cat)"`)
	c.cfg.Env = map[string]string{"LANG": "zh_CN.UTF-8", "OWN": "a b"}
	wantText(t, "environment", fmt.Sprint(run(t, c).Findings[0].Args["text"]),
		"HOME=/ LANG=zh_CN.UTF-8 OWN=a b PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin in /;")
}

func TestALotOfOutputIsCutNotBlocked(t *testing.T) {
	res := run(t, script(t, `echo first; yes | head -c 1000000; echo "last | a=1"; exit 1`))
	want := 6 + 1000000 + 11 - maxOutput
	wantText(t, "findings", findings(res), fmt.Sprintf("attention plugin.result . map[code:1 text:first]\nok plugin.cut . map[bytes:%d limit:%d]", want, maxOutput))
	if n := len(res.Findings[0].Evidence); n != checks.MaxEvidence {
		t.Errorf("%d bytes of evidence", n)
	}
}

// alive reports whether a process is there and no zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == nil && !os.IsNotExist(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// pids reads the process numbers that a script has written.
func pids(t *testing.T, path string, n int) (list []int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range strings.Fields(string(b)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, pid)
	}
	if len(list) != n {
		t.Fatalf("%d processes were started, want %d: %q", len(list), n, b)
	}
	return list
}

func wantDead(t *testing.T, list []int) {
	t.Helper()
	for _, pid := range list {
		for begun := time.Now(); alive(pid); time.Sleep(5 * time.Millisecond) {
			if time.Since(begun) > 2*time.Second {
				t.Errorf("process %d is still there", pid)
				syscall.Kill(pid, syscall.SIGKILL)
				break
			}
		}
	}
}

// TestTheWholeGroupIsKilledAtTheDeadline has a plugin with children that ignore
// every signal they can and hold its output open.
func TestTheWholeGroupIsKilledAtTheDeadline(t *testing.T) {
	file := filepath.Join(folder(t), "pids")
	c := script(t, `trap '' TERM INT HUP
echo begun
(trap '' TERM INT HUP; sleep 100 & echo $! >>`+file+`; wait) & echo $! >>`+file+`
echo $$ >>`+file+`
while :; do sleep 100; done`)
	c.cfg.Timeout = 2500 * time.Millisecond
	begun := time.Now()
	res := run(t, c)
	if took := time.Since(begun); took < 2*time.Second || took > c.cfg.Timeout {
		t.Errorf("it took %v, want just under the %v it has", took, c.cfg.Timeout)
	}
	wantText(t, "findings", findings(res), "unknown plugin.timeout . map[text:begun timeout:2.5]")
	if res.Success() || res.Findings[0].Evidence != "begun" {
		t.Errorf("%+v", res)
	}
	wantDead(t, pids(t, file, 3))
}

// TestAGrandchildThatHoldsThePipe has a plugin that ends and leaves a process
// behind, which keeps the output open.
func TestAGrandchildThatHoldsThePipe(t *testing.T) {
	file := filepath.Join(folder(t), "pids")
	c := script(t, "sleep 100 & echo $! >"+file+"; echo 'OK | a=1'; exit 0")
	begun := time.Now()
	res := run(t, c)
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	wantText(t, "findings", findings(res), "ok plugin.result . map[code:0 text:OK]")
	if value(res, "xunjian_plugin_perfdata") != "1" {
		t.Errorf("%+v", res.Samples)
	}
	wantDead(t, pids(t, file, 1))
}

// TestAGrandchildThatLeftTheGroup cannot be killed, and must not hang us.
func TestAGrandchildThatLeftTheGroup(t *testing.T) {
	file := filepath.Join(folder(t), "pids")
	c := script(t, `setsid sh -c 'echo $$ >`+file+`; exec sleep 100' & while :; do sleep 100; done`)
	c.cfg.Timeout = 2500 * time.Millisecond
	begun := time.Now()
	res := run(t, c)
	if took := time.Since(begun); took > c.cfg.Timeout {
		t.Errorf("it took %v, more than it has", took)
	}
	if res.Findings[0].Code != "plugin.timeout" {
		t.Error(findings(res))
	}
	for _, pid := range pids(t, file, 1) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Errorf("it is gone: %v", err)
		}
	}
}

// TestWhoCouldChangeAPlugin has one thing on the way that is not as it should be.
func TestWhoCouldChangeAPlugin(t *testing.T) {
	chown := func(path string, uid int) error {
		if os.Geteuid() != 0 {
			return os.Chmod(path, 0o777) // only root can give away; open it instead
		}
		return os.Lchown(path, uid, -1)
	}
	owner := "plugin.owner %s map[uid:12345]"
	if os.Geteuid() != 0 {
		owner = "plugin.writable %s map[mode:0777]"
	}
	for _, tt := range []struct {
		name   string
		change func(base, dir, file string) error
		want   string // empty: it is run
	}{
		{"as it should be", func(_, _, _ string) error { return nil }, ""},
		{"writable by the group", func(_, _, file string) error { return os.Chmod(file, 0o775) }, "abnormal plugin.writable check_it map[mode:0775]"},
		{"writable by all", func(_, _, file string) error { return os.Chmod(file, 0o757) }, "abnormal plugin.writable check_it map[mode:0757]"},
		{"of another owner", func(_, _, file string) error { return chown(file, 12345) }, "abnormal " + fmt.Sprintf(owner, "check_it")},
		{"in a folder of the group", func(_, dir, _ string) error { return os.Chmod(dir, 0o775) }, "abnormal plugin.writable sub map[mode:0775]"},
		{"in a folder open to all", func(_, dir, _ string) error { return os.Chmod(dir, 0o777) }, "abnormal plugin.writable sub map[mode:0777]"},
		{"in a sticky folder", func(_, dir, _ string) error { return os.Chmod(dir, 0o777|os.ModeSticky) }, ""},
		{"in a folder of another owner", func(_, dir, _ string) error { return chown(dir, 12345) }, "abnormal " + fmt.Sprintf(owner, "sub")},
		{"below a folder open to all", func(base, _, _ string) error { return os.Chmod(base, 0o777) }, "abnormal plugin.writable base map[mode:0777]"},
		{"behind a link in an open folder", func(base, dir, file string) error {
			open := filepath.Join(base, "open")
			if err := os.Mkdir(open, 0o755); err != nil {
				return err
			}
			if err := os.Rename(file, file+".real"); err != nil {
				return err
			}
			// check_it → open/hop → check_it.real: the last two are clean.
			if err := os.Symlink(filepath.Join(open, "hop"), file); err != nil {
				return err
			}
			if err := os.Symlink(file+".real", filepath.Join(open, "hop")); err != nil {
				return err
			}
			return os.Chmod(open, 0o777)
		}, "abnormal plugin.writable open map[mode:0777]"},
		{"behind links that are in order", func(_, dir, file string) error {
			if err := os.Rename(file, file+".real"); err != nil {
				return err
			}
			if err := os.Symlink("../sub/./hop", file); err != nil {
				return err
			}
			return os.Symlink("check_it.real", filepath.Join(dir, "hop"))
		}, ""},
		{"behind links without end", func(_, _, file string) error {
			if err := os.Remove(file); err != nil {
				return err
			}
			return os.Symlink(file, file)
		}, "unknown check.failed . map[error:FILE: too many symbolic links]"},
		{"no program", func(_, _, file string) error { return os.Chmod(file, 0o644) }, "unknown check.failed . map[error:FILE is not a program]"},
		{"a folder", func(_, _, file string) error {
			if err := os.Remove(file); err != nil {
				return err
			}
			return os.Mkdir(file, 0o755)
		}, "unknown check.failed . map[error:FILE is not a program]"},
		{"gone", func(_, _, file string) error { return os.Remove(file) }, "unknown check.failed . map[error:lstat FILE: no such file or directory]"},
		{"not for this machine", func(_, _, file string) error { return os.WriteFile(file, []byte("\x7fELFnot"), 0o755) }, "unknown check.failed . map[error:fork/exec FILE: exec format error]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			base := filepath.Join(folder(t), "base")
			dir := filepath.Join(base, "sub")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			file, mark := filepath.Join(dir, "check_it"), filepath.Join(folder(t), "mark")
			write(t, file, "#!/bin/sh\ntouch "+mark+"\necho fine\n", 0o755)
			if err := tt.change(base, dir, file); err != nil {
				t.Fatal(err)
			}
			res := run(t, newPlugin(PluginConfig{Name: "it", Command: []string{file}}))
			want := tt.want
			if want == "" {
				want = "ok plugin.result . map[code:0 text:fine]"
			}
			wantText(t, "findings", strings.ReplaceAll(findings(res), file, "FILE"), want)
			if _, err := os.Stat(mark); (err == nil) != (tt.want == "") {
				t.Errorf("the plugin has left its mark: %v", err == nil)
			}
		})
	}
}

func TestPluginConforms(t *testing.T) {
	with := func(name, text string) func() checks.Check {
		c := script(t, text)
		c.cfg.Name = name
		return func() checks.Check { return newPlugin(c.cfg) }
	}
	late := script(t, "sleep 100")
	late.cfg.Timeout = 200 * time.Millisecond
	gone := newPlugin(PluginConfig{Name: "gone", Command: []string{"/nonexistent/check"}})
	open := script(t, "echo fine")
	if err := os.Chmod(open.cfg.Command[0], 0o777); err != nil {
		t.Fatal(err)
	}
	checktest.Conform(t, with("good", `echo "fine | a=1;2;3;4;5 b=2c c=x"`),
		checktest.Broken(func() checks.Check { return gone }), checktest.Broken(with("silent", "exit 3")),
		checktest.Broken(with("exit", "exit 9")), checktest.Broken(with("signal", "kill -9 $$")))
	checktest.Conform(t, func() checks.Check { return open })
	checktest.Conform(t, with("silent", "head -c 100000 /dev/zero >&2"))
	for _, f := range run(t, late).Findings {
		if f.Code != "plugin.timeout" {
			t.Errorf("%+v", f)
		}
	}
}

// TestRealPlugins runs those of Debian's package monitoring-plugins-basic.
func TestRealPlugins(t *testing.T) {
	const dir = "/usr/lib/nagios/plugins/"
	plugin := func(args ...string) checks.Result {
		args[0] = dir + args[0]
		return run(t, newPlugin(PluginConfig{Name: "it", Command: args}))
	}
	res := plugin("check_dummy", "2", "bad thing")
	wantText(t, "check_dummy (Debian package monitoring-plugins-basic)", findings(res), "abnormal plugin.result . map[code:2 text:CRITICAL: bad thing]")
	res = plugin("check_disk", "-w", "0", "-c", "0", "-p", "/")
	if page := exposed(t, res); res.Verdict != checks.OK || len(res.Findings) != 1 || !strings.Contains(page, `xunjian_plugin_perfdata{label="/",plugin="it",unit="bytes"} `) ||
		!strings.Contains(page, `xunjian_plugin_perfdata_limit{edge="max",label="/",plugin="it",unit="bytes"}`) {
		t.Errorf("check_disk: %s\n%s", findings(res), page)
	}
	res = plugin("check_load", "-w", "1000,1000,1000", "-c", "2000,2000,2000")
	if page := exposed(t, res); res.Verdict != checks.OK || !strings.Contains(page, `xunjian_plugin_perfdata_threshold{alert="outside",edge="upper",label="load15",plugin="it",severity="critical",unit=""} 2000`) {
		t.Errorf("check_load: %s\n%s", findings(res), page)
	}
	res = plugin("check_disk", "-p")
	if res.Verdict != checks.Unknown {
		t.Errorf("check_disk without a path: %s", findings(res))
	}
}

// BenchmarkPlugin is the cost of one run, its process included.
func BenchmarkPlugin(b *testing.B) {
	c := newPlugin(PluginConfig{Name: "it", Command: []string{"/bin/echo", "OK | a=1;2;3 b=2%"}})
	b.ReportAllocs()
	for b.Loop() {
		if res := checks.RunOnce(b.Context(), c, time.Now()); res.Verdict != checks.OK {
			b.Fatal(findings(res))
		}
	}
}
