package bulletin

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
)

// maxPoints bounds what one chart brings into a workbook.
const maxPoints = 5000

// XLSX writes the document as a workbook: its text and tables on the first
// sheet, each named table on its own, the points of the charts on one sheet
// each with a chart that the program draws from them.
func (d *Document) XLSX() ([]byte, error) {
	f := excelize.NewFile()
	defer f.Close()
	w := workbook{f: f, styles: map[string]int{}}
	first := d.Title
	if err := w.cover(d, &first); err != nil {
		return nil, fmt.Errorf("write the workbook: %w", err)
	}
	for _, part := range d.Parts {
		var err error
		switch part := part.(type) {
		case Table:
			if part.Name != "" {
				err = w.named(part)
			}
		case Chart:
			err = w.chart(part)
		}
		if err != nil {
			return nil, fmt.Errorf("write the workbook: %w", err)
		}
	}
	made := d.Made.UTC().Format(time.RFC3339)
	if err := f.SetDocProps(&excelize.DocProperties{Title: d.Title, Creator: "Xunjian", Created: made, Modified: made, Language: d.Lang}); err != nil {
		return nil, fmt.Errorf("write the workbook: %w", err)
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		return nil, fmt.Errorf("write the workbook: %w", err)
	}
	return b.Bytes(), nil
}

type workbook struct {
	f      *excelize.File
	styles map[string]int
	rows   map[string]int // next row of each named sheet
	charts int
}

// sheetName is a name that a workbook takes: at most 31 characters, none of
// those with a meaning there.
func sheetName(s string) string {
	s = strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]:*?/\'`, r) {
			return ' '
		}
		return r
	}, flat(s)), " ")
	if r := []rune(s); len(r) > 31 {
		s = string(r[:31])
	}
	return cmp.Or(s, "1")
}

func (w *workbook) style(key string, st *excelize.Style) (int, error) {
	if id, ok := w.styles[key]; ok {
		return id, nil
	}
	id, err := w.f.NewStyle(st)
	w.styles[key] = id
	return id, err
}

func (w *workbook) cell(sheet string, col, row int, v any, tone Tone, bold, head bool) error {
	at, err := excelize.CoordinatesToCellName(col, row)
	if err != nil {
		return err
	}
	st := &excelize.Style{Font: &excelize.Font{Color: hex[tone], Bold: bold}, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}}
	if head {
		st.Fill = excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"EEF1F5"}}
	}
	if _, ok := v.(time.Time); ok {
		layout := "yyyy-mm-dd hh:mm"
		st.CustomNumFmt = &layout
	}
	_, dated := v.(time.Time)
	id, err := w.style(fmt.Sprint(tone, bold, head, dated), st)
	if err != nil {
		return err
	}
	if err := w.f.SetCellStyle(sheet, at, at, id); err != nil {
		return err
	}
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
	case string:
		// A text, never a formula, whatever it begins with.
		return w.f.SetCellStr(sheet, at, v)
	}
	return w.f.SetCellValue(sheet, at, v)
}

func (w *workbook) cover(d *Document, title *string) error {
	name := sheetName(*title)
	if err := w.f.SetSheetName(w.f.GetSheetName(0), name); err != nil {
		return err
	}
	row := 1
	line := func(text string, tone Tone, bold bool) error {
		err := w.cell(name, 1, row, text, tone, bold, false)
		last, _ := excelize.CoordinatesToCellName(8, row)
		at, _ := excelize.CoordinatesToCellName(1, row)
		row++
		if err != nil {
			return err
		}
		return w.f.MergeCell(name, at, last)
	}
	if err := line(d.Title, d.Verdict, true); err != nil {
		return err
	}
	for _, l := range d.Lead {
		if err := line(l, Dim, false); err != nil {
			return err
		}
	}
	for _, part := range d.Parts {
		var err error
		switch part := part.(type) {
		case Heading:
			row++
			err = line(part.Text, Plain, true)
		case Text:
			err = line(part.Text, part.Tone, false)
		case Table:
			err = w.rowsOf(name, part, &row)
		case Signatures:
			row++
			for _, s := range part {
				if err = line(strings.TrimSpace(s.As+"  "+s.By+"  "+s.At+"  "+s.Note), Plain, false); err != nil {
					break
				}
			}
		}
		if err != nil {
			return err
		}
	}
	return w.f.SetColWidth(name, "A", "H", 20)
}

