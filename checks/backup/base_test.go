package backup_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xunjian/checks/backup"
	"xunjian/checks/backup/backuptest"
)

// baseBackup makes one with the real program.
func baseBackup(t *testing.T, pg *backuptest.Server, args ...string) string {
	t.Helper()
	made := filepath.Join(pg.Dir, fmt.Sprintf("base-%d", time.Now().UnixNano()))
	_, err := pg.Run("pg_basebackup", append([]string{"-h", pg.Dir, "-U", "postgres", "-c", "fast", "--no-sync", "-D", made}, args...)...)
	must(t, 0, err)
	to := filepath.Join(t.TempDir(), "base")
	must(t, 0, os.Rename(made, to))
	return to
}

// TestBaseBackups: what pg_basebackup writes is whole; each damage is found. For
// plain ones pg_verifybackup has to say the same.
func TestBaseBackups(t *testing.T) {
	pg := server(t, postgres)
	relation, err := pg.SQL("bids", "SELECT pg_relation_filepath('bid')")
	must(t, 0, err)
	table := strings.TrimSpace(relation)
	made := map[string]string{}
	for _, tc := range []struct {
		name   string
		args   []string
		damage func(dir string)
		want   string
	}{
		{"plain", nil, nil, "good ok"},
		{"plain, sums by SHA-256", []string{"--manifest-checksums=SHA256"}, nil, "good ok"},
		{"plain, no sums", []string{"--manifest-checksums=NONE"}, nil, "good ok"},
		{"tar", []string{"-Ft"}, nil, "good ok"},
		{"tar, gzip", []string{"-Ft", "-z"}, nil, "good ok"},
		{"tar, zstd by the server", []string{"-Ft", "--compress=server-zstd"}, nil, "good ok"},
		{"without log", []string{"-X", "none"}, nil, "good ok"},
		{"a table flipped", nil, func(dir string) {
			b := read(t, filepath.Join(dir, table))
			write(t, filepath.Join(dir, table), flip(b, len(b)/2))
		}, "checksum abnormal"},
		{"a table missing", nil, func(dir string) { os.Remove(filepath.Join(dir, table)) }, "member abnormal"},
		{"a table cut off", nil, func(dir string) { must(t, 0, os.Truncate(filepath.Join(dir, table), 8192)) }, "member abnormal"},
		{"a file too many", nil, func(dir string) { write(t, filepath.Join(dir, "base", "evil"), nil) }, "member abnormal"},
		{"broken off before the manifest", nil, func(dir string) { os.Remove(filepath.Join(dir, "backup_manifest")) }, "unfinished abnormal"},
		{"the manifest changed", nil, func(dir string) {
			m := filepath.Join(dir, "backup_manifest")
			write(t, m, bytes.Replace(read(t, m), []byte(`"Size": 8192`), []byte(`"Size": 8193`), 1))
		}, "checksum abnormal"},
		{"the manifest cut off", nil, func(dir string) { must(t, 0, os.Truncate(filepath.Join(dir, "backup_manifest"), 2000)) }, "cut abnormal"},
		{"its log missing", nil, func(dir string) {
			list, _ := filepath.Glob(filepath.Join(dir, "pg_wal", "0*"))
			must(t, 0, os.Rename(list[0], filepath.Join(dir, "pg_wal", "0000000100000000000000FE")))
		}, "member abnormal"},
		{"tar cut off", []string{"-Ft"}, func(dir string) { must(t, 0, os.Truncate(filepath.Join(dir, "base.tar"), 2<<20)) }, "cut abnormal"},
		{"tar, gzip, flipped", []string{"-Ft", "-z"}, func(dir string) {
			b := read(t, filepath.Join(dir, "base.tar.gz"))
			write(t, filepath.Join(dir, "base.tar.gz"), flip(b, len(b)/2))
		}, ""},
		{"tar is missing", []string{"-Ft"}, func(dir string) { os.Remove(filepath.Join(dir, "base.tar")) }, "member abnormal"},
	} {
		kind := strings.Join(tc.args, " ")
		if made[kind] == "" {
			made[kind] = baseBackup(t, pg, tc.args...)
		}
		dir := filepath.Join(t.TempDir(), "base")
		if out, err := exec.Command("cp", "-a", made[kind], dir).CombinedOutput(); err != nil {
			t.Fatalf("copy a base backup: %v: %s", err, out)
		}
		if tc.damage != nil {
			tc.damage(dir)
		}
		settle(t, time.Hour, dir)
		res := judged(t, backup.Set{Kind: backup.PgBasebackup, Paths: []string{dir}})
		got := said(res)
		if tc.want != "" && got != tc.want || tc.want == "" && !strings.Contains(got, "abnormal") {
			t.Errorf("%s: %s, want %s: %v", tc.name, got, tc.want, res.Findings)
		}
		if _, err := os.Stat(filepath.Join(dir, "PG_VERSION")); err == nil {
			verify := append([]string{dir}, map[bool][]string{true: {"--no-parse-wal"}}[strings.HasPrefix(tc.name, "without")]...)
			out, err := exec.Command("/usr/lib/postgresql/15/bin/pg_verifybackup", verify...).CombinedOutput()
			if (err == nil) != (got == "good ok") {
				t.Errorf("%s: we say %s, pg_verifybackup %v: %s", tc.name, got, err, out)
			}
		}
		os.RemoveAll(dir)
	}
}
