package postgres_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/database/postgres"
	"xunjian/checks/database/postgres/pgtest"
)

// canary is the password of the role, which must be seen nowhere.
const canary = "canary-7f3e-open-sesame"

// pair is one primary and its standby for all tests of the package.
type pair struct {
	primary, standby *pgtest.Server
	password         string // file
	dir              string
}

var shared = sync.OnceValues(func() (*pair, error) {
	dir, err := os.MkdirTemp("/tmp", "pgpair-")
	if err != nil {
		return nil, err
	}
	p := &pair{dir: dir, password: filepath.Join(dir, "password")}
	if err := os.WriteFile(p.password, []byte(canary+"\n"), 0o600); err != nil {
		return p, err
	}
	// The archive fails while a file of this name is there.
	if err := os.Chmod(dir, 0o755); err != nil {
		return p, err
	}
	p.primary, err = pgtest.New(pgtest.Options{Settings: []string{
		"shared_preload_libraries = 'pg_stat_statements'", "archive_mode = on", "archive_command = 'test ! -e " + p.archiveFails() + "'", "wal_sender_timeout = 2s",
		"wal_receiver_timeout = 2s", "deadlock_timeout = 200ms",
	}})
	if err != nil {
		return p, err
	}
	if err := p.primary.Do(append(roleSQL(), "ALTER ROLE xunjian PASSWORD '"+canary+"'", "CREATE DATABASE bidding", "CREATE EXTENSION pg_stat_statements")...); err != nil {
		return p, err
	}
	p.standby, err = pgtest.New(pgtest.Options{Of: p.primary, Settings: []string{"wal_receiver_timeout = 2s", "wal_retrieve_retry_interval = 200ms"}})
	return p, err
})

func (p *pair) archiveFails() string { return filepath.Join(p.dir, "archive-fails") }

func TestMain(m *testing.M) {
	code := m.Run()
	if p, _ := shared(); p != nil {
		for _, s := range []*pgtest.Server{p.standby, p.primary} {
			if s != nil {
				s.Remove()
			}
		}
		os.RemoveAll(p.dir)
	}
	os.Exit(code)
}

func servers(t testing.TB) *pair {
	t.Helper()
	p, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// roleSQL is what the README tells people to do.
func roleSQL() []string {
	b, err := os.ReadFile("../README.md")
	if err != nil {
		panic(err)
	}
	block := regexp.MustCompile("(?s)```sql\n(.*?CREATE ROLE xunjian.*?)```").FindSubmatch(b)
	var out []string
	for line := range strings.Lines(string(block[1])) {
		out = append(out, strings.TrimSpace(line))
	}
	return out
}

// instance is a server as an operator configures it: by TCP with a password.
func (p *pair) instance(s *pgtest.Server) postgres.Instance {
	return postgres.Instance{Name: "main", System: "portal", Host: "127.0.0.1", Port: s.Port, PasswordFile: p.password}
}

// one returns the check of one instance, held like the Runner holds it.
func one(t testing.TB, i postgres.Instance) checks.Check {
	t.Helper()
	c := postgres.Checks([]postgres.Instance{i})[0]
	hold(t, c)
	return c
}

func hold(t testing.TB, c checks.Check) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = c.(checks.Background).Serve(ctx, func() {}); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
}

func run(c checks.Check) checks.Result { return checks.RunOnce(context.Background(), c, time.Now()) }

// within runs c until what it yields is as wanted.
func within(t testing.TB, c checks.Check, what string, want func(checks.Result) bool) checks.Result {
	t.Helper()
	var r checks.Result
	for deadline := time.Now().Add(45 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if r = run(c); want(r) {
			return r
		}
	}
	t.Fatalf("%s does not come; last: %s %s %+v", what, r.Verdict, r.Error, r.Findings)
	return r
}

func has(r checks.Result, code string) bool {
	return slices.ContainsFunc(r.Findings, func(f checks.Finding) bool { return f.Code == code })
}

func finding(t testing.TB, r checks.Result, code string, v checks.Verdict) checks.Finding {
	t.Helper()
	at := slices.IndexFunc(r.Findings, func(f checks.Finding) bool { return f.Code == code })
	if at < 0 {
		t.Fatalf("no finding %s: %s %s %+v", code, r.Verdict, r.Error, r.Findings)
	}
	if f := r.Findings[at]; f.Verdict != v {
		t.Errorf("%s is %s, want %s", code, f.Verdict, v)
	}
	return r.Findings[at]
}

// value is the sum of the samples of a family whose labels hold all of the
// values wanted; -1 if there is none.
func value(r checks.Result, name string, want ...string) float64 {
	sum, any := 0.0, false
	for _, s := range r.Samples {
		if s.Desc.Name != name || slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(s.Values, w) }) {
			continue
		}
		sum, any = sum+s.Value, true
	}
	if !any {
		return -1
	}
	return sum
}

func evidence(t testing.TB, c checks.Check) map[string]checks.Exhibit {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	list, err := c.(checks.Witness).Evidence(ctx)
	if err != nil {
		t.Errorf("evidence: %v", err)
	}
	out := map[string]checks.Exhibit{}
	for _, e := range list {
		out[e.Code] = e
	}
	if strings.Contains(fmt.Sprintf("%+v", list), canary) {
		t.Errorf("the evidence holds the password: %+v", list)
	}
	return out
}

func sprint(v any) string { return fmt.Sprintf("%+v", v) }

func hex4(n int) string { return fmt.Sprintf("%04x", n) }
