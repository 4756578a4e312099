package rules

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// parsed is a rule file that has no mistakes.
type parsed struct {
	file   string
	groups []rulefmt.RuleGroup
}

// parseFile reads a rule file as Prometheus does and adds our own lints.
func parseFile(f file, p parser.Parser, codes []string) (parsed, []Problem) {
	root, problems := checkShape(f)
	if len(problems) > 0 {
		return parsed{}, problems
	}
	if line := secondDocument(f.content); line > 0 {
		return parsed{}, []Problem{{File: f.name, Line: line, Column: 1, Message: "a second YAML document begins; only one is allowed"}}
	}
	groups, errs := rulefmt.Parse(f.content, false, model.UTF8Validation, p, slog.New(slog.DiscardHandler))
	for _, err := range errs {
		problems = append(problems, locate(f, root, err))
	}
	if groups == nil {
		return parsed{}, problems
	}
	l := linter{file: f, root: root, codes: codes, parser: p}
	for i, g := range groups.Groups {
		for j, r := range g.Rules {
			l.rule(i, j, g, r)
		}
	}
	problems = append(problems, l.problems...)
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
	return parsed{f.name, groups.Groups}, problems
}

// secondDocument returns the line of a second YAML document, or 0.
func secondDocument(content []byte) int {
	if !bytes.Contains(content, []byte("\n---")) && !bytes.Contains(content, []byte("\n...")) {
		return 0 // nothing begins one: no need to parse
	}
	d := yaml.NewDecoder(strings.NewReader(string(content)))
	var n yaml.Node
	if d.Decode(&n) != nil || errors.Is(d.Decode(&n), io.EOF) {
		return 0
	}
	return max(n.Line, 1)
}

// positioned is how rulefmt writes where a mistake is.
var positioned = regexp.MustCompile(`^(\d+):(\d+): `)

// locate turns an error of rulefmt into a Problem with a place.
func locate(f file, root *yaml.Node, err error) Problem {
	p := Problem{File: f.name, Message: err.Error()}
	var at *yaml.Node
	e, ok := errors.AsType[*rulefmt.Error](err)
	if ok {
		p.Group, p.Rule, p.Message = e.Group, e.RuleName, e.Err.Error()
		at = ruleNode(root, e.Group, e.Rule-1)
		if named := culprit(at, p.Message); named != nil {
			at = named
		}
	}
	for {
		m := positioned.FindStringSubmatch(p.Message)
		if m == nil {
			break
		}
		p.Message = p.Message[len(m[0]):]
		if line, _ := strconv.Atoi(m[1]); line > 0 && p.Line == 0 {
			p.Line = line
			p.Column, _ = strconv.Atoi(m[2])
		}
	}
	if bad, ok := errors.AsType[parser.ParseErrors](err); ok && len(bad) > 0 && at != nil {
		p.Line, p.Column = exprPlace(f.content, child(at, "expr"), int(bad[0].PositionRange.Start))
		p.Message = "the expression does not parse: " + bad[0].Err.Error()
	}
	if p.Line == 0 && at != nil {
		p.Line, p.Column = at.Line, at.Column
	}
	return p
}

// ruleNode finds a rule in the YAML by its group's name and its place there.
func ruleNode(root *yaml.Node, group string, index int) *yaml.Node {
	groups := child(root, "groups")
	if groups == nil {
		return nil
	}
	for _, g := range groups.Content {
		g = deref(g)
		if rules := child(g, "rules"); scalarOf(g, "name") == group && rules != nil && index < len(rules.Content) {
			return deref(rules.Content[index])
		}
	}
	return nil
}

// quoted finds the label or annotation that a message of rulefmt names.
var quoted = regexp.MustCompile(`^(label|annotation) "([^"]*)"|^invalid (label|annotation) name: (.*)`)

func culprit(rule *yaml.Node, message string) *yaml.Node {
	m := quoted.FindStringSubmatch(message)
	if m == nil {
		return nil
	}
	part := child(rule, m[1]+m[3]+"s")
	if part == nil || part.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(part.Content); i += 2 {
		if part.Content[i].Value == m[2]+m[4] {
			return part.Content[i]
		}
	}
	return nil
}

// exprPlace returns line and column of a byte of an expression in its file.
func exprPlace(content []byte, expr *yaml.Node, offset int) (line, column int) {
	if expr == nil {
		return 0, 0
	}
	if expr.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		if expr.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
			offset++
		}
		return expr.Line, expr.Column + offset
	}
	lines := strings.Split(string(content), "\n")
	indent := -1
	for i := expr.Line; i < len(lines); i++ {
		text := lines[i]
		if blank := strings.TrimLeft(text, " "); indent < 0 && blank != "" {
			indent = len(text) - len(blank)
		}
		text = text[min(max(indent, 0), len(text)):]
		if offset <= len(text) {
			return i + 1, len(lines[i]) - len(text) + offset + 1
		}
		offset -= len(text) + 1
	}
	return expr.Line, expr.Column
}
