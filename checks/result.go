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
	// Dropped counts samples and findings over the limits.
	Dropped int      `json:"dropped,omitempty"`
	Samples []Sample `json:"-"`
}

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
