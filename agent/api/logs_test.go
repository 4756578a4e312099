package api_test

import (
	"net/url"
	"strings"
	"testing"

	"xunjian/agent/access"
	"xunjian/agent/api"
)

func TestSearchOfLines(t *testing.T) {
	s := serve(t)
	find := func(query string) api.LinePage {
		t.Helper()
		return into[api.LinePage](s.as(access.Operator, "GET", "/logs/search?"+query, ""))
	}
	for query, want := range map[string]string{
		"":                   "3 2 1",
		"source=fw-1":        "2 1",
		"event=login-failed": "2",
		"kind=file":          "3",
		"severity=warning":   "2",
		"severity=debug":     "2 1",
		"text=FAILED+to+log": "2",
		"regexp=" + url.QueryEscape(`acl \w+ \d+$`): "1",
		"limit=2":          "3 2",
		"before=3":         "2 1",
		"before=3&limit=1": "2",
		"from=2026-01-05T09:29:00%2B08:00&to=2026-01-05T09:30:00%2B08:00": "2",
		"host=nobody": "",
	} {
		var got []string
		for _, l := range find(query).Lines {
			got = append(got, string(rune('0'+l.Number)))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q finds %v, want %s", query, got, want)
		}
	}
	if p := find("limit=1"); p.Next != 3 || p.Partial || p.Damaged != 0 {
		t.Errorf("page: %+v", p)
	}
	l := find("event=login-failed").Lines[0]
	if l.Source != "fw-1" || l.Severity != "warning" || l.Fields["address"] != "198.51.100.7" || l.Said.IsZero() || l.Received.Format("15:04:05") != "09:29:00" {
		t.Errorf("line: %+v", l)
	}
	for query, code := range map[string]string{
		"severity=loud": "bad_word", "regexp=(": "bad_regexp", "limit=1001": "bad_number", "before=-1": "bad_number", "from=yesterday": "bad_time",
		"words=x": "unknown_parameter", "from=2026-01-05T09:30:00Z&to=2026-01-05T09:30:00Z": "bad_range",
		"regexp=" + strings.Repeat("x", 1001): "parameter_too_long",
	} {
		if got := s.as(access.Operator, "GET", "/logs/search?"+query, ""); got.status != 400 || !strings.Contains(string(got.body), `"`+code+`"`) {
			t.Errorf("%q: %d %s, want %s", query, got.status, got.body, code)
		}
	}
}

func TestLogReview(t *testing.T) {
	s := serve(t)
	look := func(query string) api.LogReview {
		t.Helper()
		return into[api.LogReview](s.as(access.Viewer, "GET", "/logs/review?lang=en&"+query, ""))
	}
	all := look("")
	if len(all.Sources) != 3 || len(all.Patterns) != 1 || all.Forgotten || all.From.IsZero() || all.Since.IsZero() {
		t.Fatalf("the review: %+v", all)
	}
	auth := all.Sources[0]
	if auth.Source != "auth" || auth.Lines != 12 || auth.Read != 12 || auth.Behind != 0 || len(auth.Files) != 1 || auth.Files[0].Offset != int64(auth.Bytes) || auth.Files[0].Size != int64(auth.Bytes) || auth.Counts.OK != 12 || auth.LastLine.IsZero() {
		t.Errorf("a log: %+v", auth)
	}
	p := all.Patterns[0]
	if p.Name != "sshd_failed" || p.Count != 12 || len(p.Hours) != 24 || len(p.BySource) != 1 || p.BySource[0] != (api.LogCount{Source: "auth", Count: 12}) || p.Title.ZH == "" || p.Title.Text != p.Title.EN || len(p.Lines) == 0 {
		t.Errorf("a pattern: %+v", p)
	}
	e := all.Events[0]
	if e.Code != "logs.bruteforce" || e.Subject != "198.51.100.7" || e.Verdict != "attention" || !strings.Contains(e.Text, "12 failed logins") || e.Evidence == "" || e.Count != 3 || e.Last.Before(e.First.Time) {
		t.Errorf("an event: %+v", e)
	}
	for query, want := range map[string][3]int{ // sources, patterns, events
		"source=app": {1, 0, 0}, "source=auth": {1, 1, 1}, "group=kernel": {3, 0, 1}, "verdict=attention": {3, 0, 1}, "verdict=abnormal": {3, 0, 0}, "hours=192": {3, 1, 1},
		"from=2026-01-05T09:00:00%2B08:00": {3, 1, 1}, "from=2026-01-05T07:00:00%2B08:00&to=2026-01-05T08:00:00%2B08:00": {3, 0, 0},
	} {
		if got := look(query); len(got.Sources) != want[0] || len(got.Patterns) != want[1] || len(got.Events) != want[2] {
			t.Errorf("%s: %d sources, %d patterns, %d events, want %v", query, len(got.Sources), len(got.Patterns), len(got.Events), want)
		}
	}
	for query, code := range map[string]string{
		"verdict=ok": "bad_word", "hours=0": "bad_number", "hours=193": "bad_number", "from=yesterday": "bad_time", "words=x": "unknown_parameter",
		"to=2026-01-05T09:30:00Z": "bad_range", "from=2026-01-05T01:30:00Z&to=2026-01-05T01:30:00Z": "bad_range", "from=2126-01-05T01:30:00Z": "bad_range",
	} {
		if got := s.as(access.Viewer, "GET", "/logs/review?"+query, ""); got.status != 400 || !strings.Contains(string(got.body), `"`+code+`"`) {
			t.Errorf("%q: %d %s, want %s", query, got.status, got.body, code)
		}
	}
}
