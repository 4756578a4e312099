// Package sheet sets paper: pages of A4 or A5 with Chinese type embedded,
// headings, paragraphs with Chinese line breaking, lists, tables and pictures,
// as PDF. What is on it flows from page to page; the writer does not count.
package sheet

import (
	_ "embed"
	"fmt"
	"image"
	"time"

	"github.com/signintech/gopdf"
)

// font is WenQuanYi Micro Hei cut down to GBK; font/make.sh makes it.
//
//go:embed font/micro-hei.ttf
var font []byte

const family = "hei"

// Paper is a size in points (1/72 inch).
type Paper struct{ Width, Height, Margin float64 }

// The papers.
var (
	A4 = Paper{595.28, 841.89, 54}
	A5 = Paper{419.53, 595.28, 34}
)

// Options of a sheet.
type Options struct {
	// Title stands in the file's properties.
	Title string
	// Footer stands at the foot of each page, beside its number.
	Footer string
	// Number writes the number of a page: "第 1 页 共 3 页".
	Number func(page, pages int) string
	Made   time.Time
}

// Sheet takes what is written on it. The first error stays; Bytes returns it.
type Sheet struct {
	pdf   *gopdf.GoPdf
	paper Paper
	opt   Options
	y     float64
	left  float64 // of what is written now
	width float64
	wide  map[rune]float64 // widths at one point
	pages int
	err   error
}

// New begins a sheet; Page begins its first page.
func New(p Paper, o Options) (*Sheet, error) {
	s := &Sheet{pdf: &gopdf.GoPdf{}, paper: p, opt: o, left: p.Margin, width: p.Width - 2*p.Margin, wide: map[rune]float64{}}
	s.pdf.Start(gopdf.Config{PageSize: gopdf.Rect{W: p.Width, H: p.Height}})
	if err := s.pdf.AddTTFFontData(family, font); err != nil {
		return nil, fmt.Errorf("set paper: %w", err)
	}
	if err := s.pdf.SetFont(family, "", measured); err != nil {
		return nil, fmt.Errorf("set paper: %w", err)
	}
	s.pdf.SetInfo(gopdf.PdfInfo{Title: o.Title, CreationDate: o.Made, Producer: "Xunjian"})
	return s, nil
}

// measured is the size at which widths are measured.
const measured = 100

// lead is the distance of lines, in sizes of the type.
const lead = 1.45

// foot is what the footer takes of the page.
const foot = 22

// Page begins a page.
func (s *Sheet) Page() {
	s.pdf.AddPage()
	s.pages++
	s.y = s.paper.Margin
}

// room makes sure that so much height is left, by a new page if need be.
func (s *Sheet) room(height float64) {
	if s.pages == 0 || s.y+height > s.bottom() && s.y > s.paper.Margin {
		s.Page()
	}
}

func (s *Sheet) bottom() float64 { return s.paper.Height - s.paper.Margin - foot }

// Left is the height that is left on the page, in points.
func (s *Sheet) Left() float64 {
	if s.pages == 0 {
		return 0
	}
	return s.bottom() - s.y
}

// Space leaves a gap, except at the head of a page.
func (s *Sheet) Space(height float64) {
	if s.y > s.paper.Margin {
		s.y += height
	}
}

// Tone is a grey or a colour.
type Tone struct{ R, G, B uint8 }

// The tones.
var (
	Black = Tone{20, 24, 32}
	Grey  = Tone{95, 103, 115}
	Red   = Tone{176, 28, 28}
	Pale  = Tone{232, 236, 242}
)

// Style is how text is set.
type Style struct {
	Size float64
	Tone Tone
	// Align is "left" (default), "center" or "right".
	Align string
}

// Text writes a paragraph.
func (s *Sheet) Text(st Style, text string) { s.block(st, s.left, s.width, text) }

