package term

import (
	"strings"
	"unicode"
)

// noStart are characters that must not begin a line, noEnd those that must
// not end one.
const (
	noStart = "，。、；：！？）》」』】〉”’…％,.;:!?)]}%"
	noEnd   = "（《「『【〈“‘([{"
)

// Wrap breaks s into lines of at most n columns: at spaces, and between wide
// characters where the rules of Chinese line breaking allow. A word longer
// than a line is broken where the line ends. n < 2 means no limit.
func Wrap(s string, n int) []string {
	var out []string
	for line := range strings.SplitSeq(s, "\n") {
		if n < 2 || Width(line) <= n {
			out = append(out, line)
			continue
		}
		out = append(out, wrapLine([]rune(line), n)...)
	}
	return out
}

func wrapLine(rest []rune, n int) []string {
	var out []string
	for len(rest) > 0 {
		end := fit(rest, n)
		if end < len(rest) {
			end = breakAt(rest, end)
		}
		out = append(out, strings.TrimRight(string(rest[:end]), " "))
		rest = rest[end:]
		for len(rest) > 0 && rest[0] == ' ' {
			rest = rest[1:]
		}
	}
	return out
}

// fit returns how many runes of s take at most n columns, at least one.
func fit(s []rune, n int) int {
	used := 0
	for i, r := range s {
		used += runeWidth(r)
		if used > n {
			return max(1, i)
		}
	}
	return len(s)
}

// breakAt returns the last place at or before end where a line may end, or end
// if there is none.
func breakAt(s []rune, end int) int {
	for i := end; i > 0; i-- {
		if mayBreak(s[i-1], s[i]) && !partsUnit(s, i) {
			return i
		}
	}
	return end
}

// partsUnit says that a break before s[i] would part a number from its unit,
// like 4.0 KiB or 0.2 %.
func partsUnit(s []rune, i int) bool {
	space := i
	if s[i] != ' ' {
		space = i - 1
	}
	return space > 0 && space+1 < len(s) && s[space] == ' ' && unicode.IsDigit(s[space-1]) &&
		s[space+1] != ' ' && !unicode.IsDigit(s[space+1])
}

func mayBreak(before, after rune) bool {
	switch {
	case after == ' ':
		return true
	case strings.ContainsRune(noStart, after), strings.ContainsRune(noEnd, before):
		return false
	case before == ' ':
		return true
	}
	return runeWidth(before) == 2 || runeWidth(after) == 2
}
