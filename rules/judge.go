package rules

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	prom "github.com/prometheus/prometheus/rules"
)

// JudgeOptions say by which rules Suppose judges.
type JudgeOptions struct {
	// Files, ExternalLabels and KnownCodes are as in Config.
	Files          []string
	ExternalLabels map[string]string
	KnownCodes     []string
}

const (
	judgeSpan = 10 * time.Minute
	judgeStep = 15 * time.Second
)

// FiringNow returns the alerts that fire, ordered by rule and key, with the
// sources they stand on. Those that stand on no series are left out, for two
// passes cannot tell what never comes: the Watchdog, and absent().
func (e *Engine) FiringNow() []Alert {
	return slices.DeleteFunc(e.Alerts(), func(a Alert) bool { return a.State != Firing || len(a.Basis) == 0 })
}

// Suppose judges one look at a machine that has no history: two passes over its
// checks, a few seconds apart. first and second hold the batches of each; the
// times of a source's two batches tell how far they are apart.
//
// Every rule is evaluated once, as if what was seen had held for the last ten
// minutes: a gauge had its second value all the time, and a counter grew all
// the time as fast as between the two passes (a counter that went down or is
// in the second pass only stood still). So a rate shows, and a forecast of a
// gauge sees no trend. The rules' `for` does not delay anything. Nothing is
// written to disk.
//
// It returns the engine in memory that did so, to be asked about what was seen;
// it need not be closed. Mistakes in the rule files are a *LoadError; a rule that
// fails says so in its RuleStatus.
func Suppose(ctx context.Context, opts JudgeOptions, first, second []Batch) (*Engine, error) {
	if len(second) == 0 {
		return nil, errors.New("judge: the second pass is empty")
	}
	j, err := newJudge(opts)
	if err != nil {
		return nil, err
	}
	now := latest(time.Time{}, second)
	lines := supposeLines(first, second)
	e := j.engine
	e.started, e.now, e.w.ctx = now, now, ctx
	for t := now.Add(-judgeSpan); !t.After(now); t = t.Add(judgeStep) {
		for _, l := range lines {
			s := e.book.find(l.labels)
			s.source = l.source
			e.w.put(s, t.UnixMilli(), l.at(now.Sub(t)))
		}
		e.w.commit()
		if t.Before(now) {
			j.evaluate(ctx, t, func(r *rule) bool { return r.alerting == nil })
		}
	}
	j.evaluate(ctx, now, func(*rule) bool { return true })
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return e, nil
}

// judge is an Engine in memory whose rules fire at once.
type judge struct{ engine *Engine }

func newJudge(opts JudgeOptions) (*judge, error) {
	logger := slog.New(slog.DiscardHandler)
	external := labels.FromMap(opts.ExternalLabels)
	groups, err := readGroups(opts.Files, opts.KnownCodes, external, logger)
	if err != nil {
		return nil, err
	}
	e := newEngine(DefaultConfig(), logger, &store{logger: logger, mem: newMemory()})
	for _, g := range groups {
		for _, r := range g.rules {
			if r.alerting != nil {
				r.alerting = prom.NewAlertingRule(r.name, namedExpr{r.expr, r.text}, 0, 0, r.labels,
					labels.FromMap(r.spec.Annotations), external, "", true, logger)
				r.prom = r.alerting
			}
		}
	}
	e.adopt(groups)
	return &judge{e}, nil
}

func (j *judge) evaluate(ctx context.Context, now time.Time, which func(*rule) bool) {
	for _, g := range j.engine.groups {
		for _, r := range g.rules {
			if which(r) {
				j.engine.evalRule(ctx, r, now)
			}
		}
	}
}

// line is what a series is supposed to have been.
type line struct {
	labels labels.Labels
	source *source
	value  float64 // now
	slope  float64 // a second
}

func (l line) at(ago time.Duration) float64 { return l.value - l.slope*ago.Seconds() }

func supposeLines(first, second []Batch) []line {
	before := map[string]Batch{}
	for _, b := range first {
		before[b.Source] = b
	}
	var lines []line
	for _, b := range second {
		was := map[string]float64{}
		for _, p := range before[b.Source].Points {
			was[string(p.Labels.Bytes(nil))] = p.Value
		}
		apart := b.Time.Sub(before[b.Source].Time).Seconds()
		src := &source{name: b.Source}
		for _, p := range b.Points {
			l := line{labels: p.Labels, source: src, value: p.Value}
			if v, ok := was[string(p.Labels.Bytes(nil))]; ok && p.Counter && apart > 0 && cmp.Compare(p.Value, v) > 0 {
				l.slope = (p.Value - v) / apart
			}
			lines = append(lines, l)
		}
	}
	return lines
}
