package reports_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"xunjian/agent/reports"
	"xunjian/alerting/inspection"
	"xunjian/alerting/plan"
	"xunjian/alerting/text"
	"xunjian/checks"
)

// nasty is a line of a stranger, as checks hand it on: what it could do to a
// terminal is gone, but not what it could do to a page or a sheet.
var nasty = checks.SafeText("=1+1 \x1b[31m\u202egnol\u202c \x00<script>alert(1)</script>\rNov 23 root logged in", 300)

// weekOfLogs is a week in which much happened.
func weekOfLogs(from, to time.Time) *reports.LogFacts {
	at := to.Add(-time.Hour)
	return &reports.LogFacts{
		Since: from.Add(-time.Hour), Attackers: from,
		Sources: []reports.LogSource{
			{Name: "auth", Lines: 4711, Last: at}, {Name: "web", Lines: 90000, Unjudged: 12, Unparsed: 3, Last: at}, {Name: "postgresql", Error: "permission denied"}, {Name: "app", Silent: true, Lines: 5, Last: from},
		},
		Patterns: []reports.LogPattern{
			{Name: "kernel_io_error", Title: plan.Text{ZH: "磁盘读写错误", EN: "Disk I/O error"}, Verdict: "abnormal", Code: "E01", Count: 7, Sources: map[string]uint64{"system": 4, "auth": 3}},
			{Name: "sshd_failed", Title: plan.Text{ZH: "SSH 登录失败", EN: "SSH login failed"}, Verdict: "ok", Count: 4000, Sources: map[string]uint64{"auth": 4000}},
		},
		Events: []reports.LogEvent{
			{Code: "logs.bruteforce", Subject: "198.51.100.7", Verdict: "attention", First: from, Last: at, Count: 40, Line: nasty, Args: map[string]any{"failures": 40.0, "window": 600.0, "users": "root", "source": "auth"}},
			{Code: "logs.gap", Subject: "web", Verdict: "attention", First: at, Last: at, Count: 1, Args: map[string]any{"source": "web"}},
		},
		Attacks:   []reports.LogAttack{{Source: "web", Client: "203.0.113.9", Classes: []string{"sql", "scanner"}, Count: 120, Answered: 2, Last: at, Line: "GET /news?id=1' UNION SELECT 1 → 200"}},
		Templates: []reports.LogKind{{Source: "app", Text: "ERROR bid 17 is torn", At: at, Count: 3}, {Source: "app", Text: "retry", Burst: true, At: at, Count: 900}},
		Learning:  []string{"postgresql"}, Guarded: 1,
		Files:     []reports.LogEvent{{Code: "integrity.page_changed", Subject: "/srv/www/index.html", Verdict: "abnormal", First: at, Last: at, Args: map[string]any{"what": "content", "owner": "root", "modified": float64(at.Unix())}}},
		Approvals: []reports.FileApproval{{At: at, By: "王芳", Reason: "发布 7.2", Count: 3}},
	}
}

// TestLogsInTheReport: what logs came to stands in every format and language,
// what was not read is named, and nothing of a line works.
func TestLogsInTheReport(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("Asia/Shanghai", 8*3600)
	catalog, err := text.Load(zone, checks.Messages, inspection.Messages)
	must(t, err)
	to := time.Date(2026, 11, 23, 8, 30, 0, 0, zone)
	from := to.AddDate(0, 0, -7)
	f := reports.Facts{Host: "db01", Made: to, From: from, To: to, Measured: 1, Round: inspection.Round{From: from, To: to, Form: inspection.Form{ID: "weekly", Title: plan.Text{ZH: "每周巡检", EN: "Weekly"}}}}
	f.Logs = weekOfLogs(from, to)
	for lang, want := range map[string][]string{
		"en": {
			"Logs and files", "cannot be read: permission denied", "silent for far longer than usual", "3 lines fit no format", "for 12 odd requests there was no time", "Disk I/O error", "auth 3; system 4",
			"4000 more lines, of 1 kinds, are in order", "198.51.100.7", "40 failed logins", "lines were deleted", "SQL injection; Scanner", "UNION SELECT", "ERROR bid 17 is torn", "frequent",
			"Still being learned", "/srv/www/index.html", "王芳 approved changes of 3 files: 发布 7.2",
		},
		"zh-CN": {
			"日志与文件", "无法读取：permission denied", "静默时间远超平常", "3 行无法识别", "磁盘读写错误", "另有 4000 行（1 类）属正常", "来自该地址的登录失败 40 次", "SQL 注入；扫描器", "突然频繁", "仍在学习期", "王芳 批准了 3 个文件的变更",
		},
	} {
		say := catalog.For(lang)
		for _, format := range []string{"text", "html", "pdf", "xlsx", "docx"} {
			body, err := reports.Render(f, say, zone, format, "")
			must(t, err)
			plain := readable(t, format, body)
			for _, w := range want {
				if !strings.Contains(squeezed(plain), squeezed(w)) {
					t.Errorf("%s in %s lacks %q", format, lang, w)
				}
			}
			for _, bad := range []string{"<script>", "\x1b", "\u202e", "\x00", "\r", "<no value>", "%!"} {
				if format != "text" && format != "pdf" && strings.Contains(string(unzipped(t, format, body)), bad) || bad != "<script>" && strings.Contains(plain, bad) {
					t.Errorf("%s in %s holds %q", format, lang, bad)
				}
			}
			if format == "xlsx" && regexp.MustCompile(`<f>|<f `).Match(unzipped(t, format, body)) {
				t.Errorf("the sheet reckons with what a line says")
			}
		}
		page, err := reports.Render(f, say, zone, "html", "")
		must(t, err)
		if n := bytes.Count(page, []byte("&lt;script&gt;alert(1)")); n == 0 {
			t.Errorf("the hostile line is not shown in %s", lang)
		}
	}
	body, err := reports.Render(f, catalog.For("en"), zone, "json", "")
	must(t, err)
	var back reports.Facts
	must(t, json.Unmarshal(body, &back))
	if back.Logs == nil || len(back.Logs.Attacks) != 1 || back.Logs.Events[0].Args["failures"] != 40.0 {
		t.Errorf("from JSON come %+v", back.Logs)
	}
}

