package backup_test

import (
	"bytes"
	"crypto/sha256"
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

// pgDumps are the ways in which a real pg_dump writes, by file name.
var pgDumps = map[string][]string{
	"plain.sql":    {"pg_dump", "bids"},
	"create.sql":   {"pg_dump", "-C", "bids"},
	"cluster.sql":  {"pg_dumpall"},
	"custom.dump":  {"pg_dump", "-Fc", "bids"},
	"loose.dump":   {"pg_dump", "-Fc", "-Z0", "bids"},
	"archive.tar":  {"pg_dump", "-Ft", "bids"},
	"folder":       {"pg_dump", "-Fd", "bids"},
	"loose-folder": {"pg_dump", "-Fd", "-Z0", "bids"},
}

// dumpPostgres writes one dump with the real program and returns where it is.
func dumpPostgres(t *testing.T, pg *backuptest.Server, dir, name string) string {
	t.Helper()
	args := append([]string{pgDumps[name][0], "-h", pg.Dir, "-U", "postgres"}, pgDumps[name][1:]...)
	to := filepath.Join(dir, name)
	if strings.Contains(name, "folder") {
		made := filepath.Join(pg.Dir, fmt.Sprintf("%s-%d", name, time.Now().UnixNano()))
		_, err := pg.Run(args[0], append(args[1:], "-f", made)...)
		must(t, 0, err)
		must(t, 0, os.Rename(made, to))
		return to
	}
	out, err := pg.Run(args[0], args[1:]...)
	return write(t, to, []byte(must(t, out, err)))
}

func compress(t *testing.T, path, ending, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdin = bytes.NewReader(read(t, path))
	out, err := cmd.Output()
	return write(t, path+ending, must(t, out, err))
}

// TestGoodPostgresDumps: whatever pg_dump writes is whole, compressed or not.
func TestGoodPostgresDumps(t *testing.T) {
	pg := server(t, postgres)
	dir := t.TempDir()
	for name := range pgDumps {
		path := dumpPostgres(t, pg, dir, name)
		settle(t, time.Hour, path)
		res := judged(t, backup.Set{Kind: backup.PgDump, Paths: []string{path}})
		if got := said(res); got != "good ok" {
			t.Errorf("%s: %s: %v", name, got, res.Findings)
		}
	}
	for _, c := range [][]string{{".gz", "gzip"}, {".zst", "zstd", "-q", "-c"}, {".xz", "xz", "-1"}, {".bz2", "bzip2"}, {".lz4", "lz4", "-q", "-c"}} {
		for _, of := range []string{"plain.sql", "custom.dump"} {
			path := compress(t, filepath.Join(dir, of), c[0], c[1], c[2:]...)
			settle(t, time.Hour, path)
			res := judged(t, backup.Set{Kind: backup.PgDump, Paths: []string{path}})
			if got := said(res); got != "good ok" {
				t.Errorf("%s%s: %s: %v", of, c[0], got, res.Findings)
			}
		}
	}
}

// flip changes one byte.
func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0x10
	return b
}

// TestDamagedPostgresDumps: each damage to a real dump is found.
func TestDamagedPostgresDumps(t *testing.T) {
	pg := server(t, postgres)
	dir := t.TempDir()
	made := map[string][]byte{}
	for name := range pgDumps {
		if path := dumpPostgres(t, pg, dir, name); !strings.Contains(name, "folder") {
			made[name] = read(t, path)
		}
	}
	made["plain.sql.gz"] = read(t, compress(t, filepath.Join(dir, "plain.sql"), ".gz", "gzip"))
	made["plain.sql.zst"] = read(t, compress(t, filepath.Join(dir, "plain.sql"), ".zst", "zstd", "-q", "-c"))
	plain, custom, loose, tar := made["plain.sql"], made["custom.dump"], made["loose.dump"], made["archive.tar"]
	gz := made["plain.sql.gz"]
	for _, tc := range []struct {
		name, file string
		content    []byte
		want       string
	}{
		{"plain without its end", "a.sql", plain[:bytes.LastIndex(plain, []byte("-- PostgreSQL database dump complete"))], "unfinished abnormal"},
		{"half of a plain one", "b.sql", plain[:len(plain)/2], "unfinished abnormal"},
		{"gzip cut off", "c.sql.gz", gz[:len(gz)*2/3], "cut abnormal"},
		{"gzip with a flipped byte", "d.sql.gz", flip(gz, len(gz)/2), "corrupt abnormal"},
		{"zstd with a flipped byte", "e.sql.zst", flip(made["plain.sql.zst"], len(made["plain.sql.zst"])/2), "corrupt abnormal"},
		{"zstd cut off", "f.sql.zst", made["plain.sql.zst"][:len(made["plain.sql.zst"])-5], "cut abnormal"},
		{"custom cut off in the rows", "g.dump", custom[:len(custom)-len(custom)/4], "cut abnormal"},
		{"custom cut off in its contents", "h.dump", custom[:300], "cut abnormal"},
		{"custom with a flipped byte of rows", "i.dump", flip(custom, len(custom)-len(custom)/4), "corrupt abnormal"},
		{"uncompressed custom cut off", "j.dump", loose[:len(loose)/2], "cut abnormal"},
		{"tar cut off", "k.tar", tar[:len(tar)/2], "cut abnormal"},
		{"nothing", "l.sql", nil, "empty abnormal"},
		{"an error message", "m.sql", []byte("pg_dump: error: connection to server failed\n"), "format abnormal"},
	} {
		path := write(t, filepath.Join(dir, tc.file), tc.content)
		settle(t, time.Hour, path)
		res := judged(t, backup.Set{Kind: backup.PgDump, Paths: []string{path}})
		if got := said(res); got != tc.want {
			t.Errorf("%s: %s, want %s: %v", tc.name, got, tc.want, res.Findings)
		}
		if b := value(t, res, "broken"); b != 1 {
			t.Errorf("%s: broken is %v", tc.name, b)
		}
		if _, some := figure(res, "last_success_timestamp_seconds"); some {
			t.Errorf("%s: has a last success", tc.name)
		}
	}
}

