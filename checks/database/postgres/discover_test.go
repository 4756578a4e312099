package postgres

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/database/postgres/pgtest"
)

func verdicts(r checks.Result) map[string]checks.Verdict {
	out := map[string]checks.Verdict{}
	for _, f := range r.Findings {
		out[f.Code] = f.Verdict
	}
	return out
}

// TestDiscovers: nothing is there; then a server that trusts its own machine;
// then it ends, which does not make it unknown; and one that lets nobody in.
func TestDiscovers(t *testing.T) {
	nothing := discoverIn([]string{t.TempDir()}, []string{"127.0.0.1:1"}, nil)
	if r := checks.RunOnce(t.Context(), nothing, time.Now()); r.Verdict != checks.NotApplicable {
		t.Errorf("where nothing is: %s %+v", r.Verdict, r.Findings)
	}
	s := pgtest.Start(t, pgtest.Options{})
	tcp := "127.0.0.1:" + strconv.Itoa(s.Port)
	f := discoverIn([]string{s.Dir}, []string{tcp}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = f.Serve(ctx, nil); close(ended) }()
	defer func() { cancel(); <-ended }()

	r := checks.RunOnce(t.Context(), f, time.Now())
	if r.Verdict != checks.OK || verdicts(r)["postgres.up"] != checks.OK {
		t.Fatalf("%s %s %+v", r.Verdict, r.Error, r.Findings)
	}
	if list := f.expected(); len(list) != 1 || list[0].address != s.Dir+":"+strconv.Itoa(s.Port) || list[0].User != "postgres" {
		t.Errorf("found %+v", list)
	}
	if _, err := f.Evidence(t.Context()); err != nil {
		t.Error(err)
	}
	s.Stop()
	r = checks.RunOnce(t.Context(), f, time.Now())
	if r.Verdict != checks.Abnormal || verdicts(r)["postgres.down"] != checks.Abnormal {
		t.Errorf("after its end: %s %+v", r.Verdict, r.Findings)
	}

	// By TCP a password is wanted: it is there, and not looked at.
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	locked := discoverIn([]string{t.TempDir()}, []string{tcp}, nil)
	for range 3 {
		r = checks.RunOnce(t.Context(), locked, time.Now())
		if r.Verdict != checks.Attention || verdicts(r)["postgres.unwatched"] != checks.Attention {
			t.Errorf("a server that lets nobody in: %s %+v", r.Verdict, r.Findings)
		}
	}
	b, err := os.ReadFile(s.Log())
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), "role \"xunjian\"") + strings.Count(string(b), "user \"xunjian\""); n > 4 {
		t.Errorf("three looks left %d lines in its log:\n%s", n, b)
	}
	// What is configured is not found a second time.
	own := discoverIn([]string{s.Dir}, []string{tcp}, []Instance{{Name: "x", Host: "127.0.0.1", Port: s.Port}})
	if err := own.Run(t.Context(), checks.NewOutput(0)); !errors.Is(err, checks.ErrNotApplicable) {
		t.Errorf("beside the configured one: %v", err)
	}
}

// TestNoSocketOfOurs: a plain file named like a socket is none.
func TestNoSocketOfOurs(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".s.PGSQL.5432", ".s.PGSQL.5432.lock", ".s.PGSQL.x"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := discoverIn([]string{dir}, nil, nil).places(); len(got) != 0 {
		t.Errorf("found %v", got)
	}
}
