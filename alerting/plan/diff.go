package plan

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
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
	// Old and New are what stands there: the value, or of a part with an id its
	// title. Empty where there is none.
	Old Text `json:"old,omitzero"`
	New Text `json:"new,omitzero"`
}

// Diff says what changed from one plan to another, in the order of the file.
// Parts with an id are compared by it, wherever they stand. It walks the types
// themselves, so that no key of the plan can be left out.
func Diff(old, new *Plan) []Change {
	d := differ{}
	d.compare("", reflect.ValueOf(*old), reflect.ValueOf(*new))
	return d.changes
}

type differ struct{ changes []Change }

func (d *differ) add(kind ChangeKind, path string, old, new Text) {
	d.changes = append(d.changes, Change{kind, path, old, new})
}

var (
	textType     = reflect.TypeFor[Text]()
	durationType = reflect.TypeFor[time.Duration]()
)

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
		d.leaf(path, said(a), said(b))
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

func (d *differ) pointers(path string, a, b reflect.Value) {
	switch {
	case a.IsNil():
		d.add(Added, path, Text{}, said(b.Elem()))
	case b.IsNil():
		d.add(Removed, path, said(a.Elem()), Text{})
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
			d.add(Removed, path+"/"+id, said(a.Index(n)), Text{})
		}
	}
	for n, id := range after {
		at := path + "/" + id
		k := slices.Index(before, id)
		if k < 0 {
			d.add(Added, at, Text{}, said(b.Index(n)))
			continue
		}
		if slices.Contains(moved, id) {
			d.add(Moved, at, said(a.Index(k)), said(b.Index(n)))
		}
		d.compare(at, a.Index(k), b.Index(n))
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

// said is a value in words: a part by its title.
func said(v reflect.Value) Text {
	switch {
	case !v.IsValid() || v.IsZero():
		return Text{}
	case v.Type() == textType:
		return v.Interface().(Text)
	case v.Kind() == reflect.Struct:
		for n := range v.NumField() {
			if f := v.Field(n); f.Type() == textType {
				return f.Interface().(Text)
			}
		}
		return plain(fmt.Sprintf("%+v", v.Interface()))
	case v.Type() == durationType:
		return plain(short(v.Interface().(time.Duration)))
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.String:
		var out []string
		for n := range v.Len() {
			out = append(out, v.Index(n).String())
		}
		return plain(strings.Join(out, ", "))
	}
	return plain(fmt.Sprint(v.Interface()))
}

func plain(s string) Text { return Text{s, s} }

// short writes a duration as plan files do: 2h, 20m, 1h30m.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
