package backup_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"xunjian/checks/backup"
	"xunjian/checks/backup/backuptest"
)

// archived makes a real server fill its archive over a change of timeline, and
// returns a copy of the archive. The server is one of its own: others make
// backups of the shared one.
func archived(t *testing.T) string {
	t.Helper()
	pg, err := backuptest.Postgres()
	if pg != nil {
		t.Cleanup(pg.Stop)
	}
	must(t, 0, err)
	fill := func(n int) {
		for range n {
			_, err := pg.SQL("bids", "INSERT INTO bid SELECT coalesce(max(id), 0) + 1, 1 FROM bid", "SELECT pg_switch_wal()")
			must(t, 0, err)
		}
		_, err := pg.SQL("bids", "CHECKPOINT")
		must(t, 0, err)
	}
	fill(4)
	// Recovery to its own end begins a new timeline.
	pg.Halt(syscall.SIGINT)
	write(t, filepath.Join(pg.Data, "recovery.signal"), nil)
	conf := filepath.Join(pg.Data, "postgresql.auto.conf")
	write(t, conf, []byte(string(read(t, conf))+"\nrestore_command = 'cp "+pg.Archive+"/%f %p'\n"))
	must(t, 0, pg.StartPostgres())
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if out, err := pg.SQL("postgres", "SELECT pg_is_in_recovery()"); err == nil && strings.TrimSpace(out) == "f" {
			break
		}
	}
	fill(4)
	dir := t.TempDir()
	done := func() bool {
		out, err := pg.SQL("postgres", "SELECT last_archived_wal FROM pg_stat_archiver", "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'")
		return err == nil && strings.HasSuffix(strings.TrimSpace(out), "\n0")
	}
	for end := time.Now().Add(time.Minute); !done() && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
	}
	pg.Halt(syscall.SIGINT)
	list, err := os.ReadDir(pg.Archive)
	must(t, 0, err)
	for _, e := range list {
		write(t, filepath.Join(dir, e.Name()), read(t, filepath.Join(pg.Archive, e.Name())))
	}
	return dir
}

// TestWALArchive holds the archive of a real server, whole and damaged, against
// what is told of it.
func TestWALArchive(t *testing.T) {
	made := archived(t)
	segments, _ := filepath.Glob(filepath.Join(made, "????????????????????????"))
	histories, _ := filepath.Glob(filepath.Join(made, "*.history"))
	if len(segments) < 7 || len(histories) != 1 {
		t.Fatalf("the server archived %d segments and %d histories", len(segments), len(histories))
	}
	name := func(i int) string { return filepath.Base(segments[i]) }
	last := len(segments) - 1
	for _, tc := range []struct {
		name   string
		damage func(dir string)
		want   string
	}{
		{"whole", func(string) {}, "good ok, wal_whole ok"},
		{"pruned at its begin", func(dir string) { os.Remove(filepath.Join(dir, name(0))); os.Remove(filepath.Join(dir, name(1))) }, "good ok, wal_whole ok"},
		{"a segment missing before the change", func(dir string) { os.Remove(filepath.Join(dir, name(1))) }, "good ok, wal_gap abnormal"},
		{"a segment missing after it", func(dir string) { os.Remove(filepath.Join(dir, name(last-1))) }, "good ok, wal_gap abnormal"},
		{"no history", func(dir string) { os.Remove(filepath.Join(dir, filepath.Base(histories[0]))) }, "good ok, wal_no_history unknown, wal_whole ok"},
		{"the last one half", func(dir string) { must(t, 0, os.Truncate(filepath.Join(dir, name(last)), 8<<20)) }, "cut abnormal, wal_whole ok"},
		{"the last one under a wrong name", func(dir string) {
			write(t, filepath.Join(dir, name(last)), read(t, filepath.Join(dir, name(last-1))))
		}, "wrong_segment abnormal, wal_whole ok"},
		{"the last one is something else", func(dir string) { write(t, filepath.Join(dir, name(last)), make([]byte, 16<<20)) }, "format abnormal, wal_whole ok"},
		{"nothing", func(dir string) { os.RemoveAll(dir) }, "missing abnormal"},
	} {
		dir := filepath.Join(t.TempDir(), "wal")
		must(t, 0, os.Mkdir(dir, 0o755))
		for _, p := range append(segments, histories...) {
			must(t, 0, os.Link(p, filepath.Join(dir, filepath.Base(p))))
		}
		for i := range segments { // own inodes for what is damaged
			to := filepath.Join(dir, name(i))
			if i >= last-1 {
				os.Remove(to)
				write(t, to, read(t, segments[i]))
			}
			must(t, 0, os.Chtimes(to, time.Now(), time.Now().Add(-time.Hour+time.Duration(i)*time.Second)))
		}
		tc.damage(dir)
		if _, err := os.Stat(dir); err == nil {
			at := time.Now().Add(-30 * time.Minute)
			os.Chtimes(filepath.Join(dir, name(last)), at, at)
		}
		res := judged(t, backup.Set{Kind: backup.WAL, Paths: []string{dir + "/*"}, Every: 2 * time.Hour})
		want(t, tc.name, res, tc.want)
		if strings.Contains(tc.want, "gap") && value(t, res, "wal_missing_segments") != 1 {
			t.Errorf("%s: %v missing", tc.name, value(t, res, "wal_missing_segments"))
		}
	}
	// Compressed by the archive command, and with what pg_receivewal leaves.
	dir := t.TempDir()
	for i, p := range segments {
		to := compress(t, write(t, filepath.Join(dir, name(i)), read(t, p)), ".gz", "gzip", "-1")
		os.Remove(strings.TrimSuffix(to, ".gz"))
		settle(t, time.Hour-time.Duration(i)*time.Second, to)
	}
	partial := write(t, filepath.Join(dir, fmt.Sprint(name(last)[:8], "0000000000000063.partial")), make([]byte, 100))
	history := write(t, filepath.Join(dir, filepath.Base(histories[0])), read(t, histories[0]))
	settle(t, time.Hour, partial, history)
	res := judged(t, backup.Set{Kind: backup.WAL, Paths: []string{dir + "/*"}, Every: 2 * time.Hour})
	want(t, "compressed", res, "good ok, wal_whole ok")
	if f := finding(t, res, "backup.wal_whole"); f.Args["partial"] != 1 {
		t.Errorf("partial segments: %v", f.Args)
	}
}
