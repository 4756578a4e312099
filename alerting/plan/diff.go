package plan

import (
	"reflect"
	"slices"
	"strings"
)

// ChangeKind is what happened to a part of a plan.
type ChangeKind string

// The kinds of change.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
	Moved   ChangeKind = "moved"
)

// Change is one difference between two plans.
type Change struct {
	Kind ChangeKind `json:"kind"`
	// Path leads there by the keys of the file and the ids in it, like
	// scenarios/opening-hall/steps/call-developers/within.
	Path string `json:"path"`
	// Where says the path in people's words: the titles of the parts that it
	// leads through, in the new plan's words if it has them. Empty for what
	// stands in no such part.
	Where Text `json:"where,omitzero"`
	// Old and New are what stands there: the value, of a role its name, of a
	// part with an id its title. Empty where there is none.
	Old Text `json:"old,omitzero"`
	New Text `json:"new,omitzero"`
}

// Diff says what changed from one plan to another, in the order of the file.
// Parts with an id are compared by it, wherever they stand. It walks the types
// themselves, so that no key of the plan can be left out.
func Diff(old, new *Plan) []Change {
	d := differ{old: old, new: new}
	d.compare("", reflect.ValueOf(*old), reflect.ValueOf(*new))
	return d.changes
}

type differ struct {
	old, new *Plan
	// within are the titles of the parts that are being compared, the outermost
	// first.
	within  []Text
	changes []Change
}

func (d *differ) add(kind ChangeKind, path string, old, new Text) {
	d.changes = append(d.changes, Change{kind, path, joined(d.within, " › "), old, new})
}

// inside calls do for what stands in a part.
func (d *differ) inside(title Text, do func()) {
	d.within = append(d.within, title)
	do()
	d.within = d.within[:len(d.within)-1]
}

func (d *differ) compare(path string, a, b reflect.Value) {
	switch {
	case reflect.DeepEqual(a.Interface(), b.Interface()):
	case a.Kind() == reflect.Pointer:
		d.pointers(path, a, b)
	case a.Type() == textType:
		for _, lang := range []struct{ key, old, new string }{
			{"zh-CN", a.Interface().(Text).ZH, b.Interface().(Text).ZH}, {"en", a.Interface().(Text).EN, b.Interface().(Text).EN},
		} {
			if lang.old != lang.new {
				d.add(Changed, path+"/"+lang.key, Text{lang.old, lang.old}, Text{lang.new, lang.new})
			}
		}
	case a.Kind() == reflect.Struct:
		for n := range a.NumField() {
			key, _, _ := strings.Cut(a.Type().Field(n).Tag.Get("yaml"), ",")
			d.compare(strings.TrimPrefix(path+"/"+key, "/"), a.Field(n), b.Field(n))
		}
	case a.Kind() == reflect.Slice && a.Type().Elem().Kind() == reflect.Struct:
		d.lists(path, a, b)
	case a.Kind() == reflect.Map:
		d.maps(path, a, b)
	default:
		d.leaf(path, d.value(path, a, d.old), d.value(path, b, d.new))
	}
}

func (d *differ) leaf(path string, old, new Text) {
	switch (Text{}) {
	case old:
		d.add(Added, path, old, new)
	case new:
		d.add(Removed, path, old, new)
	default:
		d.add(Changed, path, old, new)
	}
}

// pointers compares what may be absent. Where it has no title to be named by,
// each of its own keys is said to come or go.
func (d *differ) pointers(path string, a, b reflect.Value) {
	none := reflect.Zero(a.Type().Elem())
	if a.IsNil() {
		a = reflect.New(none.Type())
	}
	if b.IsNil() {
		b = reflect.New(none.Type())
	}
	switch x, y := title(a.Elem()), title(b.Elem()); {
	case x == (Text{}) && y != (Text{}):
		d.add(Added, path, x, y)
	case y == (Text{}) && x != (Text{}):
		d.add(Removed, path, x, y)
	default:
		d.compare(path, a.Elem(), b.Elem())
	}
}

func (d *differ) maps(path string, a, b reflect.Value) {
	keys := map[string]reflect.Value{}
	for _, m := range []reflect.Value{a, b} {
		for _, k := range m.MapKeys() {
			keys[k.String()] = k
		}
	}
	var names []string
	for name := range keys {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		x, y := a.MapIndex(keys[name]), b.MapIndex(keys[name])
		if !x.IsValid() || !y.IsValid() || !reflect.DeepEqual(x.Interface(), y.Interface()) {
			d.leaf(path+"/"+name, said(x), said(y))
		}
	}
}

// lists compares parts by their ids. A part has moved when its place among
// those that both plans have is another one.
func (d *differ) lists(path string, a, b reflect.Value) {
	before, after := idsOf(a), idsOf(b)
	var stayed, now []string
	for _, id := range before {
		if slices.Contains(after, id) {
			stayed = append(stayed, id)
		}
	}
	for _, id := range after {
		if slices.Contains(before, id) {
			now = append(now, id)
		}
	}
	moved := displaced(stayed, now)
	for n, id := range before {
		if !slices.Contains(after, id) {
			d.add(Removed, path+"/"+id, title(a.Index(n)), Text{})
		}
	}
	for n, id := range after {
		at := path + "/" + id
		k := slices.Index(before, id)
		if k < 0 {
			d.add(Added, at, Text{}, title(b.Index(n)))
			continue
		}
		if slices.Contains(moved, id) {
			d.add(Moved, at, title(a.Index(k)), title(b.Index(n)))
		}
		d.inside(title(b.Index(n)), func() { d.compare(at, a.Index(k), b.Index(n)) })
	}
}

// displaced are the fewest of the same ids that had to be moved to get from one
// order to the other: those outside of the longest run that kept its order.
func displaced(a, b []string) []string {
	length := make([][]int, len(a)+1)
	for i := range length {
		length[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if length[i][j] = max(length[i+1][j], length[i][j+1]); a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			}
		}
	}
	var out []string
	for i, j := 0, 0; j < len(b); {
		switch {
		case i < len(a) && a[i] == b[j]:
			i, j = i+1, j+1
		case i < len(a) && length[i+1][j] >= length[i][j+1]:
			i++
		default:
			out = append(out, b[j])
			j++
		}
	}
	return out
}

// idsOf are the ids of the parts of a list; where a part has a code in place of
// an id, that.
func idsOf(list reflect.Value) []string {
	out := make([]string, list.Len())
	for n := range out {
		for _, key := range []string{"ID", "Code"} {
			if f := list.Index(n).FieldByName(key); f.IsValid() && out[n] == "" {
				out[n] = f.String()
			}
		}
	}
	return out
}
