package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

const wordSpace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"

// strictSpace is the same in the strict form of the standard.
const strictSpace = "http://purl.oclc.org/ooxml/wordprocessingml/main"

// maxDepth bounds how deep elements nest; Word itself refuses far less.
const maxDepth = 1000

// edit replaces a stretch of a part.
type edit struct {
	from, to int
	with     string
}

// piece is a stretch of text inside one w:t.
type piece struct {
	from, to int    // where its characters stand in the part
	open     int    // where the start tag of its w:t ends, before the >
	prefix   string // of the element: "w:"
	preserve bool   // whether xml:space="preserve" is set
	cdata    bool
	text     string
	at       []int // for each byte of text, where it stands; one more for the end
}

// wordParagraph is the text of one w:p, with breaks as line feeds that no
// placeholder can reach over.
type wordParagraph struct {
	pieces   []piece
	next, at int // the piece that is filled next, and where its text begins
}

// fillPart replaces the placeholders in one XML part.
func fillPart(raw []byte, values map[string]string) ([]byte, error) {
	s := &partScanner{raw: raw, values: values, kept: map[int]bool{}, dec: xml.NewDecoder(bytes.NewReader(raw))}
	if err := s.scan(); err != nil {
		return nil, err
	}
	if len(s.errs) > 0 {
		return nil, errors.Join(s.errs...)
	}
	return apply(raw, s.edits), nil
}

func apply(raw []byte, edits []edit) []byte {
	if len(edits) == 0 {
		return raw
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var b bytes.Buffer
	at := 0
	for _, e := range edits {
		b.Write(raw[at:e.from])
		b.WriteString(e.with)
		at = e.to
	}
	b.Write(raw[at:])
	return b.Bytes()
}

type partScanner struct {
	raw    []byte
	dec    *xml.Decoder
	values map[string]string
	stack  []*wordParagraph
	depth  int
	inText *piece // the w:t that is open, as a pattern for its pieces
	edits  []edit
	kept   map[int]bool // the start tags that got xml:space
	grown  int
	errs   []error
}

// maxMistakes bounds how many mistakes of a part are told.
const maxMistakes = 20

func (s *partScanner) mistake(err error) {
	same := func(e error) bool { return e.Error() == err.Error() }
	if len(s.errs) < maxMistakes && !slices.ContainsFunc(s.errs, same) {
		s.errs = append(s.errs, err)
	}
}

func isWord(n xml.Name, local string) bool {
	return n.Local == local && (n.Space == wordSpace || n.Space == strictSpace)
}

func (s *partScanner) scan() error {
	for {
		from := int(s.dec.InputOffset())
		tok, err := s.dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("not valid XML: %w", err)
		}
		to := int(s.dec.InputOffset())
		switch t := tok.(type) {
		case xml.Directive:
			return errors.New("holds a document type, which no word processor writes")
		case xml.StartElement:
			if s.depth++; s.depth > maxDepth {
				return fmt.Errorf("elements nest over %d deep", maxDepth)
			}
			s.start(t, from, to)
		case xml.EndElement:
			s.depth--
			s.end(t)
		case xml.CharData:
			s.chars(from, to)
		}
	}
}

func (s *partScanner) start(t xml.StartElement, from, to int) {
	switch {
	case isWord(t.Name, "p"):
		s.stack = append(s.stack, &wordParagraph{})
	case isWord(t.Name, "t"):
		s.inText = s.textElement(t, from, to)
	case isWord(t.Name, "br"), isWord(t.Name, "cr"), isWord(t.Name, "tab"):
		if p := s.paragraph(); p != nil {
			p.pieces = append(p.pieces, piece{text: "\n"})
		}
	}
}

func (s *partScanner) textElement(t xml.StartElement, from, to int) *piece {
	tag := s.raw[from:to]
	p := &piece{open: to - 1}
	if bytes.HasSuffix(tag, []byte("/>")) {
		p.open--
	}
	name := tag[1:]
	if i := bytes.IndexAny(name, " \t\r\n/>"); i >= 0 {
		name = name[:i]
	}
	if i := bytes.IndexByte(name, ':'); i >= 0 {
		p.prefix = string(name[:i+1])
	}
	for _, a := range t.Attr {
		if a.Name.Local == "space" {
			// Set to another value it is left alone: a second one is no XML.
			p.preserve = true
		}
	}
	return p
}

func (s *partScanner) end(t xml.EndElement) {
	switch {
	case isWord(t.Name, "t"):
		s.inText = nil
	case isWord(t.Name, "p"):
		p := s.paragraph()
		s.stack = s.stack[:len(s.stack)-1]
		s.fill(p)
	}
}

func (s *partScanner) paragraph() *wordParagraph {
	if len(s.stack) == 0 {
		return nil
	}
	return s.stack[len(s.stack)-1]
}

func (s *partScanner) chars(from, to int) {
	p := s.paragraph()
	if s.inText == nil || p == nil {
		return
	}
	piece := *s.inText
	piece.from, piece.to = from, to
	if bytes.HasPrefix(s.raw[from:to], []byte("<![CDATA[")) {
		piece.cdata = true
		piece.from, piece.to = from+len("<![CDATA["), to-len("]]>")
	}
	piece.decode(s.raw)
	p.pieces = append(p.pieces, piece)
}

// decode reads the characters with the place of each.
func (p *piece) decode(raw []byte) {
	var b strings.Builder
	for i := p.from; i < p.to; {
		if raw[i] != '&' || p.cdata {
			p.at = append(p.at, i)
			b.WriteByte(raw[i])
			i++
			continue
		}
		n := bytes.IndexByte(raw[i:p.to], ';') + 1
		c := entity(string(raw[i : i+n]))
		for range len(c) {
			p.at = append(p.at, i)
		}
		b.WriteString(c)
		i += n
	}
	p.at = append(p.at, p.to)
	p.text = b.String()
}

// entity decodes one reference that the XML decoder has already accepted.
func entity(ref string) string {
	switch ref {
	case "&amp;":
		return "&"
	case "&lt;":
		return "<"
	case "&gt;":
		return ">"
	}
	var s string
	if err := xml.Unmarshal([]byte("<a>"+ref+"</a>"), &s); err != nil {
		return "\uFFFD"
	}
	return s
}
