package checks

import "time"

// Result is one run of a check, whole.
type Result struct {
	Check string `json:"check"`
	// Time is the moment the run was due; all its samples carry it.
	Time time.Time `json:"time"`
	// Duration is how long the run took; for a hung one, how long it has been
	// waited for.
	Duration time.Duration `json:"duration"`
	Verdict  Verdict       `json:"verdict"`
	// Error says why the check could not look; empty if it could.
	Error    string    `json:"error,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
	// Dropped counts samples and findings over the limits; DroppedTotal all of
	// them since the check was first run.
	Dropped      int `json:"dropped,omitempty"`
	DroppedTotal int `json:"dropped_total,omitempty"`
	// LastSuccess is the Time of the last run that could look, this one
	// included; zero if there was none yet.
	LastSuccess time.Time `json:"last_success,omitzero"`
	// Every is the check's interval: when the next result can be expected.
	Every time.Duration `json:"every,omitempty"`
	// Retired marks the last word on a check that is no longer there. It
	// carries nothing else; what is kept of the check should go.
	Retired bool     `json:"retired,omitempty"`
	Samples []Sample `json:"-"`
}

// Success reports whether the run could look, whatever it saw.
func (r Result) Success() bool { return r.Error == "" && !r.Retired }

// Judge returns the worst verdict of the findings, or OK if there are none.
func Judge(findings []Finding) Verdict {
	worst := NotApplicable
	for _, f := range findings {
		if f.Verdict.Worse(worst) {
			worst = f.Verdict
		}
	}
	if worst == NotApplicable {
		return OK
	}
	return worst
}
