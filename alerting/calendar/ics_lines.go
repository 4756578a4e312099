package calendar

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"xunjian/alerting/yamlfile"
)

// property is one content line of an iCalendar file: NAME;PARAM=value:value.
type property struct {
	name   string
	params map[string][]string
	value  string
	// line is where it stands; valueAt is where its value begins in it.
	line    contentLine
	valueAt int
}

// contentLine is a line whose folds are taken out, and where its parts stood.
type contentLine struct {
	text  string
	parts []part
}

// part is what one line of the file gives to a content line: from the byte at
// on, lead characters into the line.
type part struct {
	at, number, lead int
	source           string
}

// place returns line and column of a byte of the content line, and the line of
// the file.
func (l contentLine) place(at int) (line, column int, source string) {
	p := l.parts[0]
	for _, next := range l.parts {
		if next.at <= at {
			p = next
		}
	}
	at = min(max(at, p.at), len(l.text))
	return p.number, 1 + p.lead + utf8.RuneCountInString(l.text[p.at:at]), p.source
}

// contentLines takes the folds out. It works on bytes, since a fold may stand
// within a Chinese character.
func contentLines(b []byte) []contentLine {
	var out []contentLine
	var text []byte
	var parts []part
	flush := func() {
		if len(parts) > 0 {
			out = append(out, contentLine{string(text), parts})
		}
		text, parts = text[:0], nil
	}
	for number := 1; len(b) > 0; number++ {
		raw, rest, _ := bytes.Cut(b, []byte("\n"))
		b = rest
		raw = bytes.TrimSuffix(raw, []byte("\r"))
		if len(raw) == 0 { // between objects, or at the end
			continue
		}
		p := part{number: number, source: shown(raw)}
		if (raw[0] == ' ' || raw[0] == '\t') && len(parts) > 0 {
			p.at, p.lead = len(text), 1
			raw = raw[1:]
		} else {
			flush()
		}
		text, parts = append(text, raw...), append(parts, p)
	}
	flush()
	return out
}

// shown is a line as a message can show it.
func shown(raw []byte) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' || unicode.Is(unicode.Cf, r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(string(raw), string(utf8.RuneError)))
}

// icsProblems collects what is wrong with a file.
type icsProblems struct {
	file string
	list []yamlfile.Problem
}

// maxProblems is after how many mistakes a file is given up: each may have
// cost time to find.
const maxProblems = 50

func (p *icsProblems) full() bool { return len(p.list) >= maxProblems }

// add records what is wrong at a byte of a line.
func (p *icsProblems) add(l contentLine, at int, format string, args ...any) {
	if p.full() {
		return
	}
	line, column, source := l.place(at)
	p.list = append(p.list, yamlfile.Problem{
		File: p.file, Line: line, Column: column, Message: fmt.Sprintf(format, args...), Source: source,
	})
}

// at records what is wrong with the value of a property.
func (p *icsProblems) at(in *property, format string, args ...any) {
	p.add(in.line, in.valueAt, in.name+": "+format, args...)
}

func (p *icsProblems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b yamlfile.Problem) int { return a.Line - b.Line })
	return &yamlfile.Error{Problems: p.list}
}

// parseProperty reads a content line; ok is false after a mistake.
func parseProperty(l contentLine, wrong *icsProblems) (in *property, ok bool) {
	s := l.text
	n := wordLength(s)
	if n == 0 || n == len(s) || s[n] != ':' && s[n] != ';' {
		wrong.add(l, 0, "not a line of iCalendar; want NAME:value or NAME;PARAMETER=value:value")
		return nil, false
	}
	in = &property{name: strings.ToUpper(s[:n]), params: map[string][]string{}, line: l}
	for n < len(s) && s[n] == ';' {
		start := n + 1
		n = start + wordLength(s[start:])
		if n == start || n == len(s) || s[n] != '=' {
			wrong.add(l, start, "%s: not a parameter; want ;PARAMETER=value", in.name)
			return nil, false
		}
		name := strings.ToUpper(s[start:n])
		for more := true; more; more = n < len(s) && s[n] == ',' {
			value, end, closed := parameterValue(s, n+1)
			if !closed {
				wrong.add(l, n+1, "%s: the quotation mark has no second one", in.name)
				return nil, false
			}
			in.params[name] = append(in.params[name], value)
			n = end
		}
	}
	if n == len(s) || s[n] != ':' {
		wrong.add(l, min(n, len(s)), "%s: want : before the value", in.name)
		return nil, false
	}
	in.valueAt, in.value = n+1, s[n+1:]
	return in, true
}

// wordLength counts the letters, digits and - that s begins with.
func wordLength(s string) int {
	for i := range len(s) {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && s[i] != '-' {
			return i
		}
	}
	return len(s)
}

// circumflex is how parameters write what they cannot hold (RFC 6868).
var circumflex = strings.NewReplacer("^n", "\n", "^'", `"`, "^^", "^")

func parameterValue(s string, from int) (value string, end int, ok bool) {
	if from < len(s) && s[from] == '"' {
		n := strings.IndexByte(s[from+1:], '"')
		if n < 0 {
			return "", from, false
		}
		return circumflex.Replace(s[from+1 : from+1+n]), from + n + 2, true
	}
	n := strings.IndexAny(s[from:], ",;:")
	if n < 0 {
		n = len(s) - from
	}
	return circumflex.Replace(s[from : from+n]), from + n, true
}

// param returns the one value of a parameter, empty if there is none.
func (in *property) param(name string) string {
	if v := in.params[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// texts returns the values of a list of texts.
func (in *property) texts() []string {
	var out []string
	var b strings.Builder
	for i := 0; i < len(in.value); i++ {
		switch c := in.value[i]; {
		case c == '\\' && i+1 < len(in.value):
			i++
			if in.value[i] == 'n' || in.value[i] == 'N' {
				b.WriteByte('\n')
			} else {
				b.WriteByte(in.value[i])
			}
		case c == ',':
			out = append(out, b.String())
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	return append(out, b.String())
}

// text returns the value as one text: many programs forget the \ before a
// comma.
func (in *property) text() string { return strings.Join(in.texts(), ",") }
