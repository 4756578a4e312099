package yamlfile

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// structure sets the fields whose keys stand in the mapping.
func (d *decoder) structure(path string, n ast.Node, v reflect.Value) {
	fields := map[string]reflect.Value{}
	var names []string
	fieldsOf(v, func(name string, f reflect.Value) {
		fields[name] = f
		names = append(names, name)
	})
	d.eachKey(path, n, "keys with values ("+strings.Join(names, ", ")+")", func(key string, keyNode, value ast.Node) {
		p := Join(path, key)
		f, ok := fields[key]
		if !ok {
			d.mistake(p, keyNode, unknownKey(key, names))
			if near := Near(key, names); near != "" {
				// What is misspelt is not missing as well.
				d.bad[Join(path, near)] = true
			}
			return
		}
		if value.Type() == ast.NullType && isSection(f) {
			return // a section with everything commented out
		}
		d.decode(p, value, f)
	})
}

func isSection(f reflect.Value) bool {
	return f.Kind() == reflect.Struct || f.Kind() == reflect.Slice || f.Kind() == reflect.Map
}

// fieldsOf calls f with every field that a file can set, under its key.
func fieldsOf(v reflect.Value, f func(name string, field reflect.Value)) {
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		name, opts, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		switch {
		case strings.Contains(opts, "inline"):
			fieldsOf(v.Field(i), f)
		case name == "-" || !sf.IsExported():
		case name == "":
			f(strings.ToLower(sf.Name), v.Field(i))
		default:
			f(name, v.Field(i))
		}
	}
}

// table puts a new map in place of what v held.
func (d *decoder) table(path string, n ast.Node, v reflect.Value) {
	out := reflect.MakeMap(v.Type())
	ok := d.eachKey(path, n, "keys with values", func(key string, _, value ast.Node) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.decode(Join(path, key), value, item)
		out.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), item)
	})
	if ok {
		v.Set(out)
	}
}

// eachKey calls f for every key of a mapping once; false if n is none, which
// what then says.
func (d *decoder) eachKey(path string, n ast.Node, what string, f func(key string, keyNode, value ast.Node)) bool {
	m, ok := n.(ast.MapNode)
	if !ok {
		d.want(path, n, what)
		return false
	}
	seen := map[string]int{}
	for it := m.MapRange(); it.Next(); {
		keyNode := it.Key()
		key := keyNode.GetToken().Value
		p := Join(path, key)
		if keyNode.Type() == ast.MergeKeyType {
			d.mistake(path, keyNode, "merge keys (<<) are not supported; write the keys out, or use an alias for a whole value")
			continue
		}
		if line, twice := seen[key]; twice {
			d.mistake(p, keyNode, fmt.Sprintf("the key stands twice; first in line %d", line))
			continue
		}
		seen[key] = at(keyNode).line
		if isBlock(it.Value()) {
			d.places[p] = at(keyNode)
		}
		f(key, keyNode, it.Value())
	}
	return true
}

// isBlock tells values whose own place says less than that of their key.
func isBlock(n ast.Node) bool {
	switch n.Type() {
	case ast.MappingType, ast.MappingValueType, ast.SequenceType, ast.NullType:
		return true
	}
	return false
}

var plainKey = regexp.MustCompile(`^[\pL_][\pL\pN_-]*$`)

// Join writes the path of a key under a path.
func Join(path, key string) string {
	switch {
	case !plainKey.MatchString(key):
		return path + "[" + strconv.Quote(clip(key)) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

func unknownKey(key string, allowed []string) string {
	msg := "unknown key"
	if near := Near(key, allowed); near != "" {
		msg += "; did you mean " + near + "?"
	}
	return msg + "; allowed: " + strings.Join(allowed, ", ")
}

// Near returns the allowed word that was probably meant, empty if none is
// near enough.
func Near(word string, allowed []string) string {
	best, least := "", 1+min(3, 1+len(word)/4)
	for _, a := range allowed {
		if n := distance(strings.ToLower(word), a); n < least {
			best, least = a, n
		}
	}
	return best
}

// distance counts the insertions, deletions, changes and swaps of neighbours
// between two words.
func distance(a, b string) int {
	two, one := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range one {
		one[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := one[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(one[j]+1, row[j-1]+1, change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], two[j-2]+1)
			}
		}
		two, one = one, row
	}
	return one[len(b)]
}
