package term

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWidth(t *testing.T) {
	for s, want := range map[string]int{
		"":                 0,
		"abc":              3,
		"巡检":               4,
		"巡检，正常。":           12,
		"é":                1,
		"e\u0301":          1, // e with a joining accent
		"ｱ":                1, // halfwidth katakana
		"Ａ":                2, // fullwidth latin
		"한글":               4,
		"€…–":              3, // ambiguous ones are narrow
		"✓ 正常":             6,
		"☐ step":           6,
		"a\u200db":         2, // a joiner has no width
		"\u202e巡":          2, // nor has a direction mark
		"x\x1by":           2, // nor a control character
		"开标／评标":            10,
		"\U00020000":       2, // beyond the basic plane
		"INC-20261124-000": 16,
	} {
		if got := Width(s); got != want {
			t.Errorf("Width(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"巡检程序", 8, "巡检程序"},
		{"巡检程序", 7, "巡检程…"},
		{"巡检程序", 6, "巡检…"}, // half a character is none
		{"巡检程序", 2, "…"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
		{"巡检", 1, "…"},
		{"巡检", 0, ""},
	} {
		if got := Cut(c.in, c.n); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

// What a log line brings along must not move the cursor, colour the screen or
// turn the reading direction.
func TestSafe(t *testing.T) {
	for in, want := range map[string]string{
		"plain 巡检":           "plain 巡检",
		"a\nb\tc\rd":         "a b c d",
		"\x1b[31mred\x1b[0m": "�[31mred�[0m",
		"\x07\x08\x7f":       "���",
		"\u009b31m":          "�31m", // the one-byte introducer of colours
		"ab\u202ecd\u2066":   "ab�cd�",
		"broken \xff":        "broken �",
	} {
		if got := Safe(in); got != want {
			t.Errorf("Safe(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzSafeIsOneHarmlessLine(f *testing.F) {
	for _, s := range []string{"", "巡检\n", "\x1b]0;title\x07", "\u2028", "\xf0\x28"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got := Safe(in)
		if strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) || !utf8.ValidString(got) {
			t.Errorf("Safe(%q) = %q", in, got)
		}
		for n := range 6 {
			if w := Width(Cut(got, n)); w > n {
				t.Errorf("Cut(%q, %d) takes %d columns", got, n, w)
			}
		}
	})
}
