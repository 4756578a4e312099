// Package statement shows SQL without what people wrote into it: literals are
// the bids, prices and passwords of somebody, and evidence goes to many.
package statement

import (
	"strings"
	"unicode/utf8"
)

// Dialect says how a server reads quotes.
type Dialect uint8

// The dialects. In PostgreSQL "x" is a name and \ is an ordinary character
// outside of E'…'; in MySQL "x" is a text and `x` a name.
const (
	PostgreSQL Dialect = iota
	MySQL
)

// Normal returns sql with every literal as ?, lists of them as one, comments
// taken out and blanks made single, at most limit bytes. A literal that does
// not end, since the server cut the statement, goes to its end.
func Normal(sql string, d Dialect, limit int) string {
	s := scanner{in: sql, dialect: d}
	s.out.Grow(min(len(sql), limit) + 16)
	for s.at < len(s.in) && s.out.Len() <= limit+utf8.UTFMax {
		s.next()
	}
	return cut(strings.TrimSpace(s.out.String()), limit)
}

// cut shortens text to limit bytes at a rune, and says so by an ellipsis.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const more = "…"
	end := max(limit-len(more), 0)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + more
}

type scanner struct {
	in      string
	at      int
	out     strings.Builder
	dialect Dialect
	last    byte // last byte written that is no blank
	blank   bool // a blank is due before the next word
}

// next takes one token.
func (s *scanner) next() {
	rest := s.in[s.at:]
	switch c := rest[0]; {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
		s.at++
		s.blank = true
	case strings.HasPrefix(rest, "--") || c == '#' && s.dialect == MySQL:
		s.at += until(rest, "\n")
		s.blank = true
	case strings.HasPrefix(rest, "/*"):
		s.at += comment(rest, s.dialect == PostgreSQL)
		s.blank = true
	case c == '\'':
		s.at += quoted(rest, '\'', s.dialect == MySQL || s.last == 'E' || s.last == 'e')
		s.literal()
	case c == '"' && s.dialect == MySQL:
		s.at += quoted(rest, '"', true)
		s.literal()
	case c == '"' || c == '`' && s.dialect == MySQL:
		n := quoted(rest, c, false)
		s.write(rest[:n])
		s.at += n
	case c == '$' && s.dialect == PostgreSQL:
		s.dollar(rest)
	case isDigit(c) && !isWord(s.before()), c == '.' && len(rest) > 1 && isDigit(rest[1]) && !isWord(s.before()):
		s.at += number(rest)
		s.literal()
	case isWord(c):
		n := 1
		for n < len(rest) && isWord(rest[n]) {
			n++
		}
		s.write(rest[:n])
		s.at += n
	default:
		s.write(rest[:1])
		s.at++
	}
}

// before is the byte of the input before this one.
func (s *scanner) before() byte {
	if s.at == 0 {
		return ' '
	}
	return s.in[s.at-1]
}

func (s *scanner) write(text string) {
	if s.blank && s.out.Len() > 0 {
		s.out.WriteByte(' ')
	}
	s.blank = false
	s.out.WriteString(text)
	s.last = text[len(text)-1]
}

// literal writes ?, once for a list of them. A letter that says what kind of
// text it is (E'…', x'…', N'…') goes with it.
func (s *scanner) literal() {
	text := s.out.String()
	if n := len(text); !s.blank && n > 0 && strings.IndexByte("EeXxBbNnUu&", text[n-1]) >= 0 && (n == 1 || !isWord(text[n-2])) {
		text = text[:n-1]
		s.out.Reset()
		s.out.WriteString(text)
	}
	if trimmed := strings.TrimRight(text, " "); strings.HasSuffix(trimmed, "?,") {
		s.out.Reset()
		s.out.WriteString(strings.TrimSuffix(trimmed, ","))
		s.last, s.blank = '?', false
		return
	}
	s.write("?")
}

// dollar takes $1, which stays, or $tag$…$tag$, which is a literal.
func (s *scanner) dollar(rest string) {
	n := 1
	for n < len(rest) && isWord(rest[n]) && rest[n] != '$' {
		n++
	}
	if n < len(rest) && rest[n] == '$' && (n == 1 || !isDigit(rest[1])) && !isWord(s.before()) {
		tag := rest[:n+1]
		end := strings.Index(rest[n+1:], tag)
		if end < 0 {
			s.at = len(s.in)
		} else {
			s.at += n + 1 + end + len(tag)
		}
		s.literal()
		return
	}
	s.write(rest[:n])
	s.at += n
}

// quoted returns how long the quoted text is that rest begins with; a doubled
// quote is one in it, and so is one after \ where escapes hold.
func quoted(rest string, quote byte, escapes bool) int {
	for n := 1; n < len(rest); n++ {
		switch {
		case escapes && rest[n] == '\\':
			n++
		case rest[n] == quote && n+1 < len(rest) && rest[n+1] == quote:
			n++
		case rest[n] == quote:
			return n + 1
		}
	}
	return len(rest)
}

// comment returns how long the comment is that rest begins with.
func comment(rest string, nests bool) int {
	depth := 0
	for n := 0; n+1 < len(rest); n++ {
		switch rest[n : n+2] {
		case "/*":
			if depth == 0 || nests {
				depth++
			}
			n++
		case "*/":
			depth--
			n++
			if depth == 0 {
				return n + 1
			}
		}
	}
	return len(rest)
}

// number returns how long the number is that rest begins with: 1.5e-3, 0xff.
func number(rest string) int {
	n := 0
	for n < len(rest) && (isWord(rest[n]) || rest[n] == '.' || (rest[n] == '+' || rest[n] == '-') && (rest[n-1] == 'e' || rest[n-1] == 'E') && n > 0) {
		n++
	}
	return max(n, 1)
}

func until(text, end string) int {
	if n := strings.Index(text, end); n >= 0 {
		return n
	}
	return len(text)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// Quoted returns a line of text with everything between single quotes as ?, at
// most limit bytes: messages of a server quote what people wrote. A quote within
// a word (couldn't) is none.
func Quoted(text string, limit int) string {
	var out strings.Builder
	for at := 0; at < len(text); {
		if text[at] == '\'' && (at == 0 || !isWord(text[at-1])) {
			at += quoted(text[at:], '\'', false)
			out.WriteByte('?')
			continue
		}
		out.WriteByte(text[at])
		at++
	}
	return cut(out.String(), limit)
}
