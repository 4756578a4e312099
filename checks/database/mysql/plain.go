package mysql

import (
	"regexp"
	"strings"

	"xunjian/checks"
)

// maxStatement bounds a statement that is shown, in bytes.
const maxStatement = 2000

// plain returns a statement without its literals and comments: what the bidders
// entered is none of an operator's business, and passwords stand in statements
// too. Identifiers stay. Where it is not clear what something is, it goes.
func plain(statement string) string {
	if len(statement) > 16*maxStatement {
		statement = statement[:16*maxStatement]
	}
	p := &plainer{in: statement}
	p.out.Grow(min(len(statement), maxStatement))
	for p.at < len(p.in) && p.out.Len() < 2*maxStatement {
		p.next()
	}
	text := listOfLiterals.ReplaceAllString(strings.TrimSpace(p.out.String()), "(?, …)")
	return checks.SafeText(text, maxStatement)
}

// listOfLiterals is a list whose length says nothing: IN (?, ?, ?).
var listOfLiterals = regexp.MustCompile(`\(\?(?:, ?\?)+\)(?:, ?\(\?(?:, ?\?)*\))*`)

// plainer reads a statement from left to right.
type plainer struct {
	in  string
	at  int
	out strings.Builder
	// word says that the last byte written belongs to a name.
	word, space bool
}

func (p *plainer) next() {
	c := p.in[p.at]
	rest := p.in[p.at:]
	switch {
	case c == '\'' || c == '"':
		p.literal(quoted(rest, c))
	case c == '`':
		n := quoted(rest, c)
		p.write(rest[:n], false)
		p.at += n
	case c == '#' || strings.HasPrefix(rest, "-- ") || strings.HasPrefix(rest, "--\t") || strings.HasPrefix(rest, "--\n"):
		p.skip(upTo(rest, "\n"))
	case strings.HasPrefix(rest, "/*"):
		p.skip(upTo(rest, "*/"))
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		p.skip(1)
	case c >= '0' && c <= '9' && !p.word, c == '.' && !p.word && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
		p.literal(number(rest))
	default:
		p.write(rest[:1], nameByte(c))
		p.at++
	}
}

// write adds text, and the space before it that was left out so far.
func (p *plainer) write(text string, word bool) {
	if p.space && p.out.Len() > 0 {
		p.out.WriteByte(' ')
	}
	p.space, p.word = false, word
	p.out.WriteString(text)
}

func (p *plainer) skip(n int) {
	p.at += n
	p.space, p.word = true, false
}

func (p *plainer) literal(n int) {
	p.at += n
	p.write("?", false)
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c == '@' || c >= 0x80
}

// quoted returns the length of what begins with the quote q: to its end, or all
// of it if the server cut the statement off.
func quoted(s string, q byte) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && q != '`':
			i++
		case s[i] == q && i+1 < len(s) && s[i+1] == q:
			i++
		case s[i] == q:
			return i + 1
		}
	}
	return len(s)
}

// number returns the length of a number, be it 1, 1.5e-3 or 0xff.
func number(s string) int {
	i := 0
	for i < len(s) && (nameByte(s[i]) || s[i] == '.' || (s[i] == '-' || s[i] == '+') && i > 0 && (s[i-1] == 'e' || s[i-1] == 'E') && s[0] != '0') {
		i++
	}
	return i
}

// upTo returns the length of s to the end of what ends with end.
func upTo(s, end string) int {
	if i := strings.Index(s[min(1, len(s)):], end); i >= 0 {
		return i + 1 + len(end)
	}
	return len(s)
}

// Where servers put values into their messages.
var (
	valueInMessage = regexp.MustCompile(`(?s)((?:Duplicate entry|value:?|Data truncation:?|near|key value) )'.*?'( for | at line |; |, |\.|$)`)
	queryInMessage = regexp.MustCompile(`(?s)([Qq]uery: ?)'(.*)'`)
)

// plainMessage returns a server's message without the values that it repeats.
func plainMessage(text string) string {
	text = queryInMessage.ReplaceAllStringFunc(text, func(found string) string {
		m := queryInMessage.FindStringSubmatch(found)
		return m[1] + "'" + plain(m[2]) + "'"
	})
	return checks.SafeText(valueInMessage.ReplaceAllString(text, "${1}'?'$2"), maxStatement)
}
