// Package measured is what checks and rules know, as the inspection rounds
// take it: neither room knows the other.
package measured

import (
	"context"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/alerting/inspection"
	"xunjian/checks"
	"xunjian/rules"
)

// Source answers the rounds.
type Source struct {
	history *checks.History
	engine  *rules.Engine
}

// New returns what a history and the engine beside it know.
func New(history *checks.History, engine *rules.Engine) *Source { return &Source{history, engine} }

var verdicts = map[checks.Verdict]inspection.Verdict{
	checks.OK: inspection.Normal, checks.Attention: inspection.Attention, checks.Abnormal: inspection.Abnormal,
	checks.Unknown: inspection.Unknown, checks.NotApplicable: inspection.NotApplicable,
}

// recent is how much later than a moment a result may be and still tell of it.
// Of an earlier moment only the history knows.
const recent = 5 * time.Minute

// Found returns the results of a check and of its instances at a moment.
func (m *Source) Found(ctx context.Context, name string, at time.Time) ([]inspection.Found, error) {
	out := said(m.history.Latest(), name)
	if slices.ContainsFunc(out, func(f inspection.Found) bool { return f.At.After(at.Add(recent)) }) {
		return m.found(ctx, name, at)
	}
	return out, nil
}

// said is what the results of a check and of its instances say.
func said(results []checks.Result, name string) []inspection.Found {
	var out []inspection.Found
	for _, r := range results {
		if family, _, _ := strings.Cut(r.Check, "/"); r.Check != name && family != name {
			continue
		}
		f := inspection.Found{Check: r.Check, At: r.Time, Every: r.Every, Verdict: verdicts[r.Verdict], Error: r.Error}
		for _, of := range r.Findings {
			if of.Verdict == checks.OK || of.Verdict == checks.NotApplicable {
				continue
			}
			f.Reasons = append(f.Reasons, inspection.Reason{
				Code: of.Code, Args: of.Args, Verdict: verdicts[of.Verdict], Check: r.Check, Subject: of.Subject,
			})
		}
		out = append(out, f)
	}
	return out
}

// found is what the history knows: the verdict, not its reasons.
func (m *Source) found(ctx context.Context, name string, at time.Time) ([]inspection.Found, error) {
	list, err := m.engine.Query(ctx, `max by (check) (xunjian_check_verdict{check=~`+strconv.Quote(regexp.QuoteMeta(name)+"(/.*)?")+`})`, at)
	if err != nil {
		return nil, err
	}
	byNumber := []inspection.Verdict{inspection.Normal, inspection.Attention, inspection.Abnormal, inspection.Unknown}
	var out []inspection.Found
	for _, s := range list {
		f := inspection.Found{Check: s.Labels["check"], At: at, Verdict: inspection.NotApplicable}
		if n := int(s.Value); n >= 0 && n < len(byNumber) {
			f.Verdict = byNumber[n]
		}
		out = append(out, f)
	}
	for _, r := range m.history.Latest() { // what is not applicable leaves no series
		if family, _, _ := strings.Cut(r.Check, "/"); (r.Check == name || family == name) && r.Verdict == checks.NotApplicable {
			out = append(out, inspection.Found{Check: r.Check, At: at, Verdict: inspection.NotApplicable})
		}
	}
	return out, nil
}

// Query asks the local history.
func (m *Source) Query(ctx context.Context, expr string, at time.Time) ([]inspection.Measured, error) {
	samples, err := m.engine.Query(ctx, expr, at)
	out := make([]inspection.Measured, len(samples))
	for n, s := range samples {
		out[n] = inspection.Measured{Labels: s.Labels, Value: s.Value}
	}
	return out, err
}

// Verdicts asks what a check came to over time.
func (m *Source) Verdicts(ctx context.Context, check string, from, to time.Time, step time.Duration) ([]inspection.Point, error) {
	list, err := m.engine.QueryRange(ctx, `max(xunjian_check_verdict{check=`+strconv.Quote(check)+`})`, from, to, step)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	out := make([]inspection.Point, 0, len(list[0].Points))
	for _, p := range list[0].Points {
		sec, frac := math.Modf(p[0])
		out = append(out, inspection.Point{At: time.Unix(int64(sec), int64(frac*1e9)).UTC(), Verdict: int(p[1])})
	}
	return out, nil
}

// once is what one look saw.
type once struct {
	results []checks.Result
	engine  *rules.Engine
}

// Once returns what one look saw, with the engine that supposes it held.
func Once(results []checks.Result, engine *rules.Engine) inspection.Source {
	return &once{results, engine}
}

func (o *once) Found(_ context.Context, name string, _ time.Time) ([]inspection.Found, error) {
	return said(o.results, name), nil
}

func (o *once) Query(ctx context.Context, expr string, at time.Time) ([]inspection.Measured, error) {
	return (&Source{engine: o.engine}).Query(ctx, expr, at)
}

// Verdicts has the one look at every step: there is no time in which it could
// have been different.
func (o *once) Verdicts(_ context.Context, check string, from, to time.Time, step time.Duration) ([]inspection.Point, error) {
	var out []inspection.Point
	for _, r := range o.results {
		if r.Check == check {
			for at := from; !at.After(to); at = at.Add(step) {
				out = append(out, inspection.Point{At: at, Verdict: r.Verdict.Code()})
			}
		}
	}
	return out, nil
}
