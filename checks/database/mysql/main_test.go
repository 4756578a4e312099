package mysql

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/database/mysql/mysqltest"
)

// canary is the password of the monitoring user; it must appear nowhere.
const canary = "kanarienvogel-7f3a91"

func TestMain(m *testing.M) {
	code := m.Run()
	mysqltest.Cleanup()
	os.Exit(code)
}

// roleOf returns the n-th SQL block of the README: exactly what operators are
// told to run.
func roleOf(t testing.TB, n int) []string {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(b), "```sql\n")
	if len(blocks) <= n {
		t.Fatalf("the README has %d SQL blocks", len(blocks)-1)
	}
	block, _, _ := strings.Cut(blocks[n], "```")
	var out []string
	for statement := range strings.SplitSeq(block, ";\n") {
		if s := strings.TrimSpace(statement); s != "" {
			out = append(out, strings.ReplaceAll(s, "PASSWORD", canary))
		}
	}
	return out
}

// watched returns the instance of a server with the README's user.
func watchedBy(t testing.TB, s *mysqltest.Server) Instance {
	t.Helper()
	s.Exec(roleOf(t, 1)...)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return Instance{Name: "main", Host: "127.0.0.1", Port: s.Port, PasswordFile: file}.filled()
}

// hold keeps a check's connection as the Runner does, and ends it with the
// test.
func hold[C interface {
	Serve(ctx context.Context, wake func()) error
}](t testing.TB, c C) C {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); c.Serve(ctx, func() {}) }()
	t.Cleanup(func() { cancel(); <-done })
	return c
}

// look runs a check once.
func look(t testing.TB, c checks.Check) checks.Result {
	t.Helper()
	return checks.RunOnce(t.Context(), c, time.Now())
}

// value returns a sample that has the label values given.
func value(res checks.Result, metric string, labels ...string) (float64, bool) {
	for _, s := range res.Samples {
		if s.Desc.Name != metric {
			continue
		}
		if !slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(s.Values, l) }) {
			return s.Value, true
		}
	}
	return 0, false
}

// finding returns the finding of a code.
func finding(res checks.Result, code string) (checks.Finding, bool) {
	for _, f := range res.Findings {
		if f.Code == code {
			return f, true
		}
	}
	return checks.Finding{}, false
}

// wantFinding fails the test if there is no finding of a code and verdict.
func wantFinding(t *testing.T, res checks.Result, code string, verdict checks.Verdict) checks.Finding {
	t.Helper()
	f, ok := finding(res, code)
	if !ok || f.Verdict != verdict {
		t.Fatalf("no finding %s %s; error %q, findings %+v", code, verdict, res.Error, res.Findings)
	}
	return f
}

// until looks again and again until ok holds.
func until(t *testing.T, c checks.Check, what string, ok func(checks.Result) bool) checks.Result {
	t.Helper()
	var res checks.Result
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if res = look(t, c); ok(res) {
			return res
		}
	}
	t.Fatalf("never %s; error %q, findings %+v", what, res.Error, res.Findings)
	return res
}

// exhibit returns the evidence of a code, waiting for it to be there.
func exhibit(t *testing.T, c *check, code string) checks.Exhibit {
	t.Helper()
	var list []checks.Exhibit
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		list, err = c.Evidence(t.Context())
		for _, e := range list {
			if e.Code == code {
				return e
			}
		}
	}
	t.Fatalf("no exhibit %s: %v, %+v", code, err, list)
	return checks.Exhibit{}
}

// connections are how many the server has of processes outside of itself, by
// the kernel's own list.
func connections(t *testing.T, port string) int {
	t.Helper()
	out, err := exec.Command("ss", "-Htn", "state", "connected", "dport", "=", ":"+port).CombinedOutput()
	if err != nil {
		t.Fatalf("ss: %v\n%s", err, out)
	}
	return strings.Count(string(out), "\n")
}
