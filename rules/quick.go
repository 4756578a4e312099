package rules

import (
	"github.com/prometheus/prometheus/promql/parser"
)

// Most rules, most of the time, compare a few series with a number and find
// nothing. That can be seen from the last values alone, without a query: what
// follows proves that a result is empty, or leaves it to the real engine.

// proof is how an expression can be shown to be empty.
type proof interface {
	empty(b *book, now int64) bool
}

// prover returns the proof for an expression, or nil if there is none.
func prover(e parser.Expr) proof {
	switch n := e.(type) {
	case *parser.ParenExpr:
		return prover(n.Expr)
	case *parser.AggregateExpr:
		if n.Param == nil {
			return prover(n.Expr)
		}
	case *parser.VectorSelector:
		return bareSelector(n, func(float64) bool { return true })
	case *parser.BinaryExpr:
		return binaryProof(n)
	}
	return nil
}

func binaryProof(n *parser.BinaryExpr) proof {
	left, right := prover(n.LHS), prover(n.RHS)
	switch n.Op {
	case parser.LAND:
		return either(left, right)
	case parser.LOR:
		if left != nil && right != nil {
			return both{left, right}
		}
	case parser.LUNLESS:
		return left
	default:
		return comparison(n)
	}
	return nil
}

// comparison proves `selector > number` and its like.
func comparison(n *parser.BinaryExpr) proof {
	left := n.LHS
	for paren, ok := left.(*parser.ParenExpr); ok; paren, ok = left.(*parser.ParenExpr) {
		left = paren.Expr
	}
	vs, ok := left.(*parser.VectorSelector)
	limit, number := literal(n.RHS)
	if !ok || !number || n.ReturnBool {
		return nil
	}
	holds := map[parser.ItemType]func(float64) bool{
		parser.EQLC: func(v float64) bool { return v == limit },
		parser.NEQ:  func(v float64) bool { return v != limit },
		parser.GTR:  func(v float64) bool { return v > limit },
		parser.LSS:  func(v float64) bool { return v < limit },
		parser.GTE:  func(v float64) bool { return v >= limit },
		parser.LTE:  func(v float64) bool { return v <= limit },
	}[n.Op]
	if holds == nil {
		return nil
	}
	return bareSelector(vs, holds)
}

func literal(e parser.Expr) (float64, bool) {
	switch n := e.(type) {
	case *parser.ParenExpr:
		return literal(n.Expr)
	case *parser.NumberLiteral:
		return n.Val, true
	case *parser.UnaryExpr:
		v, ok := literal(n.Expr)
		if n.Op == parser.SUB {
			v = -v
		}
		return v, ok
	}
	return 0, false
}

func bareSelector(n *parser.VectorSelector, holds func(float64) bool) proof {
	name := metricName(n.LabelMatchers)
	if name == "" || n.OriginalOffset != 0 || n.OriginalOffsetExpr != nil || n.Timestamp != nil || n.StartOrEnd != 0 || n.Anchored || n.Smoothed {
		return nil
	}
	return &lastValues{name: name, selector: n, holds: holds}
}

// either proves a result empty if one of its parts is.
func either(a, b proof) proof {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return oneOf{a, b}
}

type oneOf [2]proof

func (p oneOf) empty(b *book, now int64) bool { return p[0].empty(b, now) || p[1].empty(b, now) }

type both [2]proof

func (p both) empty(b *book, now int64) bool { return p[0].empty(b, now) && p[1].empty(b, now) }

// lastValues proves that no series of a selector has a value that holds.
type lastValues struct {
	name     string
	selector *parser.VectorSelector
	holds    func(float64) bool

	found   []*series // those that match, as of version of from
	from    *namesakes
	version uint64
}

func (p *lastValues) empty(b *book, now int64) bool {
	if from := b.named(p.name); from != p.from || from.version != p.version {
		p.from, p.version = from, from.version
		p.found = p.found[:0]
		for _, s := range from.series {
			if matches(s.labels, p.selector.LabelMatchers) {
				p.found = append(p.found, s)
			}
		}
	}
	for _, s := range p.found {
		if s.last > now {
			return false // at now the sample before is the last one
		}
		if !s.gone && s.last > now-lookback.Milliseconds() && p.holds(s.value) {
			return false
		}
	}
	return true
}

// idle reports whether the rule, which has nothing to tell from its last
// evaluation, has nothing to tell now either. The book must hold every series
// within the look-back.
func (r *rule) idle(b *book, now int64) bool {
	if r.proof == nil || len(r.prev) > 0 || len(r.instances) > 0 || r.group.offset != 0 {
		return false
	}
	if r.alerting != nil && r.alerting.ActiveAlertsCount() > 0 {
		return false
	}
	return r.proof.empty(b, now)
}
