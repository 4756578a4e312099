package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/alerting/plan"
	"xunjian/alerting/text"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"xunjian": main})
}

// TestScripts runs the program as people do: each script has a folder, an
// agent and a HOME of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("XUNJIAN_DATA", env.WorkDir+"/data")
			env.Setenv("LC_ALL", "C")
			env.Setenv("TZ", "Asia/Shanghai")
			return os.WriteFile(env.WorkDir+"/plan.yaml", plan.DefaultYAML, 0o600)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"agent": waitForAgent, "opening": writeOpening, "keys": haveKeys, "status": exitStatus, "incident": firstIncident,
		},
	})
}

// waitForAgent waits until the agent that was started before answers.
func waitForAgent(ts *testscript.TestScript, _ bool, _ []string) {
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		if ts.Exec("xunjian", "status") == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("no agent answers")
}

// writeOpening writes a calendar with an opening in half an hour.
func writeOpening(ts *testscript.TestScript, _ bool, args []string) {
	start := time.Now().Add(30 * time.Minute)
	body := fmt.Sprintf("events:\n  - {id: o1, title: 示例项目开标, kind: opening, start: %q, end: %q, systems: [portal]}\n",
		start.Format(time.RFC3339), start.Add(time.Hour).Format(time.RFC3339))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(body), 0o600))
}

// haveKeys holds that standard output is JSON, and that the first object in it
// has these keys: "keys list.key key…", list being "" for the object itself.
func haveKeys(ts *testscript.TestScript, _ bool, args []string) {
	var v map[string]any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &v); err != nil {
		ts.Fatalf("no JSON: %v", err)
	}
	if args[0] != "." {
		list, _ := v[args[0]].([]any)
		if len(list) == 0 {
			ts.Fatalf("%q is empty or not there; there are %v", args[0], slices.Sorted(maps.Keys(v)))
		}
		v, _ = list[0].(map[string]any)
	}
	for _, key := range args[1:] {
		if _, ok := v[key]; !ok {
			ts.Fatalf("no key %q; there are %v", key, slices.Sorted(maps.Keys(v)))
		}
	}
}

// exitStatus runs the program and compares its exit status: "status 2 config
// check bad.yaml".
func exitStatus(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("xunjian", args[1:]...)
	got := "0"
	if e, ok := err.(interface{ ExitCode() int }); ok {
		got = fmt.Sprint(e.ExitCode())
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

// firstIncident puts the id of the newest incident into $ID.
func firstIncident(ts *testscript.TestScript, _ bool, _ []string) {
	if err := ts.Exec("xunjian", "incidents", "list", "--output", "json"); err != nil {
		ts.Fatalf("%v", err)
	}
	var list api.IncidentList
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &list); err != nil || len(list.Incidents) == 0 {
		ts.Fatalf("no incident: %v", err)
	}
	ts.Setenv("ID", list.Incidents[0].ID)
}

// Every command and flag has its help in both languages, in words of its own.
func TestEveryCommandIsExplained(t *testing.T) {
	helps := map[string]map[string]string{}
	for _, lang := range []string{text.ZH, text.EN} {
		c, err := newCLI([]string{"--lang", lang}, strings.NewReader(""), os.Stdout, os.Stderr, func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		helps[lang] = map[string]string{}
		walk(c.tree(), func(cmd *cobra.Command) {
			path := cmd.CommandPath()
			helps[lang][path] = cmd.Short + cmd.Long
			if cmd.Short == "" && cmd.Long == "" || strings.Contains(cmd.Short, "cli.") {
				t.Errorf("%s in %s: %q", path, lang, cmd.Short)
			}
			for _, line := range strings.Split(cmd.LocalFlags().FlagUsages(), "\n") {
				if strings.Contains(line, "cli.") {
					t.Errorf("%s in %s: flag %q", path, lang, line)
				}
			}
		})
	}
	for path, zh := range helps[text.ZH] {
		if helps[text.EN][path] == zh {
			t.Errorf("%s says %q in both languages", path, zh)
		}
	}
	if len(helps[text.ZH]) < 40 {
		t.Errorf("only %d commands", len(helps[text.ZH]))
	}
}

func walk(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, sub := range cmd.Commands() {
		if sub.Name() != "help" && !sub.Hidden {
			walk(sub, f)
		}
	}
}

// A moment on the command line is absolute, or counts back from now.
func TestWhen(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"90m": now.Add(-90 * time.Minute), "7d": now.AddDate(0, 0, -7), "2026-03-01": time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		"2026-03-01 15:04": time.Date(2026, 3, 1, 15, 4, 0, 0, time.UTC), "2026-03-01T15:04:05Z": time.Date(2026, 3, 1, 15, 4, 5, 0, time.UTC),
	} {
		if got, err := parseWhen(in, now, time.UTC); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "yesterday", "15:04", "2026-13-01"} {
		if got, err := parseWhen(in, now, time.UTC); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
	if got, err := restoredAt("90m", now); err != nil || !got.Equal(now.Add(90*time.Minute)) {
		t.Errorf("an estimate of 90m: %v %v", got, err)
	}
}
