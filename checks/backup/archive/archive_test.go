package archive_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"xunjian/checks/backup/archive"
)

// dump is a plain dump of some size, with text that compresses and text that
// does not.
func dump(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("--\n-- PostgreSQL database dump\n--\n\nCOPY public.bid FROM stdin;\n")
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		b.WriteString("投标文件\t")
		for range 4 {
			b.WriteByte(byte('a' + r.IntN(26)))
		}
		b.WriteByte('\n')
	}
	b.WriteString("\\.\n\n--\n-- PostgreSQL database dump complete\n--\n\n")
	return b.Bytes()
}

// compressed is what a real compressor makes of b.
func compressed(t testing.TB, b []byte, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdin = bytes.NewReader(b)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s (see .ci/packages): %v", program, err)
	}
	return out
}

var compressors = []struct {
	kind, ending, program string
	args                  []string
}{
	{"", "", "cat", nil},
	{"gzip", ".gz", "gzip", []string{"-c"}},
	{"zstd", ".zst", "zstd", []string{"-c", "-q"}},
	{"xz", ".xz", "xz", []string{"-c", "-1"}},
	{"bzip2", ".bz2", "bzip2", []string{"-c"}},
	{"lz4", ".lz4", "lz4", []string{"-c", "-q"}},
}

func read(b []byte, want archive.Want) (archive.Report, error) {
	return archive.Read(context.Background(), bytes.NewReader(b), want)
}

// code is that of a fault; "" for none.
func code(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	f, ok := errors.AsType[*archive.Fault](err)
	if !ok {
		t.Fatalf("not a fault of the backup: %v", err)
	}
	return f.Code
}

// TestCompressors holds what real compressors write, whole, cut off at several
// places and with a byte flipped, against what is told of it.
func TestCompressors(t *testing.T) {
	plain := dump(t)
	for _, c := range compressors {
		t.Run(c.program, func(t *testing.T) {
			whole := compressed(t, plain, c.program, c.args...)
			want := archive.Want{Format: archive.PgDump, Name: "/backup/bids.sql" + c.ending}
			rep, err := read(whole, want)
			if err != nil {
				t.Fatalf("whole: %v", err)
			}
			if rep.Compression != c.kind || rep.Plain != int64(len(plain)) || rep.Read != int64(len(whole)) || rep.Dump != "plain" {
				t.Errorf("report is %+v", rep)
			}
			for _, n := range []int{1, 20, len(whole) / 2, len(whole) * 9 / 10, len(whole) - 60} {
				if got := code(t, second(read(whole[:n], want))); got == "" {
					t.Errorf("cut off after %d of %d bytes: counts as whole", n, len(whole))
				}
			}
			if c.kind == "" {
				return // nothing in plain text tells of a flipped byte
			}
			for _, n := range []int{len(whole) / 3, len(whole) / 2, len(whole) * 4 / 5} {
				bad := bytes.Clone(whole)
				bad[n] ^= 0x10
				if got := code(t, second(read(bad, want))); got == "" {
					t.Errorf("byte %d flipped: counts as whole", n)
				}
			}
		})
	}
}

func second(_ archive.Report, err error) error { return err }

// TestTwoStreams: what several runs appended is one backup.
func TestTwoStreams(t *testing.T) {
	for _, c := range compressors[1:] {
		one, two := compressed(t, []byte("begin "), c.program, c.args...), compressed(t, []byte("end"), c.program, c.args...)
		rep, err := read(append(one, two...), archive.Want{Name: "x" + c.ending})
		if err != nil || rep.Plain != 9 {
			t.Errorf("%s: %d bytes of 9, %v", c.kind, rep.Plain, err)
		}
	}
}

// TestFaults names what is wrong.
func TestFaults(t *testing.T) {
	plain := string(dump(t))
	end := strings.Index(plain, "--\n-- PostgreSQL database dump complete")
	gz := string(compressed(t, []byte(plain), "gzip", "-c"))
	unfinished := string(compressed(t, []byte(plain[:end]), "gzip", "-c"))
	mysql := "-- MariaDB dump 10.19\nINSERT INTO bid VALUES (1);\n"
	for _, tc := range []struct {
		name, content string
		want          archive.Want
		code          string
	}{
		{"nothing", "", archive.Want{}, archive.CodeEmpty},
		{"nothing in gzip", string(compressed(t, nil, "gzip", "-c")), archive.Want{Format: archive.PgDump}, archive.CodeEmpty},
		{"no end", plain[:end], archive.Want{Format: archive.PgDump}, archive.CodeUnfinished},
		{"no end in gzip", unfinished, archive.Want{Format: archive.PgDump}, archive.CodeUnfinished},
		{"cut gzip", gz[:len(gz)-10], archive.Want{Format: archive.PgDump}, archive.CodeCut},
		{"an error message", "pg_dump: error: connection refused\n", archive.Want{Format: archive.PgDump}, archive.CodeFormat},
		{"the other database", mysql, archive.Want{Format: archive.PgDump}, archive.CodeFormat},
		{"named gzip", plain, archive.Want{Name: "bids.sql.gz"}, archive.CodeFormat},
		{"mysql without end", mysql, archive.Want{Format: archive.MySQLDump}, archive.CodeUnfinished},
		{"wrong sum", plain, archive.Want{SHA256: strings.Repeat("0", 64)}, archive.CodeChecksum},
		{"custom, only magic", "PGDMP", archive.Want{Format: archive.PgDump}, archive.CodeCut},
		{"custom, unknown version", "PGDMP\x09\x09\x00", archive.Want{Format: archive.PgDump}, archive.CodeCorrupt},
		{"garbage behind gzip", gz + strings.Repeat("garbage", 10), archive.Want{Format: archive.PgDump}, archive.CodeCorrupt},
	} {
		if got := code(t, second(read([]byte(tc.content), tc.want))); got != tc.code {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.code)
		}
	}
	if _, err := read([]byte(mysql+"-- Dump completed on 2026-11-29  2:00:01\n"), archive.Want{Format: archive.MySQLDump}); err != nil {
		t.Errorf("mysql with its end: %v", err)
	}
}

// TestDiskErrorIsNoFault: a disk that cannot be read says nothing of the backup.
func TestDiskErrorIsNoFault(t *testing.T) {
	broken := errors.New("input/output error")
	_, err := archive.Read(context.Background(), failing{broken}, archive.Want{Format: archive.PgDump})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the error of the disk", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestRate reads no faster than it may.
func TestRate(t *testing.T) {
	begun := time.Now()
	if _, err := read(make([]byte, 3<<20), archive.Want{Rate: 10 << 20}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took < 200*time.Millisecond {
		t.Errorf("3 MB at 10 MB/s took %v", took)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := archive.Read(ctx, bytes.NewReader(make([]byte, 50<<20)), archive.Want{Rate: 1 << 20}); !errors.Is(err, context.Canceled) {
		t.Errorf("a slow read that is told to stop: %v", err)
	}
}

// FuzzRead: nothing that lies in a backup folder makes it panic or fail in
// another way than by a fault.
func FuzzRead(f *testing.F) {
	f.Add([]byte("PGDMP\x01\x0e\x00\x04\x08\x01\x01\x00\x00\x00\x00"))
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("-- MariaDB dump\n-- Dump completed\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, format := range []archive.Format{archive.Any, archive.PgDump, archive.MySQLDump} {
			_, err := read(b, archive.Want{Format: format})
			if err != nil {
				if _, ok := errors.AsType[*archive.Fault](err); !ok {
					t.Fatalf("not a fault: %v", err)
				}
			}
		}
	})
}
