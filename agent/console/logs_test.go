package console

import (
	"fmt"
	"html"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"xunjian/checks"
	"xunjian/checks/logs"
	"xunjian/checks/logs/tail"
)

// nasty is what strangers put into lines: colours, a carriage return that hides
// what was before, another direction, a prefix of a log of its own, markup, NUL.
const nasty = "\x1b[31mred\x1b[0m\x1b]0;title\x07 \rNov 23 11:59:59 db01 sshd[1]: Accepted password for root \u202egnol\u202c\u2066x\u2069 <13>forged \x00 <script>alert(1)</script><img src=x onerror=alert(2)>"

// readLogs has the site's room of logs read three logs, with hostile lines in
// them. The access log is empty: see attacked.
func (s *site) readLogs(dir string) {
	s.t.Helper()
	s.logDir = dir
	s.write("auth.log", "Nov 23 11:58:01 db01 sshd[77]: Failed password for root from 198.51.100.7 port 4711 ssh2\n"+
		"Nov 23 11:58:03 db01 sshd[77]: Failed password for invalid user "+nasty+" from 198.51.100.7 port 4712 ssh2\n"+
		"Nov 23 11:58:05 db01 kernel: blk_update_request: I/O error, dev sda, sector 1\n"+
		strings.Repeat("Nov 23 11:58:07 db01 sshd[77]: Failed password for root from 198.51.100.7 port 1 ssh2\n", 12)+
		"Nov 23 11:58:09 db01 sshd[77]: Accepted password for root from 198.51.100.7 port 1 ssh2\n")
	s.write("app.log", strings.Repeat("INFO tender 17 opened by li\n", 40)+"ERROR bid 18 is torn: "+nasty+"\n")
	s.write("access.log", "")
	cfg := logs.Default()
	cfg.Sources = []tail.Source{
		{Name: "auth", Kind: "auth", Files: []string{filepath.Join(dir, "auth.log")}},
		{Name: "web", Kind: "access", Files: []string{filepath.Join(dir, "access.log")}},
		{Name: "app", Kind: "app", Files: []string{filepath.Join(dir, "app.log")}},
	}
	cfg.Access.Formats = map[string]string{"edge": `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time $upstream_addr`}
	cfg.Access.Learn, cfg.Novelty.Learn = 0, 0
	var err error
	s.read, err = logs.New(cfg, logs.Parts{Archive: s.archive, Zone: zone, Now: s.clock})
	must(s.t, err)
	s.look()
}

