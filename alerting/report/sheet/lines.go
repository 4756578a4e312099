package sheet

import (
	"strings"
	"unicode"
)

// What must not begin a line, and what must not end one.
const (
	closing = "、。，．：；？！）】〉》」』〕］｝”’…—·％℃‰!),.:;?]}%›»"
	opening = "（【〈《「『〔［｛“‘([{‹«¥$№"
)

// missing stands for what the font cannot write.
const missing = '□'

// safe replaces what the font cannot write: it must not vanish.
func (s *Sheet) safe(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\u00a0':
			return ' '
		case r < ' ' || unicode.Is(unicode.Cf, r):
			return -1
		case s.widthOfRune(r) < 0:
			return missing
		}
		return r
	}, text)
}

// widthOfRune is the width at one point, negative if the font has no such
// glyph.
func (s *Sheet) widthOfRune(r rune) float64 {
	if w, ok := s.wide[r]; ok {
		return w
	}
	w := -1.0
	if err := s.pdf.SetFont(family, "", measured); err != nil {
		s.fail(err)
	} else if ok, err := s.pdf.IsCurrFontContainGlyph(r); err != nil {
		s.fail(err)
	} else if ok {
		w, err = s.pdf.MeasureTextWidth(string(r))
		s.fail(err)
		w /= measured
	}
	s.wide[r] = w
	return w
}

func (s *Sheet) widthOf(size float64, text string) float64 {
	w := 0.0
	for _, r := range text {
		w += max(s.widthOfRune(r), 0) * size
	}
	return w
}

// lines breaks a text at its newlines and at the width. Between Chinese
// characters a line may break anywhere but before closing and after opening
// punctuation; Latin words stay whole where they fit.
func (s *Sheet) lines(size, width float64, text string) []string {
	var out []string
	for _, para := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		out = append(out, s.fill(size, width, s.safe(para))...)
	}
	return out
}

func (s *Sheet) fill(size, width float64, para string) []string {
	var out []string
	line, used := "", 0.0
	flush := func() {
		out = append(out, strings.TrimRight(line, " "))
		line, used = "", 0
	}
	for _, part := range parts(para) {
		w := s.widthOf(size, part)
		if used+s.widthOf(size, strings.TrimRight(part, " ")) > width && line != "" {
			flush()
			part = strings.TrimLeft(part, " ")
			w = s.widthOf(size, part)
		}
		// Wider than the line by itself: broken anywhere.
		for w > width {
			n, head := 0.0, ""
			for _, r := range part {
				if n += s.widthOfRune(r) * size; n > width && head != "" {
					break
				}
				head += string(r)
			}
			if head == part {
				break
			}
			line = head
			flush()
			part = part[len(head):]
			w = s.widthOf(size, part)
		}
		line += part
		used += w
	}
	flush()
	return out
}

// parts cuts a text where a line may end.
func parts(text string) []string {
	var out []string
	runes := []rune(text)
	begin := 0
	for n := 1; n <= len(runes); n++ {
		if n < len(runes) && !mayBreak(runes[n-1], runes[n]) {
			continue
		}
		out = append(out, string(runes[begin:n]))
		begin = n
	}
	if len(runes) == 0 {
		return nil
	}
	return out
}

// mayBreak reports whether a line may end between two characters.
func mayBreak(a, b rune) bool {
	switch {
	case strings.ContainsRune(closing, b) && !(a == ' '), strings.ContainsRune(opening, a):
		return false
	case b == ' ':
		return false // spaces hang on the word before them
	case a == ' ':
		return true
	}
	return han(a) || han(b)
}

// han tells what is set like a Chinese character: a square by itself.
func han(r rune) bool {
	return unicode.Is(unicode.Han, r) || r >= 0x3000 && r <= 0x30ff || r >= 0xff00 && r <= 0xffef
}
