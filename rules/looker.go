package rules

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
)

// looker looks at the series that the alerts of one rule stand on, at one
// evaluation.
type looker struct {
	e    *Engine
	ctx  context.Context
	rule *rule
	now  time.Time
	sets []*basisSet // one for each needed selector, made when first asked for
}

func (e *Engine) looker(ctx context.Context, r *rule, now time.Time) *looker {
	return &looker{e: e, ctx: ctx, rule: r, now: now.Add(-r.group.offset)}
}

// basisSet is the series of a selector, found by the labels of an alert.
type basisSet struct {
	selector selector
	series   []labels.Labels
	shapes   map[string]*basisShape // by the names of the alert's labels
}

// basisShape finds series by those of their labels that the alert has too.
type basisShape struct {
	common [][]string // sets of names that series and alert share
	series map[string][]labels.Labels
}

// identity returns the labels by which the alert finds its series.
func (l *looker) identity(inst *instance) labels.Labels {
	b := labels.NewBuilder(inst.labels)
	inst.labels.Range(func(x labels.Label) {
		if l.rule.sets(x.Name) {
			b.Del(x.Name)
		}
	})
	return b.Labels()
}

// describe fills in Basis and Sources: each selector that has series which
// agree with the alert's labels, narrowed to them. If none has (the rule made
// up its labels), every selector counts as it is.
func (l *looker) describe(inst *instance) {
	inst.alert.Basis = []string{}
	id := l.identity(inst)
	var found []labels.Labels
	for _, set := range l.load() {
		series, names := set.agreeing(id)
		if len(series) > 0 {
			inst.alert.Basis = append(inst.alert.Basis, set.selector.narrow(pick(id, names)))
			found = append(found, series...)
		}
	}
	if len(found) == 0 {
		for _, set := range l.load() {
			if len(set.series) > 0 {
				inst.alert.Basis = append(inst.alert.Basis, set.selector.narrow(nil))
				found = append(found, set.series...)
			}
		}
	}
	inst.alert.Basis = unique(inst.alert.Basis)
	inst.alert.Sources = l.e.sourcesOf(l.ctx, found, l.now, 0)
}

func (l *looker) load() []*basisSet {
	if l.sets == nil {
		l.sets = loadBasis(l.ctx, l.e.store, l.rule, l.now)
	}
	return l.sets
}

func loadBasis(ctx context.Context, q storage.Queryable, r *rule, now time.Time) []*basisSet {
	sets := []*basisSet{}
	for _, s := range r.needed() {
		set := &basisSet{selector: s, shapes: map[string]*basisShape{}}
		from, to := now.Add(-max(s.window, lookback)).UnixMilli(), now.UnixMilli()
		set.series, _ = selectLabels(ctx, q, from, to, s.vector.LabelMatchers)
		sets = append(sets, set)
	}
	return sets
}

// selectLabels returns the label sets of the series with samples in a range.
func selectLabels(ctx context.Context, q storage.Queryable, from, to int64, ms []*labels.Matcher) ([]labels.Labels, error) {
	querier, err := q.Querier(from, to)
	if err != nil {
		return nil, err
	}
	defer querier.Close()
	var out []labels.Labels
	hints := &storage.SelectHints{Start: from, End: to, Func: "series"}
	set := querier.Select(ctx, false, hints, ms...)
	for set.Next() {
		out = append(out, set.At().Labels())
	}
	return out, set.Err()
}

// agreeing returns the series that have, of the labels in id, none with
// another value, and the names that all of them share with id.
func (b *basisSet) agreeing(id labels.Labels) (found []labels.Labels, shared []string) {
	var names []string
	id.Range(func(l labels.Label) { names = append(names, l.Name) })
	shapeKey := strings.Join(names, "\xff")
	shape := b.shapes[shapeKey]
	if shape == nil {
		shape = newShape(b.series, names)
		b.shapes[shapeKey] = shape
	}
	for _, common := range shape.common {
		series := shape.series[projection(id, common)]
		if len(series) == 0 {
			continue
		}
		found = append(found, series...)
		if len(found) == len(series) {
			shared = slices.Clone(common)
		} else {
			shared = slices.DeleteFunc(shared, func(n string) bool { return !slices.Contains(common, n) })
		}
	}
	return found, shared
}

