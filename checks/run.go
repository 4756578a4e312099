package checks

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// Codes of the findings that the Runner makes itself.
const (
	codeHung          = "check.hung"
	codeTimeout       = "check.timeout"
	codeFailed        = "check.failed"
	codePanic         = "check.panic"
	codeBackground    = "check.background"
	codeDropped       = "check.dropped"
	codeNotApplicable = "check.not_applicable"
)

// RunOnce runs c once, with its own deadline, and returns what came of it;
// due is the Time of the result. If c hangs its goroutine is abandoned.
func RunOnce(ctx context.Context, c Check, due time.Time) Result {
	sched := scheduleOf(c, Schedule{})
	ctx, cancel := context.WithTimeout(ctx, sched.patience())
	defer cancel()
	out := NewOutput(sched.SeriesLimit)
	begun := time.Now()
	ended := make(chan error, 1)
	go look(ctx, c, out, func(err error) { ended <- err })
	timer := time.NewTimer(sched.Timeout)
	defer timer.Stop()
	res := Result{Check: c.Name(), Time: due, Every: sched.Interval}
	select {
	case err := <-ended:
		res.Duration = time.Since(begun)
		res.conclude(out, err, sched)
	case <-timer.C:
		res.hang(time.Since(begun), sched.Timeout)
	}
	res.DroppedTotal = res.Dropped
	if res.Success() {
		res.LastSuccess = res.Time
	}
	return res
}

// panicked is the error of a run that broke.
type panicked struct {
	value any
	stack string
}

func (p *panicked) Error() string { return fmt.Sprint(p.value) }

var errExited = errors.New("ended its goroutine without returning")

// look runs c and calls done with what Run returned, whatever happens in it.
func look(ctx context.Context, c Check, out *Output, done func(error)) {
	err := errExited
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v, string(debug.Stack())}
		}
		done(err)
	}()
	err = c.Run(ctx, out)
}

// conclude completes res from what a run wrote and returned.
func (res *Result) conclude(out *Output, err error, sched Schedule) {
	if errors.Is(err, ErrNotApplicable) {
		res.Verdict = NotApplicable
		res.Findings = []Finding{{
			Code: codeNotApplicable, Verdict: NotApplicable,
			Args: map[string]any{"reason": reason(err)},
		}}
		return
	}
	res.Findings = out.findings
	res.Dropped = out.dropped
	if err == nil {
		res.Samples = out.samples
	} else {
		res.Error = SafeText(err.Error(), maxLabelValue)
		if !saidUnknown(res.Findings) {
			res.Findings = append(res.Findings, fault(err, sched))
		}
	}
	if out.dropped > 0 {
		res.Findings = append(res.Findings, Finding{
			Code: codeDropped, Verdict: Attention,
			Args: map[string]any{"dropped": out.dropped, "limit": sched.SeriesLimit},
		})
	}
	res.Verdict = Judge(res.Findings)
}

// hang completes res for a run that did not return within timeout; it has been
// waited for by now.
func (res *Result) hang(waited, timeout time.Duration) {
	res.Duration = waited
	res.Verdict = Unknown
	res.Error = fmt.Sprintf("no answer within %v", timeout)
	res.Findings = []Finding{{
		Code: codeHung, Verdict: Unknown,
		Args: map[string]any{"timeout": timeout.Seconds(), "waited": waited.Seconds()},
	}}
}

// fault says the error of a run as a finding.
func fault(err error, sched Schedule) Finding {
	if broken, ok := errors.AsType[*panicked](err); ok {
		return Finding{
			Code: codePanic, Verdict: Unknown, Evidence: SafeText(broken.stack, MaxEvidence),
			Args: map[string]any{"error": SafeText(err.Error(), maxLabelValue)},
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return Finding{
			Code: codeTimeout, Verdict: Unknown,
			Args: map[string]any{"timeout": sched.Timeout.Seconds()},
		}
	}
	return Finding{
		Code: codeFailed, Verdict: Unknown,
		Args: map[string]any{"error": SafeText(err.Error(), maxLabelValue)},
	}
}

// saidUnknown reports whether the check said itself that it cannot tell; it
// knows better than the error.
func saidUnknown(findings []Finding) bool {
	for _, f := range findings {
		if f.Verdict == Unknown {
			return true
		}
	}
	return false
}

// reason returns what an error says beside being ErrNotApplicable; empty if
// that is all.
func reason(err error) string {
	text := strings.TrimPrefix(err.Error(), ErrNotApplicable.Error())
	return SafeText(strings.TrimPrefix(text, ": "), maxLabelValue)
}
