package deploy_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// machine is a folder that looks like a Debian machine on which the unit was
// installed, with some of its drop-ins.
func machine(t *testing.T, dropIns ...string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "usr/lib/systemd/system"), os.DirFS("/usr/lib/systemd/system")); err != nil {
		t.Fatalf("copy the units of this machine: %v", err)
	}
	for link, to := range map[string]string{"bin": "usr/bin", "lib": "usr/lib"} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"xunjian", "kill"} {
		writeFile(t, filepath.Join(root, "usr/bin", name), "#!/bin/sh\n")
		if err := os.Chmod(filepath.Join(root, "usr/bin", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	derived(t, filepath.Join(root, "etc/systemd/system/xunjian.service"), "systemd/xunjian.service")
	for _, d := range dropIns {
		derived(t, filepath.Join(root, "etc/systemd/system/xunjian.service.d", d), filepath.Join("systemd", d))
	}
	return root
}

// dropIns are the drop-ins there are, each alone, none, and all together.
func dropIns(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("systemd/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	sets := map[string][]string{"none": nil}
	for _, f := range files {
		if name := filepath.Base(f); name != "xunjian.sysusers.conf" {
			sets[name] = []string{name}
			sets["all"] = append(sets["all"], name)
		}
	}
	if len(sets) != 5 {
		t.Fatalf("found the drop-ins %v, want three", sets["all"])
	}
	return sets
}

// TestUnitIsValid: systemd understands every line of the unit and its drop-ins.
func TestUnitIsValid(t *testing.T) {
	for name, set := range dropIns(t) {
		t.Run(name, func(t *testing.T) {
			root := machine(t, set...)
			said := tool(t, "systemd-analyze", "verify", "--man=no", "--root="+root, "xunjian.service")
			// What it does not know is a remark, not an error.
			if strings.Contains(said, "xunjian") {
				t.Errorf("systemd-analyze verify says:\n%s", said)
			}
		})
	}
}

// TestVerifySeesMistakes: the test above would see a misspelt setting.
func TestVerifySeesMistakes(t *testing.T) {
	root := machine(t)
	derived(t, filepath.Join(root, "etc/systemd/system/xunjian.service"), "systemd/xunjian.service", "RestartSec=", "RestartSecs=")
	said := tool(t, "systemd-analyze", "verify", "--man=no", "--root="+root, "xunjian.service")
	if !strings.Contains(said, "RestartSecs") {
		t.Errorf("a misspelt setting goes unnoticed: %q", said)
	}
}

// exposure is what systemd-analyze security may say at most, in tenths: 0 is
// sealed, 100 open. Debian's own prometheus.service has 40.
const exposure = "30"

func TestUnitIsHardened(t *testing.T) {
	for name, set := range dropIns(t) {
		t.Run(name, func(t *testing.T) {
			tool(t, "systemd-analyze", "security", "--offline=true", "--threshold="+exposure, "--root="+machine(t, set...), "xunjian.service")
		})
	}
}

// TestCapabilities: pings by default, none with no-ping.conf, and drop-ins
// that add one neither take away the other nor bring it back.
func TestCapabilities(t *testing.T) {
	const (
		raw    = "✗ CapabilityBoundingSet=~CAP_NET_(BIND_SERVICE|BROADCAST|RAW)"
		syslog = "✗ CapabilityBoundingSet=~CAP_SYSLOG"
		read   = "✗ CapabilityBoundingSet=~CAP_(DAC_*|FOWNER|IPC_OWNER)"
		admin  = "✗ CapabilityBoundingSet=~CAP_SYS_ADMIN"
	)
	for _, c := range []struct {
		dropIns []string
		has     []string
	}{
		{nil, []string{raw}},
		{[]string{"no-ping.conf"}, nil},
		{[]string{"kernel-log.conf"}, []string{raw, syslog}},
		{[]string{"all-mounts.conf"}, []string{raw, read}},
		{[]string{"kernel-log.conf", "no-ping.conf"}, []string{syslog}},
		{[]string{"all-mounts.conf", "kernel-log.conf", "no-ping.conf"}, []string{read, syslog}},
	} {
		said := tool(t, "systemd-analyze", "security", "--no-pager", "--offline=true", "--root="+machine(t, c.dropIns...), "xunjian.service")
		for _, line := range []string{raw, syslog, read, admin} {
			want := false
			for _, h := range c.has {
				want = want || h == line
			}
			if strings.Contains(said, line) != want {
				t.Errorf("with %v: %q is %v, want %v", c.dropIns, line, !want, want)
			}
		}
	}
}

// TestUser: the user the unit names is made, in the groups the unit asks for,
// with the unit's data folder as home.
func TestUser(t *testing.T) {
	root := t.TempDir()
	conf, err := filepath.Abs("systemd/xunjian.sysusers.conf")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	tool(t, "systemd-sysusers", "--root="+root, conf)
	tool(t, "systemd-sysusers", "--root="+root, conf) // an upgrade runs it again
	passwd, group := lines(t, filepath.Join(root, "etc/passwd")), lines(t, filepath.Join(root, "etc/group"))
	user := setting(t, "User")
	if got := strings.Split(passwd[user], ":"); len(got) != 7 || got[5] != "/var/lib/"+setting(t, "StateDirectory") || got[6] != "/usr/sbin/nologin" {
		t.Errorf("the user is %q", passwd[user])
	}
	if group[setting(t, "Group")] == "" {
		t.Errorf("no group %s among %v", setting(t, "Group"), group)
	}
	for _, g := range strings.Fields(setting(t, "SupplementaryGroups")) {
		if !strings.HasSuffix(group[g], ":"+user) {
			t.Errorf("%s is not in group %s: %q", user, g, group[g])
		}
	}
}

// lines maps the first field of the lines of a file to the whole of them.
func lines(t *testing.T, path string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(b)) {
		name, _, _ := strings.Cut(line, ":")
		out[name] = strings.TrimSpace(line)
	}
	return out
}

// setting returns what the unit says of a key, the last time it says so.
func setting(t *testing.T, key string) string {
	t.Helper()
	all := settings(t, key)
	if len(all) == 0 {
		t.Fatalf("the unit does not set %s", key)
	}
	return all[len(all)-1]
}

func settings(t *testing.T, key string) (all []string) {
	t.Helper()
	b, err := os.ReadFile("systemd/xunjian.service")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
			all = append(all, v)
		}
	}
	return all
}

// TestUnitStartsTheAgent: the command line of the unit is one the program
// understands, and a broken configuration ends with the status after which
// systemd does not try again.
func TestUnitStartsTheAgent(t *testing.T) {
	words := strings.Fields(setting(t, "ExecStart"))
	etc, data := t.TempDir(), t.TempDir()
	for i, w := range words {
		w = strings.Replace(w, "/etc/"+setting(t, "ConfigurationDirectory")+"/", etc+"/", 1)
		words[i] = strings.Replace(w, "/var/lib/"+setting(t, "StateDirectory"), data, 1)
	}
	writeFile(t, filepath.Join(etc, "xunjian.yaml"), "console: {listen: nowhere}\n")
	out, err := exec.Command(agentBinary(t), words[1:]...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 2 || setting(t, "RestartPreventExitStatus") != "2" {
		t.Fatalf("a broken configuration: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), etc+"/xunjian.yaml:1:") {
		t.Errorf("the message does not say where the mistake is:\n%s", out)
	}
}
