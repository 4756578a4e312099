package checks

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxFindings bounds the findings of one run. What is over it is counted in
// Result.Dropped like the samples are.
const maxFindings = 500

// Output takes what one run of a check sees. Each run gets its own; it is not
// safe for concurrent use by several goroutines of a check.
type Output struct {
	limit    int
	samples  []Sample
	findings []Finding
	dropped  int
}

// NewOutput returns an Output that keeps at most limit samples; limit ≤ 0
// means DefaultSeriesLimit.
func NewOutput(limit int) *Output {
	if limit <= 0 {
		limit = DefaultSeriesLimit
	}
	return &Output{limit: limit}
}

// grow makes room for n samples, as many as the check had last time.
func (o *Output) grow(n int) { o.samples = slices.Grow(o.samples, min(n, o.limit)) }

// Set records one number. values are the label values in the order of
// d.Labels; there must be as many. Text from outside is made safe here.
func (o *Output) Set(d *Desc, value float64, values ...string) {
	o.Sample(Sample{Desc: d, Values: values, Value: value})
}

// Sample records one number with a suffix; see Set.
func (o *Output) Sample(s Sample) {
	if len(s.Values) != len(s.Desc.Labels) {
		panic("checks: " + s.Desc.Name + ": number of label values differs from its labels " + strings.Join(s.Desc.Labels, ","))
	}
	if len(o.samples) >= o.limit {
		o.dropped++
		return
	}
	for i, v := range s.Values {
		if safe := SafeText(v, maxLabelValue); safe != v {
			s.Values = slices.Clone(s.Values)
			s.Values[i] = safe
		}
	}
	o.samples = append(o.samples, s)
}

// Find records a finding.
func (o *Output) Find(f Finding) {
	if len(o.findings) >= maxFindings {
		o.dropped++
		return
	}
	f.Subject = SafeText(f.Subject, maxLabelValue)
	f.Evidence = SafeText(f.Evidence, MaxEvidence)
	if len(f.Args) > 0 {
		f.Args = maps.Clone(f.Args)
		for k, v := range f.Args {
			if s, ok := v.(string); ok {
				f.Args[k] = SafeText(s, maxLabelValue)
			}
		}
	}
	o.findings = append(o.findings, f)
}

// Samples returns what was recorded so far.
func (o *Output) Samples() []Sample { return o.samples }

// Findings returns what was recorded so far.
func (o *Output) Findings() []Finding { return o.findings }

// Dropped returns how many samples and findings were over the limits.
func (o *Output) Dropped() int { return o.dropped }

const maxLabelValue = 1024

// SafeText returns s as valid UTF-8 without control characters other than
// newline and tab, cut to at most limit bytes at a rune boundary. Text from
// outside is hostile until it went through here.
func SafeText(s string, limit int) string {
	if len(s) <= limit && printable(s) {
		return s
	}
	clean := utf8.ValidString(s) && len(s) <= limit
	if clean && strings.IndexFunc(s, unsafeRune) < 0 {
		return s
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if unsafeRune(r) {
			return '\uFFFD'
		}
		return r
	}, s)
	if len(s) > limit {
		for limit > 0 && !utf8.RuneStart(s[limit]) {
			limit--
		}
		s = s[:limit]
	}
	return s
}

// printable reports whether s is plain ASCII to be printed: nearly always.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// unsafeRune tells control characters and the bidirectional overrides that
// make a line read differently from what it says.
func unsafeRune(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < 0x20, r >= 0x7f && r < 0xa0:
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return true
	}
	return false
}
