//go:build linux

package logs_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"xunjian/checks/logs/access"
	"xunjian/checks/logs/logtest"
	"xunjian/checks/logs/pattern"
	"xunjian/checks/logs/review"
	"xunjian/checks/logs/tail"
)

// readEnv makes the test binary one of those that read a log: patterns, review
// or access.
const readEnv = "XUNJIAN_BENCH_READ"

func TestMain(m *testing.M) {
	if how := os.Getenv(readEnv); how != "" {
		runtime.GOMAXPROCS(1)
		n, err := readAs(how, os.Args[1])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(n, peak())
		return
	}
	os.Exit(m.Run())
}

// readAs reads a log and returns how many lines were known, or requests judged.
func readAs(how, path string) (uint64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var n uint64
	switch how {
	case "patterns":
		list, err := pattern.Default()
		if err != nil {
			return 0, err
		}
		m := pattern.NewMatcher(list)
		_, err = tail.Blocks(f, tail.Auto, func(b []byte) error {
			m.Scan(b, func(*pattern.Hit) { n++ })
			return nil
		})
		return n, err
	case "review":
		sum, err := review.Scan(context.Background(), []string{path}, review.ScanOptions{})
		for _, p := range sum.Patterns {
			n += p.Count
		}
		return n, err
	}
	cfg := access.Default()
	cfg.Rate = 1 << 30 // every odd request is judged, however fast they come
	a := access.New(cfg, nil)
	st, err := tail.Blocks(f, tail.Auto, func(b []byte) error {
		a.Take(tail.Block{Source: "web", Kind: access.Kind, Text: b, Read: time.Now()})
		return nil
	})
	return st.Lines, err
}

// peak is the most memory that this process was resident with, in MiB.
func peak() int {
	raw, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(raw), "VmHWM:")
	kib, _ := strconv.Atoi(strings.Fields(rest)[0])
	return kib / 1024
}

// contender reads a log on one core.
type contender struct {
	name string
	env  string
	argv []string // the log comes last
	log  string

	wall, cpu time.Duration // the best round
	said      string        // how many lines it found, and its peak
}

