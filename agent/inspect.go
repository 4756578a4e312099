package agent

import (
	"context"
	"slices"
	"sync"
	"time"

	"xunjian/agent/config"
	"xunjian/agent/measured"
	"xunjian/agent/reports"
	"xunjian/alerting/inspection"
	"xunjian/checks"
	"xunjian/checks/logs"
	"xunjian/rules"
)

// Inspection is one look at this machine without a daemon.
type Inspection struct {
	Host    string          `json:"host"`
	Started time.Time       `json:"started"`
	Took    time.Duration   `json:"took"`
	Results []checks.Result `json:"results"`
	Alerts  []rules.Alert   `json:"alerts"`
	// Verdicts are those of Verdicts, by check.
	Verdicts map[string]checks.Verdict `json:"verdicts"`
	Worst    checks.Verdict            `json:"worst"`

	engine *rules.Engine // knows what was seen
}

// between is the time from the first look to the second; rates are taken over
// it.
const between = 2 * time.Second

// Inspect runs every check twice, so that rates are seen, and judges what was
// seen as if it had held for the last ten minutes. progress is called after
// each run; it may be nil.
func Inspect(ctx context.Context, cfg *config.Config, progress func(done, total int, name string)) (Inspection, error) {
	read, err := logs.New(cfg.Checks.Logs.Config, logs.Parts{Zone: cfg.Location()})
	if err != nil {
		return Inspection{}, err
	}
	list, err := inspected(cfg, "", read, nil)
	if err != nil {
		return Inspection{}, err
	}
	if progress == nil {
		progress = func(int, int, string) {}
	}
	in := Inspection{Host: cfg.Host, Started: time.Now()}
	total, done := 2*len(list), 0
	var mu sync.Mutex
	step := func(name string) {
		mu.Lock()
		defer mu.Unlock()
		done++
		progress(done, total, name)
	}
	first := lookAll(ctx, list, step)
	select {
	case <-time.After(between):
	case <-ctx.Done():
		return in, ctx.Err()
	}
	in.Results = lookAll(ctx, list, step)
	if err := ctx.Err(); err != nil {
		return in, err
	}
	b := newBridge(cfg.Host)
	in.engine, err = rules.Suppose(ctx, judgeOptions(cfg), b.batches(checks.Describe(first)), b.batches(checks.Describe(in.Results)))
	if err != nil {
		return in, err
	}
	in.Alerts = in.engine.FiringNow()
	in.Took = time.Since(in.Started)
	in.Verdicts = Verdicts(in.Results, in.Alerts)
	in.Worst = checks.NotApplicable
	for _, v := range in.Verdicts {
		if v.Worse(in.Worst) {
			in.Worst = v
		}
	}
	return in, nil
}

// supposed is how far back the figures of one look reach: all of it is as it
// was seen.
const supposed = 10 * time.Minute

// Report is the report of a form over this one look: what a machine without an
// agent has to say.
func (in Inspection) Report(ctx context.Context, cfg *config.Config, form inspection.Form) reports.Facts {
	to := in.Started.Add(in.Took)
	r := inspection.Round{Form: form, Due: in.Started, Opened: to, To: to, StartedBy: in.Host}
	r.Outcomes = inspection.Judge(ctx, &form, measured.Once(in.Results, in.engine), to.Add(-supposed), to)
	r.From = in.Started
	return reports.Facts{Host: in.Host, Unit: cfg.Unit.Name, Made: to, From: in.Started, To: to, Round: r, Measured: 1, Once: true}
}

// lookAll runs every check once, side by side; a hung one costs its own
// deadline and says unknown.
func lookAll(ctx context.Context, list []checks.Check, step func(string)) []checks.Result {
	out := make([]checks.Result, len(list))
	now := time.Now()
	var wg sync.WaitGroup
	for n, c := range list {
		wg.Go(func() {
			out[n] = checks.RunOnce(ctx, c, now)
			step(c.Name())
		})
	}
	wg.Wait()
	slices.SortStableFunc(out, func(a, b checks.Result) int { return compareNames(a.Check, b.Check) })
	return out
}
