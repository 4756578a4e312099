package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"xunjian/agent/api"
	"xunjian/alerting/plan"
)

// TestScripts runs the program as people do, built as they get it: each script
// has a folder, an agent and a HOME of its own.
func TestScripts(t *testing.T) {
	bin := t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-o", bin, "xunjian/cmd/xunjian")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	keys, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("XUNJIAN_DATA", env.WorkDir+"/data")
			env.Setenv("HOME", env.WorkDir+"/home")
			env.Setenv("LC_ALL", "C")
			env.Setenv("TZ", "Asia/Shanghai")
			env.Setenv("KEYS", keys+"/testdata/keys")
			return os.WriteFile(env.WorkDir+"/plan.yaml", plan.DefaultYAML, 0o600)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"agent": waitForAgent, "opening": writeOpening, "await": await, "status": exitStatus, "keys": sameKeys, "incident": firstIncident,
			"inspect": inspectAll, "capture": capture, "get": get, "damage": damage,
		},
	})
}

// patience is how long a script waits for what must come.
const patience = 45 * time.Second

// waitForAgent waits until the agent that was started before answers.
func waitForAgent(ts *testscript.TestScript, _ bool, _ []string) {
	await(ts, false, []string{".", "status"})
}

// await runs the program until it succeeds and its output matches: "await
// PATTERN ARGUMENTS".
func await(ts *testscript.TestScript, _ bool, args []string) {
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if ts.Exec("xunjian", args[1:]...) == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("xunjian %s never says %q:\n%s%s", strings.Join(args[1:], " "), args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
}

// exitStatus runs the program and compares its exit status: "status 2 config
// check bad.yaml".
func exitStatus(ts *testscript.TestScript, _ bool, args []string) {
	if got := statusOf(ts, args[1:]); got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

func statusOf(ts *testscript.TestScript, args []string) string {
	err := ts.Exec("xunjian", args...)
	if err == nil {
		return "0"
	}
	e, ok := err.(interface{ ExitCode() int })
	if !ok {
		ts.Fatalf("run xunjian: %v", err)
	}
	return fmt.Sprint(e.ExitCode())
}

// firstIncident puts the id of the newest incident into $ID.
func firstIncident(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(ts.Exec("xunjian", "incidents", "list", "--output", "json"))
	var list api.IncidentList
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &list))
	if len(list.Incidents) == 0 {
		ts.Fatalf("no incident")
	}
	ts.Setenv("ID", list.Incidents[0].ID)
}

// inspectAll looks once with every check: the exit status must be that of the
// worst verdict. It writes a configuration that turns all these checks off, so
// that what follows does not depend on this machine: "inspect quiet.yaml".
func inspectAll(ts *testscript.TestScript, _ bool, args []string) {
	status := statusOf(ts, []string{"inspect", "--output", "json"})
	var in api.Inspection
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &in))
	want := map[string]string{"ok": "0", "attention": "1", "abnormal": "2", "unknown": "3"}[in.Worst]
	if status != want {
		ts.Fatalf("exit status %s, but the worst verdict is %s", status, in.Worst)
	}
	var names []string
	for _, k := range in.Checks {
		names = append(names, k.Name)
	}
	slices.Sort(names)
	if len(names) < 10 || len(slices.Compact(names)) != len(in.Checks) {
		ts.Fatalf("checks %v", names)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte("checks:\n  disable: ["+strings.Join(names, ", ")+"]\n"), 0o600))
}

// capture puts what a pattern's group matches in the output into a variable:
// "capture NAME PATTERN".
func capture(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) != 2 {
		ts.Fatalf("%q is not in %q", args[1], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], found[1])
}

// damage turns one bit in the middle of each file of kept lines in a folder.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*.xjl"))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("no lines are kept in %s", args[0])
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		ts.Check(err)
		data[len(data)/2] ^= 1
		ts.Check(os.WriteFile(name, data, 0o640))
	}
}

// get asks an HTTP server, with a token if one is given: "get STATUS URL
// [TOKEN]".
func get(ts *testscript.TestScript, _ bool, args []string) {
	req, err := http.NewRequest(http.MethodGet, args[1], nil)
	ts.Check(err)
	if len(args) > 2 {
		req.Header.Set("Authorization", "Bearer "+args[2])
	}
	client := &http.Client{Timeout: patience}
	// A page of metrics is not available before the first round of checks.
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		resp, err := client.Do(req)
		ts.Check(err)
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		switch early := resp.StatusCode == http.StatusServiceUnavailable && time.Now().Before(deadline); {
		case fmt.Sprint(resp.StatusCode) == args[0]:
			return
		case !early:
			ts.Fatalf("%s answers %s, want %s", args[1], resp.Status, args[0])
		}
	}
}

// writeOpening writes a calendar with an opening in half an hour.
func writeOpening(ts *testscript.TestScript, _ bool, args []string) {
	start := time.Now().Add(30 * time.Minute)
	body := fmt.Sprintf("events:\n  - {id: o1, title: 示例项目开标, kind: opening, start: %q, end: %q, systems: [portal]}\n",
		start.Format(time.RFC3339), start.Add(time.Hour).Format(time.RFC3339))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(body), 0o600))
}
