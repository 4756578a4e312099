package term

import (
	"fmt"
	"strings"
)

// Cell is one field of a table. Lead stands before the text, in bold.
type Cell struct {
	Lead, Text string
	Style      Style
}

// whole is what a cell says.
func (c Cell) whole() string {
	if c.Lead == "" || c.Text == "" {
		return c.Lead + c.Text
	}
	return c.Lead + "  " + c.Text
}

// Column is how a column is laid out.
type Column struct {
	Title string
	Right bool
	// Flex columns give way when the terminal is too narrow: their text is
	// wrapped. The greater Flex, the more of the room they get.
	Flex int
}

// Table is rows under titles.
type Table struct {
	columns []Column
	rows    [][]Cell
	margin  string
}

// NewTable returns a table; columns without any title have no head.
func NewTable(columns ...Column) *Table { return &Table{columns: columns} }

// Margin sets what stands before each line.
func (t *Table) Margin(s string) *Table {
	t.margin = s
	return t
}

// Row adds a row; missing cells are empty.
func (t *Table) Row(cells ...Cell) {
	for len(cells) < len(t.columns) {
		cells = append(cells, Cell{})
	}
	for n := range cells {
		cells[n].Lead, cells[n].Text = Safe(cells[n].Lead), Safe(cells[n].Text)
	}
	t.rows = append(t.rows, cells)
}

// Heading adds a line of its own, which no column is wider for.
func (t *Table) Heading(text string) { t.rows = append(t.rows, []Cell{{Lead: Safe(text)}}) }

// gap is the space between columns.
const gap = "  "

// minFlex is the least width a column gives way to.
const minFlex = 12

// Write lays the table out on o.
func (t *Table) Write(o Out) {
	widths := t.widths(o.Columns)
	if head := t.head(); head != nil {
		t.writeRow(o, head, widths)
	}
	for _, row := range t.rows {
		t.writeRow(o, row, widths)
	}
}

func (t *Table) head() []Cell {
	var head []Cell
	titled := false
	for _, c := range t.columns {
		head = append(head, Cell{Text: c.Title, Style: Bold})
		titled = titled || c.Title != ""
	}
	if !titled {
		return nil
	}
	return head
}

// widths are the natural ones, or, if those are too wide for the terminal,
// flexible columns share what the others leave.
func (t *Table) widths(columns int) []int {
	widths := make([]int, len(t.columns))
	for n, c := range t.columns {
		widths[n] = Width(c.Title)
	}
	for _, row := range t.rows {
		if len(row) < len(t.columns) {
			continue
		}
		for n, cell := range row {
			widths[n] = max(widths[n], Width(cell.whole()))
		}
	}
	if columns > 0 {
		t.squeeze(widths, columns-Width(t.margin)-len(gap)*(len(widths)-1))
	}
	return widths
}

// squeeze narrows flexible columns until all fit into room. A column that
// needs less than its share leaves the rest to the others.
func (t *Table) squeeze(widths []int, room int) {
	open := map[int]bool{}
	shares := 0
	for n, c := range t.columns {
		if c.Flex == 0 {
			room -= widths[n]
		} else {
			open[n] = true
			shares += c.Flex
		}
	}
	for settled := true; settled && len(open) > 0; {
		settled = false
		for n := range t.columns {
			if open[n] && widths[n] <= room*t.columns[n].Flex/max(1, shares) {
				room -= widths[n]
				shares -= t.columns[n].Flex
				delete(open, n)
				settled = true
			}
		}
	}
	for n := range t.columns {
		if open[n] {
			widths[n] = max(minFlex, room*t.columns[n].Flex/max(1, shares))
		}
	}
}

// writeRow writes one row, of as many lines as its tallest cell.
func (t *Table) writeRow(o Out, row []Cell, widths []int) {
	cells := make([][]string, len(row))
	height := 1
	for n, cell := range row {
		cells[n] = []string{cell.whole()}
		if t.columns[n].Flex > 0 {
			cells[n] = Wrap(cell.whole(), widths[n])
		}
		height = max(height, len(cells[n]))
	}
	for line := range height {
		var b strings.Builder
		pending := t.margin
		for n, cell := range row {
			s := ""
			if line < len(cells[n]) {
				s = cells[n][line]
			}
			fill := strings.Repeat(" ", max(0, widths[n]-Width(s)))
			if t.columns[n].Right {
				pending += fill
				fill = ""
			}
			if s != "" {
				b.WriteString(pending + paintCell(o, cell, s, line == 0))
				pending = ""
			}
			pending += fill + gap
		}
		fmt.Fprintln(o, b.String())
	}
}

// paintCell sets off one line of a cell, and the lead if it stands in it.
func paintCell(o Out, c Cell, line string, first bool) string {
	if rest, ok := strings.CutPrefix(line, c.Lead); ok && first && c.Lead != "" {
		return o.Paint(Bold, c.Lead) + o.Paint(c.Style, rest)
	}
	return o.Paint(c.Style, line)
}
