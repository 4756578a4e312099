package bulletin

import (
	"strings"

	"xunjian/alerting/report/sheet"
)

var tones = map[Tone]sheet.Tone{Plain: sheet.Black, Dim: sheet.Grey, Bad: sheet.Red, Good: {R: 0x1a, G: 0x7f, B: 0x4b}, Warn: {R: 0x9a, G: 0x5b, B: 0x00}}

// PDF writes the document on A4, its type embedded.
func (d *Document) PDF() ([]byte, error) {
	s, err := sheet.New(sheet.A4, sheet.Options{Title: d.Title, Footer: d.Footer, Number: d.Number, Made: d.Made})
	if err != nil {
		return nil, err
	}
	p, err := newPen()
	if err != nil {
		return nil, err
	}
	s.Page()
	s.Text(sheet.Style{Size: 19, Tone: sheet.Black, Align: "center"}, d.Title)
	s.Space(4)
	for _, l := range d.Lead {
		s.Text(sheet.Style{Size: 9.5, Tone: sheet.Grey, Align: "center"}, l)
	}
	s.Rule()
	for _, part := range d.Parts {
		switch part := part.(type) {
		case Heading:
			s.Space(8)
			if part.Minor {
				s.Text(sheet.Style{Size: 11, Tone: sheet.Black}, part.Text)
				s.Space(2)
				continue
			}
			s.Bar(sheet.Style{Size: 12.5, Tone: sheet.Black}, sheet.Pale, part.Text)
		case Text:
			s.Text(sheet.Style{Size: 10, Tone: tones[part.Tone]}, part.Text)
			s.Space(3)
		case Table:
			part.pdf(s)
		case Chart:
			s.Image(p.draw(part), 1)
		case Signatures:
			part.pdf(s)
		}
	}
	return s.Bytes()
}

func (t Table) pdf(s *sheet.Sheet) {
	cols := make([]sheet.Column, len(t.Columns))
	for n, c := range t.Columns {
		cols[n] = sheet.Column{Title: c.Title, Share: c.Share}
		if c.Right {
			cols[n].Align = "right"
		}
	}
	var rows [][]sheet.Cell
	for _, r := range t.Rows {
		row := make([]sheet.Cell, len(r))
		for n, c := range r {
			row[n] = sheet.Cell{Text: c.Text, Tone: tones[c.Tone]}
		}
		rows = append(rows, row)
	}
	s.Table(8.5, cols, rows)
}

// pdf leaves room for a pen where nobody has signed in the console.
func (sg Signatures) pdf(s *sheet.Sheet) {
	s.Space(14)
	for _, who := range sg {
		by := strings.TrimSpace(who.By + "  " + who.At)
		if by == "" {
			by = "______________________      ______ - ____ - ____"
		}
		s.Item(sheet.Style{Size: 11, Tone: sheet.Black}, 90, who.As, by)
		if who.Note != "" {
			s.Item(sheet.Style{Size: 9, Tone: sheet.Grey}, 90, "", who.Note)
		}
		s.Space(12)
	}
}
