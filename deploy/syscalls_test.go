package deploy_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

var (
	callLine    = regexp.MustCompile(`(?m)^\d+ +(\w+)\(([^,)\n]*)`)
	resumedLine = regexp.MustCompile(`<\.\.\. \w+ resumed>`)
)

// TestUnitAllowsWhatTheAgentDoes: the agent at work asks the kernel for
// nothing that the unit would refuse: it starts, looks, runs a plugin, gives
// its socket to a group, speaks to systemd, takes evidence, reloads and stops.
func TestUnitAllowsWhatTheAgentDoes(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace")
	watchAgent(t, trace)
	b, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	allowed, families := allowedCalls(t), strings.Fields(setting(t, "RestrictAddressFamilies"))
	seen := map[string]bool{}
	for _, m := range callLine.FindAllStringSubmatch(resumedLine.ReplaceAllString(string(b), ""), -1) {
		call, first := m[1], m[2]
		seen[call] = true
		if !allowed[call] {
			allowed[call] = true // say it once
			t.Errorf("the unit refuses %s", call)
		}
		if call == "socket" && !slices.Contains(families, first) {
			t.Errorf("the unit refuses sockets of %s", first)
		}
	}
	for _, call := range []string{"adjtimex", "execve", "statfs", "fsync"} {
		if !seen[call] {
			t.Errorf("the trace is not one of the agent at work: no %s in it", call)
		}
	}
}

// watchAgent runs an agent under strace from its start to its end.
func watchAgent(t *testing.T, trace string) {
	t.Helper()
	data, group := t.TempDir(), ownGroup(t)
	conf := filepath.Join(t.TempDir(), "xunjian.yaml")
	writeFile(t, conf, "access: {socket_group: "+group+"}\n"+
		"checks: {external: {plugins: [{name: nothing, command: [/usr/bin/true]}]}}\n")
	// systemd's end of the notifications.
	notify := filepath.Join(t.TempDir(), "notify")
	listener, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(listener)
	if err := syscall.Bind(listener, &syscall.SockaddrUnix{Name: notify}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", notify)
	// -D: strace is the child and the agent the process that we started, so
	// that our signals reach it.
	d := run(t, "strace", "-D", "-f", "-qq", "-s", "0", "-e", "signal=none", "-o", trace,
		agentBinary(t), "run", "--config", conf, "--data", data, "--console", "127.0.0.1:0", "--metrics", "127.0.0.1:0")
	cli := func(args ...string) ([]byte, error) {
		return exec.Command(agentBinary(t), append(args, "--data", data)...).CombinedOutput()
	}
	d.eventually(t, func() error { _, err := cli("status"); return err })
	message := make([]byte, 64)
	if n, _, err := syscall.Recvfrom(listener, message, 0); err != nil || string(message[:n]) != "READY=1" {
		t.Fatalf("systemd hears %q, %v", message[:n], err)
	}
	for _, args := range [][]string{
		{"incidents", "open", "E01", "a fault that only people see"},
		{"config", "reload"}, {"incidents", "verify"}, {"checks"},
	} {
		if out, err := cli(args...); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	// The clock is looked at by adjtimex; not before is the agent at work.
	d.eventually(t, func() error {
		b, err := os.ReadFile(trace)
		if err == nil && !bytes.Contains(b, []byte("adjtimex(")) {
			err = errors.New("the clock was not looked at yet")
		}
		return err
	})
	d.cmd.Process.Signal(syscall.SIGHUP)
	d.eventually(t, func() error {
		_, err := os.Stat(trace)
		if err == nil && strings.Count(d.output.String(), "configuration in force") < 2 {
			err = os.ErrDeadlineExceeded
		}
		return err
	})
	d.stop(t)
}

func ownGroup(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		t.Fatal(err)
	}
	return g.Name
}

// allowedCalls reads the unit's SystemCallFilter lines as systemd does: the
// first makes the list, one with ~ takes from it, one without adds to it.
func allowedCalls(t *testing.T) map[string]bool {
	t.Helper()
	sets := callSets(t)
	out := map[string]bool{}
	for _, line := range settings(t, "SystemCallFilter") {
		names, deny := strings.CutPrefix(line, "~")
		for _, name := range strings.Fields(names) {
			for _, call := range sets.expand(name) {
				out[call] = !deny
			}
		}
	}
	// systemd always leaves these open.
	for _, call := range sets.expand("@default") {
		out[call] = true
	}
	return out
}

type groups map[string][]string

func (g groups) expand(name string) []string {
	if !strings.HasPrefix(name, "@") {
		return []string{name}
	}
	var out []string
	for _, member := range g[name] {
		out = append(out, g.expand(member)...)
	}
	return out
}

// callSets are systemd's names for groups of system calls.
func callSets(t *testing.T) groups {
	t.Helper()
	sets, name := groups{}, ""
	for line := range strings.Lines(tool(t, "systemd-analyze", "--no-pager", "syscall-filter")) {
		word := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "@"):
			name = word
		case strings.HasPrefix(line, " ") && name != "" && !strings.HasPrefix(word, "#"):
			sets[name] = append(sets[name], word)
		case word == "":
			name = ""
		}
	}
	if len(sets["@system-service"]) < 10 || len(sets["@privileged"]) < 10 {
		t.Fatalf("cannot read systemd's sets of system calls: %v", sets)
	}
	return sets
}
