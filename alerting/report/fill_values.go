package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"xunjian/alerting/yamlfile"
)

// placeholder finds {{name}} and what is meant as one: half of a pair, and the
// braces of a Chinese keyboard.
var placeholder = regexp.MustCompile(`(?:\{\{|｛｛)([^{}｛｝\n]*)(?:\}\}|｝｝)|(?:\{\{|｛｛)`)

// fill looks for placeholders in a whole paragraph, since Word cuts them up
// wherever it likes.
func (s *partScanner) fill(p *wordParagraph) {
	var b strings.Builder
	for _, piece := range p.pieces {
		b.WriteString(piece.text)
	}
	whole := b.String()
	for _, m := range placeholder.FindAllStringSubmatchIndex(whole, -1) {
		if m[2] < 0 {
			s.mistake(fmt.Errorf("a placeholder begins at %q and does not end with }} in the same paragraph", excerpt(whole[m[0]:])))
			continue
		}
		name := whole[m[2]:m[3]]
		value, ok := s.value(name)
		if s.grown += len(value); s.grown > maxGrown {
			s.mistake(fmt.Errorf("the values fill over %d bytes", maxGrown))
			return
		}
		if !ok {
			s.mistake(s.unknown(name))
			continue
		}
		s.replace(p, m[0], m[1], value)
	}
}

func (s *partScanner) value(name string) (string, bool) {
	name = strings.TrimSpace(name)
	if v, ok := s.values[name]; ok {
		return v, true
	}
	v, ok := s.values[strings.ToLower(name)]
	return v, ok
}

func (s *partScanner) unknown(name string) error {
	var names []string
	for n := range s.values {
		names = append(names, n)
	}
	slices.Sort(names)
	name = strings.TrimSpace(name)
	if near := yamlfile.Near(name, names); near != "" {
		return fmt.Errorf("unknown placeholder {{%s}}; did you mean {{%s}}?", excerpt(name), near)
	}
	return fmt.Errorf("unknown placeholder {{%s}}; allowed: %s", excerpt(name), strings.Join(names, ", "))
}

func excerpt(s string) string { return short(plain(s)) }

// replace edits the pieces that the stretch from, to of the paragraph's text
// reaches over: the value goes into the first, the rest loses its part. It is
// called in the order of the text, so it goes on where it was.
func (s *partScanner) replace(p *wordParagraph, from, to int, value string) {
	for ; p.next < len(p.pieces); p.next++ {
		piece := p.pieces[p.next]
		begin, end := max(from-p.at, 0), min(to-p.at, len(piece.text))
		if begin < end {
			with := ""
			if p.at+begin == from {
				with = piece.write(value)
			}
			s.edits = append(s.edits, edit{piece.at[begin], piece.at[end], with})
			s.keepSpaces(piece)
		}
		if p.at+len(piece.text) >= to {
			return // the next placeholder may begin in this piece
		}
		p.at += len(piece.text)
	}
}

// keepSpaces makes sure that a space at the border of what is filled in is not
// lost; once for each element.
func (s *partScanner) keepSpaces(p piece) {
	if !p.preserve && !s.kept[p.open] {
		s.kept[p.open] = true
		s.edits = append(s.edits, edit{p.open, p.open, ` xml:space="preserve"`})
	}
}

// write escapes a value for the place: line feeds become breaks, and what XML
// cannot hold is dropped.
func (p piece) write(value string) string {
	value = strings.ReplaceAll(strings.ReplaceAll(value, "\r\n", "\n"), "\r", "\n")
	var lines []string
	for _, l := range strings.Split(value, "\n") {
		lines = append(lines, escape(xmlChars(l)))
	}
	out := strings.Join(lines, "</"+p.prefix+"t><"+p.prefix+"br/><"+p.prefix+`t xml:space="preserve">`)
	if !p.cdata {
		return out
	}
	return "]]>" + out + "<![CDATA["
}

// xmlChars drops the characters that XML 1.0 cannot hold, and those that turn
// the direction of writing.
func xmlChars(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r < ' ', r == 0x7F, r >= 0x80 && r < 0xA0, r >= 0xFFFE && r <= 0xFFFF,
			r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
}
