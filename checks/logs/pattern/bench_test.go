//go:build linux

package pattern

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"xunjian/checks/logs/logtest"
)

var named = regexp.MustCompile(`\(\?P<[^>]*>`)

// benchSize is the size of the log of the benchmark: XUNJIAN_BENCH_LOG=1073741824 for the figures
// of the documentation.
func benchSize() int64 {
	if n, err := strconv.ParseInt(os.Getenv("XUNJIAN_BENCH_LOG"), 10, 64); err == nil {
		return n
	}
	return 64 << 20
}

// BenchmarkBesideOthers reads the same log, warm, on one core, with all
// default patterns on: ours, ripgrep and grep -E with the same patterns as an
// alternation, and fail2ban-regex with its own for sshd on a sixteenth of it.
//
//	XUNJIAN_BENCH_LOG=1073741824 go test -run '^$' -bench BesideOthers -benchtime 3x ./checks/logs/pattern
func BenchmarkBesideOthers(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	size := benchSize()
	dir := b.TempDir()
	log, small := filepath.Join(dir, "log"), filepath.Join(dir, "small")
	for path, n := range map[string]int64{log: size, small: max(1<<20, min(size/16, 16<<20))} {
		f, err := os.Create(path)
		if err != nil {
			b.Fatal(err)
		}
		if err := logtest.Mixture(f, n, 1); err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
	list, err := Default()
	if err != nil {
		b.Fatal(err)
	}
	alternation := filepath.Join(dir, "patterns")
	var exprs []string
	for _, p := range list {
		// Rust's syntax is Go's here; what is anchored to a message is looked
		// for in the line, as any grep would.
		expr := strings.TrimSuffix(strings.TrimPrefix(p.Match, "^"), "$")
		exprs = append(exprs, named.ReplaceAllString(expr, "(?:"))
	}
	if err := os.WriteFile(alternation, []byte(strings.Join(exprs, "\n")+"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	words := filepath.Join(dir, "words")
	var lits []string
	for _, p := range list {
		lits = append(lits, p.Literals...)
	}
	if err := os.WriteFile(words, []byte(strings.Join(lits, "\n")+"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	m := NewMatcher(list)
	b.Run("xunjian", func(b *testing.B) {
		b.SetBytes(size)
		began := cpu(b)
		for b.Loop() {
			hits := 0
			if err := blocks(log, func(block []byte) { m.Scan(block, func(*Hit) { hits++ }) }); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(hits), "hits")
		}
		b.ReportMetric(float64(size)*float64(b.N)/1e6/(cpu(b)-began).Seconds(), "MB/cpu-s")
	})
	one := func(args ...string) []string { return append([]string{"taskset", "-c", "0"}, args...) }
	for _, o := range []struct {
		name string
		size int64
		argv []string
	}{
		{"ripgrep", size, one("rg", "--no-config", "-j1", "-c", "-a", "-f", alternation, log)},
		{"ripgrep-words", size, one("rg", "--no-config", "-j1", "-c", "-a", "-F", "-f", words, log)},
		{"grep", size, one("env", "LC_ALL=C", "grep", "-c", "-a", "-E", "-f", posix(b, dir, exprs), log)},
		{"fail2ban-regex", fileSize(small), one("fail2ban-regex", small, "sshd")},
	} {
		b.Run(o.name, func(b *testing.B) {
			b.SetBytes(o.size)
			var took time.Duration
			for b.Loop() {
				cmd := exec.Command(o.argv[0], o.argv[1:]...)
				out, err := cmd.CombinedOutput()
				if err != nil {
					b.Fatalf("%v: %v\n%s", o.argv, err, out)
				}
				took += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
				if n, err := strconv.Atoi(strings.TrimSpace(string(out))); err == nil {
					b.ReportMetric(float64(n), "hits")
				}
			}
			b.ReportMetric(float64(o.size)*float64(b.N)/1e6/took.Seconds(), "MB/cpu-s")
		})
	}
}

func fileSize(path string) int64 {
	fi, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return fi.Size()
}

// posix writes the expressions as grep -E takes them.
func posix(b *testing.B, dir string, exprs []string) string {
	r := strings.NewReplacer(`(?:`, `(`, `.*?`, `.*`, `+?`, `+`, `\d`, `[0-9]`, `\S`, `[^ ]`, `\s`, `[ ]`, `[^:)]`, `[^:)]`)
	var out []string
	for _, e := range exprs {
		out = append(out, r.Replace(e))
	}
	path := filepath.Join(dir, "posix")
	if err := os.WriteFile(path, []byte(strings.Join(out, "\n")+"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	if raw, err := exec.Command("grep", "-c", "-E", "-f", path, "/dev/null").CombinedOutput(); err != nil && len(raw) > 2 {
		b.Fatalf("grep: %s", raw)
	}
	return path
}

// blocks reads a file in blocks of whole lines.
func blocks(path string, each func([]byte)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, 256<<10)
	have := 0
	for {
		n, err := f.Read(buf[have:])
		have += n
		whole := bytes.LastIndexByte(buf[:have], '\n') + 1
		if err != nil {
			each(buf[:have])
			return nil
		}
		each(buf[:whole])
		have = copy(buf, buf[whole:have])
		if have == len(buf) {
			return fmt.Errorf("a line is too long")
		}
	}
}

// cpu is the time of the processor that this process has had, which does not
// depend on what else runs on the machine.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
