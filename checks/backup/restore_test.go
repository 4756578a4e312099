package backup_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/backup"
)

// workDir is a folder in which servers of the tests can live: short, and open
// to their users.
func workDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "xjt")
	must(t, 0, err)
	must(t, 0, os.Chmod(dir, 0o755))
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// tested waits for the first restore test of a set.
func tested(t *testing.T, s backup.Set, parts backup.Parts) (checks.Result, *watched) {
	t.Helper()
	s.RestoreTest.Every = 168 * time.Hour
	if s.RestoreTest.WorkDir == "" {
		s.RestoreTest.WorkDir = workDir(t)
	}
	w := watch(t, s, parts)
	res := w.wait("restore test", func(r checks.Result) bool {
		for _, f := range r.Findings {
			if strings.HasPrefix(f.Code, "backup.restore_") && f.Code != "backup.restore_waiting" {
				return true
			}
		}
		return false
	})
	w.conforms()
	left, _ := filepath.Glob(filepath.Join(s.RestoreTest.WorkDir, "xunjian-restore-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	return res, w
}

// TestRestorePostgres restores what pg_dump wrote into a server of its own, and
// counts what is there.
func TestRestorePostgres(t *testing.T) {
	pg := server(t, postgres)
	dir := t.TempDir()
	good := []backup.Query{{SQL: "SELECT count(*) FROM bid", Min: 3000, Max: 3000}, {SQL: "SELECT count(*) FROM project", Min: 50}}
	for _, name := range []string{"plain.sql", "cluster.sql", "custom.dump", "archive.tar", "folder"} {
		path := dumpPostgres(t, pg, dir, name)
		if name == "plain.sql" {
			path = compress(t, path, ".gz", "gzip")
		}
		settle(t, time.Hour, path)
		queries := []backup.Query{good[0], good[1]}
		if name == "cluster.sql" { // makes the database of its own
			queries[0].Database, queries[1].Database = "bids", "bids"
		}
		res, _ := tested(t, backup.Set{Kind: backup.PgDump, Paths: []string{path}, RestoreTest: backup.RestoreTest{Queries: queries}}, backup.Parts{})
		if got := said(res); got != "good ok, restore_good ok" {
			t.Errorf("%s: %s: %v", name, got, res.Findings)
			continue
		}
		if rows, tables := value(t, res, "restore_test_rows"), value(t, res, "restore_test_tables"); rows != 3050 || tables != 2 {
			t.Errorf("%s: %v rows in %v tables, want 3050 in 2", name, rows, tables)
		}
		if value(t, res, "restore_test_success") != 1 || value(t, res, "restore_test_duration_seconds") <= 0 {
			t.Errorf("%s: figures are %v", name, res.Samples)
		}
	}
}

// TestRestoreMariaDB does it with mariadb-dump.
func TestRestoreMariaDB(t *testing.T) {
	db := server(t, mariadb)
	dir := t.TempDir()
	for _, args := range [][]string{{"bids"}, {"--all-databases"}} {
		out, err := db.Run("mariadb-dump", append([]string{"--no-defaults", "--socket=" + db.Socket, "--user=root", "--routines"}, args...)...)
		path := compress(t, write(t, filepath.Join(dir, strings.Trim(args[0], "-")+".sql"), []byte(must(t, out, err))), ".zst", "zstd", "-q", "-c")
		settle(t, time.Hour, path)
		q := backup.Query{SQL: "SELECT COUNT(*) FROM bid", Min: 3000}
		if args[0] != "bids" {
			q.Database = "bids"
		}
		res, _ := tested(t, backup.Set{Kind: backup.MySQLDump, Paths: []string{path}, RestoreTest: backup.RestoreTest{Queries: []backup.Query{q}}}, backup.Parts{})
		if got := said(res); got != "good ok, restore_good ok" {
			t.Errorf("%v: %s: %v", args, got, res.Findings)
			continue
		}
		if rows := value(t, res, "restore_test_rows"); rows != 3050 {
			t.Errorf("%v: %v rows, want 3050", args, rows)
		}
	}
}

// TestRestoreFails: what is whole as a file and no good as a backup.
func TestRestoreFails(t *testing.T) {
	pg := server(t, postgres)
	dir := t.TempDir()
	plain := read(t, dumpPostgres(t, pg, dir, "plain.sql"))
	db := server(t, mariadb)
	out, err := db.Run("mariadb-dump", "--no-defaults", "--socket="+db.Socket, "--user=root", "bids")
	mysql := []byte(must(t, out, err))
	for _, tc := range []struct {
		name    string
		kind    backup.Kind
		content []byte
		test    backup.RestoreTest
		want    string
		success bool
	}{
		{"rows are missing", backup.PgDump, plain, backup.RestoreTest{Queries: []backup.Query{{SQL: "SELECT count(*) FROM bid", Min: 3001}}}, "restore_short abnormal", true},
		{"broken SQL", backup.PgDump, bytes.Replace(plain, []byte("CREATE TABLE public.bid"), []byte("CREATE TABEL public.bid"), 1), backup.RestoreTest{}, "restore_failed abnormal", true},
		{"broken SQL in MariaDB", backup.MySQLDump, bytes.Replace(mysql, []byte("CREATE TABLE `bid`"), []byte("CREATE TABEL `bid`"), 1), backup.RestoreTest{}, "restore_failed abnormal", true},
		{"no room", backup.PgDump, plain, backup.RestoreTest{WorkDir: smallDisk(t)}, "restore_no_space unknown", false},
		{"no programs", backup.PgDump, plain, backup.RestoreTest{User: "nosuchuser"}, "restore_error unknown", false},
	} {
		path := write(t, filepath.Join(dir, "x.sql"), tc.content)
		settle(t, time.Hour, path)
		res, _ := tested(t, backup.Set{Kind: tc.kind, Paths: []string{path}, RestoreTest: tc.test}, backup.Parts{})
		if got := said(res); got != "good ok, "+tc.want {
			t.Errorf("%s: %s, want %s: %v", tc.name, got, tc.want, res.Findings)
		}
		// What could not be tried is neither a success nor a failure.
		v, some := figure(res, "restore_test_success")
		if some != tc.success || v != 0 {
			t.Errorf("%s: success is %v, %v", tc.name, v, some)
		}
		if due := value(t, res, "restore_test_due_timestamp_seconds"); due > float64(time.Now().Add(time.Minute).Unix()) {
			t.Errorf("%s: a good test is wanted only in %v s", tc.name, due-float64(time.Now().Unix()))
		}
	}
}

// smallDisk is a filesystem of 2 MB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := workDir(t)
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m", "xunjian-test", dir).CombinedOutput(); err != nil {
		t.Fatalf("mount a small filesystem (the tests need root): %v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", dir).Run() })
	return dir
}