// TestDamagedFolderDump: a folder that lacks a file, or has a bad one.
func TestDamagedFolderDump(t *testing.T) {
	pg := server(t, postgres)
	for name, tc := range map[string]struct {
		damage func(dir string)
		want   string
	}{
		"a table is missing": {func(dir string) { os.Remove(biggest(t, dir)) }, "member abnormal"},
		"no contents":        {func(dir string) { os.Remove(filepath.Join(dir, "toc.dat")) }, "member abnormal"},
		"a table cut off": {func(dir string) {
			b := read(t, biggest(t, dir))
			write(t, biggest(t, dir), b[:len(b)/2])
		}, "cut abnormal"},
		"contents cut off": {func(dir string) {
			b := read(t, filepath.Join(dir, "toc.dat"))
			write(t, filepath.Join(dir, "toc.dat"), b[:len(b)/2])
		}, "cut abnormal"},
		"whole": {func(string) {}, "good ok"},
	} {
		dir := dumpPostgres(t, pg, t.TempDir(), "folder")
		tc.damage(dir)
		settle(t, time.Hour, dir)
		res := judged(t, backup.Set{Kind: backup.PgDump, Paths: []string{dir}})
		if got := said(res); got != tc.want {
			t.Errorf("%s: %s, want %s: %v", name, got, tc.want, res.Findings)
		}
	}
}

// biggest is the largest file of rows.
func biggest(t *testing.T, dir string) string {
	t.Helper()
	list, _ := filepath.Glob(filepath.Join(dir, "[0-9]*.dat.gz"))
	best, size := "", int64(-1)
	for _, p := range list {
		if info, err := os.Stat(p); err == nil && info.Size() > size {
			best, size = p, info.Size()
		}
	}
	if best == "" {
		t.Fatalf("no rows in %s", dir)
	}
	return best
}

// TestMySQLDumps holds what mariadb-dump writes, whole and damaged.
func TestMySQLDumps(t *testing.T) {
	db := server(t, mariadb)
	dir := t.TempDir()
	out, err := db.Run("mariadb-dump", "--no-defaults", "--socket="+db.Socket, "--user=root", "--single-transaction", "bids")
	whole := []byte(must(t, out, err))
	all, err := db.Run("mariadb-dump", "--no-defaults", "--socket="+db.Socket, "--user=root", "--all-databases")
	must(t, 0, err)
	gz := read(t, compress(t, write(t, filepath.Join(dir, "z.sql"), whole), ".gz", "gzip"))
	end := bytes.LastIndex(whole, []byte("-- Dump completed"))
	if end < 0 {
		t.Fatalf("mariadb-dump wrote no mark: %s", whole[max(0, len(whole)-200):])
	}
	for _, tc := range []struct {
		file    string
		content []byte
		want    string
	}{
		{"a.sql", whole, "good ok"},
		{"b.sql", []byte(all), "good ok"},
		{"c.sql.gz", gz, "good ok"},
		{"d.sql", whole[:end], "unfinished abnormal"},
		{"e.sql", whole[:len(whole)/2], "unfinished abnormal"},
		{"f.sql.gz", gz[:len(gz)/2], "cut abnormal"},
		{"g.sql.gz", flip(gz, len(gz)/2), "corrupt abnormal"},
	} {
		path := write(t, filepath.Join(dir, tc.file), tc.content)
		settle(t, time.Hour, path)
		res := judged(t, backup.Set{Kind: backup.MySQLDump, Paths: []string{path}})
		if got := said(res); got != tc.want {
			t.Errorf("%s: %s, want %s: %v", tc.file, got, tc.want, res.Findings)
		}
	}
}

// TestChecksums holds files against the sums beside them.
func TestChecksums(t *testing.T) {
	content := []byte("scans of the contracts")
	sum := fmt.Sprintf("%x", sha256.Sum256(content))
	bad := strings.Repeat("0", 64)
	for name, tc := range map[string]struct {
		sidecars map[string]string
		want     string
	}{
		"sum of its own":          {map[string]string{"a.zip.sha256": sum + "  a.zip\n"}, "good ok"},
		"sum alone":               {map[string]string{"a.zip.sha256": sum + "\n"}, "good ok"},
		"among others":            {map[string]string{"SHA256SUMS": bad + "  b.zip\n" + sum + " *a.zip\n"}, "good ok"},
		"wrong":                   {map[string]string{"a.zip.sha256": bad + "  a.zip\n"}, "checksum abnormal"},
		"wrong among others":      {map[string]string{"SHA256SUMS": bad + "  a.zip\n"}, "checksum abnormal"},
		"of another file":         {map[string]string{"a.zip.sha256": sum + "  b.zip\n"}, "no_checksum abnormal"},
		"none":                    {nil, "no_checksum abnormal"},
		"sum of another, by name": {map[string]string{"SHA256SUMS": sum + "  b.zip\n"}, "no_checksum abnormal"},
	} {
		dir := t.TempDir()
		path := write(t, filepath.Join(dir, "a.zip"), content)
		for file, text := range tc.sidecars {
			write(t, filepath.Join(dir, file), []byte(text))
		}
		settle(t, time.Hour, path)
		res := judged(t, backup.Set{Kind: backup.Files, Checksum: true, Paths: []string{filepath.Join(dir, "a*")}})
		if got := said(res); got != tc.want {
			t.Errorf("%s: %s, want %s: %v", name, got, tc.want, res.Findings)
		}
	}
}
