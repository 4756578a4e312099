package channel

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLine bounds a part of the line, in characters.
const maxLine = 2000

// OneLine makes a text from outside one that cannot begin another line, steer
// a terminal, or turn the direction of what follows.
func OneLine(s string) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError {
			space = n > 0
			continue
		}
		if n >= maxLine {
			b.WriteRune('…')
			break
		}
		if space {
			b.WriteByte(' ')
			n, space = n+1, false
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}
