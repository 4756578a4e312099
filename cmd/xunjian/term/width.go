// Package term lays text out for a terminal: East Asian width, wrapping,
// tables, colours, a progress line.
package term

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Width returns how many columns s takes.
func Width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// runeWidth is 2 for East Asian wide characters, 0 for marks that join the
// character before. Ambiguous ones count 1, as terminals take them today.
func runeWidth(r rune) int {
	switch {
	case r < 0x20 || r == 0x7f:
		return 0
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Cut shortens s to n columns; what is cut off is marked by "…".
func Cut(s string, n int) string {
	if n < 1 {
		return ""
	}
	if Width(s) <= n {
		return s
	}
	used := 0
	for i, r := range s {
		used += runeWidth(r)
		if used > n-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// Safe makes text from outside one harmless line: a control character could
// move the cursor or recolour what follows.
func Safe(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return '�'
		}
		return r
	}, s)
}
