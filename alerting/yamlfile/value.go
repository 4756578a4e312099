package yamlfile

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// scalar sets a text, a number or a truth value.
func (d *decoder) scalar(path string, n ast.Node, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if s, ok := d.word(path, n); ok {
			v.SetString(s)
		}
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.want(path, n, "true or false")
			return
		}
		v.SetBool(b.Value)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		d.whole(path, n, v)
	case reflect.Float64:
		d.number(path, n, v)
	default:
		panic("yamlfile: no rule for a field of type " + v.Type().String())
	}
}

// word returns a text. A number counts as the text it is written as, so that
// versions and phone numbers need no quotes.
func (d *decoder) word(path string, n ast.Node) (string, bool) {
	switch t := n.(type) {
	case *ast.StringNode:
		return t.Value, true
	case *ast.LiteralNode:
		return t.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode:
		return n.GetToken().Value, true
	case *ast.BoolNode:
		d.mistake(path, n, fmt.Sprintf("want a text, got the truth value %v; put it in quotes if it is meant as a text", t.Value))
		return "", false
	}
	d.want(path, n, "a text")
	return "", false
}

var digits = regexp.MustCompile(`^[+-]?[0-9]{19,60}$`)

func (d *decoder) whole(path string, n ast.Node, v reflect.Value) {
	if digits.MatchString(n.GetToken().Value) && n.Type() == ast.StringType {
		d.mistake(path, n, n.GetToken().Value+" is too large a number") // which the parser takes for a text
		return
	}
	i, ok := n.(*ast.IntegerNode)
	if !ok {
		d.want(path, n, "a whole number")
		return
	}
	value, err := strconv.ParseInt(fmt.Sprint(i.Value), 10, v.Type().Bits())
	if err != nil {
		d.mistake(path, n, fmt.Sprintf("%v is too large a number", i.Value))
		return
	}
	v.SetInt(value)
}

func (d *decoder) number(path string, n ast.Node, v reflect.Value) {
	switch t := n.(type) {
	case *ast.FloatNode:
		v.SetFloat(t.Value)
	case *ast.IntegerNode:
		f, err := strconv.ParseFloat(fmt.Sprint(t.Value), 64)
		if err != nil || math.IsInf(f, 0) {
			d.mistake(path, n, fmt.Sprintf("%v is too large a number", t.Value))
			return
		}
		v.SetFloat(f)
	default:
		d.want(path, n, "a number")
	}
}

func (d *decoder) duration(path string, n ast.Node, v reflect.Value) {
	s, ok := n.(ast.ScalarNode)
	if !ok || n.Type() == ast.NullType {
		d.want(path, n, durationWanted)
		return
	}
	value, err := ParseDuration(fmt.Sprint(s.GetValue()))
	if err != nil {
		d.mistake(path, n, err.Error())
		return
	}
	v.SetInt(int64(value))
}

func (d *decoder) text(path string, n ast.Node, v reflect.Value) {
	s, ok := d.word(path, n)
	if !ok {
		return
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
		d.mistake(path, n, err.Error())
	}
}

// list puts a new list in place of what v held.
func (d *decoder) list(path string, n ast.Node, v reflect.Value) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.want(path, n, "a list")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, item := range seq.Values {
		d.decode(fmt.Sprintf("%s[%d]", path, i), item, out.Index(i))
	}
	v.Set(out)
}

// want records that a value is of another kind than it should be.
func (d *decoder) want(path string, n ast.Node, what string) {
	if n.Type() == ast.NullType {
		d.mistake(path, n, "has no value; want "+what+", or leave the key out")
		return
	}
	d.mistake(path, n, "want "+what+", got "+describe(n))
}

func describe(n ast.Node) string {
	switch n.Type() {
	case ast.MappingType, ast.MappingValueType:
		return "keys with values"
	case ast.SequenceType:
		return "a list"
	case ast.BoolType, ast.IntegerType, ast.FloatType, ast.InfinityType, ast.NanType:
		return n.GetToken().Value
	case ast.LiteralType:
		return "a text of several lines"
	}
	return "the text " + strconv.Quote(clip(n.GetToken().Value))
}

// clip shortens a text from the file for a message.
func clip(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
