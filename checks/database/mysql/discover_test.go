package mysql

import (
	"errors"
	"testing"

	"xunjian/checks"
	"xunjian/checks/database/mysql/mysqltest"
)

// TestDiscovery finds a server by its socket and the log-in of the user that
// the tests run as, and stays with it.
func TestDiscovery(t *testing.T) {
	s := mysqltest.Start(t)
	f := hold(t, newFinder(nil, []string{"/nonexistent/s", s.Socket}, 1))
	res := look(t, f)
	wantFinding(t, res, "mysql.up", checks.OK)
	if v, ok := value(res, "xunjian_database_info", "mysql/local", s.Socket); !ok || v != 1 {
		t.Errorf("it does not say what it found: %v", v)
	}
	for _, configured := range [][]Instance{{{Name: "a", Host: s.Socket}}, {{Name: "a", Host: "127.0.0.1", Port: s.Port}}} {
		again := hold(t, newFinder(configured, []string{s.Socket}, s.Port))
		if err := again.Run(t.Context(), checks.NewOutput(0)); !errors.Is(err, checks.ErrNotApplicable) {
			t.Errorf("a server that is configured is found again: %v", err)
		}
	}
	s.Exec("ALTER USER root@localhost IDENTIFIED BY 'x'")
	locked := hold(t, newFinder(nil, []string{s.Socket}, 1))
	for range 2 {
		wantFinding(t, look(t, locked), "mysql.unwatched", checks.Attention)
	}
	s.Kill()
	wantFinding(t, look(t, f), "mysql.refused", checks.Abnormal)
	if res := look(t, hold(t, newFinder(nil, []string{"/nonexistent/s"}, 1))); res.Verdict != checks.NotApplicable {
		t.Errorf("nothing there comes to %s", res.Verdict)
	}
}

// BenchmarkRun is one look at an idle server.
func BenchmarkRun(b *testing.B) {
	s := mysqltest.Start(b)
	c := hold(b, newCheck(watchedBy(b, s)))
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Run(b.Context(), checks.NewOutput(0)); err != nil {
			b.Fatal(err)
		}
	}
}