func newShape(series []labels.Labels, names []string) *basisShape {
	s := &basisShape{series: map[string][]labels.Labels{}}
	seen := map[string]bool{}
	for _, ls := range series {
		common := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !ls.Has(n) })
		if key := strings.Join(common, "\xff"); !seen[key] {
			seen[key] = true
			s.common = append(s.common, common)
		}
		key := projection(ls, common)
		s.series[key] = append(s.series[key], ls)
	}
	return s
}

func projection(ls labels.Labels, names []string) string {
	var b strings.Builder
	for _, n := range names {
		b.WriteString(n)
		b.WriteByte(0xff)
		b.WriteString(ls.Get(n))
		b.WriteByte(0xff)
	}
	return b.String()
}

func pick(ls labels.Labels, names []string) []labels.Label {
	out := make([]labels.Label, 0, len(names))
	for _, n := range names {
		if n != model.MetricNameLabel {
			out = append(out, labels.Label{Name: n, Value: ls.Get(n)})
		}
	}
	return out
}

func unique(words []string) []string {
	slices.Sort(words)
	return slices.Compact(words)
}

// judged reports whether there is data for all that the alert stands on, so
// that the rule's not holding it means that it is over.
func (l *looker) judged(inst *instance) bool {
	if text := inst.alert.Annotations[AnnotationEndedIf]; text != "" && l.yields(text, labels.EmptyLabels()) {
		return true
	}
	if inst.alert.Basis == nil {
		return l.judgedAnew(inst)
	}
	for _, text := range inst.alert.Basis {
		if !l.alive(text, labels.EmptyLabels()) {
			return false
		}
	}
	return true
}

// judgedAnew stands in where the basis was not kept.
func (l *looker) judgedAnew(inst *instance) bool {
	id := l.identity(inst)
	for _, s := range l.rule.needed() {
		if !l.alive(s.narrow(nil), id) {
			return false
		}
	}
	return true
}

// alive reports whether the text of a basis yields something now, that its
// series have not ended, and that they agree with id.
func (l *looker) alive(text string, id labels.Labels) bool {
	expr, err := l.e.cache.ParseExpr(text)
	if err != nil {
		return false
	}
	for _, s := range selectors(expr) {
		if !l.yields(s.vector.String(), id) {
			return false
		}
	}
	if _, plain := expr.(*parser.VectorSelector); plain {
		return true
	}
	return l.yields(text, id)
}

func (l *looker) yields(text string, id labels.Labels) bool {
	vec, err := l.e.query(l.ctx, text, l.now)
	if err != nil {
		return false
	}
	for _, s := range vec {
		agrees := true
		id.Range(func(x labels.Label) {
			agrees = agrees && (!s.Metric.Has(x.Name) || s.Metric.Get(x.Name) == x.Value)
		})
		if agrees {
			return true
		}
	}
	return false
}

const maxSourceDepth = 4 // of recording rules upon recording rules

// sourcesOf names the checks whose series these are; those of a recorded
// series are those of what its rule selects.
func (e *Engine) sourcesOf(ctx context.Context, sets []labels.Labels, now time.Time, depth int) []string {
	var names []string
	var recorded []*series
	for _, ls := range sets {
		s, _ := e.book.lookup(ls)
		switch {
		case s == nil:
		case s.source != nil:
			names = append(names, s.source.name)
		case s.rule != nil && s.rule.alerting == nil:
			recorded = append(recorded, s)
		}
	}
	if depth < maxSourceDepth {
		for _, s := range recorded {
			names = append(names, e.sourcesOf(ctx, e.inputsOf(ctx, s, now), now, depth+1)...)
		}
	}
	return unique(names)
}

// inputsOf returns the series that a recorded series was made of.
func (e *Engine) inputsOf(ctx context.Context, s *series, now time.Time) []labels.Labels {
	b := labels.NewBuilder(s.labels)
	s.labels.Range(func(x labels.Label) {
		if x.Name == model.MetricNameLabel || s.rule.labels.Has(x.Name) {
			b.Del(x.Name)
		}
	})
	id := b.Labels()
	var out []labels.Labels
	for _, set := range loadBasis(ctx, e.store, s.rule, now) {
		found, _ := set.agreeing(id)
		out = append(out, found...)
	}
	return out
}
