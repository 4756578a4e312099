// Package yamlfile reads the YAML files that people write (configuration,
// plan, roster) so that a mistake says where it is and what is allowed.
//
// Unknown keys are refused, and all mistakes are reported at once, those of a
// wrong type beside those that only a look at the meaning finds. A value that
// is absent keeps what the target held before: the default.
package yamlfile

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// MaxBytes bounds the size of a file.
const MaxBytes = 4 << 20

// maxNodes bounds what aliases can blow a file up to.
const maxNodes = 1 << 17

// Decode reads the YAML document b into the struct that into points to, then
// calls check, which may be nil. name stands in the messages.
//
// check returns its mistakes joined by errors.Join, each "path: what is wrong",
// where path is written like console.listen or people[2].phone; they are given
// the place in the file where that path stands. The error is an *Error.
func Decode(name string, b []byte, into any, check func() error) error {
	d := &decoder{
		name: name, anchors: map[string]ast.Node{},
		places: map[string]place{}, bad: map[string]bool{}, hidden: map[int]bool{},
	}
	root, ok := d.parse(b)
	if ok {
		d.places[""] = place{1, 1}
		if root != nil {
			d.places[""] = at(root)
			d.decode("", root, reflect.ValueOf(into).Elem())
		}
		if check != nil {
			d.locate(check())
		}
	}
	return d.err()
}

type place struct{ line, column int }

type decoder struct {
	name    string
	lines   []string
	anchors map[string]ast.Node
	// places are where the value of each path stands.
	places map[string]place
	// bad are the paths that already have a mistake.
	bad map[string]bool
	// hidden are the lines that hold a secret and are never shown.
	hidden   map[int]bool
	problems []Problem
	nodes    int
}

// parse returns the one document of b, nil if it is empty; ok is false if
// there is nothing sensible to go on with.
func (d *decoder) parse(b []byte) (root ast.Node, ok bool) {
	if len(b) > MaxBytes {
		d.add("", place{}, fmt.Sprintf("the file has %d bytes; at most %d are read", len(b), MaxBytes))
		return nil, false
	}
	if !utf8.Valid(b) {
		line := 1 + bytes.Count(b[:validPrefix(b)], []byte("\n"))
		d.add("", place{line, 1}, "this line is not valid UTF-8; save the file as UTF-8 (it may be GBK)")
		return nil, false
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	d.lines = strings.Split(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n")
	f, err := parseYAML(b)
	if err != nil {
		d.syntax(err)
		return nil, false
	}
	if len(f.Docs) > 1 {
		d.add("", at(f.Docs[1].Body), "a second document (---) stands in the file; only one is allowed")
	}
	if len(f.Docs) == 0 {
		return nil, true
	}
	return f.Docs[0].Body, true
}

// parseYAML calls the parser, which may panic on input that no person writes.
func parseYAML(b []byte) (f *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, err = nil, fmt.Errorf("not readable as YAML: %v", r)
		}
	}()
	return parser.ParseBytes(b, 0, parser.AllowDuplicateMapKey())
}

func validPrefix(b []byte) int {
	n := 0
	for n < len(b) {
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

func (d *decoder) syntax(err error) {
	var with yaml.Error
	if errors.As(err, &with) && with.GetToken() != nil {
		p := with.GetToken().Position
		message := with.GetMessage()
		if p.Line <= len(d.lines) && strings.HasPrefix(strings.TrimLeft(d.lines[p.Line-1], " "), "\t") {
			message = "a tab indents this line; allowed: spaces"
		}
		d.add("", place{p.Line, max(1, p.Column)}, "not valid YAML: "+message)
		return
	}
	d.add("", place{}, err.Error())
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// decode sets v from the node at path.
func (d *decoder) decode(path string, n ast.Node, v reflect.Value) {
	n = d.resolve(path, n)
	if a, ok := n.(*ast.AnchorNode); ok {
		d.decode(path, a.Value, v)
		// Known only now that it is whole: an alias inside it would never end.
		d.anchors[a.Name.GetToken().Value] = a.Value
		return
	}
	if n == nil {
		return
	}
	if _, known := d.places[path]; !known {
		d.places[path] = at(n)
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	if isSecret(v.Type()) {
		d.hidden[at(n).line] = true
	}
	switch {
	case v.Type() == durationType:
		d.duration(path, n, v)
	case reflect.PointerTo(v.Type()).Implements(textType):
		d.text(path, n, v)
	case v.Kind() == reflect.Struct:
		d.structure(path, n, v)
	case v.Kind() == reflect.Slice:
		d.list(path, n, v)
	case v.Kind() == reflect.Map:
		d.table(path, n, v)
	default:
		d.scalar(path, n, v)
	}
}

// isSecret tells a type of text that prints otherwise than it is: a mask.
func isSecret(t reflect.Type) bool {
	const probe = "probe"
	return t.Kind() == reflect.String && fmt.Sprint(reflect.ValueOf(probe).Convert(t).Interface()) != probe
}

// resolve follows aliases and tags to what stands behind them; nil after a
// mistake.
func (d *decoder) resolve(path string, n ast.Node) ast.Node {
	for {
		if d.nodes++; d.nodes > maxNodes {
			if d.nodes == maxNodes+1 {
				d.mistake(path, n, "the file holds too many values, aliases counted")
			}
			return nil
		}
		switch t := n.(type) {
		case *ast.AliasNode:
			name := t.Value.GetToken().Value
			target, ok := d.anchors[name]
			if !ok {
				d.mistake(path, n, fmt.Sprintf("alias *%s has no anchor &%[1]s before it", name))
				return nil
			}
			n = target
		case *ast.TagNode:
			n = t.Value
		default:
			return n
		}
	}
}

// at returns where a node begins for a reader; the token of a mapping is its
// first colon.
func at(n ast.Node) place {
	switch t := n.(type) {
	case nil:
		return place{}
	case *ast.MappingNode:
		if !t.IsFlowStyle && len(t.Values) > 0 {
			return at(t.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return at(t.Key)
	}
	p := n.GetToken().Position
	return place{p.Line, max(1, p.Column)}
}
