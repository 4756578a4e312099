package checks

import (
	"cmp"
	"hash/maphash"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// encoder writes samples in the Prometheus text format 0.0.4. It keeps its
// working memory for the next time.
type encoder struct {
	families map[string]*family
	sorted   []*family
	checks   []string
	seed     maphash.Seed
	seen     map[uint64]struct{}
	order    []int  // of the labels of the samples being written
	key      []byte // of a series with empty labels
	// conflicts counts what could not be written as it was given.
	conflicts int
}

// family is what all checks have of one name.
type family struct {
	name, help string
	kind       Kind
	rank       int // of its first sample among all
	parts      []part
	count      int
}

// part is a run of samples that share a Desc.
type part struct {
	desc    *Desc
	samples []Sample
}

func newEncoder() encoder {
	return encoder{families: map[string]*family{}, seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}}
}

// encode appends all samples to dst: families sorted by name, within them the
// samples in the order of the checks' names and as the check gave them.
func (e *encoder) encode(dst []byte, latest map[string][]Sample) []byte {
	e.conflicts = 0
	e.collect(latest)
	clear(e.seen)
	for _, f := range e.sorted {
		if e.shadowed(f) {
			e.conflicts += f.count
		} else {
			dst = e.family(dst, f)
		}
		// What was written must not be held until the next time.
		clear(f.parts)
		f.parts = f.parts[:0]
	}
	return dst
}

// collect sorts the samples into families, and drops the families that have
// none any more.
func (e *encoder) collect(latest map[string][]Sample) {
	for _, f := range e.sorted {
		f.count = 0
	}
	e.checks = slices.AppendSeq(e.checks[:0], maps.Keys(latest))
	slices.Sort(e.checks)
	rank, grown := 0, false
	for _, check := range e.checks {
		for rest := latest[check]; len(rest) > 0; rank++ {
			n := 1
			for n < len(rest) && rest[n].Desc == rest[0].Desc {
				n++
			}
			grown = e.add(part{rest[0].Desc, rest[:n]}, rank) || grown
			rest = rest[n:]
		}
	}
	live := len(e.sorted)
	e.sorted = slices.DeleteFunc(e.sorted, func(f *family) bool { return f.count == 0 })
	if len(e.sorted) < live {
		maps.DeleteFunc(e.families, func(_ string, f *family) bool { return f.count == 0 })
	}
	if grown {
		slices.SortFunc(e.sorted, func(a, b *family) int { return cmp.Compare(a.name, b.name) })
	}
}

// add puts a part into its family and reports whether that is a new one. The
// first that comes says help and type.
func (e *encoder) add(p part, rank int) (grown bool) {
	d := p.desc
	if !validDesc(d) {
		e.conflicts += len(p.samples)
		return false
	}
	f := e.families[d.Name]
	if f == nil {
		f = &family{name: d.Name}
		e.families[d.Name] = f
		e.sorted = append(e.sorted, f)
		grown = true
	}
	switch {
	case f.count == 0:
		f.help, f.kind, f.rank = d.Help, d.Kind, rank
	case f.kind != d.Kind:
		e.conflicts += len(p.samples)
		return grown
	case f.help != d.Help:
		e.conflicts++
	}
	f.parts = append(f.parts, p)
	f.count += len(p.samples)
	return grown
}

// validDesc reports whether the names of d can stand in the text format.
func validDesc(d *Desc) bool {
	if !validName(d.Name, true) || d.Kind > Summary {
		return false
	}
	for i, l := range d.Labels {
		if !validName(l, false) || strings.HasPrefix(l, "__") || slices.Contains(d.Labels[:i], l) {
			return false
		}
	}
	return true
}

func validName(s string, colon bool) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || colon && c == ':'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// shadowed reports whether the series of f would read as parts of an earlier
// histogram or summary, or f is one whose parts would read as an earlier
// family.
func (e *encoder) shadowed(f *family) bool {
	for _, suffix := range suffixes {
		if base, ok := strings.CutSuffix(f.name, suffix); ok {
			if g := e.families[base]; g != nil && g.rank < f.rank && composed(g.kind, suffix) {
				return true
			}
		}
		if composed(f.kind, suffix) {
			if g := e.families[f.name+suffix]; g != nil && g.rank < f.rank {
				return true
			}
		}
	}
	return false
}

var suffixes = [...]string{"_bucket", "_sum", "_count"}

// composed reports whether series of this kind may have the suffix.
func composed(k Kind, suffix string) bool {
	switch suffix {
	case "_bucket":
		return k == Histogram
	case "_sum", "_count":
		return k == Histogram || k == Summary
	}
	return false
}

