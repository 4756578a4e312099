package external

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// output is what a plugin said, by the parts that the plugin guidelines give
// it: text on the first line, long text after it, performance data behind the
// first bar of the first line and behind the first bar of the lines after it,
// to the end.
type output struct{ text, perfdata string }

func readOutput(s string) output {
	first, rest, _ := strings.Cut(s, "\n")
	text, perf, _ := strings.Cut(first, "|")
	if _, more, ok := strings.Cut(rest, "|"); ok {
		perf += " " + more
	}
	return output{strings.TrimSpace(text), perf}
}

// figure is one item of performance data in base units.
type figure struct {
	label             string
	value             float64
	unit              string // seconds, bytes, ratio, or as the plugin has it
	counter           bool
	undetermined      bool  // "U": the plugin could not tell
	warning, critical *span // nil where none is given
	min, max          *float64
}

// span is a range of the plugin guidelines; an edge that is nil is infinite.
type span struct {
	low, high *float64
	inside    bool // alert if the value is inside, edges included
}

func (s span) alert() string {
	if s.inside {
		return "inside"
	}
	return "outside"
}

// unit says what a unit of measurement means in base units: so many times, or
// so many to one. Bytes come in powers of 1024, as the common plugins compute
// them.
type unit struct {
	name       string
	times, per float64
}

var units = map[string]unit{
	"": {"", 1, 1}, "%": {"ratio", 1, 100},
	"s": {"seconds", 1, 1}, "ms": {"seconds", 1, 1e3}, "us": {"seconds", 1, 1e6}, "µs": {"seconds", 1, 1e6}, "ns": {"seconds", 1, 1e9},
	"B": {"bytes", 1, 1}, "kB": {"bytes", 1 << 10, 1},
	"KB": {"bytes", 1 << 10, 1}, "MB": {"bytes", 1 << 20, 1}, "GB": {"bytes", 1 << 30, 1}, "TB": {"bytes", 1 << 40, 1}, "PB": {"bytes", 1 << 50, 1},
	"KiB": {"bytes", 1 << 10, 1}, "MiB": {"bytes", 1 << 20, 1}, "GiB": {"bytes", 1 << 30, 1}, "TiB": {"bytes", 1 << 40, 1}, "PiB": {"bytes", 1 << 50, 1},
}

// parsePerfdata reads 'label'=value[UOM];[warn];[crit];[min];[max] separated by
// blanks. What is not of that form is left out and named in bad.
func parsePerfdata(s string) (list []figure, bad []string) {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimLeft(s, " \t\r\n") {
		label, rest, ok := cutLabel(s)
		item, next := cutWord(rest)
		if !ok {
			item, next = cutWord(s)
			bad = append(bad, item)
			s = next
			continue
		}
		f, err := parseFigure(label, item)
		if err != nil {
			bad = append(bad, fmt.Sprintf("%s=%s: %v", label, item, err))
		} else {
			list = append(list, f)
		}
		s = next
	}
	return list, bad
}

// cutLabel splits s behind the equals sign. Within single quotes a label may
// hold blanks and equals signs; two quotes stand for one.
func cutLabel(s string) (label, rest string, ok bool) {
	if s[0] != '\'' {
		label, rest, ok = strings.Cut(s, "=")
		return label, rest, ok && label != "" && !strings.ContainsAny(label, " \t\r\n'")
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] != '\'':
			b.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == '\'':
			b.WriteByte('\'')
			i++
		default:
			rest, ok = strings.CutPrefix(s[i+1:], "=")
			return b.String(), rest, ok && b.Len() > 0
		}
	}
	return "", "", false
}

func cutWord(s string) (word, rest string) {
	if i := strings.IndexAny(s, " \t\r\n"); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

var quantity = regexp.MustCompile(`^([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)([^0-9.,:]*)$`)

func parseFigure(label, item string) (figure, error) {
	f := figure{label: label}
	fields := strings.Split(item, ";")
	if len(fields) > 5 {
		return f, fmt.Errorf("has %d fields, at most 5", len(fields))
	}
	fields = append(fields, "", "", "", "")
	if fields[0] == "U" {
		f.undetermined = true
		return f, nil
	}
	parts := quantity.FindStringSubmatch(fields[0])
	if parts == nil {
		return f, fmt.Errorf("%q is not a number", fields[0])
	}
	if f.counter = parts[2] == "c"; f.counter {
		parts[2] = ""
	}
	u, known := units[parts[2]]
	if !known {
		u = unit{parts[2], 1, 1}
	}
	f.unit = u.name
	value, err := u.number(parts[1])
	if err != nil {
		return f, err
	}
	f.value = *value
	return f, f.parseLimits(u, fields[1:])
}

// parseLimits reads the fields behind the value.
func (f *figure) parseLimits(u unit, fields []string) (err error) {
	if f.warning, err = u.span(fields[0]); err != nil {
		return err
	}
	if f.critical, err = u.span(fields[1]); err != nil {
		return err
	}
	if f.min, err = u.number(fields[2]); err != nil {
		return err
	}
	f.max, err = u.number(fields[3])
	return err
}

// number reads a number in base units; nil if s is empty.
func (u unit) number(s string) (*float64, error) {
	if s == "" {
		return nil, nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if v = v * u.times / u.per; err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return nil, fmt.Errorf("%q is not a number", s)
	}
	return &v, nil
}

// span reads a range: "10" is 0 to 10, "10:" from 10 on, "~:10" up to 10,
// "10:20" between, "@10:20" not between; nil if s is empty.
func (u unit) span(s string) (*span, error) {
	if s == "" {
		return nil, nil
	}
	var r span
	body, inside := strings.CutPrefix(s, "@")
	r.inside = inside
	low, high, both := strings.Cut(body, ":")
	if !both {
		low, high = "0", body
	}
	var err error
	if low != "~" {
		if r.low, err = u.number(low); err != nil {
			return nil, err
		}
	}
	if r.high, err = u.number(high); err != nil {
		return nil, err
	}
	if r.low == nil && r.high == nil || r.low != nil && r.high != nil && *r.low > *r.high {
		return nil, fmt.Errorf("%q is no range", s)
	}
	return &r, nil
}
