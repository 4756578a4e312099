package rules

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	prom "github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
)

// Engine keeps the samples and judges them by the rules. Its methods are safe
// for concurrent use; Ticks are taken one after another.
type Engine struct {
	cfg    Config
	logger *slog.Logger
	store  *store
	asks   *promql.Engine // for people's queries, bounded
	query  prom.QueryFunc // for the rules

	// mu guards all below: one Tick, Load or reading of states at a time.
	mu      sync.Mutex
	cache   *exprCache
	book    book
	w       writer
	groups  []*group
	byKey   map[string]*instance
	touched map[string]bool
	started time.Time // time of the first Tick
	now     time.Time // time of the last Tick
	timers  *timers   // pending alerts of the last process
	known   []Alert   // from Restore, until the first Tick
	retired retired   // of rules that Load removed
	changed []Transition
	swept   time.Time
	stats   Stats
	ended   bool // closed
}

// retired is what rules that are gone leave behind for the next Tick.
type retired struct {
	series []*series
	alerts []Alert
}

const (
	ruleTimeout = 10 * time.Second
	ruleSamples = 5_000_000
)

// Open opens the database in cfg.Dir and loads the rules: the default ones and
// cfg.Files. Damage in the database is repaired or moved aside and logged, and
// a disk that cannot be written makes the Engine keep samples in memory. The
// errors left are mistakes in cfg, in the rules (a *LoadError), and a database
// that another process uses.
func Open(cfg Config, logger *slog.Logger) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	groups, err := readGroups(cfg.Files, cfg.KnownCodes, labels.FromMap(cfg.ExternalLabels), logger)
	if err != nil {
		return nil, err
	}
	st, err := openStore(cfg.Dir, storeOptions(cfg.Retention, cfg.MaxBytes), logger)
	if err != nil {
		return nil, err
	}
	e := newEngine(cfg, logger, st)
	e.adopt(groups)
	return e, nil
}

func newEngine(cfg Config, logger *slog.Logger, st *store) *Engine {
	e := &Engine{
		cfg: cfg, logger: logger, store: st, book: newBook(), w: writer{store: st},
		cache: &exprCache{Parser: newParser()}, byKey: map[string]*instance{}, touched: map[string]bool{},
	}
	e.query = prom.EngineQueryFunc(newPromQL(e.cache, cfg.Interval, ruleSamples, ruleTimeout), st)
	e.asks = newPromQL(newParser(), cfg.Interval, askSamples, askTimeout)
	return e
}

func newPromQL(p parser.Parser, interval time.Duration, samples int, timeout time.Duration) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		MaxSamples: samples, Timeout: timeout, LookbackDelta: lookback, Parser: p,
		NoStepSubqueryIntervalFn: func(int64) int64 { return interval.Milliseconds() },
		EnableAtModifier:         true, EnableNegativeOffset: true,
	})
}

// Tick appends the batches, evaluates at now the groups they touch and those
// that are due, and returns what changed, in order.
//
// An error says that samples could not be written (a full disk); the last hour
// of them is kept in memory until they can, the evaluation has taken place with
// them, and the transitions are valid. Every Tick of such a time returns it.
func (e *Engine) Tick(ctx context.Context, now time.Time, batches []Batch) ([]Transition, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return nil, errClosed
	}
	now = e.begin(ctx, latest(now, batches))
	for _, b := range batches {
		e.book.take(&e.w, b, e.touch)
	}
	e.book.tend(&e.w, now, e.touch)
	e.bury(now)
	e.w.commit()
	e.evaluate(ctx, now)
	e.tidy(now)
	err := e.store.health()
	if err != nil {
		e.stats.WriteErrors++
	}
	return e.changed, err
}

// begin starts a Tick and returns its time, which does not run backwards.
func (e *Engine) begin(ctx context.Context, now time.Time) time.Time {
	e.rewind(ctx, now)
	if now.Before(e.now) {
		now = e.now
	}
	first := e.started.IsZero()
	if first {
		e.started, e.swept = now, now
	}
	e.now = now
	e.changed = nil
	clear(e.touched)
	e.w.ctx = ctx
	e.store.settle(ctx, now)
	if first {
		e.timers = readTimers(ctx, e.store, now)
		e.attach(ctx, e.known)
		e.known = nil
	}
	return now
}

// latest returns now, or the time of a batch that is later, as wall clock:
// a monotonic reading would hide that the clock was set back.
func latest(now time.Time, batches []Batch) time.Time {
	now = now.Round(0)
	for _, b := range batches {
		if t := b.Time.Round(0); t.After(now) {
			now = t
		}
	}
	return now
}

func (e *Engine) touch(name string) { e.touched[name] = true }

// bury ends what retired rules left behind.
func (e *Engine) bury(now time.Time) {
	for _, s := range e.retired.series {
		if !s.gone {
			e.w.end(s, now.UnixMilli())
		}
	}
	for _, a := range e.retired.alerts {
		if a.State == Firing {
			a.State, a.ChangedAt = Lost, now
			e.changed = append(e.changed, Transition{Alert: a, From: Firing})
		}
	}
	e.retired = retired{}
}

// tidy drops what is of no use any more, now and then.
func (e *Engine) tidy(now time.Time) {
	if now.Sub(e.started) > e.cfg.Grace {
		e.timers = nil
	}
	if now.Sub(e.swept) > time.Hour {
		e.swept = now
		e.book.sweep(now.Add(-time.Hour).UnixMilli())
	}
}

// Queryable reads the samples, those that wait in memory for a disk included.
func (e *Engine) Queryable() storage.Queryable { return e.store }

// Close writes what is in memory and closes the database. Further Ticks are
// refused.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return nil
	}
	e.ended = true
	return e.store.close(context.Background(), e.now)
}
