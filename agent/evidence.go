package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"xunjian/alerting/incident"
	"xunjian/checks"
	"xunjian/checks/host"
	"xunjian/rules"
)

// Snapshot is the evidence taken when an incident opens, before anyone
// restarts anything. It is kept as JSON with its SHA-256 in the timeline.
type Snapshot struct {
	Incident string    `json:"incident"`
	TakenAt  time.Time `json:"taken_at"`
	// Values are the alerts as they stood.
	Values []AlertValue `json:"values,omitempty"`
	// Charts hold the last hour of the series behind the alerts.
	Charts    []Chart             `json:"charts,omitempty"`
	Findings  []FindingOf         `json:"findings,omitempty"`
	Processes []host.Process      `json:"processes,omitempty"`
	Sockets   *host.SocketSummary `json:"sockets,omitempty"`
	Mounts    []host.Mount        `json:"mounts,omitempty"`
	KernelLog []string            `json:"kernel_log,omitempty"`
	// Exhibits are what the checks behind the alerts saw when they looked closer.
	Exhibits []ExhibitOf `json:"exhibits,omitempty"`
	// Errors says which part could not be taken, and why.
	Errors []string `json:"errors,omitempty"`
}

// AlertValue is one alert of an incident with its value.
type AlertValue struct {
	Rule   string            `json:"rule"`
	Labels map[string]string `json:"labels"`
	Value  float64           `json:"value"`
	Since  time.Time         `json:"since"`
}

// Chart is the recent past of the series behind one alert.
type Chart struct {
	Title  string         `json:"title"`
	Series []rules.Series `json:"series"`
}

// FindingOf is a finding with the check that made it.
type FindingOf struct {
	Check string `json:"check"`
	checks.Finding
}

// How much of each part a snapshot keeps.
const (
	evidenceWindow    = time.Hour
	evidenceStep      = 15 * time.Second
	evidenceProcesses = 15
	evidenceKernel    = 100
	evidenceCharts    = 10
)

// evidence takes the snapshot of an incident. Each part is taken apart from
// the others, so that a hung one costs only itself; what is not there at the
// deadline is named in Errors.
func (a *Agent) evidence(ctx context.Context, i incident.Incident) ([]byte, error) {
	snap := Snapshot{Incident: i.ID, TakenAt: time.Now().UTC().Truncate(time.Millisecond)}
	for _, key := range slices.Sorted(maps.Keys(i.Alerts)) {
		al := i.Alerts[key]
		snap.Values = append(snap.Values, AlertValue{al.Rule, al.Labels, al.Value, al.Since})
	}
	var parts gather
	parts.take("charts", func() (func(), error) {
		charts, err := a.charts(ctx, i)
		return func() { snap.Charts = charts }, err
	})
	parts.take("processes", func() (func(), error) {
		v, err := host.TopProcesses(ctx, evidenceProcesses)
		return func() { snap.Processes = v }, err
	})
	parts.take("sockets", func() (func(), error) {
		v, err := host.Sockets(ctx)
		return func() { snap.Sockets = &v }, err
	})
	parts.take("mounts", func() (func(), error) {
		v, err := host.Mounts(ctx)
		return func() { snap.Mounts = v }, err
	})
	parts.take("kernel log", func() (func(), error) {
		v, err := host.KernelLog(ctx, evidenceKernel)
		return func() { snap.KernelLog = v }, err
	})
	for _, w := range a.witnesses(i) {
		parts.take("check "+w.Name(), func() (func(), error) {
			v, err := testimony(ctx, w)
			return func() { snap.Exhibits = append(snap.Exhibits, v...) }, err
		})
	}
	snap.Errors = parts.wait(ctx)
	slices.SortStableFunc(snap.Exhibits, func(x, y ExhibitOf) int { return cmp.Compare(x.Check, y.Check) })
	for _, r := range a.history.Latest() {
		for _, f := range r.Findings {
			if f.Verdict != checks.OK {
				snap.Findings = append(snap.Findings, FindingOf{r.Check, f})
			}
		}
	}
	return json.Marshal(snap)
}

// charts reads the last hour of the series behind the incident's alerts.
func (a *Agent) charts(ctx context.Context, i incident.Incident) ([]Chart, error) {
	now := time.Now()
	var out []Chart
	for _, al := range a.engine.Alerts() {
		if _, ours := i.Alerts[al.Key]; !ours || len(out) == evidenceCharts {
			continue
		}
		series, err := a.engine.AlertSeries(ctx, al, now.Add(-evidenceWindow), now, evidenceStep)
		if err != nil {
			return out, err
		}
		out = append(out, Chart{Title: al.Rule, Series: series})
	}
	slices.SortFunc(out, func(x, y Chart) int { return cmp.Compare(x.Title, y.Title) })
	return out, nil
}

// gather runs parts of a snapshot side by side. A part hands back a function
// that puts its result in place; it is called only before the deadline, by the
// goroutine that waits, so that a late part touches nothing.
type gather struct {
	pending map[string]bool
	results chan part
}

type part struct {
	name string
	put  func()
	err  error
}

func (g *gather) take(name string, f func() (func(), error)) {
	if g.results == nil {
		g.results, g.pending = make(chan part, 16), map[string]bool{}
	}
	g.pending[name] = true
	go func() {
		p := part{name: name}
		defer func() {
			if r := recover(); r != nil {
				p.put, p.err = nil, fmt.Errorf("broke: %v", r)
			}
			g.results <- p
		}()
		p.put, p.err = f()
	}()
}

// wait collects the parts until all are there or ctx is done, and says what is
// missing.
func (g *gather) wait(ctx context.Context) []string {
	var faults []string
	for len(g.pending) > 0 {
		select {
		case p := <-g.results:
			delete(g.pending, p.name)
			if p.err != nil {
				faults = append(faults, p.name+": "+p.err.Error())
			}
			if p.put != nil {
				p.put()
			}
		case <-ctx.Done():
			for _, name := range slices.Sorted(maps.Keys(g.pending)) {
				faults = append(faults, name+": not ready in time")
			}
			return faults
		}
	}
	return faults
}
