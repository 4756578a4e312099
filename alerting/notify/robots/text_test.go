package robots_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/notify/notifytest"
	"xunjian/alerting/notify/robots"
	"xunjian/alerting/roster"
)

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var partMark = regexp.MustCompile(`^（\d/\d）\n`)

// Parts hold all characters in order and no part of one, none is too long.
func TestSplit(t *testing.T) {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("a长\n👩é\"\\ ")), 0, 600, -1)
	rapid.Check(t, func(t *rapid.T) {
		s := text.Draw(t, "text")
		limit := rapid.IntRange(30, 400).Draw(t, "limit")
		cost, size := robots.PlainCost, func(s string) int { return len(s) }
		if rapid.Bool().Draw(t, "json") {
			cost, size = robots.JSONCost, func(s string) int { b, _ := json.Marshal(s); return len(b) - 2 }
		}
		parts := robots.Split(s, limit, cost)
		var joined strings.Builder
		for _, p := range parts {
			if !utf8.ValidString(p) || size(p) > limit {
				t.Fatalf("a part of %d bytes, at most %d: %q", size(p), limit, p)
			}
			if len(parts) > 1 {
				p = partMark.ReplaceAllString(p, "")
			}
			joined.WriteString(p)
		}
		// Line breaks at the borders are the borders.
		got, want := strings.ReplaceAll(joined.String(), "\n", ""), strings.ReplaceAll(s, "\n", "")
		if got != want && (len(parts) < 8 || !strings.HasPrefix(want, strings.TrimSuffix(got, "…")) || !strings.HasSuffix(got, "…")) {
			t.Fatalf("%q became %q", s, parts)
		}
	})
}

// However long and strange, each request is within the platform's limit.
func TestLimits(t *testing.T) {
	crowd := make([]roster.Person, 60)
	phones := make([]string, len(crowd))
	for i := range crowd {
		crowd[i], phones[i] = roster.Person{Name: strings.Repeat("名", 30), Phone: "010-5550-0101"}, "01055500101"
	}
	for _, s := range append(notifytest.Strange, strings.Repeat("\"\\", 5000), strings.Repeat("长\n", 5000)) {
		m := note(1)
		m.Subject, m.Text, m.Concerned = s, s, crowd
		m.Facts = []channel.Fact{{Name: s, Value: s}}
		m = m.Lines()
		for _, kind := range kinds {
			bodies := robots.Bodies(kind, m, phones)
			if len(bodies) == 0 || len(bodies) > 9 {
				t.Errorf("%s: %.20q in %d requests", kind, s, len(bodies))
			}
			for _, b := range bodies {
				var body struct{ Markdown, Text struct{ Content string } }
				if err := json.Unmarshal(b, &body); err != nil {
					t.Fatal(err)
				}
				if len(b) > 20_000 || len(body.Markdown.Content) > 4096 || len(body.Text.Content) > 2048 {
					t.Errorf("%s: %.20q: %d bytes, markdown %d, text %d", kind, s, len(b), len(body.Markdown.Content), len(body.Text.Content))
				}
			}
		}
	}
}

// Nothing that comes from outside is a link, a mention or a heading.
func TestInert(t *testing.T) {
	m := note(1)
	m.Text = "[click](http://evil.example.org)\n![x](http://evil.example.org/x.png)\n<@all> <font color=\"warning\">x</font>\n# heading\n> quote"
	m.Link = "https://xunjian.example.org/(a)"
	for _, kind := range []string{robots.DingTalk, robots.WeCom} {
		b := robots.Bodies(kind, m.Lines(), nil)[0]
		if links := strings.Count(string(b), "]("); links != 1 || strings.Contains(string(b), "<") || !strings.Contains(string(b), "/%28a%29)") {
			t.Errorf("%s: %d links in %s", kind, links, b)
		}
		if strings.Contains(string(b), `\n# `) {
			t.Errorf("%s: a heading in %s", kind, b)
		}
	}
	if b := robots.Bodies(robots.Feishu, m.Lines(), nil)[0]; strings.Contains(string(b), "lark_md") || strings.Contains(string(b), `"markdown"`) {
		t.Errorf("not plain: %s", b)
	}
}

// The signatures, against figures reckoned by Python from the documents.
func TestSignatures(t *testing.T) {
	u, err := url.Parse("https://oapi.dingtalk.com/robot/send?access_token=x")
	if err != nil {
		t.Fatal(err)
	}
	if got := robots.Signed(robots.DingTalk, u, key, 1772438400000)["sign"]; got != "WWmfp3rLAXgG7XW5O2ccW2q2vgMq+ek3NECXv8L6j7Q=" || u.Query().Get("timestamp") != "1772438400000" || u.Query().Get("access_token") != "x" {
		t.Errorf("dingtalk: %v, %s", got, u)
	}
	if got := robots.Signed(robots.Feishu, u, key, 1772438400000); got["sign"] != "+u+YF4/MUxZPEYmJmrxZIhhtIM4RvhovHbX3vdkSDx4=" || got["timestamp"] != "1772438400" {
		t.Errorf("feishu: %v", got)
	}
}