// write adds lines to a log of the site.
func (s *site) write(name, lines string) {
	s.t.Helper()
	f, err := os.OpenFile(filepath.Join(s.logDir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	must(s.t, err)
	_, err = f.WriteString(lines)
	must(s.t, err)
	must(s.t, f.Close())
}

// look has what is new in the logs read.
func (s *site) look() {
	s.t.Helper()
	for _, c := range s.read.Checks() {
		if res := checks.RunOnce(s.t.Context(), c, s.clock()); res.Error != "" {
			s.t.Fatalf("read the logs: %s", res.Error)
		}
	}
}

// attacked adds a morning of a web server to the access log: ordinary requests,
// an injection that was answered, a scanner, one that reads the bidders' list.
func (s *site) attacked() {
	s.t.Helper()
	var b strings.Builder
	line := func(client, method, target string, status int, agent string, seconds float64) {
		fmt.Fprintf(&b, "%s - - [%s] \"%s %s HTTP/1.1\" %d 512 \"-\" \"%s\" %.3f 10.1.0.%d:8080\n", client, s.clock().Format("02/Jan/2006:15:04:05 -0700"), method, target, status, agent, seconds, 1+b.Len()%2)
	}
	for n := range 60 {
		line("192.0.2.10", "GET", fmt.Sprintf("/tender/%d", n), 200, "Mozilla/5.0", 0.02)
	}
	for range 3 {
		line("192.0.2.11", "GET", "/bids", 502, "Mozilla/5.0", 1.4)
	}
	line("203.0.113.9", "GET", "/news?id=1%27%20UNION%20SELECT%20password%20FROM%20users--%20", 200, "sqlmap/1.8", 0.3)
	line("203.0.113.9", "GET", "/news?id=1%27%20OR%20%271%27=%271", 404, "sqlmap/1.8", 0.1)
	line("203.0.113.10", "GET", "/search?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E%E2%80%AEgnol", 403, `\x1B[31mred`, 0.1)
	line("203.0.113.11", "POST", "/upload/up.php", 200, "curl/8", 0.1)
	s.write("access.log", b.String())
	s.look()
}

// harmless fails if something of a hostile line works on a page.
func harmless(t *testing.T, what, body string) {
	t.Helper()
	for _, bad := range []string{"<script>alert", "<img src=x", "\x1b", "\x07", "\x00", "\u202e", "\u2066", "\rNov", "\nNov 23 11:59:59"} {
		if strings.Contains(body, bad) {
			t.Errorf("%s: %q comes through", what, bad)
		}
	}
}

var anchor = regexp.MustCompile(`href="(/logs[^"]*)"`)

// ways are the addresses of other pages of logs that a page leads to.
func ways(body string) []string {
	var out []string
	for _, m := range anchor.FindAllStringSubmatch(body, -1) {
		out = append(out, html.UnescapeString(m[1]))
	}
	return out
}

// A count leads to its lines: as many as it says, of that pattern, source, time
// and verdict.
func TestFromACountToItsLines(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.as(viewer, "en")
	overview := b.get("/logs?hours=6").body
	harmless(t, "/logs", overview)
	seen := map[string]int{}
	for _, way := range ways(overview) {
		res := b.get(way)
		if strings.HasPrefix(way, "/logs/search") {
			t.Errorf("a viewer is offered %s", way)
			continue
		}
		if res.code != http.StatusOK {
			t.Errorf("%s: %d", way, res.code)
		}
		harmless(t, way, res.body)
		seen[way] = strings.Count(res.body, `<code class="line"><bdi>Nov 23`)
	}
	from := fmt.Sprint(s.clock().Truncate(time.Hour).Add(-5 * time.Hour).Unix())
	hour := fmt.Sprint(s.clock().Add(-time.Hour).Truncate(time.Hour).Unix())
	end := fmt.Sprint(s.clock().Truncate(time.Hour).Unix())
	for way, want := range map[string]int{
		"/logs/sshd_failed?from=" + from:                             14,
		"/logs/sshd_failed?from=" + from + "&source=auth":            14,
		"/logs/sshd_failed?from=" + hour + "&to=" + end:              14,
		"/logs/lines?from=" + from + "&verdict=abnormal":             1,
		"/logs/lines?from=" + from + "&source=auth&verdict=abnormal": 1,
	} {
		got, ok := seen[way]
		if !ok {
			t.Errorf("the page does not lead to %s; it leads to %v", way, seen)
		} else if got != want {
			t.Errorf("%s shows %d lines, want %d", way, got, want)
		}
	}
	for path, want := range map[string]int{
		"/logs/sshd_failed?source=app": 0, "/logs/no-such-pattern": 0, "/logs/sshd_failed?from=1": 14, "/logs/sshd_failed?to=2": 0, "/logs/lines?verdict=attention&source=app": 0,
	} {
		if res := b.get(path); res.code != http.StatusOK || strings.Count(res.body, `<code class="line">`) != want {
			t.Errorf("%s: %d, %d lines, want %d", path, res.code, strings.Count(res.body, `<code class="line">`), want)
		}
	}
	for _, path := range []string{"/logs?verdict=odd", "/logs/lines", "/logs/lines?verdict=odd", "/logs/templates/0123456789abcdef?source=app"} {
		if res := b.get(path); res.code != http.StatusNotFound {
			t.Errorf("%s: %d", path, res.code)
		}
	}
	for _, want := range []string{"198.51.100.7", "a password may have been found", "Read to the end", "auth.log"} {
		if !strings.Contains(overview, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if zh := s.as(viewer, "zh-CN").get("/logs").body; !strings.Contains(zh, "口令可能已被破解") || !strings.Contains(zh, "已读到末尾") {
		t.Error("it does not speak Chinese")
	}
}

// What was typed on devices is for operators, by whatever name it is asked for.
func TestLinesOfDevicesAreNotForViewers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.keepLines()
	if body := s.as(operator, "en").get("/logs/search?event=config-changed").body; !strings.Contains(body, "acl advanced 3000") {
		t.Fatal("there is no such line")
	}
	for _, path := range []string{"/logs/config-changed", "/logs/config-changed?from=1", "/logs/lines?verdict=ok&from=1"} {
		if body := s.as(viewer, "en").get(path).body; strings.Contains(body, "acl advanced 3000") {
			t.Errorf("a viewer reads what was typed on a device at %s", path)
		}
	}
}

func TestAccessPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.as(viewer, "en")
	if body := b.get("/logs/access").body; !strings.Contains(body, "No access record") {
		t.Error("without a request it does not say so")
	}
	s.attacked()
	body := b.get("/logs/access").body
	harmless(t, "/logs/access", body)
	for _, want := range []string{
		"SQL injection", "Cross-site scripting", "Webshell", "203.0.113.9", "sqlmap/1.8", "CRS 942", // who tried what, and what saw it
		"GET /news?id=1&#39; UNION SELECT password FROM users-- ", // decoded
		"10.1.0.1:8080", "10.1.0.2:8080", "95 %", "/upload/up.php", // servers behind, latency, a new page
		"Different things", "/tender/", // who reads the list
		"answered as if it had worked", "xunjian_access_responses_total",
	} {
		if !strings.Contains(strings.ToLower(body), strings.ToLower(want)) {
			t.Errorf("the page does not say %q", want)
		}
	}
	lines := map[string]int{
		"/logs/access/lines?hours=168&source=web": 4, "/logs/access/lines?class=sql&hours=168&source=web": 2,
		"/logs/access/lines?address=203.0.113.9&hours=168&source=web": 2, "/logs/access/lines?class=webshell&hours=168&source=web": 1,
	}
	for _, way := range ways(body) {
		want, ok := lines[way]
		if !ok {
			continue
		}
		delete(lines, way)
		res := b.get(way)
		harmless(t, way, res.body)
		if n := strings.Count(res.body, `<code class="line">`); res.code != http.StatusOK || n != want {
			t.Errorf("%s: %d with %d lines, want %d", way, res.code, n, want)
		}
	}
	if len(lines) > 0 {
		t.Errorf("the page does not lead to %v", lines)
	}
	overview := b.get("/logs").body
	if !strings.Contains(overview, "clients whose attacks were answered") || !strings.Contains(overview, `href="/logs/access"`) {
		t.Error("the page of logs does not say that there were attacks")
	}
	if zh := s.as(viewer, "zh-CN").get("/logs/access").body; !strings.Contains(zh, "SQL 注入") || !strings.Contains(zh, "得到成功应答") {
		t.Error("it does not speak Chinese")
	}
}

func TestTemplatesPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.as(viewer, "en")
	body := b.get("/logs/templates?source=app").body
	harmless(t, "/logs/templates", body)
	for _, want := range []string{"INFO tender &lt;n&gt; opened by li", "ERROR bid &lt;n&gt; is torn:", "New", "not seen in the four weeks before"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(body, "blk_update_request") {
		t.Error("it shows another log than was chosen")
	}
	found := false
	for _, way := range ways(body) {
		if !strings.HasPrefix(way, "/logs/templates/") {
			continue
		}
		res := b.get(way)
		harmless(t, way, res.body)
		if n := strings.Count(res.body, `<code class="line"><bdi>INFO tender 17`); n == 40 {
			found = true
		} else if n != 0 {
			t.Errorf("%s shows %d lines of 40", way, n)
		}
	}
	if !found {
		t.Error("no way leads to the 40 lines of one kind")
	}
	if zh := s.as(viewer, "zh-CN").get("/logs/templates").body; !strings.Contains(zh, "新出现") {
		t.Error("it does not speak Chinese")
	}
}

// In a browser no hostile line makes an element, runs, or shows in another
// order than it stands.
func TestHostileLinesInABrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.attacked()
	b := newChromium(t, s, "en", true)
	b.login("operator")
	seen := false
	for _, path := range []string{
		"/logs", "/logs/sshd_failed", "/logs/lines?verdict=attention", "/logs/access", "/logs/access/lines", "/logs/templates", "/logs/search", "/logs/search?source=app",
	} {
		b.open(path)
		got := ask(b, chromedp.Evaluate[string](`JSON.stringify({
			own: document.querySelectorAll("main script, main img, main iframe, main [onerror]").length,
			bad: /[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/.test(document.body.textContent),
			hostile: document.body.textContent.includes("<script>alert(1)"),
			fake: Array.from(document.querySelectorAll("main td, main li, main p")).some(e => e.innerText.split("\n").some(l => l.startsWith("Nov 23 11:59:59"))),
		})`))
		if !strings.Contains(got, `"own":0,"bad":false`) || !strings.Contains(got, `"fake":false`) {
			t.Errorf("%s: %s", path, got)
		}
		seen = seen || strings.Contains(got, `"hostile":true`)
		b.quiet(path)
	}
	if !seen {
		t.Error("no page shows the hostile line at all")
	}
}
