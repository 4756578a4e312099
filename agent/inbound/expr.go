package inbound

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"text/template"
)

// expr takes one value out of a sender's JSON.
type expr struct {
	paths    []path // the first that finds something
	template *template.Template
}

// path leads from the alert, or from the body, to a value.
type path struct {
	body  bool
	steps []any // string or int
}

// maxOutput bounds what one template may write, in bytes.
const maxOutput = 64 << 10

var stepShape = regexp.MustCompile(`^(?:\.?([^.\[\]|"'{}$\s]+)|\[(\d{1,6})\]|\["([^"]+)"\]|\['([^']+)'\])`)

// compile reads an expression; an empty one is nil.
func compile(s string) (*expr, error) {
	if s == "" {
		return nil, nil
	}
	if strings.Contains(s, "{{") {
		// By itself first, so that an {{end}} too many is found.
		if _, err := template.New("").Funcs(functions).Parse("{{$body := .}}" + s); err != nil {
			return nil, plainTemplate(err)
		}
		t, err := template.New("").Funcs(functions).Parse("{{$body := .Body}}{{with .Alert}}" + s + "{{end}}")
		if err != nil {
			return nil, plainTemplate(err)
		}
		return &expr{template: t}, nil
	}
	e := &expr{}
	for alternative := range strings.SplitSeq(s, "|") {
		p, err := parsePath(strings.TrimSpace(alternative))
		if err != nil {
			return nil, err
		}
		e.paths = append(e.paths, p)
	}
	return e, nil
}

func plainTemplate(err error) error {
	return errors.New("the template is wrong: " + strings.TrimPrefix(err.Error(), "template: "))
}

func parsePath(s string) (path, error) {
	rest, body := strings.CutPrefix(s, "$")
	p := path{body: body}
	if rest == "." {
		rest = "" // the alert itself
	} else if rest == "" && !body {
		return p, errors.New("the path is empty")
	}
	for rest != "" {
		m := stepShape.FindStringSubmatch(rest)
		if m == nil || rest[0] == '.' && len(p.steps) == 0 && !body {
			return p, fmt.Errorf("%q is no path (at %q)", s, rest)
		}
		if m[2] != "" {
			n, _ := strconv.Atoi(m[2])
			p.steps = append(p.steps, n)
		} else {
			p.steps = append(p.steps, m[1]+m[3]+m[4])
		}
		rest = rest[len(m[0]):]
		if rest == "." {
			return p, fmt.Errorf("%q is no path (at %q)", s, rest)
		}
	}
	return p, nil
}

func (p path) find(v any) any {
	for _, step := range p.steps {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			l, _ := v.([]any)
			if step >= len(l) {
				return nil
			}
			v = l[step]
		}
	}
	return v
}

// value is what the expression finds: JSON, or the text of a template; nil if
// it finds nothing.
func (e *expr) value(alert, body any) (any, error) {
	switch {
	case e == nil:
		return nil, nil
	case e.template != nil:
		var out limited
		if err := e.template.Execute(&out, struct{ Alert, Body any }{alert, body}); err != nil {
			return nil, plainTemplate(err)
		}
		return strings.TrimSpace(strings.ReplaceAll(out.String(), "<no value>", "")), nil
	}
	for _, p := range e.paths {
		from := alert
		if p.body {
			from = body
		}
		if v := p.find(from); !blank(v) {
			return v, nil
		}
	}
	return nil, nil
}

// text is the value as text.
func (e *expr) text(alert, body any) (string, error) {
	v, err := e.value(alert, body)
	return asText(v), err
}

func blank(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

func asText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	b, _ := json.Marshal(v)
	return string(b)
}

var errOutput = fmt.Errorf("it writes more than %d bytes", maxOutput)

type limited struct{ bytes.Buffer }

func (l *limited) Write(b []byte) (int, error) {
	if l.Len()+len(b) > maxOutput {
		return 0, errOutput
	}
	return l.Buffer.Write(b)
}

// functions are those of templates beside Go's own.
var functions = template.FuncMap{
	"get": func(v any, at string) (any, error) {
		p, err := parsePath(at)
		return p.find(v), err
	},
	"first": func(values ...any) any {
		for _, v := range values {
			if !blank(v) {
				return v
			}
		}
		return ""
	},
	"lower":   func(v any) string { return strings.ToLower(asText(v)) },
	"upper":   func(v any) string { return strings.ToUpper(asText(v)) },
	"trim":    func(v any) string { return asText(v) },
	"replace": func(old, by string, v any) string { return strings.ReplaceAll(asText(v), old, by) },
}
