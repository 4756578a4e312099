package rules

import (
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
)

// exprCache is a parser that remembers the expressions of the rules, since the
// engine asks for each of them at every evaluation. It hands out copies: the
// promql engine writes into the tree that it evaluates.
type exprCache struct {
	parser.Parser
	known map[string]parser.Expr
}

func newParser() parser.Parser { return parser.NewParser(parser.Options{}) }

// ParseExpr returns the tree of input, fresh for one evaluation.
func (c *exprCache) ParseExpr(input string) (parser.Expr, error) {
	if e, ok := c.known[input]; ok {
		return cloneExpr(e), nil
	}
	return c.Parser.ParseExpr(input)
}

// cloneExpr copies everything in the tree that an evaluation may write to;
// matchers and functions are shared.
func cloneExpr(e parser.Expr) parser.Expr {
	switch n := e.(type) {
	case nil:
		return nil
	case *parser.AggregateExpr:
		c := *n
		c.Expr, c.Param = cloneExpr(n.Expr), cloneExpr(n.Param)
		return &c
	case *parser.BinaryExpr:
		c := *n
		c.LHS, c.RHS = cloneExpr(n.LHS), cloneExpr(n.RHS)
		return &c
	case *parser.Call:
		c := *n
		c.Args = slices.Clone(n.Args)
		for i := range c.Args {
			c.Args[i] = cloneExpr(c.Args[i])
		}
		return &c
	case *parser.MatrixSelector:
		c := *n
		c.VectorSelector = cloneExpr(n.VectorSelector)
		return &c
	case *parser.SubqueryExpr:
		c := *n
		c.Expr = cloneExpr(n.Expr)
		return &c
	case *parser.ParenExpr:
		c := *n
		c.Expr = cloneExpr(n.Expr)
		return &c
	case *parser.UnaryExpr:
		c := *n
		c.Expr = cloneExpr(n.Expr)
		return &c
	case *parser.VectorSelector:
		c := *n
		return &c
	case *parser.NumberLiteral:
		c := *n
		return &c
	case *parser.StringLiteral:
		c := *n
		return &c
	}
	// What the parser may come to produce later is parsed anew each time.
	again, err := newParser().ParseExpr(e.String())
	if err != nil {
		return e
	}
	return again
}

// namedExpr is an expression whose text was written once. The rules package
// asks for the text at every evaluation.
type namedExpr struct {
	parser.Expr
	text string
}

func (e namedExpr) String() string { return e.text }