// Item writes a paragraph behind a mark that stands alone at its left.
func (s *Sheet) Item(st Style, indent float64, mark, text string) {
	s.room(st.Size * lead)
	s.line(st, s.left, indent, mark)
	s.block(st, s.left+indent, s.width-indent, text)
}

func (s *Sheet) block(st Style, x, width float64, text string) {
	for _, l := range s.lines(st.Size, width, text) {
		s.room(st.Size * lead)
		s.line(st, x, width, l)
		s.y += st.Size * lead
	}
}

// line writes one line at the present height and leaves the height as it is.
func (s *Sheet) line(st Style, x, width float64, text string) {
	if text == "" || s.err != nil {
		return
	}
	switch text = s.safe(text); st.Align {
	case "right":
		x += width - s.widthOf(st.Size, text)
	case "center":
		x += (width - s.widthOf(st.Size, text)) / 2
	}
	s.pdf.SetTextColor(st.Tone.R, st.Tone.G, st.Tone.B)
	s.fail(s.pdf.SetFont(family, "", st.Size))
	s.pdf.SetXY(x, s.y+st.Size*(lead-1)/2)
	s.fail(s.pdf.Cell(nil, text))
}

// Bar writes a heading on a bar over the whole width.
func (s *Sheet) Bar(st Style, fill Tone, text string) {
	lines := s.lines(st.Size, s.width-12, text)
	height := float64(len(lines))*st.Size*lead + 6
	s.room(height + 30) // not alone at the foot of a page
	s.pdf.SetFillColor(fill.R, fill.G, fill.B)
	s.pdf.RectFromUpperLeftWithStyle(s.left, s.y, s.width, height, "F")
	s.y += 3
	for _, l := range lines {
		s.line(st, s.left+6, s.width-12, l)
		s.y += st.Size * lead
	}
	s.y += 6
}

// Rule draws a line over the width.
func (s *Sheet) Rule() {
	s.room(4)
	s.stroke(s.left, s.y+2, s.left+s.width, s.y+2)
	s.y += 5
}

func (s *Sheet) stroke(x1, y1, x2, y2 float64) {
	s.pdf.SetStrokeColor(150, 158, 170)
	s.pdf.SetLineWidth(0.5)
	s.pdf.Line(x1, y1, x2, y2)
}

// Image puts a picture over so much of the width; 1 is all of it.
func (s *Sheet) Image(img image.Image, share float64) {
	w := s.width * share
	h := w * float64(img.Bounds().Dy()) / float64(img.Bounds().Dx())
	s.room(h)
	s.fail(s.pdf.ImageFrom(img, s.left, s.y, &gopdf.Rect{W: w, H: h}))
	s.y += h + 4
}

func (s *Sheet) fail(err error) {
	if s.err == nil && err != nil {
		s.err = fmt.Errorf("set paper: %w", err)
	}
}

// Bytes ends the sheet: footers with numbers, and the file.
func (s *Sheet) Bytes() ([]byte, error) {
	if s.pages == 0 {
		s.Page()
	}
	for n := 1; n <= s.pages && s.err == nil; n++ {
		s.fail(s.pdf.SetPage(n))
		s.y = s.paper.Height - s.paper.Margin - 10
		s.stroke(s.left, s.y-2, s.left+s.width, s.y-2)
		st := Style{Size: 7.5, Tone: Grey}
		number := fmt.Sprintf("%d / %d", n, s.pages)
		if s.opt.Number != nil {
			number = s.opt.Number(n, s.pages)
		}
		right := s.widthOf(st.Size, number) + 8
		if lines := s.lines(st.Size, s.width-right, s.opt.Footer); len(lines) > 0 {
			s.line(st, s.left, s.width, lines[0])
		}
		st.Align = "right"
		s.line(st, s.left, s.width, number)
	}
	if s.err != nil {
		return nil, s.err
	}
	return s.pdf.GetBytesPdfReturnErr()
}

// Font is the type of papers, TrueType, for what is drawn beside them.
func Font() []byte { return font }
