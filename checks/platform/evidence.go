package platform

import (
	"context"
	"slices"
	"strings"
	"time"

	"xunjian/checks"
)

// Evidence shows the last tries: those that failed first, since they outlive
// the good ones, with their own logs; where the time went; and the chain that
// was shown.
func (c *probe) Evidence(context.Context) ([]checks.Exhibit, error) {
	c.mu.Lock()
	last, good, failures := c.last, c.good, slices.Clone(c.failures)
	c.mu.Unlock()
	if last == nil {
		return nil, nil
	}
	args := map[string]any{"probe": c.p.Name}
	tries := checks.Exhibit{Code: "probe.evidence.tries", Args: args, Columns: []string{"time", "result", "phase", "step", "seconds"}}
	for _, o := range append(failures, good) {
		if o != nil {
			tries.Rows = append(tries.Rows, o.row())
		}
	}
	out := []checks.Exhibit{tries, phasesOf(last, good, args)}
	shown := last
	if len(failures) > 0 {
		shown = failures[0]
	}
	text := strings.Join(shown.log, "\n")
	if shown.excerpt != "" {
		text += "\n\n" + shown.excerpt
	}
	out = append(out, checks.Exhibit{Code: "probe.evidence.log", Args: args, Text: checks.SafeText(text, checks.MaxEvidence)})
	if chain := chainOf(last, good, args); len(chain.Rows) > 0 {
		out = append(out, chain)
	}
	return out, nil
}

func (o *outcome) row() []string {
	result, phase, step := "success", "", ""
	switch {
	case o.fault != nil:
		result, phase, step = o.fault.Error(), o.fault.phase, o.fault.step
	case o.untried != nil:
		result = "unknown: " + o.untried.Error()
	}
	return []string{o.at.UTC().Format(time.RFC3339), clip(result), phase, step, seconds(o.took)}
}

func phasesOf(last, good *outcome, args map[string]any) checks.Exhibit {
	out := checks.Exhibit{Code: "probe.evidence.phases", Args: args, Columns: []string{"phase", "last", "last_success"}}
	for _, phase := range []string{phaseResolve, phaseConnect, phaseTLS, phaseRequest, phaseProcessing, phaseTransfer} {
		row := []string{phase, "", ""}
		if d, ok := last.phases[phase]; ok {
			row[1] = seconds(d)
		}
		if good != nil {
			if d, ok := good.phases[phase]; ok {
				row[2] = seconds(d)
			}
		}
		if row[1]+row[2] != "" {
			out.Rows = append(out.Rows, row)
		}
	}
	return out
}

func chainOf(last, good *outcome, args map[string]any) checks.Exhibit {
	out := checks.Exhibit{Code: "probe.evidence.chain", Args: args, Columns: []string{"subject", "issuer", "not_before", "not_after", "names", "serial"}}
	chain := last.chain
	if len(chain) == 0 && good != nil {
		chain = good.chain
	}
	for _, c := range chain[:min(len(chain), 10)] {
		out.Rows = append(out.Rows, []string{
			clip(c.Subject.String()), clip(c.Issuer.String()), c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339),
			clip(strings.Join(namesOf(c), ", ")), c.SerialNumber.Text(16),
		})
	}
	return out
}

func seconds(d time.Duration) string { return d.Round(100 * time.Microsecond).String() }
