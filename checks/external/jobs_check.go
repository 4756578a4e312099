package external

import (
	"context"
	"fmt"
	"time"

	"xunjian/checks"
)

// What is measured of jobs. The label is not "job", which a scrape gives a
// meaning of its own.
var (
	descJobSuccess = checks.NewDesc("xunjian_job_last_success_timestamp_seconds", checks.Gauge,
		"When the job last reported success.", "name")
	descJobDuration = checks.NewDesc("xunjian_job_last_duration_seconds", checks.Gauge,
		"How long the last run took that reported start and end.", "name")
	descJobDue = checks.NewDesc("xunjian_job_due_timestamp_seconds", checks.Gauge,
		"When the next success of the job is due.", "name")
	descJobRunning = checks.NewDesc("xunjian_job_running", checks.Gauge,
		"Whether the job has reported a start and no end.", "name")
	descJobUp = checks.NewDesc("xunjian_job_up", checks.Gauge,
		"Whether the job is in order: 0 if it failed, is late or does not end.", "name")
)

// Name is that of a single check.
func (j *Jobs) Name() string { return "jobs" }

// Run judges every job.
func (j *Jobs) Run(ctx context.Context, out *checks.Output) error {
	list := j.sorted()
	stored := j.store(ctx)
	if len(list) == 0 && stored == nil {
		return fmt.Errorf("%w: no jobs are configured", checks.ErrNotApplicable)
	}
	now := j.opt.Now()
	for _, n := range list {
		j.mu.RLock()
		plan, rec := n.plan, n.record
		j.mu.RUnlock()
		f := plan.judge(n.name, rec, now)
		out.Find(f)
		measure(out, plan, rec, f)
	}
	if stored != nil {
		out.Find(checks.Finding{Code: "job.unsaved", Verdict: checks.Attention, Args: map[string]any{"error": stored.Error()}})
	}
	return nil
}

func measure(out *checks.Output, plan jobPlan, rec JobRecord, f checks.Finding) {
	name := f.Subject
	if !rec.Succeeded.IsZero() {
		out.Set(descJobSuccess, seconds(rec.Succeeded), name)
	}
	if rec.Duration > 0 {
		out.Set(descJobDuration, rec.Duration.Seconds(), name)
	}
	due, _ := plan.due(rec)
	out.Set(descJobDue, seconds(due), name)
	out.Set(descJobRunning, truth(!rec.Started.IsZero()), name)
	out.Set(descJobUp, truth(f.Verdict == checks.OK), name)
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