// family appends one family.
func (e *encoder) family(dst []byte, f *family) []byte {
	begin := len(dst)
	dst = appendHead(dst, f)
	body := len(dst)
	for _, p := range f.parts {
		e.order = sortedLabels(e.order[:0], p.desc.Labels)
		for i := range p.samples {
			dst = e.sample(dst, f, &p.samples[i])
		}
	}
	if len(dst) == body {
		return dst[:begin]
	}
	return dst
}

func appendHead(dst []byte, f *family) []byte {
	dst = append(dst, "# HELP "...)
	dst = append(dst, f.name...)
	dst = append(dst, ' ')
	dst = appendEscaped(dst, f.help, false)
	dst = append(dst, "\n# TYPE "...)
	dst = append(dst, f.name...)
	dst = append(dst, ' ')
	dst = append(dst, f.kind.String()...)
	return append(dst, '\n')
}

// sortedLabels appends the indices of the labels by name to order.
func sortedLabels(order []int, labels []string) []int {
	for i := range labels {
		at := len(order)
		for at > 0 && labels[order[at-1]] > labels[i] {
			at--
		}
		order = slices.Insert(order, at, i)
	}
	return order
}

// sample appends one line, unless it cannot stand in the family or the series
// is there already.
func (e *encoder) sample(dst []byte, f *family, s *Sample) []byte {
	if len(s.Values) != len(s.Desc.Labels) || !fits(f.kind, s) {
		e.conflicts++
		return dst
	}
	begin := len(dst)
	dst = e.appendSeries(dst, s, false)
	if f.count > 1 && !e.first(dst[begin:], s) {
		e.conflicts++
		return dst[:begin]
	}
	dst = append(dst, ' ')
	dst = appendNumber(dst, s.Value)
	return append(dst, '\n')
}

// fits reports whether a family of kind k can have the sample.
func fits(k Kind, s *Sample) bool {
	switch k {
	case Histogram:
		return s.Suffix == "_bucket" && s.Value >= 0 && hasNumber(s, "le") || isTotal(s, "le")
	case Summary:
		return s.Suffix == "" && hasNumber(s, "quantile") || isTotal(s, "quantile")
	}
	return s.Suffix == ""
}

// isTotal reports whether s is a sum or count, of all that the label tells
// apart.
func isTotal(s *Sample, label string) bool {
	return (s.Suffix == "_sum" || s.Suffix == "_count" && s.Value >= 0) && !slices.Contains(s.Desc.Labels, label)
}

func hasNumber(s *Sample, label string) bool {
	i := slices.Index(s.Desc.Labels, label)
	if i < 0 {
		return false
	}
	_, err := strconv.ParseFloat(s.Values[i], 64)
	return err == nil
}

// first notes a series and reports whether it is new. An empty label is the
// same as none.
func (e *encoder) first(written []byte, s *Sample) bool {
	if slices.Contains(s.Values, "") {
		e.key = e.appendSeries(e.key[:0], s, true)
		written = e.key
	}
	h := maphash.Bytes(e.seed, written)
	n := len(e.seen)
	e.seen[h] = struct{}{}
	return len(e.seen) > n
}

// appendSeries appends name and labels, the labels sorted.
func (e *encoder) appendSeries(dst []byte, s *Sample, skipEmpty bool) []byte {
	dst = append(dst, s.Desc.Name...)
	dst = append(dst, s.Suffix...)
	sep := byte('{')
	for _, i := range e.order {
		if skipEmpty && s.Values[i] == "" {
			continue
		}
		dst = append(dst, sep)
		dst = append(dst, s.Desc.Labels[i]...)
		dst = append(dst, '=', '"')
		dst = appendEscaped(dst, s.Values[i], true)
		dst = append(dst, '"')
		sep = ','
	}
	if sep == ',' {
		dst = append(dst, '}')
	}
	return dst
}

// appendEscaped appends s as valid UTF-8 with backslashes and line breaks
// escaped, in label values quotes too.
func appendEscaped(dst []byte, s string, quotes bool) []byte {
	from, plain := 0, true
	for i := 0; i < len(s); i++ {
		var esc string
		switch c := s[i]; {
		case c >= utf8.RuneSelf && plain:
			// From here on it is text beyond ASCII: valid it must be.
			plain = false
			if !utf8.ValidString(s[i:]) {
				s = s[:i] + strings.ToValidUTF8(s[i:], "\uFFFD")
			}
			continue
		case c == '\\':
			esc = `\\`
		case c == '\n':
			esc = `\n`
		case c == '"' && quotes:
			esc = `\"`
		default:
			continue
		}
		dst = append(dst, s[from:i]...)
		dst = append(dst, esc...)
		from = i + 1
	}
	return append(dst, s[from:]...)
}

// appendNumber appends v, whole numbers without an exponent.
func appendNumber(dst []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "+Inf"...)
	case math.IsInf(v, -1):
		return append(dst, "-Inf"...)
	}
	if n := int64(v); float64(n) == v && n > -1e15 && n < 1e15 {
		return strconv.AppendInt(dst, n, 10)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}