func (w *workbook) rowsOf(sheet string, t Table, row *int) error {
	for n, c := range t.Columns {
		if err := w.cell(sheet, n+1, *row, c.Title, Dim, false, true); err != nil {
			return err
		}
	}
	*row++
	for _, r := range t.Rows {
		for n, c := range r {
			var v any = c.Text
			if c.Value != nil {
				v = c.Value
			}
			if err := w.cell(sheet, n+1, *row, v, c.Tone, false, false); err != nil {
				return err
			}
		}
		*row++
	}
	return nil
}

// named puts a table on a sheet of its own, with a filter; tables of one name
// follow each other there.
func (w *workbook) named(t Table) error {
	name := sheetName(t.Name)
	if w.rows == nil {
		w.rows = map[string]int{}
	}
	row := w.rows[name]
	if row == 0 {
		if _, err := w.f.NewSheet(name); err != nil {
			return err
		}
		if err := w.f.SetColWidth(name, "A", "J", 22); err != nil {
			return err
		}
		if err := w.f.SetPanes(name, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
			return err
		}
		row = 1
	} else {
		t.Columns = slices.Clone(t.Columns)
		row++
	}
	err := w.rowsOf(name, t, &row)
	w.rows[name] = row
	return err
}

// chart writes the points, a column for each line, and a chart of them. What
// was not measured stays an empty cell, and a gap in the chart.
func (w *workbook) chart(c Chart) error {
	w.charts++
	name := sheetName(fmt.Sprintf("%d %s", w.charts, c.Title))
	if _, err := w.f.NewSheet(name); err != nil {
		return err
	}
	zone := c.Zone
	if zone == nil {
		zone = time.UTC
	}
	at := map[int64]map[int]float64{}
	for n, l := range c.Lines {
		for _, p := range l.Points {
			if at[p.At.Unix()] == nil {
				at[p.At.Unix()] = map[int]float64{}
			}
			at[p.At.Unix()][n] = p.Value
		}
	}
	for _, g := range c.gaps() { // an empty row breaks the line
		if mid := g[0].Add(g[1].Sub(g[0]) / 2).Unix(); at[mid] == nil {
			at[mid] = map[int]float64{}
		}
	}
	var times []int64
	for t := range at {
		times = append(times, t)
	}
	slices.Sort(times)
	times = times[:min(len(times), maxPoints)]
	for n, l := range c.Lines {
		if err := w.cell(name, n+2, 1, cmp.Or(l.Name, c.Title), Dim, false, true); err != nil {
			return err
		}
	}
	for k, t := range times {
		local := time.Unix(t, 0).In(zone)
		wall := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), 0, time.UTC)
		if err := w.cell(name, 1, k+2, wall, Plain, false, false); err != nil {
			return err
		}
		for n := range c.Lines {
			if v, ok := at[t][n]; ok {
				if err := w.cell(name, n+2, k+2, v, Plain, false, false); err != nil {
					return err
				}
			}
		}
	}
	if err := w.f.SetColWidth(name, "A", "A", 18); err != nil || len(times) == 0 {
		return err
	}
	chart := &excelize.Chart{
		Type: excelize.Line, Title: excelize.ChartTitle{Paragraph: []excelize.RichTextRun{{Text: c.Title}}}, Legend: excelize.ChartLegend{Position: "bottom"},
		Dimension: excelize.ChartDimension{Width: 900, Height: 360}, ShowBlanksAs: "gap",
		XAxis: excelize.ChartAxis{NumFmt: excelize.ChartNumFmt{CustomNumFmt: "mm-dd hh:mm"}},
	}
	for n := range c.Lines[:min(len(c.Lines), maxLines)] {
		col, err := excelize.ColumnNumberToName(n + 2)
		if err != nil {
			return err
		}
		chart.Series = append(chart.Series, excelize.ChartSeries{
			Name:       fmt.Sprintf("'%s'!$%s$1", name, col),
			Categories: fmt.Sprintf("'%s'!$A$2:$A$%d", name, len(times)+1),
			Values:     fmt.Sprintf("'%s'!$%s$2:$%s$%d", name, col, col, len(times)+1),
			Line:       excelize.LineOptions{Width: 1.25}, Marker: excelize.ChartMarker{Symbol: "none"},
		})
	}
	anchor, err := excelize.CoordinatesToCellName(len(c.Lines)+3, 2)
	if err != nil {
		return err
	}
	return w.f.AddChart(name, anchor, chart)
}
