package rules

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/prometheus/storage"
)

// Engine keeps the samples and judges them by the rules. Its methods are safe
// for concurrent use; Ticks are taken one after another.
type Engine struct{}

// Open opens the database in cfg.Dir and loads the rules: the default ones and
// cfg.Files. Damage in the database is repaired or moved aside and logged, and
// a disk that cannot be written makes the Engine keep samples in memory, so
// only mistakes in cfg or in the rules are errors (those as *LoadError).
func Open(cfg Config, logger *slog.Logger) (*Engine, error) { return &Engine{}, nil }

// Restore hands in the alerts that were firing or lost when the last process
// stopped. Call it once, before the first Tick.
func (e *Engine) Restore(known []Alert) {}

// Tick appends the batches, evaluates at now the groups they touch and those
// that are due, and returns what changed, in order.
//
// An error says that samples could not be written (a full disk); they are kept
// in memory, the evaluation has taken place with them, and the transitions are
// valid.
func (e *Engine) Tick(ctx context.Context, now time.Time, batches []Batch) ([]Transition, error) {
	return nil, nil
}

// Load reads the default rules and files (paths or patterns) and puts them in
// place of the present ones; rules that did not change keep their state. On a
// *LoadError nothing has changed.
func (e *Engine) Load(files []string) error { return nil }

// Alerts returns the alerts that are pending, firing or lost, ordered by rule
// and key.
func (e *Engine) Alerts() []Alert { return nil }

// Forget drops a lost alert that nobody will see data of again (the disk was
// taken out). A firing one is not dropped.
func (e *Engine) Forget(key string) bool { return false }

// Rules describes every rule, in the order of the files.
func (e *Engine) Rules() []RuleStatus { return nil }

// Stats returns the Engine's own figures.
func (e *Engine) Stats() Stats { return Stats{} }

// Query evaluates expr at ts. The result has at most 10,000 samples.
func (e *Engine) Query(ctx context.Context, expr string, ts time.Time) ([]Sample, error) {
	return nil, nil
}

// QueryRange evaluates expr from from to to, every step. There are at most
// 11,000 points a series and 1,000 series.
func (e *Engine) QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]Series, error) {
	return nil, nil
}

// AlertSeries returns the series that the alert stands on: the numbers behind
// it, for charts.
func (e *Engine) AlertSeries(ctx context.Context, a Alert, from, to time.Time, step time.Duration) ([]Series, error) {
	return nil, nil
}

// Queryable reads the samples, those that wait in memory for a disk included.
func (e *Engine) Queryable() storage.Queryable { return nil }

// Close writes what is in memory and closes the database.
func (e *Engine) Close() error { return nil }

// Sample is one number of a query's result.
type Sample struct {
	Labels map[string]string `json:"labels"`
	Value  float64           `json:"value"`
}

// Series is one line of a chart. Each point is the time in seconds since 1970
// and the value; where there is none, or it is not finite, there is no point.
type Series struct {
	Labels map[string]string `json:"labels"`
	Points [][2]float64      `json:"points"`
}

// Stats are the Engine's own figures since it was opened.
type Stats struct {
	Series      int           `json:"series"`       // in the head
	Appended    uint64        `json:"appended"`     // samples
	Dropped     uint64        `json:"dropped"`      // samples out of order or twice
	Evaluations uint64        `json:"evaluations"`  // of rules
	Failures    uint64        `json:"failures"`     // of rules
	EvalTime    time.Duration `json:"eval_time"`    // spent on them
	WriteErrors uint64        `json:"write_errors"` // ticks whose samples could not be written
	InMemory    int           `json:"in_memory"`    // samples that wait for the disk
	DiskBytes   int64         `json:"disk_bytes"`
}
