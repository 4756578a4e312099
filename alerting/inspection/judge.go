package inspection

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Source is what was measured.
type Source interface {
	// Found returns what the checks of a name had found at a moment; a name
	// stands for all its instances. None: no such check ran.
	Found(ctx context.Context, check string, at time.Time) ([]Found, error)
	// Query evaluates a PromQL expression at a moment.
	Query(ctx context.Context, expr string, at time.Time) ([]Measured, error)
	// Verdicts returns what a check of this name came to over time, 0 ok, 1
	// attention, 2 abnormal, 3 unknown, in steps; no point where it did not
	// look. The points are in order.
	Verdicts(ctx context.Context, check string, from, to time.Time, step time.Duration) ([]Point, error)
}

// Found is the last result of a check.
type Found struct {
	Check   string
	At      time.Time
	Every   time.Duration
	Verdict Verdict
	Error   string
	Reasons []Reason
}

// Measured is one value of a query.
type Measured struct {
	Labels map[string]string
	Value  float64
}

// Point is the verdict of a check at a moment.
type Point struct {
	At      time.Time
	Verdict int
}

const (
	// enough is the share of the period that has to be measured to call it
	// normal.
	enough = 0.95
	// maxReasons and maxValues bound what one item says.
	maxReasons = 30
	maxValues  = 40
	// stale is after how many intervals a result is no longer of now.
	stale = 5
)

// Judge looks at every item of a form. What cannot be told is unknown, what
// nobody looked at is not inspected.
func Judge(ctx context.Context, f *Form, src Source, from, to time.Time) []Outcome {
	var out []Outcome
	for _, g := range f.Groups {
		for _, i := range g.Items {
			out = append(out, judge(ctx, i, src, from, to))
		}
	}
	return out
}

// judgement gathers what speaks for the verdict of one item.
type judgement struct {
	Outcome
	here bool // some check or figure has something to look at
}

func judge(ctx context.Context, i Item, src Source, from, to time.Time) Outcome {
	j := judgement{Outcome: Outcome{Item: i.ID, Verdict: NotApplicable, Covered: -1}}
	for _, c := range i.Checks {
		j.check(ctx, c, src, from, to)
	}
	if j.here || len(i.Checks) == 0 {
		for _, f := range i.Figures {
			j.figure(ctx, f, src, from, to)
		}
	}
	if i.Ask.ZH != "" && !j.here {
		j.Asked, j.Verdict = true, NotInspected
		j.say(Reason{Code: "round.ask", Verdict: NotInspected})
	}
	slices.SortStableFunc(j.Reasons, func(a, b Reason) int {
		return cmp.Compare(slices.Index(Verdicts, b.Verdict), slices.Index(Verdicts, a.Verdict))
	})
	j.Reasons = j.Reasons[:min(len(j.Reasons), maxReasons)]
	slices.SortStableFunc(j.Values, func(a, b Value) int {
		return cmp.Compare(slices.Index(Verdicts, b.Verdict), slices.Index(Verdicts, a.Verdict))
	})
	j.Values = j.Values[:min(len(j.Values), maxValues)]
	return j.Outcome
}

func (j *judgement) say(r Reason) {
	if r.Verdict.Worse(j.Verdict) {
		j.Verdict = r.Verdict
	}
	j.Reasons = append(j.Reasons, r)
}

