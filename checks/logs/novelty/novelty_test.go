package novelty

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"os"
	"path/filepath"
	"xunjian/checks"
	"xunjian/checks/checktest"
	"xunjian/checks/logs/tail"
)

var begin = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC) // a Monday

// world is a Novelty with a clock that is moved.
type world struct {
	*Novelty
	t   *testing.T
	now time.Time
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: begin}
	w.Novelty = New(Default(), time.UTC, func() time.Time { return w.now })
	return w
}

func (w *world) say(lines ...string) {
	w.Take(tail.Block{Source: "app", Kind: "app", Text: []byte(strings.Join(lines, "\n") + "\n"), Read: w.now})
}

// told are the findings by code with their subjects.
func (w *world) told() string {
	w.t.Helper()
	out := checks.NewOutput(0)
	w.tell(w.sources["app"], "app", out, w.now)
	var list []string
	for _, f := range out.Findings() {
		list = append(list, f.Code+" "+f.Subject)
	}
	return strings.Join(list, "\n")
}

func TestMasks(t *testing.T) {
	for in, want := range map[string]string{
		"sshd[811]:": "sshd[<n>]:", "203.0.113.9": "<addr>", "203.0.113.9:5432": "<addr>", "fe80::1:2:3": "fe<n>::<addr>", "00:16:3e:aa:bb:cc": "<addr>", "550e8400-e29b-41d4-a716-446655440000": "<hex>",
		"15:04:05": "<addr>", "/var/www/a.html": "<path>", "(/tmp/x)": "<path>", "user=li12": "user=li<n>", "took=3.5s": "took=<n>s", "deadbeef01": "<hex>", "0x7f3a": "<n>x<n>f<n>a", "plain": "plain", "招标123": "招标<n>", "50%": "<n>%", "a/b": "a/b",
	} {
		if got := mask([]byte(in)); got != want {
			t.Errorf("%s is masked as %s, want %s", in, got, want)
		}
	}
	// Lines of one kind are one template, whatever their numbers.
	for _, pair := range [][2]string{
		{"Nov 29 15:04:05 web sshd[811]: Failed password for li from 203.0.113.9 port 50022 ssh2", "Nov 30 01:14:15 web sshd[4]: Failed password for li from 198.51.100.77 port 1 ssh2"},
		{"2026-11-29T15:04:05.123+08:00 INFO bid 550e8400-e29b-41d4-a716-446655440000 stored in /data/a/1", "2026-12-01T05:14:00.001+08:00 INFO bid 123e4567-e89b-12d3-a456-426614174000 stored in /data/b"},
	} {
		a, b := strings.Join(tokens([]byte(pair[0]), nil), " "), strings.Join(tokens([]byte(pair[1]), nil), " ")
		if a != b {
			t.Errorf("%s\n%s", a, b)
		}
	}
}

func TestNewLineIsToldAfterLearning(t *testing.T) {
	w := newWorld(t)
	for n := range 200 {
		w.now = begin.Add(time.Duration(n) * time.Hour)
		w.say(fmt.Sprintf("INFO request %d served to user%d in %d ms", n, n%7, n), "WARN queue is long: "+fmt.Sprint(n))
		if n == 100 && !strings.HasPrefix(w.told(), "novelty.learning app") {
			t.Fatalf("while it learns: %s", w.told())
		}
	}
	if got := w.told(); got != "novelty.usual app" {
		t.Fatalf("when it has learned: %s", got)
	}
	w.say("INFO request 999 served to user8 in 5 ms", "FATAL segment 17 of ledger is torn at 0xdeadbeef", "FATAL segment 18 of ledger is torn at 0xdeadbeef")
	if got := w.told(); got != "novelty.new FATAL segment <n> of ledger is torn at 0xdeadbeef" && !strings.HasPrefix(got, "novelty.new FATAL segment <n> of ledger is torn") {
		t.Fatalf("a line such as never before: %s", got)
	}
	out := checks.NewOutput(0)
	w.tell(w.sources["app"], "app", out, w.now)
	if e := out.Findings()[0].Evidence; !strings.Contains(e, "FATAL segment 17 of ledger") || !strings.Contains(e, "FATAL segment 18") {
		t.Errorf("evidence %q", e)
	}
	w.now = w.now.Add(25 * time.Hour)
	if got := w.told(); got != "novelty.usual app" {
		t.Errorf("a day later: %s", got)
	}
	w.say("FATAL segment 19 of ledger is torn at 0xdeadbeef")
	if got := w.told(); got != "novelty.usual app" {
		t.Errorf("it comes again: %s", got)
	}
	w.now = w.now.Add(29 * 24 * time.Hour)
	w.say("FATAL segment 20 of ledger is torn at 0xdeadbeef")
	if got := w.told(); !strings.HasPrefix(got, "novelty.new FATAL") {
		t.Errorf("after four weeks without it: %s", got)
	}
}

// TestBurst: what is frequent every Monday morning is usual then, and not at
// night.
func TestBurst(t *testing.T) {
	w := newWorld(t)
	for hour := range 24 * 7 * 3 {
		w.now = begin.Add(time.Duration(hour) * time.Hour)
		n := 2
		if hour%168 == 9 {
			n = 400
		}
		for k := range n {
			w.say(fmt.Sprintf("timeout of upstream %d", k))
		}
	}
	w.now = begin.Add((24*7*3 + 9) * time.Hour) // Monday, 9
	for k := range 400 {
		w.say(fmt.Sprintf("timeout of upstream %d", k))
	}
	if got := w.told(); got != "novelty.usual app" {
		t.Fatalf("as every Monday: %s", got)
	}
	w.now = begin.Add((24*7*3 + 15) * time.Hour)
	for k := range 400 {
		w.say(fmt.Sprintf("timeout of upstream %d", k))
	}
	if got := w.told(); got != "novelty.burst timeout of upstream <n>" {
		t.Fatalf("in the afternoon: %s", got)
	}
}

