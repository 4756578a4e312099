package console

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"xunjian/checks/logs/archive"
)

// keepLines gives the site lines of devices, one of them hostile.
func (s *site) keepLines() {
	at := s.clock()
	lines := []archive.Record{
		{Received: at.Add(-time.Hour), Said: at.Add(-9 * time.Hour), Source: "核心防火墙", Kind: "syslog", Severity: archive.Notice, Host: "FW", Event: "config-changed",
			Fields: map[string]string{"user": "admin", "address": "10.1.1.5", "command": "acl advanced 3000"},
			Text:   "<189>Nov 23 03:00:00 2026 FW %%10SHELL/6/SHELL_CMD: -Line=vty0-IPAddr=10.1.1.5-User=admin; Command is acl advanced 3000"},
		{Received: at.Add(-time.Minute), Source: "核心防火墙", Kind: "syslog", Severity: archive.Warning, Event: "login-failed",
			Fields: map[string]string{"user": "root", "address": "198.51.100.7"}, Text: "<188>FW %%10LOGIN/5/LOGIN_FAILED: root failed to log in from 198.51.100.7."},
		{Received: at, Source: "10.9.9.9", Kind: "syslog",
			Text: "<13>\x1b[31mred\x1b[0m\r\n<13>forged: admin logged in \u202egnol\u202c <script>alert(1)</script>" + strings.Repeat("x", 300)},
	}
	for n := range 150 {
		lines = append([]archive.Record{{Received: at.Add(-2 * time.Hour), Source: "sw-1", Kind: "syslog", Severity: archive.Info, Text: "<190>traffic line " + strings.Repeat("y", n)}}, lines...)
	}
	s.archive.Append(lines)
}

func TestSearchOfLines(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.keepLines()
	b := s.as(operator, "en")
	for _, c := range []struct {
		query      string
		want, hold []string // what shows, and what does not
	}{
		{"", []string{"forged", "failed login", "acl advanced 3000", "says"}, nil},
		{"event=login-failed", []string{"198.51.100.7"}, []string{"acl advanced", "forged"}},
		{"source=" + url.QueryEscape("核心防火墙"), []string{"acl advanced", "LOGIN_FAILED"}, []string{"forged"}},
		{"text=ACL+Advanced", []string{"acl advanced 3000"}, []string{"LOGIN_FAILED"}},
		{"regexp=1&text=" + url.QueryEscape(`root .* 198\.51`), []string{"LOGIN_FAILED"}, []string{"acl advanced"}},
		{"severity=warning", []string{"LOGIN_FAILED"}, []string{"acl advanced", "forged"}},
		{"from=2026-11-23T11:58&to=2026-11-23T12:00", []string{"LOGIN_FAILED"}, []string{"acl advanced", "forged"}},
		{"text=nowhere-to-be-found", []string{"No such lines are kept."}, []string{"LOGIN_FAILED"}},
	} {
		res := b.get("/logs/search?" + c.query)
		if res.code != http.StatusOK {
			t.Fatalf("%s: %d", c.query, res.code)
		}
		for _, w := range c.want {
			if !strings.Contains(res.body, w) {
				t.Errorf("%s does not show %q", c.query, w)
			}
		}
		for _, w := range c.hold {
			if strings.Contains(res.body, ">"+w) || strings.Contains(res.body, " "+w+" ") {
				t.Errorf("%s shows %q", c.query, w)
			}
		}
	}
	if res := b.get("/logs/search?regexp=1&text=" + url.QueryEscape("(")); res.code != http.StatusBadRequest || !strings.Contains(res.body, "That is no regular expression") {
		t.Errorf("a bad expression: %d", res.code)
	}
	if res := s.as(viewer, "en").get("/logs/search"); res.code != http.StatusForbidden || strings.Contains(res.body, "LOGIN_FAILED") {
		t.Errorf("a viewer: %d", res.code)
	}
	zh := s.as(operator, "zh-CN").get("/logs/search?event=login-failed").body
	for _, w := range []string{"登录失败", `<div class="sub">警告<`, `href="/logs/search" aria-current="page">日志检索`} {
		if !strings.Contains(zh, w) {
			t.Errorf("in Chinese it does not show %q", w)
		}
	}
	if strings.Contains(zh, `href="/logs" aria-current`) {
		t.Error("two places of the navigation are marked")
	}
}

func TestLinesByPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.keepLines()
	b := s.as(operator, "en")
	first := b.get("/logs/search?source=sw-1").body
	_, after, ok := strings.Cut(first, `rel="next" href="`)
	if !ok {
		t.Fatal("no way to older lines")
	}
	next, _, _ := strings.Cut(after, `"`)
	second := b.get(strings.ReplaceAll(next, "&amp;", "&")).body
	if n, m := strings.Count(first, "traffic line"), strings.Count(second, "traffic line"); n != 100 || m != 50 {
		t.Errorf("the pages have %d and %d lines, want 100 and 50", n, m)
	}
	if strings.Contains(second, `rel="next"`) {
		t.Error("there is a page after the last one")
	}
}

// What a stranger sends shows as what it is: no markup, no colours, no second
// line, no other direction.
func TestHostileLinesAreHarmless(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.keepLines()
	body := s.as(operator, "en").get("/logs/search?source=10.9.9.9").body
	for _, bad := range []string{"<script>alert", "\x1b", "\u202e", "red\r", "\n<13>forged", "\n&lt;13&gt;forged"} {
		if strings.Contains(body, bad) {
			t.Errorf("%q comes through", bad)
		}
	}
	for _, want := range []string{"‹ESC›[31mred", "⏎&lt;13&gt;forged", "‹U&#43;202E›", "&lt;script&gt;"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not shown", want)
		}
	}
	if got := visible("plain 中文 \t x"); got != "plain 中文   x" {
		t.Errorf("plain text shows as %q", got)
	}
}
