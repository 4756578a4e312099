package checks

import "fmt"

// Verdict is what a finding comes to. The zero value is Unknown: what nobody
// judged is never ok.
type Verdict uint8

// The verdicts.
const (
	Unknown Verdict = iota
	NotApplicable
	OK
	Attention
	Abnormal
)

var verdictNames = [...]string{"unknown", "not_applicable", "ok", "attention", "abnormal"}

// rank orders verdicts by how much they need a person: abnormal before
// unknown, since a known fault outweighs a blind spot.
var verdictRanks = [...]int{3, 0, 1, 2, 4}

// String returns the stable English word used in JSON and labels.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("verdict(%d)", uint8(v))
}

// Worse reports whether v needs a person more than w does.
func (v Verdict) Worse(w Verdict) bool { return verdictRanks[v] > verdictRanks[w] }

// Code is the number that metrics and exit statuses carry, as Nagios has them:
// 0 ok or not applicable, 1 attention, 2 abnormal, 3 unknown.
func (v Verdict) Code() int {
	switch v {
	case OK, NotApplicable:
		return 0
	case Attention:
		return 1
	case Abnormal:
		return 2
	}
	return 3
}

// MarshalText makes a verdict its word in JSON.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads a verdict's word.
func (v *Verdict) UnmarshalText(b []byte) error {
	for i, name := range verdictNames {
		if name == string(b) {
			*v = Verdict(i)
			return nil
		}
	}
	return fmt.Errorf("verdict %q is not one of ok, attention, abnormal, unknown, not_applicable", b)
}