func TestStateSurvives(t *testing.T) {
	w := newWorld(t)
	w.say("a line of 1 kind", "another sort entirely here")
	raw, err := w.State()
	if err != nil {
		t.Fatal(err)
	}
	v := newWorld(t)
	if err := v.Restore(raw); err != nil {
		t.Fatal(err)
	}
	v.now = begin.Add(8 * 24 * time.Hour)
	v.say("a line of 2 kind")
	if got := v.told(); got != "novelty.usual app" {
		t.Errorf("what was learned before the restart: %s", got)
	}
	for _, bad := range []string{`{"x":null}`, `{"app":{"templates":[null,{"words":[]},{"words":["a"],"hours":"AA=="}]}}`, "["} {
		b := newWorld(t)
		b.Restore([]byte(bad))
		b.say("a", "a 1", "b")
	}
}

// TestMemoryIsBounded: lines of nothing but noise do not let it grow.
func TestMemoryIsBounded(t *testing.T) {
	w := newWorld(t)
	w.cfg.Templates = 500
	r := rand.New(rand.NewPCG(3, 4))
	word := func() string {
		b := make([]byte, 3+r.IntN(9))
		for n := range b {
			b[n] = 'a' + byte(r.IntN(26))
		}
		return string(b)
	}
	for range 20_000 {
		var line []string
		for range 1 + r.IntN(60) {
			line = append(line, word())
		}
		w.say(strings.Join(line, " "))
	}
	s := w.sources["app"]
	if len(s.tree.all) > 500 || s.Trimmed == 0 || len(s.exact) > maxExact {
		t.Errorf("%d templates, %d forgotten, %d lines by heart", len(s.tree.all), s.Trimmed, len(s.exact))
	}
	in := 0
	for _, g := range s.tree.groups {
		in += len(g)
	}
	if in != len(s.tree.all) {
		t.Errorf("%d in groups, %d in all", in, len(s.tree.all))
	}
}

func TestHostileLines(t *testing.T) {
	w := newWorld(t)
	w.now = begin.Add(8 * 24 * time.Hour)
	w.sources["app"] = &source{Since: begin}
	w.sources["app"].open()
	w.say("\x1b[31mred\x1b[0m \u202eevil "+strings.Repeat("A", 1<<20), "\x00\xff\xfe", strings.Repeat("x ", 100_000))
	out := checks.NewOutput(0)
	w.tell(w.sources["app"], "app", out, w.now)
	for _, f := range out.Findings() {
		if strings.ContainsAny(f.Evidence+f.Subject, "\x1b\u202e\x00") || len(f.Evidence) > 4*maxSample {
			t.Errorf("%q", f.Subject)
		}
	}
}

func TestBadConfig(t *testing.T) {
	want := "learn: 1s is out of range, 1h to 2160h\nforget: 1s is out of range, 24h to 8784h\nshow: 1s is out of range, 10m to 168h\ntemplates: 5 is out of range, 100 to 20000"
	if err := (Config{Learn: time.Second, Forget: time.Second, Show: time.Second, Templates: 5}).Validate(); err == nil || err.Error() != want {
		t.Errorf("it says %v", err)
	}
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}

func TestConform(t *testing.T) {
	log := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(log, []byte("a line\nanother line of it\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sources := []tail.Source{{Name: "app", Kind: "app", Files: []string{log}}}
	fresh := func() checks.Check {
		v := New(Default(), time.UTC, time.Now)
		tl := tail.New(tail.Options{Sources: sources, From: tail.Beginning})
		tl.Subscribe(v)
		if err := tl.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		tl.Poll(t.Context())
		return NewCheck(v, tl, sources, "x")
	}
	checktest.Conform(t, fresh, checktest.Broken(func() checks.Check {
		return NewCheck(New(Default(), nil, nil), tail.New(tail.Options{Sources: sources}), sources, "x")
	}))
	if _, err := fresh().(*Check).Evidence(t.Context()); err != nil {
		t.Error(err)
	}
	if r, err := fresh().(*Check).Report(t.Context()); err != nil || len(r.Sources) != 1 || r.Sources[0].Count != 2 || !r.Sources[0].Learning {
		t.Errorf("%+v, %v", r, err)
	}
}

func FuzzLine(f *testing.F) {
	f.Add([]byte("Nov 29 15:04:05 web sshd[811]: Failed password for li from 203.0.113.9 port 50022 ssh2\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v := New(Default(), time.UTC, func() time.Time { return begin })
		v.Take(tail.Block{Source: "a", Text: b, Read: begin.Add(30 * day)})
		v.Take(tail.Block{Source: "a", Text: b, Read: begin.Add(70 * day)})
		if _, err := v.State(); err != nil {
			t.Fatal(err)
		}
	})
}

// BenchmarkLines is the review of usual lines for new ones.
func BenchmarkLines(b *testing.B) {
	var text []byte
	for n := range 20_000 {
		text = fmt.Appendf(text, "Nov 29 15:%02d:%02d web sshd[%d]: Failed password for user%d from 203.0.113.%d port %d ssh2\n", n/60%60, n%60, n, n%50, n%250, n)
	}
	v := New(Default(), time.UTC, nil)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		v.Take(tail.Block{Source: "a", Text: text, Read: begin})
	}
}
