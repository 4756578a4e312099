package sheet

// Column is one of a table.
type Column struct {
	Title string
	// Share of the width; all of them together are the whole.
	Share float64
	Align string
}

// Cell is one of a row.
type Cell struct {
	Text string
	Tone Tone
}

const pad = 3

// Table writes a table. A row that does not fit goes to the next page, where the
// head is repeated; one that is higher than a page is broken.
func (s *Sheet) Table(size float64, cols []Column, rows [][]Cell) {
	whole := 0.0
	for _, c := range cols {
		whole += c.Share
	}
	widths := make([]float64, len(cols))
	head := make([]Cell, len(cols))
	titled := false
	for n, c := range cols {
		widths[n] = s.width * c.Share / whole
		head[n] = Cell{c.Title, Grey}
		titled = titled || c.Title != ""
	}
	print := func(cells []Cell, fill bool) {
		lines := s.cells(size, widths, cells)
		for len(lines) > 0 {
			fit := max(int((s.bottom()-s.y-2*pad)/(size*lead)), 1)
			n := min(len(lines), fit)
			s.row(size, cols, widths, cells, lines[:n], fill)
			if lines = lines[n:]; len(lines) > 0 {
				s.Page()
			}
		}
	}
	height := func(cells []Cell) float64 { return float64(len(s.cells(size, widths, cells)))*size*lead + 2*pad }
	if len(rows) > 0 {
		need := height(rows[0])
		if titled {
			need += height(head)
		}
		s.room(min(need, s.bottom()-s.paper.Margin))
	}
	if titled {
		print(head, true)
	}
	for _, r := range rows {
		if need := height(r); s.y+need > s.bottom() && need <= s.bottom()-s.paper.Margin {
			s.Page()
			if titled {
				print(head, true)
			}
		}
		print(r, false)
	}
	s.y += 5
}

// cells breaks the cells of a row: lines of cells.
func (s *Sheet) cells(size float64, widths []float64, cells []Cell) [][]string {
	var out [][]string
	for n, c := range cells {
		for k, l := range s.lines(size, widths[n]-2*pad, c.Text) {
			if k == len(out) {
				out = append(out, make([]string, len(cells)))
			}
			out[k][n] = l
		}
	}
	return out
}

func (s *Sheet) row(size float64, cols []Column, widths []float64, cells []Cell, lines [][]string, fill bool) {
	height := float64(len(lines))*size*lead + 2*pad
	if fill {
		s.pdf.SetFillColor(Pale.R, Pale.G, Pale.B)
		s.pdf.RectFromUpperLeftWithStyle(s.left, s.y, s.width, height, "F")
	}
	top := s.y
	s.y += pad
	for _, l := range lines {
		x := s.left
		for n, w := range widths {
			tone := cells[n].Tone
			if tone == (Tone{}) {
				tone = Black
			}
			s.line(Style{Size: size, Tone: tone, Align: cols[n].Align}, x+pad, w-2*pad, l[n])
			x += w
		}
		s.y += size * lead
	}
	s.y = top + height
	s.stroke(s.left, s.y, s.left+s.width, s.y)
}
