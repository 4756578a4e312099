package checks

// Kind is the Prometheus type of a metric family.
type Kind uint8

// The kinds. Histogram and Summary only come from outside (textfile folder,
// the agent's own registry); their samples carry a Suffix.
const (
	Untyped Kind = iota
	Gauge
	Counter
	Histogram
	Summary
)

// String returns the word of the exposition format.
func (k Kind) String() string {
	return [...]string{"untyped", "gauge", "counter", "histogram", "summary"}[k]
}

// Desc describes a metric family, or the part of one that has this set of
// label names. Descs are package variables of the checks, compared by pointer.
type Desc struct {
	Name   string
	Help   string
	Kind   Kind
	Labels []string
}

// NewDesc describes a family. Base units only: seconds, bytes, ratios of 1.
func NewDesc(name string, kind Kind, help string, labels ...string) *Desc {
	return &Desc{Name: name, Help: help, Kind: kind, Labels: labels}
}

// Sample is one measured number.
type Sample struct {
	Desc *Desc
	// Suffix is "_bucket", "_sum", "_count" or empty.
	Suffix string
	// Values are the label values, in the order of Desc.Labels.
	Values []string
	Value  float64
}

// Finding is what a check has to say of one subject: a code with arguments,
// never a sentence. The texts stand in messages/<language>.yaml of this
// package under the code.
type Finding struct {
	// Subject is the thing looked at: a mount point, a device, a unit; empty
	// for the machine as a whole.
	Subject string `json:"subject,omitempty"`
	// Code names what was found: "filesystem.space", "units.failed".
	Code string `json:"code"`
	// Args are the numbers and words behind it: float64, int or string.
	Args    map[string]any `json:"args,omitempty"`
	Verdict Verdict        `json:"verdict"`
	// Evidence is raw text as found (plugin output, kernel lines): valid
	// UTF-8, at most MaxEvidence bytes.
	Evidence string `json:"evidence,omitempty"`
}

// MaxEvidence bounds Finding.Evidence in bytes.
const MaxEvidence = 16 << 10
