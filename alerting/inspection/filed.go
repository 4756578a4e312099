package inspection

import "time"

// Filed is a report of a round as it was filed.
type Filed struct {
	// ID is the round's with the edition: RND-20261123-001-1.
	ID    string `json:"id"`
	Round string `json:"round"`
	Form  string `json:"form"`
	// Edition is 1 as the machine made the round, 2 when the inspector signed
	// it, 3 when it was reviewed.
	Edition int       `json:"edition"`
	Verdict Verdict   `json:"verdict"`
	Made    time.Time `json:"made"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	// Body is what the report is made of; empty in lists.
	Body []byte `json:"-"`
}

// Edition is which report of the round is due.
func (r *Round) Edition() int {
	switch {
	case r.Reviewer != nil:
		return 3
	case r.Inspector != nil:
		return 2
	}
	return 1
}
