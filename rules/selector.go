package rules

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// selector is one vector selector of a rule's expression.
type selector struct {
	vector *parser.VectorSelector
	// call is the function directly around a range of it, or nil.
	call *parser.Call
	// matrix is the range around it, or nil.
	matrix *parser.MatrixSelector
	// window is how far back before the evaluation it reaches.
	window time.Duration
	// absence says that the rule wants it to have no series: it stands under
	// absent() or right of unless.
	absence bool
}

// selectors finds the selectors of an expression.
func selectors(e parser.Expr) []selector {
	var found []selector
	parser.Inspect(e, func(node parser.Node, path []parser.Node) error {
		if v, ok := node.(*parser.VectorSelector); ok {
			found = append(found, newSelector(v, path))
		}
		return nil
	})
	return found
}

func newSelector(v *parser.VectorSelector, path []parser.Node) selector {
	s := selector{vector: v, window: v.OriginalOffset}
	var below parser.Node = v
	for _, node := range slices.Backward(path) {
		switch n := node.(type) {
		case *parser.MatrixSelector:
			s.matrix = n
			s.window += n.Range
		case *parser.SubqueryExpr:
			s.window += n.Range + n.OriginalOffset
		case *parser.Call:
			if m, ok := below.(*parser.MatrixSelector); ok && m == s.matrix {
				s.call = n
			}
			s.absence = s.absence || n.Func.Name == "absent" || n.Func.Name == "absent_over_time"
		case *parser.BinaryExpr:
			s.absence = s.absence || n.Op == parser.LUNLESS && n.RHS == below
		}
		below = node
	}
	return s
}

// name returns the metric name if the selector says it, or "".
func (s selector) name() string { return metricName(s.vector.LabelMatchers) }

// alerts reports whether it selects what rules say themselves.
func (s selector) alerts() bool { return strings.HasPrefix(s.name(), "ALERTS") }

func metricName(matchers []*labels.Matcher) string {
	for _, m := range matchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
			return m.Value
		}
	}
	return ""
}

// narrow returns the selector, with the function around its range if it stands
// alone, as a PromQL text that also asks for the given labels.
func (s selector) narrow(also []labels.Label) string {
	v := *s.vector
	// What it asked of these labels before, the values fulfil.
	v.LabelMatchers = slices.DeleteFunc(slices.Clone(v.LabelMatchers), func(m *labels.Matcher) bool {
		return slices.ContainsFunc(also, func(l labels.Label) bool { return l.Name == m.Name })
	})
	for _, l := range also {
		v.LabelMatchers = append(v.LabelMatchers, labels.MustNewMatcher(labels.MatchEqual, l.Name, l.Value))
	}
	if s.matrix == nil {
		return v.String()
	}
	matrix := *s.matrix
	matrix.VectorSelector = &v
	if call := s.loneCall(&matrix); call != nil {
		return call.String()
	}
	return "last_over_time(" + matrix.String() + ")"
}

// loneCall returns the call with matrix in the place of its range if its other
// arguments are literals, so that it can be evaluated alone.
func (s selector) loneCall(matrix *parser.MatrixSelector) *parser.Call {
	if s.call == nil {
		return nil
	}
	c := *s.call
	c.Args = slices.Clone(c.Args)
	for i, arg := range c.Args {
		switch arg.(type) {
		case *parser.MatrixSelector:
			c.Args[i] = matrix
		case *parser.NumberLiteral, *parser.StringLiteral:
		default:
			return nil
		}
	}
	return &c
}

// metricNames returns the names that the selectors ask for, each once, and
// whether one of them asks for no certain name.
func metricNames(found []selector) (names []string, any bool) {
	for _, s := range found {
		name := s.name()
		if name == "" {
			any = true
		} else if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, any
}

// plain returns the bare selector as text, without range and offset.
func (s selector) plain() string {
	return (&parser.VectorSelector{Name: s.vector.Name, LabelMatchers: s.vector.LabelMatchers}).String()
}
