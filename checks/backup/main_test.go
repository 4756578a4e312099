package backup_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/backup"
	"xunjian/checks/backup/backuptest"
	"xunjian/checks/checktest"
)

// The servers are started by the first test that wants one, and shared.
var (
	postgres = sync.OnceValues(backuptest.Postgres)
	mariadb  = sync.OnceValues(backuptest.MariaDB)
	started  []*backuptest.Server
)

func TestMain(m *testing.M) {
	code := m.Run()
	for _, s := range started {
		s.Stop()
	}
	os.Exit(code)
}

func server(t *testing.T, start func() (*backuptest.Server, error)) *backuptest.Server {
	t.Helper()
	s, err := start()
	if s != nil && !slices.Contains(started, s) {
		started = append(started, s)
	}
	if err != nil {
		t.Fatalf("start a real server (see .ci/packages): %v", err)
	}
	return s
}

func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func write(t *testing.T, path string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	return must(t, b, err)
}

// settle makes files look as if nobody had written to them for an hour.
func settle(t *testing.T, age time.Duration, paths ...string) {
	t.Helper()
	at := time.Now().Add(-age)
	for _, p := range paths {
		err := filepath.WalkDir(p, func(name string, d os.DirEntry, err error) error {
			if err != nil || d.Type()&os.ModeSymlink != 0 {
				return err
			}
			return os.Chtimes(name, at, at)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// config is that of one set.
func config(s backup.Set) backup.Config {
	cfg := backup.Default()
	cfg.ReadRate = 0
	if s.Name == "" {
		s.Name = "bids"
	}
	if s.Every == 0 {
		s.Every = 24 * time.Hour
	}
	cfg.Sets = []backup.Set{s}
	return cfg
}

// watched is a set whose background works, as in the agent.
type watched struct {
	t     *testing.T
	check checks.Check
	fresh func() checks.Check // another one that remembers the same
	woken chan struct{}
}

// watch makes the check of a set and lets it work until the test ends.
func watch(t *testing.T, s backup.Set, parts backup.Parts) *watched {
	t.Helper()
	cfg := config(s)
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	if parts.Dir == "" {
		parts.Dir = t.TempDir()
	}
	fresh := func() checks.Check { return backup.Checks(cfg, parts)[0] }
	w := &watched{t: t, check: fresh(), fresh: fresh, woken: make(chan struct{}, 1000)}
	w.serve(t)
	return w
}

func (w *watched) serve(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.check.(checks.Background).Serve(ctx, func() { w.woken <- struct{}{} }); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// run is one run of the check.
func (w *watched) run() checks.Result {
	return checks.RunOnce(context.Background(), w.check, time.Now())
}

// wait runs until something holds of the result.
func (w *watched) wait(what string, holds func(checks.Result) bool) checks.Result {
	w.t.Helper()
	var res checks.Result
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if res = w.run(); holds(res) {
			return res
		}
		select {
		case <-w.woken:
		case <-time.After(200 * time.Millisecond):
		}
	}
	w.t.Fatalf("%s: not within a minute; last: %s %s", what, res.Error, said(res))
	return res
}

// known runs until all that there is was read.
func (w *watched) known() checks.Result {
	w.t.Helper()
	return w.wait("all read", func(r checks.Result) bool {
		return !slices.ContainsFunc(r.Findings, func(f checks.Finding) bool { return strings.HasSuffix(f.Code, "pending") })
	})
}

// said is what a result comes to, without what is only told of restore tests
// to come.
func said(r checks.Result) string {
	var out []string
	for _, f := range r.Findings {
		if f.Code != "backup.restore_waiting" {
			out = append(out, strings.TrimPrefix(f.Code, "backup.")+" "+f.Verdict.String())
		}
	}
	return strings.Join(out, ", ")
}

// judged is what a set comes to once all is read.
func judged(t *testing.T, s backup.Set) checks.Result {
	t.Helper()
	w := watch(t, s, backup.Parts{})
	res := w.known()
	w.conforms()
	return res
}

// conforms holds what the set says now against what is asked of every check:
// above all that each finding has its text.
func (w *watched) conforms() {
	w.t.Helper()
	for _, fault := range checktest.Faults(context.Background(), w.fresh) {
		w.t.Error(fault)
	}
}

// value is a figure of a result.
func value(t *testing.T, r checks.Result, name string) float64 {
	t.Helper()
	v, ok := figure(r, name)
	if !ok {
		t.Fatalf("no %s in %s", name, said(r))
	}
	return v
}

func figure(r checks.Result, name string) (float64, bool) {
	for _, s := range r.Samples {
		if s.Desc.Name == "xunjian_backup_"+name {
			return s.Value, true
		}
	}
	return 0, false
}

func finding(t *testing.T, r checks.Result, code string) checks.Finding {
	t.Helper()
	for _, f := range r.Findings {
		if f.Code == code {
			return f
		}
	}
	t.Fatalf("no %s in %s", code, said(r))
	return checks.Finding{}
}
