package rules

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

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

// Stats returns the Engine's own figures.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stats
	s.Appended, s.Dropped = e.w.appended, e.w.dropped
	s.InMemory = e.store.mem.size()
	s.DiskBytes = e.store.diskBytes()
	if e.store.db != nil {
		s.Series = int(e.store.db.Head().NumSeries())
	}
	return s
}

// blindAge is how far back a rule's metrics are looked for.
const blindAge = 24 * time.Hour

// Rules describes every rule, in the order of the files.
func (e *Engine) Rules() []RuleStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now
	if now.IsZero() {
		now = time.Now()
	}
	seen := newSight(e.store, now)
	defer seen.close()
	var out []RuleStatus
	for _, g := range e.groups {
		for _, r := range g.rules {
			out = append(out, r.status(seen))
		}
	}
	return out
}

func (r *rule) status(seen *sight) RuleStatus {
	s := RuleStatus{
		File: r.group.file, Group: r.group.name, Name: r.name, Kind: "recording",
		Query: r.text, Labels: r.labels.Map(), Annotations: r.spec.Annotations,
		Health: r.health(), Metrics: slices.Clone(r.metrics), Blind: seen.blind(r),
		LastEval: r.evaluated, EvalTook: r.took,
		Alerts: len(r.instances),
	}
	if r.err != nil {
		s.Error = r.err.Error()
	}
	if r.alerting != nil {
		s.Kind, s.For, s.KeepFiring = "alerting", time.Duration(r.spec.For), time.Duration(r.spec.KeepFiringFor)
	}
	for _, inst := range r.instances {
		if worse(inst.alert.State, s.State) {
			s.State = inst.alert.State
		}
	}
	return s
}

// health returns Prometheus' words for how the last evaluation went.
func (r *rule) health() string {
	switch {
	case r.err != nil:
		return "err"
	case r.evaluated.IsZero():
		return "unknown"
	}
	return "ok"
}

// worse orders the states of a rule's alerts: firing, lost, pending, none.
func worse(a, b State) bool {
	order := []State{"", Ended, Pending, Lost, Firing}
	return slices.Index(order, a) > slices.Index(order, b)
}

// sight tells which selectors have series here.
type sight struct {
	querier  storage.Querier
	from, to int64
	known    map[string]bool // by selector text
}

func newSight(q storage.Queryable, now time.Time) *sight {
	s := &sight{from: now.Add(-blindAge).UnixMilli(), to: now.UnixMilli(), known: map[string]bool{}}
	var err error
	if s.querier, err = q.Querier(s.from, s.to); err != nil {
		s.querier = storage.NoopQuerier()
	}
	return s
}

func (s *sight) close() { _ = s.querier.Close() }

// blind returns the metric names of the rule that have no series, and the
// selectors of those that have some but not what is asked for. What a rule
// wants to be absent is left out, and so are alerts, which come and go.
func (s *sight) blind(r *rule) []string {
	var out []string
	for _, sel := range r.needed() {
		name := sel.name()
		if sel.alerts() || s.has(sel.vector.LabelMatchers) {
			continue
		}
		if name == "" || s.has([]*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, name)}) {
			name = sel.plain()
		}
		out = append(out, name)
	}
	return unique(out)
}

func (s *sight) has(ms []*labels.Matcher) bool {
	var key strings.Builder
	for _, m := range ms {
		key.WriteString(m.String())
		key.WriteByte(0xff)
	}
	if known, ok := s.known[key.String()]; ok {
		return known
	}
	set := s.querier.Select(context.Background(), false, &storage.SelectHints{Limit: 1, Func: "series", Start: s.from, End: s.to}, ms...)
	found := set.Next()
	s.known[key.String()] = found
	return found
}

// Since is the moment of the oldest sample that is kept; the zero time if
// there is none.
func (e *Engine) Since() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.store.use.RLock()
	defer e.store.use.RUnlock()
	db := e.store.db
	if db == nil {
		return time.Time{}
	}
	var first time.Time
	if db.Head().NumSeries() > 0 {
		first = time.UnixMilli(db.Head().MinTime())
	}
	for _, b := range db.Blocks() {
		if t := time.UnixMilli(b.Meta().MinTime); first.IsZero() || t.Before(first) {
			first = t
		}
	}
	return first
}
