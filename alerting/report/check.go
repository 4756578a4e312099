package report

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"text/template"
	"text/template/parse"
	"unicode/utf8"

	"xunjian/alerting/yamlfile"
)

// checkFields walks a text and refuses every field that View does not have,
// whether or not an incident would ever lead to that place.
func checkFields(t *template.Template, source string) error {
	c := fieldCheck{name: t.Name(), source: source}
	for _, part := range t.Templates() {
		if part.Tree == nil || part.Tree.Root == nil {
			continue
		}
		if part.Name() != t.Name() {
			// What a part is called with is not known here.
			c.errs = append(c.errs, fmt.Errorf("%s: {{define}} and {{block}} are not allowed in a text", t.Name()))
			continue
		}
		root := reflect.TypeFor[View]()
		c.list(part.Tree.Root, root, map[string]reflect.Type{"$": root})
	}
	return errors.Join(c.errs...)
}

type fieldCheck struct {
	name, source string
	errs         []error
}

func (c *fieldCheck) mistake(n parse.Node, format string, args ...any) {
	before := strings.ReplaceAll(c.source[:min(int(n.Position()), len(c.source))], string(lineNC), "")
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	c.errs = append(c.errs, fmt.Errorf("%s:%d:%d: %s", c.name, line, column, fmt.Sprintf(format, args...)))
}

func (c *fieldCheck) list(l *parse.ListNode, dot reflect.Type, vars map[string]reflect.Type) {
	if l == nil {
		return
	}
	inner := map[string]reflect.Type{}
	for k, v := range vars {
		inner[k] = v
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			c.pipe(n.Pipe, dot, inner)
		case *parse.IfNode:
			c.branch(&n.BranchNode, dot, inner, func(reflect.Type) reflect.Type { return dot })
		case *parse.WithNode:
			c.branch(&n.BranchNode, dot, inner, func(t reflect.Type) reflect.Type { return t })
		case *parse.RangeNode:
			c.branch(&n.BranchNode, dot, inner, func(t reflect.Type) reflect.Type {
				if t == nil {
					return nil
				}
				if t.Kind() != reflect.Slice {
					c.mistake(n, "range wants a list, such as .Steps or .Timeline")
					return nil
				}
				return t.Elem()
			})
		case *parse.TemplateNode:
			c.mistake(n, "{{template}} is not allowed in a text")
		}
	}
}

// branch checks if, with and range; inside says what dot is in the first list.
func (c *fieldCheck) branch(n *parse.BranchNode, dot reflect.Type, vars map[string]reflect.Type, inside func(reflect.Type) reflect.Type) {
	scope := map[string]reflect.Type{}
	for k, v := range vars {
		scope[k] = v
	}
	t := c.pipe(n.Pipe, dot, scope)
	within := inside(t)
	if n.NodeType == parse.NodeRange {
		// {{range $i, $x := .List}} declares the index first.
		for i, d := range n.Pipe.Decl {
			scope[d.Ident[0]] = within
			if i == 0 && len(n.Pipe.Decl) == 2 {
				scope[d.Ident[0]] = reflect.TypeFor[int]()
			}
		}
	}
	c.list(n.List, within, scope)
	c.list(n.ElseList, dot, vars)
}

// pipe returns the type of a pipeline's value, nil if it cannot be told.
func (c *fieldCheck) pipe(p *parse.PipeNode, dot reflect.Type, vars map[string]reflect.Type) reflect.Type {
	if p == nil {
		return nil
	}
	var last reflect.Type
	for _, cmd := range p.Cmds {
		for i, arg := range cmd.Args {
			t := c.arg(arg, dot, vars)
			if i == 0 {
				last = t
			}
		}
		if _, call := cmd.Args[0].(*parse.IdentifierNode); call {
			last = nil
		}
	}
	for _, d := range p.Decl {
		vars[d.Ident[0]] = last
	}
	return last
}

func (c *fieldCheck) arg(n parse.Node, dot reflect.Type, vars map[string]reflect.Type) reflect.Type {
	switch n := n.(type) {
	case *parse.DotNode:
		return dot
	case *parse.FieldNode:
		return c.fields(n, dot, n.Ident)
	case *parse.VariableNode:
		return c.fields(n, vars[n.Ident[0]], n.Ident[1:])
	case *parse.ChainNode:
		return c.fields(n, c.arg(n.Node, dot, vars), n.Field)
	case *parse.PipeNode:
		return c.pipe(n, dot, vars)
	case *parse.StringNode:
		return reflect.TypeFor[string]()
	}
	return nil
}

// fields follows a path like .Timeline.At from a type.
func (c *fieldCheck) fields(n parse.Node, t reflect.Type, path []string) reflect.Type {
	for _, name := range path {
		if t == nil {
			c.mistake(n, "cannot tell what .%s belongs to; write it without a function in between", name)
			return nil
		}
		if t.Kind() != reflect.Struct {
			c.mistake(n, "there is no .%s here: what stands before it has no fields", name)
			return nil
		}
		f, ok := t.FieldByName(name)
		if !ok {
			names := fieldNames(t)
			hint := "allowed here: " + strings.Join(names, ", ")
			if near := yamlfile.Near(name, names); near != "" {
				hint = "did you mean ." + near + "?"
			}
			c.mistake(n, "unknown field .%s; %s", name, hint)
			return nil
		}
		t = f.Type
	}
	return t
}

func fieldNames(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		out = append(out, t.Field(i).Name)
	}
	return out
}
