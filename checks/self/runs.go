package self

import (
	"context"

	"xunjian/checks"
)

var (
	descChecks = checks.NewDesc("xunjian_checks", checks.Gauge, "How many checks there are.")
	descStuck  = checks.NewDesc("xunjian_checks_stuck", checks.Gauge,
		"How many runs of checks hang; each holds a goroutine.")
	descLost = checks.NewDesc("xunjian_results_lost_total", checks.Counter,
		"How many results were dropped because they could not be stored and judged in time.")
	descConflicts = checks.NewDesc("xunjian_exposition_conflicts", checks.Gauge,
		"How many samples do not fit on the page of metrics.")
)

// runs watches the Runner.
type runs struct {
	maxStuck  int
	stats     func() checks.RunnerStats
	conflicts func() int
	lost      uint64 // so far
}

func newRuns(maxStuck int, p Parts) *runs {
	return &runs{maxStuck: maxStuck, stats: p.Runner, conflicts: p.Conflicts}
}

// Name is that of a single check.
func (r *runs) Name() string { return "self_checks" }

// Run asks the Runner.
func (r *runs) Run(_ context.Context, out *checks.Output) error {
	st := r.stats()
	out.Set(descChecks, float64(st.Checks))
	out.Set(descStuck, float64(st.Stuck))
	out.Set(descLost, float64(st.Lost))
	if r.conflicts != nil {
		out.Set(descConflicts, float64(r.conflicts()))
	}
	if st.Stuck > r.maxStuck {
		out.Find(checks.Finding{Code: "self.stuck", Verdict: checks.Attention, Args: map[string]any{"stuck": st.Stuck, "max": r.maxStuck}})
	}
	if st.Lost > r.lost {
		out.Find(checks.Finding{Code: "self.lost", Verdict: checks.Attention, Args: map[string]any{"lost": int(st.Lost - r.lost)}})
	}
	r.lost = st.Lost
	return nil
}