// TestRestoreIsRemembered: a restart does not forget the last test, and does not
// make another before it is due.
func TestRestoreIsRemembered(t *testing.T) {
	pg := server(t, postgres)
	path := dumpPostgres(t, pg, t.TempDir(), "custom.dump")
	settle(t, time.Hour, path)
	parts := backup.Parts{Dir: t.TempDir()}
	s := backup.Set{Kind: backup.PgDump, Paths: []string{path}, RestoreTest: backup.RestoreTest{WorkDir: workDir(t)}}
	first, _ := tested(t, s, parts)
	s.RestoreTest.Every = 168 * time.Hour
	begun := time.Now()
	again := watch(t, s, parts).run()
	if a, b := value(t, first, "restore_test_timestamp_seconds"), value(t, again, "restore_test_timestamp_seconds"); a != b {
		t.Errorf("the test of %v became one of %v", a, b)
	}
	if got := said(again); got != "good ok, restore_good ok" {
		t.Errorf("after a restart: %s", got)
	}
	if due := value(t, again, "restore_test_due_timestamp_seconds"); due < float64(begun.Add(167*time.Hour).Unix()) {
		t.Errorf("due at %v", due)
	}
}

// TestLeftovers: a test that was killed leaves a server and a folder, which the
// next start removes; one that still runs stays.
func TestLeftovers(t *testing.T) {
	dir := workDir(t)
	pg := server(t, postgres)
	path := dumpPostgres(t, pg, t.TempDir(), "plain.sql")
	settle(t, time.Hour, path)
	left := filepath.Join(dir, "xunjian-restore-bids-123456")
	must(t, 0, os.MkdirAll(filepath.Join(left, "data"), 0o700))
	write(t, filepath.Join(left, "owner.lock"), nil)
	stray := exec.Command("sleep", "600")
	stray.Dir = filepath.Join(left, "data")
	must(t, 0, stray.Start())
	foreign := filepath.Join(dir, "xunjian-restore-bids-other-77")
	must(t, 0, os.Mkdir(foreign, 0o700))
	write(t, filepath.Join(foreign, "owner.lock"), nil)

	s := backup.Set{Kind: backup.PgDump, Paths: []string{path}, RestoreTest: backup.RestoreTest{WorkDir: dir, Cron: "0 0 1 1 *"}}
	watch(t, s, backup.Parts{}).known()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(left); os.IsNotExist(err) {
			break
		}
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
	if err := stray.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("its process ended by %v, want killed", err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("that of another set is gone: %v", err)
	}
}

// TestStopInRestore: told to stop, it stops, and leaves nothing.
func TestStopInRestore(t *testing.T) {
	dir := workDir(t)
	pg := server(t, postgres)
	path := dumpPostgres(t, pg, t.TempDir(), "plain.sql")
	slow := append(bytes.Replace(read(t, path), []byte("SET statement_timeout = 0;"), []byte("SELECT pg_sleep(600);"), 1), '\n')
	write(t, path, slow)
	settle(t, time.Hour, path)
	cfg := config(backup.Set{Kind: backup.PgDump, Paths: []string{path}, RestoreTest: backup.RestoreTest{WorkDir: dir, Every: time.Hour}})
	check := backup.Checks(cfg, backup.Parts{Dir: t.TempDir()})[0]
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- check.(checks.Background).Serve(ctx, func() {}) }()
	sees := func() bool {
		list, _ := filepath.Glob(filepath.Join(dir, "xunjian-restore-bids-*", "data", "base", "16384"))
		return len(list) > 0
	}
	for end := time.Now().Add(time.Minute); !sees() && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
	}
	cancel()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("does not stop")
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
