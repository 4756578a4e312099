package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// keepable reports whether every store can keep a text as it is: PostgreSQL
// takes neither a NUL nor what is not UTF-8.
func keepable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// badText finds the first field with a text that is not keepable. It looks at
// the bytes, since decoding puts a replacement for what is not UTF-8. The body
// has been decoded strictly before, so it is no deeper than the type it fits.
func badText(body []byte) (field string, bad bool) {
	if utf8.Valid(body) && !bytes.Contains(body, []byte(`\u0000`)) {
		return "", false
	}
	return badTextIn("", body)
}

func badTextIn(at string, value json.RawMessage) (field string, bad bool) {
	switch bytes.TrimSpace(value)[0] {
	case '{':
		var members map[string]json.RawMessage
		if json.Unmarshal(value, &members) != nil {
			return at, true
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			if field, bad := badTextIn(strings.TrimPrefix(at+"."+name, "."), members[name]); bad {
				return field, true
			}
		}
	case '[':
		var items []json.RawMessage
		if json.Unmarshal(value, &items) != nil {
			return at, true
		}
		for _, item := range items {
			if field, bad := badTextIn(at, item); bad {
				return field, true
			}
		}
	case '"':
		var s string
		return at, json.Unmarshal(value, &s) != nil || !utf8.Valid(value) || !keepable(s)
	}
	return "", false
}

// badMoment names the field of a body for a typ that should be a moment and is
// none: encoding/json does not say where a type's own decoding failed.
func badMoment(typ reflect.Type, body []byte) string {
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	var members map[string]json.RawMessage
	if typ.Kind() != reflect.Struct || json.Unmarshal(body, &members) != nil {
		return ""
	}
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		value, ok := members[name]
		if !ok {
			continue
		}
		if f.Type == reflect.TypeFor[Moment]() {
			if json.Unmarshal(value, new(Moment)) != nil {
				return name
			}
		} else if inner := badMoment(f.Type, value); inner != "" {
			return name + "." + inner
		}
	}
	return ""
}
