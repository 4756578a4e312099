// Package bulletin sets a report of headings, tables and charts: as HTML for
// mail and browser, as PDF to file, as XLSX with the figures, as DOCX to edit,
// as plain text. Values in, bytes out: it knows nothing of what they mean.
package bulletin

import (
	"math"
	"slices"
	"strings"
	"time"
)

// Document is what is set, in one language, in the order of its parts.
type Document struct {
	Lang  string // zh-CN or en
	Title string
	// Lead stands under the title, each in a line of its own.
	Lead []string
	// Verdict is the colour of the title's edge.
	Verdict Tone
	Footer  string
	// Number writes the number of a page.
	Number func(page, pages int) string
	Made   time.Time
	Parts  []Part
	// Fields are the placeholders of an operator's own template.
	Fields map[string]string
}

// Part is one of Heading, Text, Table, Chart and Signatures.
type Part interface{ part() }

// Heading begins a section; Minor one within it.
type Heading struct {
	Text  string
	Minor bool
}

// Text is a paragraph.
type Text struct {
	Text string
	Tone Tone
}

// Table has a head and rows of as many cells.
type Table struct {
	Columns []Column
	Rows    [][]Cell
	// Name is that of its sheet in a workbook; tables of one name share it.
	Name string
}

// Column is one of a table.
type Column struct {
	Title string
	// Share of the width, compared with the other columns.
	Share float64
	Right bool
}

// Cell is one of a row.
type Cell struct {
	Text string
	Tone Tone
	// Value is the number in the text, for a workbook; nil where there is none.
	Value any
}

// Tone is what a text says by its colour.
type Tone string

// The tones.
const (
	Plain Tone = ""
	Good  Tone = "good"
	Warn  Tone = "warn"
	Bad   Tone = "bad"
	Dim   Tone = "dim"
)

// hex are the tones on white, dark enough to read.
var hex = map[Tone]string{Plain: "1F2933", Good: "1A7F4B", Warn: "9A5B00", Bad: "B42318", Dim: "667085"}

// Chart is lines over time. Where points are further apart than Step the line
// is broken and the ground shaded: a gap is never drawn over.
type Chart struct {
	Title    string
	From, To time.Time
	Step     time.Duration
	Zone     *time.Location
	Lines    []Line
	// Write writes a value of the axis.
	Write func(float64) string
	// Limits are drawn across.
	Limits []float64
	// Gap is the word for what was not measured, None for a chart without a
	// point.
	Gap, None string
}

// Line is one of a chart.
type Line struct {
	Name   string
	Points []Point
}

// Point is one of a line.
type Point struct {
	At    time.Time
	Value float64
}

// Signatures are lines to sign on, or who has signed.
type Signatures []Signature

// Signature is one of them; By is empty where nobody has signed yet.
type Signature struct{ As, By, At, Note string }

func (Heading) part()    {}
func (Text) part()       {}
func (Table) part()      {}
func (Chart) part()      {}
func (Signatures) part() {}

// gaps are the stretches in which no line has a point.
func (c Chart) gaps() [][2]time.Time {
	var at []time.Time
	for _, l := range c.Lines {
		for _, p := range l.Points {
			if !math.IsNaN(p.Value) {
				at = append(at, p.At)
			}
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	var out [][2]time.Time
	last := c.From
	for _, t := range append(at, c.To) {
		if t.Sub(last) > c.far() {
			out = append(out, [2]time.Time{last, t})
		}
		last = t
	}
	return out
}

// far is the distance of points from which on there is a gap.
func (c Chart) far() time.Duration { return max(c.Step*5/2, time.Minute) }

// runs cuts a line where it has a gap.
func (c Chart) runs(l Line) [][]Point {
	var out [][]Point
	for _, p := range l.Points {
		if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
			continue
		}
		if n := len(out); n == 0 || p.At.Sub(out[n-1][len(out[n-1])-1].At) > c.far() {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], p)
	}
	return out
}

// span is the range of the axis, from zero or below, with a round step.
func (c Chart) span() (low, high, step float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, l := range c.Lines {
		for _, run := range c.runs(l) {
			for _, p := range run {
				low, high = min(low, p.Value), max(high, p.Value)
			}
		}
	}
	if low > high {
		return 0, 1, 0.25
	}
	for _, l := range c.Limits { // a limit that is near belongs to the picture
		if l > high && l < high+2*(high-min(low, 0)) {
			high = l
		}
	}
	low = min(low, 0) // a line that hardly moves must not look like a cliff
	if low == high {
		high = low + 1
	}
	rough := (high - low) / 4
	step = math.Pow(10, math.Floor(math.Log10(rough)))
	for _, m := range []float64{1, 2, 2.5, 5, 10} {
		if step*m >= rough {
			step *= m
			break
		}
	}
	return math.Floor(low/step) * step, math.Ceil(high/step-1e-9) * step, step
}

// times are the marks of the axis of time: midnights, or hours of a shorter
// period.
func (c Chart) times() (at []time.Time, layout string) {
	zone := c.Zone
	if zone == nil {
		zone = time.UTC
	}
	days := c.To.Sub(c.From).Hours() / 24
	from := c.From.In(zone)
	if days <= 2.5 {
		every := 1
		for _, h := range []int{1, 2, 3, 6, 12} {
			if every = h; days*24/float64(h) <= 8 {
				break
			}
		}
		t := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, zone)
		for ; !t.After(c.To); t = t.Add(time.Duration(every) * time.Hour) {
			if !t.Before(c.From) {
				at = append(at, t)
			}
		}
		return at, "15:04"
	}
	every := int(days/8) + 1
	for t := time.Date(from.Year(), from.Month(), from.Day()+1, 0, 0, 0, 0, zone); !t.After(c.To); t = t.AddDate(0, 0, every) {
		at = append(at, t)
	}
	return at, "01-02"
}

// flat joins the lines of a text.
func flat(s string) string { return strings.Join(strings.Fields(s), " ") }
