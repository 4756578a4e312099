package dialect

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"xunjian/checks/logs/syslog/message"
)

func load(t testing.TB, files ...string) *Set {
	t.Helper()
	s, err := Load(files...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSamples: Load itself holds every sample against what it says; here, that
// each is recognised without being told whose it is, and that nothing is left
// out.
func TestSamples(t *testing.T) {
	s := load(t)
	if n := len(s.Names()); n < 9 {
		t.Fatalf("%d dialects", n)
	}
	for _, name := range s.Names() {
		d := s.Get(name)
		said := map[string]bool{}
		for _, sample := range d.Samples {
			m := message.Parse(sample.Line, time.UTC, time.Now())
			if of := s.Of(NewLine(&m), nil); of != d {
				t.Errorf("%s: %q is taken for %s", name, sample.Line, of.Name)
			}
			if m.Facility < 0 {
				t.Errorf("%s: %q has no PRI", name, sample.Line)
			}
			said[sample.Event] = true
		}
		for _, want := range []string{Login, LoginFailed, LinkDown} {
			if !said[want] && !(name == "sangfor" && want == LinkDown) {
				t.Errorf("%s: no sample of %s", name, want)
			}
		}
		if d.Title.ZH == "" || d.Title.EN == "" {
			t.Errorf("%s: no title", name)
		}
	}
}

func TestOwnFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	own := write("own.yaml", `
name: ruijie-old
detect: ['RGOS']
events:
  - {event: login, match: '^(?P<user>\w+) came'}
samples:
  - {line: '<13>RGOS: bob came', event: login, fields: {user: bob}}
`)
	s := load(t, own)
	m := message.Parse("<13>RGOS: eve came", time.UTC, time.Now())
	if r := s.Of(NewLine(&m), nil).Read(NewLine(&m)); r.Event != Login || r.Fields["user"] != "eve" {
		t.Errorf("own dialect reads %+v", r)
	}
	instead := write("h3c.yaml", "name: h3c\ndetect: ['%%10']\nsamples: [{line: '<13>x'}]\n")
	if d := load(t, instead).Get("h3c"); len(d.Events) != 0 {
		t.Error("an own file does not take the place of the shipped one of its name")
	}
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":   {"name: x\nevnts: []\n", `unknown field "evnts"`},
		"no sample":     {"name: x\nevents: [{event: login, any: [a]}]\n", "samples: are missing"},
		"bad name":      {"name: X Y\nsamples: [{line: x}]\n", `name: "X Y" is not a name`},
		"unknown event": {"name: x\nevents: [{event: logon, any: [a]}]\nsamples: [{line: x}]\n", `events[0].event: "logon" is unknown; allowed: login, login-failed`},
		"fits all":      {"name: x\nevents: [{event: login}]\nsamples: [{line: x}]\n", "events[0]: fits every line"},
		"bad regexp":    {"name: x\nevents: [{event: login, match: '('}]\nsamples: [{line: x}]\n", "events[0].match: error parsing regexp"},
		"pairs":         {"name: x\nevents: [{event: login, where: {a: [b]}}]\nsamples: [{line: x}]\n", "where and fields want pairs"},
		"wrong event":   {"name: x\nevents: [{event: login, any: [came]}]\nsamples: [{line: bob went, event: login}]\n", `samples[0]: reads as event "", not "login"`},
		"wrong field":   {"name: x\nevents: [{event: login, match: '(?P<user>\\w+) came'}]\nsamples: [{line: bob came, event: login, fields: {user: eve}}]\n", `field user reads as "bob", not "eve"`},
		"wrong header":  {"name: x\nheader: colon\nsamples: [{line: x}]\n", `header: "colon" is unknown`},
	} {
		if err := (&Set{byName: map[string]*Dialect{}}).add("bad.yaml", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "bad.yaml") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	bad := write("bad.yaml", "name: x\n")
	if _, err := Load(own, bad); err == nil || !strings.Contains(err.Error(), bad+": samples: are missing") {
		t.Errorf("a bad file among good ones: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "nothing.yaml")); err == nil {
		t.Error("a file that is not there is no mistake")
	}
	if _, err := Load(filepath.Join(dir, "nothing-*.yaml")); err != nil {
		t.Errorf("a pattern without files is a mistake: %v", err)
	}
}

func TestPairs(t *testing.T) {
	for _, c := range []struct {
		p    Pairs
		text string
		want map[string]string
	}{
		{Pairs{"=", " "}, `a=1 b="two words" c='x' d= e=f`, map[string]string{"a": "1", "b": "two words", "c": "x", "d": "", "e": "f"}},
		{Pairs{"=", " "}, `words before a=1 and between b="q \" q" a=2`, map[string]string{"a": "1", "b": `q \" q`}},
		{Pairs{"=", " "}, `a="open`, map[string]string{"a": `"open`}},
		{Pairs{":", ","}, "日志类型:系统操作, 用户:admin, IP地址:10.1.1.5", map[string]string{"日志类型": "系统操作", "用户": "admin", "IP地址": "10.1.1.5"}},
		{Pairs{"=", " "}, "===", map[string]string{}},
		{Pairs{"=", " "}, "", map[string]string{}},
	} {
		got := c.p.read(c.text)
		for _, pair := range got {
			if _, ok := c.want[pair.key]; !ok {
				t.Errorf("%q: %s is no key of it", c.text, pair.key)
			}
		}
		for k, v := range c.want {
			if have, ok := got.get(k); !ok || have != v {
				t.Errorf("%q: %s is %q, want %q", c.text, k, have, v)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	s := load(f)
	for _, name := range s.Names() {
		for _, sample := range s.Get(name).Samples {
			f.Add(sample.Line)
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		if !utf8.ValidString(line) {
			return
		}
		m := message.Parse(line, time.UTC, time.Unix(1e9, 0))
		for _, name := range s.Names() {
			r := s.Get(name).Read(NewLine(&m))
			for k, v := range r.Fields {
				if v == "" || !strings.Contains(line, v) {
					t.Fatalf("%s: field %s is %q, which is not in %q", name, k, v, line)
				}
			}
			if len(r.Fields) > 0 && r.Event == "" {
				t.Fatalf("%s: fields of no event: %v", name, r.Fields)
			}
		}
		_ = s.Of(NewLine(&m), nil)
	})
}

func BenchmarkRead(b *testing.B) {
	s := load(b)
	for _, name := range s.Names() {
		b.Run(name, func(b *testing.B) {
			d := s.Get(name)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				line := d.Samples[n%len(d.Samples)].Line
				m := message.Parse(line, time.UTC, time.Unix(1e9, 0))
				l := NewLine(&m)
				s.Of(l, nil).Read(l)
			}
		})
	}
}
