package agent

import (
	"context"
	"slices"
	"sync"
	"time"

	"xunjian/agent/config"
	"xunjian/checks"
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
}

// between is the time from the first look to the second; rates are taken over
// it.
const between = 2 * time.Second

// Inspect runs every check twice, so that rates are seen, and judges what was
// seen as if it had held for the last ten minutes. progress is called after
// each run; it may be nil.
func Inspect(ctx context.Context, cfg *config.Config, progress func(done, total int, name string)) (Inspection, error) {
	list, err := inspected(cfg)
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
	in.Alerts, _, err = rules.JudgeNow(ctx, judgeOptions(cfg), b.batches(checks.Describe(first)), b.batches(checks.Describe(in.Results)))
	if err != nil {
		return in, err
	}
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
