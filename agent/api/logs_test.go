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