func (c *contender) run(b *testing.B) {
	cmd := exec.Command("taskset", append([]string{"-c", "1"}, append(c.argv, c.log)...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", readEnv+"="+c.env)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	wall := time.Since(began)
	if err != nil {
		b.Fatalf("%s: %v\n%s", c.name, err, out)
	}
	p := cmd.ProcessState
	if cpu := p.UserTime() + p.SystemTime(); c.cpu == 0 || cpu < c.cpu {
		c.cpu = cpu
	}
	if c.wall == 0 || wall < c.wall {
		c.wall = wall
	}
	c.said, _, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
}

// beside lets all read by turns, and prints the best of each.
func beside(b *testing.B, list []*contender) {
	for _, c := range list { // the log is in memory, and programs are
		if _, err := os.ReadFile(c.log); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		for _, c := range list {
			c.run(b)
		}
	}
	fmt.Printf("\n| %s, %d rounds | MB/s | MB/s of processor | peak RSS, MiB | found |\n|---|--:|--:|--:|--:|\n", b.Name(), b.N)
	for _, c := range list {
		fi, err := os.Stat(c.log)
		if err != nil {
			b.Fatal(err)
		}
		mb := float64(fi.Size()) / 1e6
		found, peak, _ := strings.Cut(c.said, " ")
		if _, err := strconv.Atoi(found); err != nil {
			found, peak = "", ""
		}
		fmt.Printf("| %s, %.0f MB | %.1f | %.1f | %s | %s |\n", c.name, mb, mb/c.wall.Seconds(), mb/c.cpu.Seconds(), peak, found)
	}
}

// size is that of the large log, in bytes: XUNJIAN_BENCH_LOG=1000000000 for the
// figures of the documentation (make bench-logs).
func size() int64 {
	if n, err := strconv.ParseInt(os.Getenv("XUNJIAN_BENCH_LOG"), 10, 64); err == nil {
		return n
	}
	return 64e6
}

func write(b *testing.B, name string, size int64, how func(io.Writer, int64, uint64) error) string {
	path := filepath.Join(b.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if err := how(f, size, 1); err != nil {
		b.Fatal(err)
	}
	return path
}

// BenchmarkSystemLogBesideOthers: all default patterns over auth and syslog,
// alone and in the whole review, beside ripgrep with the same expressions and
// with their words alone, grep -E, and fail2ban-regex with its own for sshd on a
// small part. Ours reads a quarter too: memory does not grow.
func BenchmarkSystemLogBesideOthers(b *testing.B) {
	all := write(b, "syslog", size(), logtest.Mixture)
	quarter := write(b, "quarter", size()/4, logtest.Mixture)
	small := write(b, "small", min(size(), 4e6), logtest.Mixture)
	list, err := pattern.Default()
	if err != nil {
		b.Fatal(err)
	}
	named := regexp.MustCompile(`\(\?P<[^>]*>`)
	var exprs, words []string
	for _, p := range list {
		// What is anchored to a message is looked for in the line, as any grep
		// would.
		exprs = append(exprs, named.ReplaceAllString(strings.TrimSuffix(strings.TrimPrefix(p.Match, "^"), "$"), "(?:"))
		words = append(words, p.Literals...)
	}
	posix := strings.NewReplacer(`(?:`, `(`, `.*?`, `.*`, `+?`, `+`, `\d`, `[0-9]`, `\S`, `[^ ]`, `\s`, `[ ]`)
	self := os.Args[0]
	beside(b, []*contender{
		{name: "xunjian, patterns", env: "patterns", argv: []string{self}, log: all},
		{name: "xunjian, patterns, a quarter", env: "patterns", argv: []string{self}, log: quarter},
		{name: "xunjian, whole review", env: "review", argv: []string{self}, log: all},
		{name: "xunjian, whole review, a quarter", env: "review", argv: []string{self}, log: quarter},
		{name: "ripgrep, the words", argv: []string{"rg", "--no-config", "-j1", "-c", "-a", "-F", "-f", lines(b, words)}, log: all},
		{name: "ripgrep, the expressions", argv: []string{"rg", "--no-config", "-j1", "-c", "-a", "-f", lines(b, exprs)}, log: quarter},
		{name: "grep -E", argv: []string{"grep", "-c", "-a", "-E", "-f", lines(b, strings.Split(posix.Replace(strings.Join(exprs, "\n")), "\n"))}, log: quarter},
		{name: "fail2ban-regex", argv: []string{"sh", "-c", `exec fail2ban-regex "$0" sshd`}, log: small},
	})
}

// BenchmarkAccessLogBesideOthers is the whole review of access records:
// counting, the cheap look at each request, the rule set behind it; beside
// ripgrep, which only looks for the usual words of attacks.
func BenchmarkAccessLogBesideOthers(b *testing.B) {
	all := write(b, "access", size(), logtest.Combined)
	quarter := write(b, "quarter", size()/4, logtest.Combined)
	self := os.Args[0]
	attacks := `(?i)(union(\+|%20)+(all(\+|%20)+)?select|information_schema|/etc/passwd|<script|%3cscript|\.\./\.\./|sleep\(\d|\$\{jndi:|cmd\.exe|sqlmap|nikto)`
	beside(b, []*contender{
		{name: "xunjian, attack review", env: "access", argv: []string{self}, log: all},
		{name: "xunjian, attack review, a quarter", env: "access", argv: []string{self}, log: quarter},
		{name: "ripgrep, eleven attacks", argv: []string{"sh", "-c", `rg --no-config -j1 -c -a "$0" "$1" || echo 0`, attacks}, log: all},
		{name: "grep -E, eleven attacks", argv: []string{"sh", "-c", `grep -c -a -i -E "$0" "$1" || true`, strings.TrimPrefix(strings.ReplaceAll(attacks, `\d`, `[0-9]`), "(?i)")}, log: all},
	})
}

// lines writes a file of one a line.
func lines(b *testing.B, list []string) string {
	path := filepath.Join(b.TempDir(), "list")
	if err := os.WriteFile(path, []byte(strings.Join(list, "\n")+"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}
