package yamlfile

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"golang.org/x/text/width"
)

// Problem is one mistake in a file.
type Problem struct {
	File         string
	Line, Column int    // from 1, in characters; 0 if unknown
	Path         string // "console.listen", "people[2].phone"; empty for the whole file
	Message      string // what is wrong, what is allowed
	Source       string // the line; empty if it holds a secret
}

// String writes file:line:column: path: message, and below it the line with a
// mark under the column.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	if p.Source != "" {
		p.excerpt(&b)
	}
	return b.String()
}

// maxExcerpt bounds the shown part of a line, in characters.
const maxExcerpt = 160

func (p Problem) excerpt(b *strings.Builder) {
	runes := []rune(strings.ReplaceAll(p.Source, "\t", " "))
	mark := min(p.Column-1, len(runes))
	if len(runes) > maxExcerpt {
		runes = append(runes[:max(mark, maxExcerpt)], '…')
	}
	number := strconv.Itoa(p.Line)
	fmt.Fprintf(b, "\n  %s | %s\n  %s   ", number, string(runes), strings.Repeat(" ", len(number)))
	for _, r := range runes[:mark] {
		b.WriteByte(' ')
		if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
			b.WriteByte(' ')
		}
	}
	b.WriteByte('^')
}

// Error is every mistake of a file, in the order of the lines.
type Error struct{ Problems []Problem }

// Error writes one problem after the other.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// passwordInURL finds https://name:password@host, which is a mistake wherever it
// stands and must not be shown with it.
var passwordInURL = regexp.MustCompile(`://[^/\s:@]*:[^/\s]*@`)

func (d *decoder) err() error {
	if len(d.problems) == 0 {
		return nil
	}
	for i, p := range d.problems {
		if p.File == d.name && d.hidden[p.Line] || passwordInURL.MatchString(p.Source) {
			d.problems[i].Source = ""
		}
	}
	slices.SortStableFunc(d.problems, func(a, b Problem) int {
		return cmp.Or(d.later(a, b), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &Error{d.problems}
}

// later puts the problems of files that this one names behind its own.
func (d *decoder) later(a, b Problem) int {
	switch own := d.name; {
	case a.File == own && b.File != own:
		return -1
	case a.File != own && b.File == own:
		return 1
	}
	return 0
}

// mistake records what is wrong with the value at path.
func (d *decoder) mistake(path string, n ast.Node, message string) {
	d.add(path, at(n), message)
}

func (d *decoder) add(path string, p place, message string) {
	if path != "" {
		d.bad[path] = true
	}
	problem := Problem{File: d.name, Line: p.line, Column: p.column, Path: path, Message: message}
	if p.line > 0 && p.line <= len(d.lines) {
		problem.Source = d.lines[p.line-1]
	}
	d.problems = append(d.problems, problem)
}
