package calendar

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// component is what stands between BEGIN and END.
type component struct {
	name       string
	begin      *property
	properties []*property
	children   []*component
}

// MaxBytes bounds the size of an iCalendar file. A YAML file has a bound of its
// own, yamlfile.MaxBytes.
const MaxBytes = 8 << 20

// maxDepth is more than any file needs: VCALENDAR, VEVENT, VALARM.
const maxDepth = 8

// components reads the calendars of a file.
func components(b []byte, wrong *icsProblems) []*component {
	whole := contentLine{parts: []part{{number: 1}}}
	switch {
	case len(b) > MaxBytes:
		wrong.add(whole, 0, "the file has more than %d bytes, which is the most that is read", MaxBytes)
		return nil
	case bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")):
		wrong.add(whole, 0, "the file is UTF-16; save it as UTF-8")
		return nil
	}
	t := tree{wrong: wrong}
	for _, l := range contentLines(bytes.TrimPrefix(b, []byte("\ufeff"))) {
		if wrong.full() || !readable(l, wrong) {
			return nil
		}
		if in, ok := parseProperty(l, wrong); ok && !t.take(in) {
			return nil
		}
	}
	switch open := t.open; {
	case len(open) > 0:
		c := open[len(open)-1]
		wrong.add(c.begin.line, 0, "%s has no END:%s: was the file cut off while it was written?", c.name, c.name)
	case len(t.roots) == 0 && len(wrong.list) == 0:
		wrong.add(whole, 0, "the file is empty; a calendar without events holds BEGIN:VCALENDAR and END:VCALENDAR")
	}
	return t.roots
}

// readable checks the signs of a line. In a file of another encoding each line
// would be wrong: the first says it.
func readable(l contentLine, wrong *icsProblems) bool {
	if !utf8.ValidString(l.text) {
		n := len(l.text) - len(strings.TrimLeftFunc(l.text, func(r rune) bool { return r != utf8.RuneError }))
		wrong.add(l, n, "this line is not valid UTF-8; save the file as UTF-8 (it may be GBK)")
		return false
	}
	if n := strings.IndexFunc(l.text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }); n >= 0 {
		wrong.add(l, n, "the control character %U stands in this line; is it a text file?", l.text[n])
		return false
	}
	return true
}

type tree struct {
	roots, open []*component
	wrong       *icsProblems
}

// take puts a property where it belongs; false if there is no sense in going
// on.
func (t *tree) take(in *property) bool {
	switch in.name {
	case "BEGIN":
		return t.begin(in)
	case "END":
		return t.end(in)
	}
	if len(t.open) == 0 {
		t.wrong.add(in.line, 0, "%s stands outside of a calendar; want BEGIN:VCALENDAR before it", in.name)
		return false
	}
	c := t.open[len(t.open)-1]
	c.properties = append(c.properties, in)
	return true
}

func (t *tree) begin(in *property) bool {
	c := &component{name: strings.ToUpper(strings.TrimSpace(in.value)), begin: in}
	switch n := len(t.open); {
	case n == 0 && c.name != "VCALENDAR":
		t.wrong.at(in, "%q stands outside of a calendar; want BEGIN:VCALENDAR before it", clip(c.name))
		return false
	case n >= maxDepth:
		t.wrong.at(in, "components stand more than %d deep in each other", maxDepth)
		return false
	case n == 0:
		t.roots = append(t.roots, c)
	default:
		t.open[n-1].children = append(t.open[n-1].children, c)
	}
	t.open = append(t.open, c)
	return true
}

func (t *tree) end(in *property) bool {
	name, n := strings.ToUpper(strings.TrimSpace(in.value)), len(t.open)
	if n == 0 {
		t.wrong.at(in, "%q ends what did not begin", clip(name))
		return false
	}
	if open := t.open[n-1]; open.name != name {
		line, _, _ := open.begin.line.place(0)
		t.wrong.at(in, "%q ends here, but %q of line %d is still open", clip(name), clip(open.name), line)
		return false
	}
	t.open = t.open[:n-1]
	return true
}

// all returns the properties of a name.
func (c *component) all(name string) []*property {
	var out []*property
	for _, in := range c.properties {
		if in.name == name {
			out = append(out, in)
		}
	}
	return out
}

// one returns the property of a name, nil if there is none. A second one is a
// mistake.
func (c *component) one(name string, wrong *icsProblems) *property {
	found := c.all(name)
	if len(found) == 0 {
		return nil
	}
	if len(found) > 1 {
		line, _, _ := found[0].line.place(0)
		wrong.add(found[1].line, 0, "%s stands twice in this %s; first in line %d", name, c.name, line)
	}
	return found[0]
}

// says returns the text of a property, in capitals; empty if there is none.
func (c *component) says(name string) string {
	if found := c.all(name); len(found) > 0 {
		return strings.ToUpper(strings.TrimSpace(found[0].text()))
	}
	return ""
}

func (c *component) line() int {
	line, _, _ := c.begin.line.place(0)
	return line
}

func (c *component) String() string { return fmt.Sprintf("%s in line %d", c.name, c.line()) }