// check takes in what a check finds now, what it found within the period, and
// for how much of that it looked.
func (j *judgement) check(ctx context.Context, name string, src Source, from, to time.Time) {
	found, err := src.Found(ctx, name, to)
	if err != nil {
		j.here = true
		j.say(Reason{Code: "round.history_unread", Verdict: Unknown, Check: name, Args: map[string]any{"error": err.Error()}})
		return
	}
	if len(found) == 0 {
		j.say(Reason{Code: "round.no_check", Verdict: NotInspected, Check: name})
		return
	}
	for _, f := range found {
		if f.Verdict == NotApplicable {
			continue
		}
		j.here = true
		switch {
		case f.Every > 0 && to.Sub(f.At) > stale*f.Every+time.Minute:
			j.say(Reason{Code: "round.stale", Verdict: Unknown, Check: f.Check, Args: map[string]any{"ago": to.Sub(f.At).Seconds()}})
		case f.Error != "" && len(f.Reasons) == 0:
			j.say(Reason{Code: "round.unread", Verdict: Unknown, Check: f.Check, Args: map[string]any{"error": f.Error}})
		}
		if f.Verdict.Worse(j.Verdict) {
			j.Verdict = f.Verdict
		}
		for _, r := range f.Reasons {
			j.say(r)
		}
		j.history(ctx, f.Check, src, from, to)
	}
}

// history says how long a check found something, or did not look.
func (j *judgement) history(ctx context.Context, check string, src Source, from, to time.Time) {
	step := max(to.Sub(from)/2000, time.Minute).Truncate(time.Second)
	points, err := src.Verdicts(ctx, check, from, to, step)
	if err != nil {
		j.say(Reason{Code: "round.history_unread", Verdict: Unknown, Check: check, Args: map[string]any{"error": err.Error()}})
		return
	}
	steps := int(to.Sub(from)/step) + 1
	covered := min(float64(len(points))/float64(steps), 1)
	if j.Covered < 0 || covered < j.Covered {
		j.Covered = covered
	}
	if covered < enough {
		j.say(Reason{Code: "round.gap", Verdict: Attention, Check: check, Args: map[string]any{
			"share": covered, "missing": float64(steps-min(len(points), steps)) * step.Seconds(),
		}})
	}
	// What was wrong and is right again is worth a look, no more.
	for _, was := range []struct {
		verdict int
		code    string
	}{{2, "round.was_abnormal"}, {3, "round.was_unknown"}} {
		n, last := 0, time.Time{}
		for _, p := range points {
			if p.Verdict == was.verdict {
				n, last = n+1, p.At
			}
		}
		if n > 0 && last.Before(to.Add(-2*step)) {
			j.say(Reason{Code: was.code, Verdict: Attention, Check: check, Args: map[string]any{
				"for": float64(n) * step.Seconds(), "ago": to.Sub(last).Seconds(),
			}})
		}
	}
}

// figure measures, and holds the values against the limits.
func (j *judgement) figure(ctx context.Context, f Figure, src Source, from, to time.Time) {
	values, err := src.Query(ctx, f.Query(to.Sub(from)), to)
	if err != nil {
		j.here = true
		j.say(Reason{Code: "round.query_failed", Verdict: Unknown, Subject: f.ID, Args: map[string]any{"error": err.Error()}})
		return
	}
	n := 0
	for _, m := range values {
		if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
			continue
		}
		n++
		v := Value{Figure: f.ID, Subject: subjectOf(m.Labels, f.Subject), Value: m.Value, Verdict: Normal}
		switch {
		case f.Abnormal.Broken(m.Value):
			v.Verdict = Abnormal
		case f.Attention.Broken(m.Value):
			v.Verdict = Attention
		}
		if v.Verdict.Worse(j.Verdict) {
			j.Verdict = v.Verdict
		}
		j.Values = append(j.Values, v)
	}
	j.here = j.here || n > 0
	if n == 0 && !f.Optional {
		j.here = true
		j.say(Reason{Code: "round.no_data", Verdict: Unknown, Subject: f.ID})
	}
}

func subjectOf(labels map[string]string, names []string) string {
	var out []string
	for _, n := range names {
		if v := labels[n]; v != "" {
			out = append(out, v)
		}
	}
	return strings.Join(out, " ")
}

// Overall writes the counts of a round's verdicts, the worst first.
func (r *Round) Overall() string {
	var out []string
	for _, v := range slices.Backward(Verdicts) {
		if n := r.Count(v); n > 0 {
			out = append(out, fmt.Sprintf("%s %d", v, n))
		}
	}
	return strings.Join(out, ", ")
}
