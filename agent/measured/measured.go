// Package measured is what checks and rules know, as the inspection rounds
// take it: neither room knows the other.
package measured

import (
	"context"
	"math"
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

// Found returns the last results of a check and of its instances.
func (m *Source) Found(name string) []inspection.Found {
	var out []inspection.Found
	for _, r := range m.history.Latest() {
		if family, _, _ := strings.Cut(r.Check, "/"); r.Check != name && family != name {
			continue
		}
		f := inspection.Found{Check: r.Check, At: r.Time, Every: r.Every, Verdict: verdicts[r.Verdict], Error: r.Error}
		for _, said := range r.Findings {
			if said.Verdict == checks.OK || said.Verdict == checks.NotApplicable {
				continue
			}
			f.Reasons = append(f.Reasons, inspection.Reason{
				Code: said.Code, Args: said.Args, Verdict: verdicts[said.Verdict], Check: r.Check, Subject: said.Subject,
			})
		}
		out = append(out, f)
	}
	return out
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
