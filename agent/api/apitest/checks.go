package apitest

import (
	"context"
	"embed"
	"errors"
	"time"

	"xunjian/checks"
	"xunjian/rules"
)

// findings say the findings of the World's checks.
//
//go:embed messages/*.yaml
var findings embed.FS

// openChecks gives the World four checks and what they said so far: one ok,
// one with a full disk, one that could not look, one that does not apply.
func (w *World) openChecks() {
	list := []checks.Check{
		checks.Func{ID: "cpu", Look: func(_ context.Context, out *checks.Output) error {
			out.Find(busy(0.12))
			return nil
		}},
		checks.Func{ID: "filesystem", Look: func(_ context.Context, out *checks.Output) error {
			out.Find(space("/data", 0.98, checks.Abnormal))
			out.Find(space("/", 0.4, checks.OK))
			return nil
		}},
		checks.Func{ID: "postgres/main", Look: func(context.Context, *checks.Output) error { return errors.New("connection refused") }},
		checks.Func{ID: "raid", Look: func(context.Context, *checks.Output) error { return checks.ErrNotApplicable }},
	}
	w.Runner = checks.NewRunner(checks.RunnerOptions{Sink: func([]checks.Result) {}, Now: w.Now})
	must(w.T, w.Runner.Replace(list, nil))
	w.background(w.Runner.Run)
	w.History = checks.NewHistory()
	for n, free := range []checks.Verdict{checks.OK, checks.OK, checks.Abnormal} {
		w.remember(list, Begin.Add(time.Duration(n-2)*15*time.Second), free)
	}
}

// remember adds what each check saw at a moment.
func (w *World) remember(list []checks.Check, at time.Time, disk checks.Verdict) {
	for _, c := range list {
		r := checks.RunOnce(w.T.Context(), c, at)
		r.Duration = 3 * time.Millisecond
		if r.Check == "filesystem" {
			r.Findings[0] = space("/data", 0.98, disk)
			r.Verdict = checks.Judge(r.Findings)
		}
		w.History.Add(r)
	}
}

func busy(ratio float64) checks.Finding {
	return checks.Finding{Code: "apitest.cpu", Verdict: checks.OK, Args: map[string]any{"used": ratio}}
}

func space(mount string, used float64, v checks.Verdict) checks.Finding {
	return checks.Finding{Subject: mount, Code: "apitest.space", Verdict: v, Args: map[string]any{"used": used, "mount": mount}}
}

// verdicts joins findings and alerts as the agent does.
func verdicts(results []checks.Result, alerts []rules.Alert) map[string]checks.Verdict {
	out := map[string]checks.Verdict{}
	for _, r := range results {
		out[r.Check] = r.Verdict
	}
	for _, a := range alerts {
		for _, source := range a.Sources {
			if was, ok := out[source]; ok && checks.Abnormal.Worse(was) {
				out[source] = checks.Abnormal
			}
		}
	}
	return out
}
