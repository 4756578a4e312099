package term

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// Out is where a command prints.
type Out struct {
	io.Writer
	// Columns is the width of the terminal; 0 if it is none, and then nothing
	// is wrapped, so that a row stays a line for grep.
	Columns int
	Colour  bool
	// Live says that lines may be overwritten.
	Live bool
}

// Open looks what w is: a terminal with a width and colours, or a file. Colours
// are off for NO_COLOR and dumb terminals.
func Open(w io.Writer, getenv func(string) string) Out {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return Out{Writer: w}
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil || columns < 20 {
		columns = 80
	}
	live := getenv("TERM") != "dumb" && enableColours(f)
	return Out{Writer: w, Columns: columns, Colour: live && getenv("NO_COLOR") == "", Live: live}
}

// Line prints one line.
func (o Out) Line(format string, args ...any) {
	fmt.Fprintf(o, format+"\n", args...)
}

// Indented prints text under a margin, wrapped to the terminal.
func (o Out) Indented(margin string, text string, style Style) {
	n := 0
	if o.Columns > 0 {
		n = max(20, o.Columns-Width(margin))
	}
	for _, line := range Wrap(text, n) {
		fmt.Fprintln(o, strings.TrimRight(margin+o.Paint(style, line), " "))
	}
}

// Led prints text after a lead, wrapped to the terminal.
func (o Out) Led(lead string, style Style, text string) {
	for i, line := range Wrap(lead+text, o.Columns) {
		if i == 0 {
			line = o.Paint(style, lead) + strings.TrimPrefix(line, lead)
		}
		o.Line("%s", line)
	}
}

// Progress is a line that is overwritten while something runs.
type Progress struct {
	out  Out
	last time.Time
	any  bool
}

// Progress returns a progress line on o; it prints nothing unless o is a
// terminal.
func (o Out) Progress() *Progress { return &Progress{out: o} }

// redraw is the pause between two pictures: a person reads no faster.
const redraw = 50 * time.Millisecond

// Show replaces the line; final is drawn whatever was drawn a moment ago.
func (p *Progress) Show(line string, final bool) {
	if !p.out.Live || !final && time.Since(p.last) < redraw {
		return
	}
	p.last, p.any = time.Now(), true
	fmt.Fprintf(p.out, "\r\x1b[K%s", Cut(line, p.out.Columns-1))
}

// Clear takes the line away.
func (p *Progress) Clear() {
	if p.any {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.any = false
	}
}
