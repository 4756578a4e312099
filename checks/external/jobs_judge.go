package external

import (
	"cmp"
	"strconv"
	"time"

	"xunjian/checks"
)

// JobRecord is what is known of a job.
type JobRecord struct {
	// Rhythm tells by which schedule the job has been judged since Since.
	Rhythm string    `json:"rhythm"`
	Since  time.Time `json:"since"`
	// Started is when the run that is going on began; zero if none is known to.
	Started time.Time `json:"started,omitzero"`
	// Succeeded and Failed are the last reports of the kind.
	Succeeded time.Time `json:"succeeded,omitzero"`
	Failed    time.Time `json:"failed,omitzero"`
	// Duration of the last run that reported its start.
	Duration time.Duration `json:"duration,omitempty"`
	// Bad says that the last run failed, ExitCode how, if it said so.
	Bad      bool `json:"bad,omitempty"`
	ExitCode int  `json:"exit_code,omitempty"`
	// Evidence is what the last run sent at its end.
	Evidence string `json:"evidence,omitempty"`
}

// unsaid is the exit code of a job that failed without saying one.
const unsaid = -1

// begin is the record after the job has reported its start.
func (rec JobRecord) begin(at time.Time) JobRecord {
	rec.Started = at
	return rec
}

// end is the record after the job has reported its end; code 0 is success.
func (rec JobRecord) end(at time.Time, code int, body string) JobRecord {
	if !rec.Started.IsZero() {
		rec.Duration = max(at.Sub(rec.Started), 0)
		rec.Started = time.Time{}
	}
	rec.Bad, rec.ExitCode, rec.Evidence = code != 0, code, body
	if rec.Bad {
		rec.Failed = at
	} else {
		rec.Succeeded = at
	}
	return rec
}

// early is how much before it is due a report counts for that, since the clocks
// of two machines differ.
const early = 10 * time.Second

// due returns when the next success is due, and how long after that the job is
// abnormal.
func (p jobPlan) due(rec JobRecord) (due time.Time, grace time.Duration) {
	base := rec.Since
	if rec.Succeeded.After(base) {
		base = rec.Succeeded
	}
	if _, clock := p.schedule.(every); !clock {
		base = base.Add(early)
	}
	due = p.schedule.Next(base)
	period := p.schedule.Next(due).Sub(due)
	return due, cmp.Or(p.grace, min(max(period/10, 10*time.Second), time.Hour))
}

// judge says what a job comes to at now.
func (p jobPlan) judge(name string, rec JobRecord, now time.Time) checks.Finding {
	f := checks.Finding{Subject: name, Verdict: checks.OK}
	due, grace := p.due(rec)
	running := now.Sub(rec.Started)
	late := now.Sub(due)
	switch {
	case !rec.Started.IsZero() && p.maxRuntime > 0 && running > p.maxRuntime:
		f.Code, f.Verdict = "job.overrun", checks.Abnormal
		f.Args = map[string]any{"running": running.Seconds(), "limit": p.maxRuntime.Seconds()}
	case rec.Bad:
		f.Code, f.Verdict, f.Evidence = "job.failed", checks.Abnormal, rec.Evidence
		f.Args = map[string]any{"code": exitCode(rec.ExitCode), "ago": now.Sub(rec.Failed).Seconds()}
	case !rec.Started.IsZero() && p.maxRuntime > 0:
		f.Code = "job.running"
		f.Args = map[string]any{"running": running.Seconds(), "limit": p.maxRuntime.Seconds()}
	case late > 0:
		f.Code, f.Verdict = "job.late", lateness(late, grace)
		f.Args = map[string]any{"late": late.Seconds(), "ago": now.Sub(rec.Succeeded).Seconds()}
		if rec.Succeeded.IsZero() {
			f.Code, f.Args = "job.never", map[string]any{"late": late.Seconds(), "since": now.Sub(rec.Since).Seconds()}
		}
	case rec.Succeeded.IsZero():
		f.Code = "job.awaited"
		f.Args = map[string]any{"next": due.Sub(now).Seconds()}
	default:
		f.Code = "job.ok"
		f.Args = map[string]any{"ago": now.Sub(rec.Succeeded).Seconds(), "next": due.Sub(now).Seconds()}
	}
	return f
}

func exitCode(code int) string {
	if code == unsaid {
		return ""
	}
	return strconv.Itoa(code)
}

// lateness grows from ok by attention to abnormal. The first half of the grace
// is for the job to run: it reports when it has ended, and is due when it
// begins.
func lateness(late, grace time.Duration) checks.Verdict {
	switch {
	case late > grace:
		return checks.Abnormal
	case late > grace/2:
		return checks.Attention
	}
	return checks.OK
}
