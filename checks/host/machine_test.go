//go:build linux

package host

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"xunjian/checks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the golden files anew")

// machine unpacks testdata/machine.txtar and returns a Config that looks at it.
func machine(t testing.TB) Config {
	t.Helper()
	dir := t.TempDir()
	archive, err := os.ReadFile("testdata/machine.txtar")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("ROOT", dir+"/root", "NUL", "\x00").Replace(string(archive))
	for _, file := range strings.Split(text, "\n-- ")[1:] {
		name, body, _ := strings.Cut(file, " --")
		body = strings.TrimPrefix(body, "\n")
		if !strings.HasSuffix(body, "\x00") {
			body += "\n"
		}
		put(t, dir, name, body)
	}
	cfg := Default()
	cfg.Procfs, cfg.Sysfs, cfg.Rootfs = dir+"/proc", dir+"/sys", dir+"/root"
	return cfg
}

// put writes a file below dir; a name such as "a -> b" makes a symbolic link.
func put(t testing.TB, dir, name, text string) {
	t.Helper()
	name, target, link := strings.Cut(name, " -> ")
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	if link {
		err = os.Symlink(target, path)
	} else {
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// fixed makes what a fixture tree cannot hold the same on every machine.
func fixed(list []checks.Check) []checks.Check {
	for _, c := range list {
		switch c := c.(type) {
		case *filesystemCheck:
			c.usage = func(m mount) (usage, error) {
				if m.point == "/gone" {
					return usage{}, unix.ESTALE
				}
				return usage{size: 1000 << 20, free: 300 << 20, avail: 250 << 20, files: 4000, filesFree: 3000}, nil
			}
		case *timesyncCheck:
			c.adjtimex = func(t *unix.Timex) (int, error) {
				*t = unix.Timex{Offset: -250_000, Freq: 65536, Maxerror: 1500, Esterror: 20, Status: staNano | 1, Constant: 7, Tick: 10000, Tai: 37}
				return 0, nil
			}
		case *systemCheck:
			read := c.read
			c.read = func() (systemLook, error) {
				l, err := read()
				l.uname = [6]string{"Linux", "6.1.0", "#1 SMP", "x86_64", "machine", "(none)"}
				return l, err
			}
		}
	}
	return list
}

// sight is what a check said in one run.
type sight struct {
	name string
	out  *checks.Output
	err  error
}

func lookAll(t testing.TB, list []checks.Check) []sight {
	t.Helper()
	var all []sight
	for _, c := range list {
		out := checks.NewOutput(100_000)
		all = append(all, sight{c.Name(), out, c.Run(context.Background(), out)})
	}
	return all
}

// run runs a check once; an error ends the test.
func run(t testing.TB, c checks.Check) *checks.Output {
	t.Helper()
	out := checks.NewOutput(100_000)
	if err := c.Run(context.Background(), out); err != nil {
		t.Fatalf("%s: %v", c.Name(), err)
	}
	return out
}

// pickCheck returns the check of that name.
func pickCheck(t testing.TB, list []checks.Check, name string) checks.Check {
	t.Helper()
	for _, c := range list {
		if c.Name() == name {
			return c
		}
	}
	t.Fatalf("no check %q", name)
	return nil
}

// finding returns the one finding with that code and subject; "" is any.
func finding(t testing.TB, out *checks.Output, code, subject string) checks.Finding {
	t.Helper()
	for _, f := range out.Findings() {
		if f.Code == code && (subject == "" || f.Subject == subject) {
			return f
		}
	}
	t.Fatalf("no finding %s of %q in %+v", code, subject, out.Findings())
	return checks.Finding{}
}

// value returns the sample of a family with those label values.
func value(t testing.TB, out *checks.Output, family string, labels ...string) float64 {
	t.Helper()
	for _, s := range out.Samples() {
		if s.Desc.Name == family && slices.Equal(s.Values, labels) {
			return s.Value
		}
	}
	t.Fatalf("no sample %s%q", family, labels)
	return 0
}

func series(s checks.Sample) string {
	if len(s.Values) == 0 {
		return s.Desc.Name
	}
	pairs := make([]string, len(s.Values))
	for i, l := range s.Desc.Labels {
		pairs[i] = l + "=" + strconv.Quote(s.Values[i])
	}
	slices.Sort(pairs)
	return s.Desc.Name + "{" + strings.Join(pairs, ",") + "}"
}

// expose writes what was seen, sorted, so that two runs compare.
func expose(all []sight) string {
	var b strings.Builder
	for _, s := range all {
		fmt.Fprintf(&b, "## %s\n", s.name)
		if s.err != nil {
			fmt.Fprintf(&b, "error: %v\n", s.err)
		}
		var lines []string
		for _, x := range s.out.Samples() {
			lines = append(lines, fmt.Sprintf("%s %s %s", x.Desc.Kind, series(x), strconv.FormatFloat(x.Value, 'g', -1, 64)))
		}
		slices.Sort(lines)
		for _, f := range s.out.Findings() {
			lines = append(lines, describe(f))
		}
		b.WriteString(strings.Join(lines, "\n") + "\n")
	}
	return b.String()
}

func describe(f checks.Finding) string {
	var args []string
	for _, k := range slices.Sorted(maps.Keys(f.Args)) {
		args = append(args, fmt.Sprintf("%s=%v", k, f.Args[k]))
	}
	return fmt.Sprintf("%s %s %q %s", f.Verdict, f.Code, f.Subject, strings.Join(args, " "))
}

// The whole machine of the fixture, as it is scraped and as people see it.
func TestWholeScrape(t *testing.T) {
	cfg := machine(t)
	cfg.Network.Required = []string{"eth0", "eth1", "eth9"}
	cfg.Processes.MaxZombies = 1
	cfg.Processes.Required = []RequiredProcess{{Name: "dd"}, {Command: `/opt/app/\S+ --port 8080`}, {Name: "nginx"}}
	all := lookAll(t, fixed(Checks(cfg)))
	for _, s := range all {
		if s.name == "units" && !errors.Is(s.err, checks.ErrNotApplicable) {
			t.Errorf("units: %v, want not applicable: the fixture has no systemd", s.err)
		}
	}
	got := strings.ReplaceAll(expose(all), filepath.Dir(cfg.Procfs), "DIR")
	got = maskClock(got)
	const golden = "testdata/machine.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("want -, got + (go test -update writes it anew):\n%s", diff)
	}
}

// maskClock hides the one sample that is never the same.
func maskClock(text string) string {
	before, after, _ := strings.Cut(text, "gauge node_time_seconds ")
	_, after, _ = strings.Cut(after, "\n")
	return before + "gauge node_time_seconds NOW\n" + after
}

// Two looks at a machine that stands still tell the same samples.
func TestSecondLookAgrees(t *testing.T) {
	list := fixed(Checks(machine(t)))
	samples := func() string {
		all := lookAll(t, list)
		var b strings.Builder
		for _, s := range all {
			for _, x := range s.out.Samples() {
				if x.Desc != clockSeconds {
					fmt.Fprintf(&b, "%s %v\n", series(x), x.Value)
				}
			}
		}
		return b.String()
	}
	if diff := cmp.Diff(samples(), samples()); diff != "" {
		t.Errorf("first look -, second +:\n%s", diff)
	}
}
