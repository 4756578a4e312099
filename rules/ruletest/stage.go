package ruletest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/prometheus/common/model"
)

// stage is where rules are played: a database of its own in a temporary
// folder, and an engine over it and, for a backtest, over the real one.
type stage struct {
	dir    string
	db     *tsdb.DB
	query  storage.Queryable
	engine *promql.Engine
	parser parser.Parser
	groups []*rules.Group
}

// newStage makes a stage. behind, if any, is read but never written.
func newStage(subqueryInterval time.Duration, behind storage.Queryable) (*stage, error) {
	dir, err := os.MkdirTemp("", "xunjian-rules-")
	if err != nil {
		return nil, err
	}
	opts := tsdb.DefaultOptions()
	opts.WALSegmentSize = -1
	opts.StripeSize = 256
	opts.RetentionDuration = 0
	// One head for all time: nothing is compacted while rules are played.
	opts.MinBlockDuration = (100 * 365 * 24 * time.Hour).Milliseconds()
	opts.MaxBlockDuration = opts.MinBlockDuration
	db, err := tsdb.Open(dir, slog.New(slog.DiscardHandler), nil, opts, nil)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s := &stage{dir: dir, db: db, query: db, parser: parser.NewParser(parser.Options{})}
	if behind != nil {
		s.query = &layered{top: db, below: behind}
	}
	s.engine = promql.NewEngine(promql.EngineOpts{
		MaxSamples: 5_000_000, Timeout: time.Minute, Parser: s.parser,
		NoStepSubqueryIntervalFn: func(int64) int64 { return subqueryInterval.Milliseconds() },
		EnableAtModifier:         true, EnableNegativeOffset: true,
	})
	return s, nil
}

func (s *stage) close() error {
	return errors.Join(s.db.Close(), os.RemoveAll(s.dir))
}

// load reads rule files into groups, in their order.
func (s *stage) load(interval time.Duration, external map[string]string, url string, files []string) error {
	logger := slog.New(slog.DiscardHandler)
	m := rules.NewManager(&rules.ManagerOptions{
		QueryFunc: rules.EngineQueryFunc(s.engine, s.query), AppendableV2: s.db, Queryable: s.query,
		Context: context.Background(), Logger: logger, Parser: s.parser,
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
	})
	for _, file := range files {
		made, errs := m.LoadGroups(interval, labels.FromMap(external), url, nil, false, file)
		if len(errs) > 0 {
			return errors.Join(errs...)
		}
		parsed, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, s.parser, logger)
		if len(errs) > 0 {
			return errors.Join(errs...)
		}
		for _, g := range parsed.Groups {
			s.groups = append(s.groups, made[rules.GroupKey(file, g.Name)])
		}
	}
	for _, r := range s.alerting() {
		r.SetRestored(true) // or ALERTS is not written
	}
	return nil
}

// alerting returns the alerting rules in their order.
func (s *stage) alerting() []*rules.AlertingRule {
	var out []*rules.AlertingRule
	for _, g := range s.groups {
		for _, r := range g.Rules() {
			if a, ok := r.(*rules.AlertingRule); ok {
				out = append(out, a)
			}
		}
	}
	return out
}

// eval evaluates every group and returns what went wrong in its rules.
func (s *stage) eval(ctx context.Context, at time.Time) []error {
	var errs []error
	for _, g := range s.groups {
		g.Eval(ctx, at)
		for _, r := range g.Rules() {
			if err := r.LastError(); err != nil {
				errs = append(errs, fmt.Errorf("rule %s: %w", r.Name(), err))
			}
		}
	}
	return errs
}

// ask runs an instant query.
func (s *stage) ask(ctx context.Context, expr string, at time.Time) (promql.Vector, error) {
	return rules.EngineQueryFunc(s.engine, s.query)(ctx, expr, at)
}

// feed is series that are written up to a time, as time goes on.
type feed struct {
	series []fedSeries
}

type fedSeries struct {
	labels  labels.Labels
	samples []fedSample
}

type fedSample struct {
	t int64
	v float64
	h *histogram.FloatHistogram
}

// newFeed expands promtool's notation. A series that stands twice counts as it
// stands last, as there.
func newFeed(p parser.Parser, in []inputSeries, start time.Time, interval time.Duration) (*feed, error) {
	f := &feed{}
	place := map[string]int{}
	for _, s := range in {
		text := strings.TrimSpace(s.Series) + " " + strings.TrimSpace(s.Values)
		if strings.Contains(text, "\n") {
			return nil, fmt.Errorf("series %q: series and values must each stand on one line", s.Series)
		}
		ls, values, err := p.ParseSeriesDesc(text)
		if err != nil {
			return nil, fmt.Errorf("series %q: %w", s.Series, err)
		}
		one := fedSeries{labels: ls, samples: expand(values, start, interval)}
		if i, twice := place[ls.String()]; twice {
			f.series[i] = one
			continue
		}
		place[ls.String()] = len(f.series)
		f.series = append(f.series, one)
	}
	return f, nil
}

func expand(values []parser.SequenceValue, start time.Time, interval time.Duration) []fedSample {
	samples := make([]fedSample, 0, len(values))
	for i, v := range values {
		if !v.Omitted {
			samples = append(samples, fedSample{start.Add(time.Duration(i) * interval).UnixMilli(), v.Value, v.Histogram})
		}
	}
	return samples
}

// until writes what is due at a time.
func (f *feed) until(ctx context.Context, to storage.AppendableV2, at time.Time) error {
	app := to.AppenderV2(ctx)
	for i := range f.series {
		s := &f.series[i]
		for len(s.samples) > 0 && s.samples[0].t <= at.UnixMilli() {
			x := s.samples[0]
			s.samples = s.samples[1:]
			if _, err := app.Append(0, s.labels, 0, x.t, x.v, nil, x.h, storage.AOptions{}); err != nil {
				return errors.Join(fmt.Errorf("series %s: %w", s.labels, err), app.Rollback())
			}
		}
	}
	return app.Commit()
}

// same compares floats as promtool does: exactly, or to the next neighbour.
func same(a, b float64, fuzzy bool) bool {
	return a == b || fuzzy && (math.Nextafter(a, math.Inf(-1)) == b || math.Nextafter(a, math.Inf(1)) == b)
}
