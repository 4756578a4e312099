package agent

import (
	"context"
	"fmt"
	"slices"

	"xunjian/alerting/incident"
	"xunjian/checks"
)

// ExhibitOf is an exhibit with the check that gave it.
type ExhibitOf struct {
	Check string `json:"check"`
	checks.Exhibit
}

// maxWitnesses bounds the checks that are asked about one incident.
const maxWitnesses = 8

// witnesses are the checks that can say more of an incident: those whose
// series its alerts stand on.
func (a *Agent) witnesses(i incident.Incident) []checks.Witness {
	var names []string
	for _, al := range a.desk.Alerts() {
		if _, ours := i.Alerts[al.Key]; ours {
			names = append(names, al.Sources...)
		}
	}
	slices.Sort(names)
	var out []checks.Witness
	for _, name := range slices.Compact(names) {
		if w, ok := a.runner.Lookup(name).(checks.Witness); ok && len(out) < maxWitnesses {
			out = append(out, w)
		}
	}
	return out
}

// testimony is what a witness says, made safe to keep and to show.
func testimony(ctx context.Context, w checks.Witness) ([]ExhibitOf, error) {
	said, err := w.Evidence(ctx)
	out := make([]ExhibitOf, 0, len(said))
	for _, e := range said {
		out = append(out, ExhibitOf{w.Name(), e.Safe()})
	}
	if err != nil {
		err = fmt.Errorf("ask check %s: %w", w.Name(), err)
	}
	return out, err
}
