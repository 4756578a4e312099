package access

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/checktest"
	"xunjian/checks/logs/tail"
)

func TestFormats(t *testing.T) {
	for _, c := range []struct {
		name, format, line string
		want               string
	}{
		{"nginx combined", `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`,
			`203.0.113.9 - li [29/Nov/2026:15:04:05 +0800] "GET /a?b=\x22c HTTP/1.1" 200 612 "https://example.org/" "curl/8"`,
			`203.0.113.9 li GET /a?b=\x22c  200 612 -1 https://example.org/ curl/8  2026-11-29T07:04:05Z`},
		{"nginx own", `$time_iso8601|$remote_addr|$request_method|$request_uri|$status|$bytes_sent|$request_time|$upstream_addr|$upstream_response_time`,
			`2026-11-29T15:04:05+08:00|203.0.113.9|POST|/login|302|0|0.123|10.0.0.1:80, 10.0.0.2:80|0.100, 0.020`,
			`203.0.113.9  POST /login  302 0 0.123   10.0.0.2:80 2026-11-29T07:04:05Z`},
		{"nginx braces", `${remote_addr} ${msec} "$request" $status`, `::1 1764403200.500 "GET / HTTP/2.0" 404`, `::1  GET /  404 -1 -1    2025-11-29T08:00:00.5Z`},
		{"apache", `%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" %D`,
			`198.51.100.7 - - [29/Nov/2026:15:04:05 +0800] "GET /x HTTP/1.1" 500 - "-" "a \"b\" c" 2500000`,
			`198.51.100.7  GET /x  500 -1 2.5  a \"b\" c  2026-11-29T07:04:05Z`},
		{"tomcat", `common`, `127.0.0.1 - - [29/Nov/2026:15:04:05 +0800] "GET /app/ HTTP/1.1" 200 11230`, `127.0.0.1  GET /app/  200 11230 -1    2026-11-29T07:04:05Z`},
		{"apache parts", `%a %m %U%%%q %s %{ms}T`, `::1 GET /p%?q=1 200 15`, `::1  GET /p q=1 200 -1 0.015    0001-01-01T00:00:00Z`},
		{"tls on a plain port", `combined`, `203.0.113.9 - - [29/Nov/2026:15:04:05 +0800] "\x16\x03\x01" 400 157 "-" "-"`, `203.0.113.9   \x16\x03\x01  400 157 -1    2026-11-29T07:04:05Z`},
	} {
		f, err := ParseFormat(c.name, c.format)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var e Entry
		if err := f.Parse([]byte(c.line), &e); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var clock clockReader
		got := fmt.Sprintf("%s %s %s %s %s %d %d %v %s %s %s %s", e.Client, e.User, e.Method, e.Target, e.Query, e.Status, e.Bytes, e.Seconds, e.Referer, e.Agent, e.Upstream, clock.read(&e).UTC().Format(time.RFC3339Nano))
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestBadFormats(t *testing.T) {
	for format, want := range map[string]string{
		"": "has no field", "plain text": "has no field", "$remote_addr $status": "lacks the request", `"$request"`: "lacks the request", "$remote_addr$status": "side by side",
		"${remote_addr": "not closed", "$ x": "no name", "%{Referer": "not closed", "%h %": "no letter",
	} {
		if _, err := ParseFormat("x", format); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", format, err, want)
		}
	}
	c := Default()
	c.Formats, c.Login, c.Rate, c.Learn, c.Top = map[string]string{"own": "%x"}, "(", 0, -1, 99
	want := "formats.own: it lacks the request ($request, %r) or the status ($status, %s)\nlogin: \"(\" is no regular expression: error parsing regexp: missing closing ): `(`\nrate: 0 is out of range, 1 to 10000\nlearn: -1ns is out of range, 0 to 2160h\ntop: 99 is out of range, 0 to 50"
	if err := c.Validate(); err == nil || err.Error() != want {
		t.Errorf("it says %v", err)
	}
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}

const iisLog = "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n" +
	"2026-11-29 07:04:05 10.0.0.1 GET /default.aspx id=1 80 - 203.0.113.9 Mozilla/5.0+(Windows) - 200 0 0 46\n" +
	"2026-11-29 07:04:06 10.0.0.1 GET /list.aspx id=1'+union+select+1,2-- 80 - 203.0.113.9 Mozilla/5.0 - 500 0 0 3000\n"

func take(a *Access, source, text string, at time.Time) {
	a.Take(tail.Block{Source: source, Kind: "access", Text: []byte(text), Read: at})
}

var noon = time.Date(2026, 11, 29, 7, 5, 0, 0, time.UTC)

func clockAt(at time.Time) func() time.Time { return func() time.Time { return at } }

func TestIIS(t *testing.T) {
	a := New(Default(), clockAt(noon))
	take(a, "iis", iisLog, noon)
	s := a.sites["iis"]
	if s.Requests != 2 || s.Unparsed != 0 || s.Classes[2] != 1 || s.Classes[5] != 1 || s.Timed != 2 {
		t.Fatalf("%+v", s)
	}
	if k := s.Attackers["203.0.113.9"]; k == nil || k.Classes["sql"] != 1 || k.Answered != 0 || !strings.Contains(k.Samples[0].Target, "1' union select 1,2--") {
		t.Fatalf("attackers %+v", s.Attackers)
	}
}

// line is one request in the format combined.
func line(at time.Time, client, method, target string, status int) string {
	return fmt.Sprintf("%s - - [%s] \"%s %s HTTP/1.1\" %d 512 \"-\" %q\n", client, at.Format("02/Jan/2006:15:04:05 -0700"), method, target, status, browser)
}

func findings(t *testing.T, s *site, now time.Time) []checks.Finding {
	t.Helper()
	out := checks.NewOutput(0)
	s.measure("web", out, now, 10)
	s.find("web", out, now)
	return out.Findings()
}

func codes(list []checks.Finding) string {
	var out []string
	for _, f := range list {
		out = append(out, f.Code+" "+f.Subject)
	}
	return strings.Join(out, ", ")
}

func TestAnsweredAttackIsGraver(t *testing.T) {
	a := New(Default(), clockAt(noon))
	woken := 0
	a.Wake(func() { woken++ })
	take(a, "web", line(noon, "203.0.113.9", "GET", "/list?id=1%27%20union%20select%201,2--", 403), noon)
	if got := codes(findings(t, a.sites["web"], noon)); got != "access.attack 203.0.113.9, access.read web" || woken != 0 {
		t.Fatalf("refused: %s, woken %d times", got, woken)
	}
	for range 100 {
		take(a, "web", line(noon, "203.0.113.9", "GET", "/list?id=7%27%20union%20select%203,4--", 200), noon)
	}
	list := findings(t, a.sites["web"], noon)
	if got := codes(list); got != "access.attack_answered 203.0.113.9, access.read web" || woken != 1 {
		t.Fatalf("answered: %s, woken %d times", got, woken)
	}
	if e := list[0].Evidence; !strings.Contains(e, "/list?id=7' union select 3,4--") || strings.Count(e, "\n") > maxSamples {
		t.Errorf("evidence %q", e)
	}
	if s := a.sites["web"]; s.Judged != 1 || s.Suspicious != 101 {
		t.Errorf("%d of %d were judged; those of one shape are judged once", s.Judged, s.Suspicious)
	}
	if got := codes(findings(t, a.sites["web"], noon.Add(2*time.Hour))); got != "access.read web" {
		t.Errorf("two hours later: %s", got)
	}
}

// TestShapesDoNotHide: who sends something harmless first does not get its like
// past.
func TestShapesDoNotHide(t *testing.T) {
	a := New(Default(), clockAt(noon))
	for n, target := range []string{"/q?n=O%27Brien", "/q?n=O%27Brien%20x%20y", "/q?n=a;jsession", "/q?n=a(b)", "/q?f=..a"} {
		take(a, "web", line(noon, "198.51.100.1", "GET", target, 200), noon)
		if len(a.sites["web"].Attackers) > 0 {
			t.Fatalf("%d: %s is taken for an attack", n, target)
		}
	}
	for _, target := range []string{"/q?n=1%27union%20select%201,2,3--", "/q?n=x%27%20or%20%271%27=%271", "/q?n=a;cat%20/etc/passwd", "/q?n=alert(document.cookie)", "/q?f=../../etc/passwd"} {
		before := a.sites["web"].Judged
		take(a, "web", line(noon, "198.51.100.2", "GET", target, 404), noon)
		if k := a.sites["web"].Attackers["198.51.100.2"]; k == nil || a.sites["web"].Judged != before+1 {
			t.Errorf("%s is not seen", target)
		}
	}
}

func TestNewPost(t *testing.T) {
	a := New(Default(), clockAt(noon))
	take(a, "web", line(noon, "203.0.113.9", "POST", "/bid/12345/save", 200), noon)
	later := noon.Add(8 * 24 * time.Hour)
	a.now = clockAt(later)
	take(a, "web", line(later, "203.0.113.9", "POST", "/bid/99/save", 200)+line(later, "203.0.113.9", "GET", "/new.do", 200)+line(later, "203.0.113.9", "POST", "/gone.do", 404), later)
	if got := codes(findings(t, a.sites["web"], later)); got != "access.read web" {
		t.Fatalf("known pages: %s", got)
	}
	take(a, "web", line(later, "203.0.113.9", "POST", "/new.do", 200), later)
	if got := codes(findings(t, a.sites["web"], later)); got != "access.new_post /new.do, access.read web" {
		t.Fatalf("a new page: %s", got)
	}
}

func TestWhoLogsInAndWhoScrapes(t *testing.T) {
	a := New(Default(), clockAt(noon))
	for n := range 300 {
		at := noon.Add(time.Duration(n) * 100 * time.Millisecond)
		take(a, "web", line(at, "203.0.113.9", "POST", "/user/login", 401)+line(at, "198.51.100.7", "GET", fmt.Sprintf("/bidders?page=%d", n), 200)+
			line(at, "198.51.100.8", "GET", "/bidders?page=1", 200), at)
	}
	logins, many := a.sites["web"].windows.busy(noon.Add(time.Minute), 10)
	if len(logins) != 1 || logins[0].Client != "203.0.113.9" || logins[0].Count != 300 || logins[0].Refused != 300 {
		t.Errorf("log-ins %+v", logins)
	}
	if len(many) != 2 || many[0].Client != "198.51.100.7" || many[0].Count < 290 || many[0].Count > 300 || many[1].Count != 1 {
		t.Errorf("those who ask for much: %+v, want 300 different things and 1", many)
	}
	if logins, many = a.sites["web"].windows.busy(noon.Add(time.Hour), 10); len(many) != 2 {
		t.Logf("an hour of the clock later without a line: %v %v", logins, many)
	}
}

// TestHeavyHitters: who comes most is found among a hundred times as many.
func TestHeavyHitters(t *testing.T) {
	t.Parallel()
	h := newHeavy(64)
	r := rand.New(rand.NewPCG(1, 2))
	truth := map[string]uint64{}
	for range 200_000 {
		k := fmt.Sprint("c", int(r.ExpFloat64()*40))
		truth[k]++
		h.add([]byte(k))
	}
	for _, top := range h.top(5) {
		if top.Count < truth[top.Key] || top.Count-top.Error > truth[top.Key] {
			t.Errorf("%s: %d±%d, truly %d", top.Key, top.Count, top.Error, truth[top.Key])
		}
	}
	if len(h.slots) != 64 || len(h.heap) != 64 {
		t.Errorf("it grew to %d", len(h.slots))
	}
}

func TestStateSurvives(t *testing.T) {
	a := New(Default(), clockAt(noon))
	take(a, "web", line(noon, "203.0.113.9", "GET", "/a?x=<script>alert(1)</script>", 200)+line(noon, "203.0.113.9", "POST", "/p", 200), noon)
	raw, err := a.State()
	if err != nil {
		t.Fatal(err)
	}
	b := New(Default(), clockAt(noon))
	if err := b.Restore(raw); err != nil {
		t.Fatal(err)
	}
	take(b, "web", line(noon, "203.0.113.10", "GET", "/b", 200), noon)
	s := b.sites["web"]
	if s.Requests != 3 || s.Attackers["203.0.113.9"] == nil || s.Posts["/p"] == 0 || len(s.clients.top(9)) != 2 {
		t.Errorf("%+v", s)
	}
	for _, bad := range []string{"{", `{"sites":{"x":null}}`, `{"sites":{"x":{"upstreams":{"u":null},"attackers":{"a":null}}}}`} {
		c := New(Default(), clockAt(noon))
		c.Restore([]byte(bad))
		take(c, "x", line(noon, "203.0.113.10", "GET", "/b?x=<script>", 200), noon)
		if _, err := c.State(); err != nil {
			t.Errorf("after %s: %v", bad, err)
		}
	}
}

// TestHostileLines: nothing of a request can paint a terminal, forge a line or
// turn the direction of text, and a flood is judged within its rate.
func TestHostileLines(t *testing.T) {
	t.Parallel()
	a := New(Default(), clockAt(noon))
	a.cfg.Rate = 10
	for n := range 3000 {
		take(a, "web", line(noon, fmt.Sprintf("203.0.113.%d\x1b[31m", n%250), "GET", fmt.Sprintf("/%s<script>\x1b[2J%%0aforged%%e2%%80%%ae%s", strings.Repeat("%27(", n%90), strings.Repeat("A", n)), 200), noon)
	}
	take(a, "web", strings.Repeat("x", 1<<20)+"\n\x00\n\"\n"+strings.Repeat("[", 9999)+"\n", noon)
	s := a.sites["web"]
	if s.Judged > 10 || s.Unjudged == 0 || len(s.Attackers) > maxAttackers {
		t.Errorf("%d were judged, %d not, %d attackers", s.Judged, s.Unjudged, len(s.Attackers))
	}
	for _, f := range findings(t, s, noon) {
		if strings.ContainsAny(f.Evidence+f.Subject, "\x1b\u202e") || strings.Contains(f.Evidence, "\nforged") {
			t.Fatalf("%q", f.Evidence)
		}
	}
}

func TestDecode(t *testing.T) {
	for in, want := range map[string]string{
		"%E6%8B%9B%E6%A0%87": "招标", "%D5%D0%B1%EA": "招标", "a+b%20c": "a b c", "%2527": "'", "%": "%", "%zz": "%zz", `\x22a\x22`: `"a"`, `\xE6\x8B\x9B`: "招", "%00x": "\uFFFDx",
	} {
		if got := shown([]byte(in), 100); got != want {
			t.Errorf("%s is shown as %q, want %q", in, got, want)
		}
	}
}

func TestConform(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(log, []byte(line(noon, "203.0.113.9", "GET", "/a?x=<script>alert(1)</script>", 200)+line(noon, "203.0.113.9", "POST", "/login", 200)), 0o600); err != nil {
		t.Fatal(err)
	}
	sources := []tail.Source{{Name: "web", Kind: "access", Files: []string{log}}}
	fresh := func() checks.Check {
		a := New(Default(), clockAt(noon))
		tl := tail.New(tail.Options{Sources: sources, From: tail.Beginning})
		tl.Subscribe(a)
		if err := tl.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		tl.Poll(t.Context())
		return NewCheck(a, tl, sources, "x")
	}
	checktest.Conform(t, fresh, checktest.Broken(func() checks.Check {
		return NewCheck(New(Default(), nil), tail.New(tail.Options{Sources: sources}), sources, "x") // nobody reads
	}))
	none := NewCheck(New(Default(), nil), nil, []tail.Source{{Name: "auth", Kind: "auth"}}, "x")
	if r := checks.RunOnce(t.Context(), none, noon); r.Verdict != checks.NotApplicable {
		t.Errorf("without access logs: %v", r.Verdict)
	}
	ex, err := fresh().(*Check).Evidence(t.Context())
	if err != nil || len(ex) != 2 || !slices.ContainsFunc(ex[0].Rows, func(r []string) bool { return strings.Contains(strings.Join(r, " "), "<script>alert(1)</script>") }) {
		t.Errorf("evidence %+v, %v", ex, err)
	}
}

func FuzzLine(f *testing.F) {
	f.Add([]byte(line(noon, "203.0.113.9", "GET", "/a?b=%27", 200)))
	f.Add([]byte(iisLog))
	f.Fuzz(func(t *testing.T, b []byte) {
		a := New(Default(), clockAt(noon))
		a.cfg.Rate = 1
		a.waf, a.wafErr = nil, fmt.Errorf("not in this test")
		a.Take(tail.Block{Source: "web", Kind: "access", Text: b, Read: noon})
		if _, err := a.State(); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzFormat(f *testing.F) {
	for _, u := range usual {
		f.Add(u.format, line(noon, "203.0.113.9", "GET", "/a", 200))
	}
	f.Fuzz(func(t *testing.T, format, l string) {
		if fm, err := ParseFormat("x", format); err == nil {
			var e Entry
			fm.Parse([]byte(l), &e)
		}
	})
}

func FuzzAttack(f *testing.F) {
	for _, r := range attacks() {
		f.Add(r.target, r.agent)
	}
	w, err := newWAF()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, target, agent string) {
		e := Entry{Method: []byte("GET"), Target: []byte(target), Agent: []byte(agent), Status: 200}
		s := shaper{}
		s.reduce(e.Target)
		if a := judge(w, &e); a != nil && strings.ContainsAny(a.Data, "\x00\x1b") {
			t.Errorf("unsafe: %q", a.Data)
		}
	})
}