// TestSilenceIsNotGood: where nothing was found the report says so as good only
// if everything was read.
func TestSilenceIsNotGood(t *testing.T) {
	t.Parallel()
	catalog, err := text.Load(time.UTC, checks.Messages, inspection.Messages)
	must(t, err)
	to := time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)
	from := to.AddDate(0, 0, -7)
	read := func(change func(*reports.LogFacts)) string {
		l := &reports.LogFacts{Since: from, Attackers: from, Guarded: 1, Sources: []reports.LogSource{{Name: "auth", Lines: 10, Last: to}}}
		change(l)
		f := reports.Facts{Host: "db01", Made: to, From: from, To: to, Measured: 1, Round: inspection.Round{From: from, To: to}, Logs: l}
		body, err := reports.Render(f, catalog.For("en"), time.UTC, "text", "")
		must(t, err)
		return string(body)
	}
	const good, blind = "No line that was read needs attention.", "not every log was read"
	if got := read(func(*reports.LogFacts) {}); !strings.Contains(got, good) || !strings.Contains(got, "No guarded file differs") || strings.Contains(got, blind) {
		t.Errorf("a good week is told as\n%s", got)
	}
	for name, change := range map[string]func(*reports.LogFacts){
		"no log":             func(l *reports.LogFacts) { l.Sources = nil },
		"one unreadable":     func(l *reports.LogFacts) { l.Sources[0].Error = "permission denied" },
		"one silent":         func(l *reports.LogFacts) { l.Sources[0].Silent = true },
		"no line":            func(l *reports.LogFacts) { l.Sources[0].Lines = 0 },
		"not read to an end": func(l *reports.LogFacts) { l.Sources[0].Behind = 5 },
		"unjudged":           func(l *reports.LogFacts) { l.Sources[0].Unjudged = 1 },
		"counted since":      func(l *reports.LogFacts) { l.Since = to.Add(-time.Hour) },
		"forgotten":          func(l *reports.LogFacts) { l.Forgotten = true },
		"a gap":              func(l *reports.LogFacts) { l.Events = []reports.LogEvent{{Code: "logs.gap", Verdict: "attention"}} },
		"one that failed":    func(l *reports.LogFacts) { l.Faults = []string{"the logs are not read yet"} },
	} {
		if got := read(change); strings.Contains(got, good) || !strings.Contains(got, blind) {
			t.Errorf("%s is told as\n%s", name, got)
		}
	}
	if got := read(func(l *reports.LogFacts) { l.Guarded = 0 }); strings.Contains(got, "No guarded file differs") || !strings.Contains(got, "No folder is guarded") {
		t.Errorf("without a guarded folder:\n%s", got)
	}
}

// readable is the text of a document as a reader has it.
func readable(t *testing.T, format string, body []byte) string {
	t.Helper()
	switch format {
	case "text":
		return string(body)
	case "pdf":
		cmd := exec.Command("pdftotext", "-raw", "-", "-")
		cmd.Stdin = bytes.NewReader(body)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("pdftotext (Debian package poppler-utils): %v", err)
		}
		return strings.ReplaceAll(string(out), "\f", "")
	}
	plain := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(string(unzipped(t, format, body)), "")
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&#39;", "'", "&#34;", `"`, "&quot;", `"`, "&amp;", "&").Replace(plain)
}

// unzipped is the XML of an office document, or the page itself.
func unzipped(t *testing.T, format string, body []byte) []byte {
	t.Helper()
	if format != "xlsx" && format != "docx" {
		return body
	}
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	must(t, err)
	var out []byte
	for _, f := range z.File {
		if !regexp.MustCompile(`document\.xml$|sharedStrings\.xml$|sheet\d+\.xml$`).MatchString(f.Name) {
			continue
		}
		r, err := f.Open()
		must(t, err)
		part, err := io.ReadAll(r)
		must(t, err)
		out = append(out, part...)
	}
	return out
}

// squeezed is a text without what lines are broken by.
func squeezed(s string) string { return strings.Join(strings.Fields(s), "") }
