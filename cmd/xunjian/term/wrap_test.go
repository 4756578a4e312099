package term

import (
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		name, in string
		n        int
		want     string // lines, joined by |
	}{
		{"fits", "short", 10, "short"},
		{"no limit", strings.Repeat("long ", 50), 0, strings.Repeat("long ", 50)},
		{"at spaces", "one two three", 8, "one two|three"},
		{"a space that ends a line", "one two three", 7, "one two|three"},
		{"between wide characters", "巡检服务器", 4, "巡检|服务|器"},
		{"an odd width", "巡检服务器", 5, "巡检|服务|器"},
		{"no line begins with a full stop", "巡检完成。结束", 8, "巡检完|成。结束"},
		{"no line ends with an opening bracket", "结果（正常）完", 6, "结果|（正|常）完"},
		{"a word in Chinese", "使用 postgresql 数据库", 12, "使用|postgresql|数据库"},
		{"a word longer than a line", "abcdefghij", 4, "abcd|efgh|ij"},
		{"a number keeps its unit", "available 4.0 KiB", 14, "available|4.0 KiB"},
		{"and its percent sign", "used already 0.2 %", 16, "used already|0.2 %"},
		{"in Chinese too", "内存已用 42 分钟", 11, "内存已用|42 分钟"},
		{"numbers in a row part", "load 1 2 3", 7, "load 1|2 3"},
		{"a line of its own", "one\ntwo three", 5, "one|two|three"},
		{"an empty line", "one\n\ntwo", 5, "one||two"},
	} {
		if got := strings.Join(Wrap(c.in, c.n), "|"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Whatever is wrapped: no line is too wide, and nothing but spaces is lost.
func FuzzWrapKeepsAll(f *testing.F) {
	for _, s := range []string{"巡检，完成。", "a b  c", "((((((", "。。。。。。", "4 KiB 5 %", "e\u0301e\u0301", " ", "xx（（（yy"} {
		f.Add(s, 5)
	}
	bare := func(s string) string { return strings.ReplaceAll(s, " ", "") }
	f.Fuzz(func(t *testing.T, in string, n int) {
		if n < 2 || n > 200 || strings.Contains(in, "\n") {
			return
		}
		in = Safe(in)
		lines := Wrap(in, n)
		for _, l := range lines {
			if Width(l) > n {
				t.Errorf("%q in %d columns: %q is too wide", in, n, l)
			}
		}
		if got := strings.Join(lines, ""); bare(got) != bare(in) {
			t.Errorf("%q became %q", in, got)
		}
	})
}
