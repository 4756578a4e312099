package external

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"xunjian/checks"
)

// page puts the families of several files together.
type page struct {
	out      *checks.Output
	families *checks.Families
	kinds    map[string]seenFamily
	series   map[string]string // to the file that has it
}

type seenFamily struct {
	kind dto.MetricType
	help string
	file string
}

// add writes all families of a file, or none if it has a mistake.
func (p *page) add(file string, b []byte) error {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(b))
	if err != nil {
		if at, ok := errors.AsType[expfmt.ParseError](err); ok {
			return &lineError{at.Line, at.Msg}
		}
		return err
	}
	names := slices.Sorted(maps.Keys(families))
	series := map[string]string{}
	for _, name := range names {
		if text := p.fault(families[name], file, series); text != "" {
			return &lineError{lineOf(b, families[name]), text}
		}
	}
	maps.Copy(p.series, series)
	for _, name := range names {
		mf := families[name]
		had, known := p.kinds[name]
		if known {
			mf.Help = &had.help // the first file says it
		} else {
			p.kinds[name] = seenFamily{mf.GetType(), mf.GetHelp(), file}
		}
		p.families.Write(p.out, mf)
	}
	return nil
}

// reserved are names that are not for files: what the agent says of itself, and
// what it says of the files.
var reserved = []string{"xunjian_", "node_textfile_"}

// fault says what is wrong with a family, beside its syntax; empty if nothing.
// It notes the family's series.
func (p *page) fault(mf *dto.MetricFamily, file string, series map[string]string) string {
	name := mf.GetName()
	for _, prefix := range reserved {
		if strings.HasPrefix(name, prefix) {
			return fmt.Sprintf("%s: names that begin with %s are the agent's own", name, prefix)
		}
	}
	if had, ok := p.kinds[name]; ok && had.kind != mf.GetType() {
		return fmt.Sprintf("%s has type %s here and %s in %s", name, word(mf.GetType()), word(had.kind), had.file)
	}
	for _, m := range mf.GetMetric() {
		if m.TimestampMs != nil {
			return name + " carries a timestamp; leave it out, the time of reading counts"
		}
		key := seriesKey(name, m)
		if other, twice := p.series[key]; twice {
			return fmt.Sprintf("%s stands in %s too", key, other)
		}
		if _, twice := series[key]; twice {
			return key + " stands twice"
		}
		series[key] = file
	}
	return ""
}

func word(t dto.MetricType) string { return strings.ToLower(t.String()) }

// seriesKey writes name and labels as in the text format, the labels sorted.
func seriesKey(name string, m *dto.Metric) string {
	var labels []string
	for _, l := range m.GetLabel() {
		if l.GetValue() != "" {
			labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
		}
	}
	if len(labels) == 0 {
		return name
	}
	slices.Sort(labels)
	return name + "{" + strings.Join(labels, ",") + "}"
}

// lineOf returns the number of the line where a family's mistake stands, best
// guessed: its first sample with a timestamp, else its first sample.
func lineOf(b []byte, mf *dto.MetricFamily) int {
	first, n := 0, 0
	for line := range strings.Lines(string(b)) {
		n++
		name, fields := splitSample(strings.TrimSpace(line))
		if name == "" || !belongs(name, mf) {
			continue
		}
		if first == 0 {
			first = n
		}
		if fields > 1 {
			return n
		}
	}
	return first
}

// belongs reports whether a sample of this name is part of the family.
func belongs(name string, mf *dto.MetricFamily) bool {
	suffix, ok := strings.CutPrefix(name, mf.GetName())
	return ok && slices.Contains([]string{"", "_bucket", "_sum", "_count"}, suffix)
}

// splitSample returns the name in a line of the text format that parses, and
// how many words stand behind name and labels; an empty name if it is none.
func splitSample(line string) (name string, fields int) {
	if line == "" || line[0] == '#' {
		return "", 0
	}
	end := strings.IndexAny(line, "{ \t")
	if end < 0 {
		return "", 0
	}
	name, rest := line[:end], line[end:]
	if begin := strings.TrimLeft(rest, " \t"); strings.HasPrefix(begin, "{") {
		rest = afterLabels(begin)
	}
	return name, len(strings.Fields(rest))
}

// afterLabels returns what stands behind the closing brace that is not within
// quotes.
func afterLabels(s string) string {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '}' && !quoted:
			return s[i+1:]
		}
	}
	return ""
}
