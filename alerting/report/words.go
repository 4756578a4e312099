package report

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"xunjian/alerting/text"
)

func zone(z *time.Location) *time.Location {
	if z == nil {
		return time.UTC
	}
	return z
}

// moment writes a time as an official letter does; the zero time is nothing.
func moment(t time.Time, z *time.Location, lang string) string {
	if t.IsZero() {
		return ""
	}
	if lang == text.EN {
		return t.In(zone(z)).Format("2 January 2006, 15:04")
	}
	return t.In(zone(z)).Format("2006年1月2日15时04分")
}

func date(t time.Time, z *time.Location, lang string) string {
	if t.IsZero() {
		return ""
	}
	if lang == text.EN {
		return t.In(zone(z)).Format("2 January 2006")
	}
	return t.In(zone(z)).Format("2006年1月2日")
}

// duration writes d in days, hours and minutes. Whole minutes, since a letter
// that counts seconds pretends to know them.
func duration(d time.Duration, lang string) string {
	units := [...]string{"天", "小时", "分钟"}
	none, sep := "不足1分钟", ""
	if lang == text.EN {
		units = [...]string{" d", " h", " min"}
		none, sep = "less than 1 min", " "
	}
	var out []string
	for i, size := range [...]time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		if n := d / size; n > 0 {
			out = append(out, fmt.Sprintf("%d%s", n, units[i]))
			d -= n * size
		}
	}
	if out == nil {
		return none
	}
	return strings.Join(out, sep)
}

// A value may hold what the text format reads as structure: a bar, a line's
// first mark, a line break. While a text is made up these stand as Unicode
// noncharacters, so that no caller's words become a heading or a column.
const (
	marks   = "|#-:="
	firstNC = '\uFDD0' // stands for the first of marks, and so on
	lineNC  = '\uFDEF' // a line that holds nothing but a control action
)

// plain makes text from outside fit for a document: valid UTF-8 on one line,
// without control characters and those that turn the direction of writing.
func plain(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) && r != '\u3000' && r != '\u00A0':
			return ' '
		case unicode.IsControl(r), r >= '\u202A' && r <= '\u202E', r >= '\u2066' && r <= '\u2069',
			r >= '\uFDD0' && r <= '\uFDEF', r&0xFFFE == 0xFFFE, r == '\uFEFF':
			return -1
		}
		return r
	}, s)
	return strings.Trim(collapse(s), " ")
}

func collapse(s string) string {
	for strings.Contains(s, "  ") {
		s = strings.ReplaceAll(s, "  ", " ")
	}
	return s
}

// hide is plain with marks hidden from the text format: bars anywhere, the
// others where they could begin a line.
func hide(s string) string {
	s = strings.ReplaceAll(plain(s), "|", string(firstNC))
	if r, n := utf8.DecodeRuneInString(s); n > 0 {
		if i := strings.IndexRune(marks, r); i >= 0 {
			s = string(firstNC+rune(i)) + s[n:]
		}
	}
	return s
}

// show undoes hide.
func show(s string) string {
	return strings.Map(func(r rune) rune {
		if i := int(r - firstNC); i >= 0 && i < len(marks) {
			return rune(marks[i])
		}
		return r
	}, s)
}

// wide reports whether a character is written without spaces around it.
func wide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) ||
		r >= '\u3000' && r <= '\u303F' || r >= '\uFF00' && r <= '\uFFEF' ||
		strings.ContainsRune("“”‘’…—", r)
}
