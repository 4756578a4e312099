package plan

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

var (
	textType     = reflect.TypeFor[Text]()
	durationType = reflect.TypeFor[time.Duration]()
)

// value is a value in words: roles by the names that this plan gives them.
func (d *differ) value(path string, v reflect.Value, p *Plan) Text {
	var ids []string
	switch path[strings.LastIndex(path, "/")+1:] {
	case "responsible", "assisting", "escalate":
		ids = v.Interface().([]string)
	case "part_of":
		if ids = append(ids, v.String()); v.IsZero() {
			return Text{}
		}
	default:
		return said(v)
	}
	var names []Text
	for _, id := range ids {
		role, _ := p.Role(id)
		names = append(names, role.Name)
	}
	// Names have commas in them.
	return Text{joined(names, "；").ZH, joined(names, "; ").EN}
}

func joined(texts []Text, by string) Text {
	var zh, en []string
	for _, t := range texts {
		zh, en = append(zh, t.ZH), append(en, t.EN)
	}
	return Text{strings.Join(zh, by), strings.Join(en, by)}
}

// title is what a part is called: its first text.
func title(part reflect.Value) Text {
	for n := range part.NumField() {
		if f := part.Field(n); f.Type() == textType {
			return f.Interface().(Text)
		}
	}
	return Text{}
}

// said is a value in words.
func said(v reflect.Value) Text {
	switch {
	case !v.IsValid() || v.IsZero():
		return Text{}
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
