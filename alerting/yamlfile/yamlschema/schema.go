// Package yamlschema makes the JSON schema of a file that yamlfile reads, so
// that an editor completes its keys and underlines its mistakes. It is for
// generators and tests; the agent itself needs no schema.
package yamlschema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"strings"
	"time"

	"github.com/invopop/jsonschema"

	"xunjian/alerting/yamlfile"
)

// Options say what a struct alone does not.
type Options struct {
	Title string
	// Sources are the folders, relative to the caller's package, whose comments
	// become descriptions. Base is the import path of that package.
	Base    string
	Sources []string
	// Enums are the words that a type of string allows.
	Enums map[reflect.Type][]string
	// Optional makes no key required; otherwise those without omitempty are.
	Optional bool
}

// Of returns the schema of the struct type of v as indented JSON. With
// Optional, what v holds stands in it as the defaults.
func Of(v any, opt Options) ([]byte, error) {
	r := &jsonschema.Reflector{
		Anonymous: true, FieldNameTag: "yaml", ExpandedStruct: true,
		DoNotReference: opt.Optional, RequiredFromJSONSchemaTags: opt.Optional,
		Namer:  qualified,
		Mapper: func(t reflect.Type) *jsonschema.Schema { return special(t, opt.Enums) },
	}
	for _, folder := range opt.Sources {
		if err := r.AddGoComments(opt.Base, folder, jsonschema.WithFullComment()); err != nil {
			return nil, fmt.Errorf("read comments of %s: %w", folder, err)
		}
	}
	for key, text := range r.CommentMap {
		r.CommentMap[key] = strings.Join(strings.Fields(text), " ")
	}
	s := r.Reflect(v)
	s.Title = opt.Title
	if opt.Optional {
		addDefaults(s, reflect.ValueOf(v))
	}
	return encode(s)
}

// qualified names a type with its package: several call theirs Config.
func qualified(t reflect.Type) string {
	if t.Name() == "" {
		return ""
	}
	return path.Base(t.PkgPath()) + "." + t.Name()
}

// encode keeps < and > readable.
func encode(s *jsonschema.Schema) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// special returns the schema of a type that a file writes otherwise than Go
// holds it.
func special(t reflect.Type, enums map[reflect.Type][]string) *jsonschema.Schema {
	if t == reflect.TypeFor[time.Duration]() {
		return &jsonschema.Schema{
			Type: "string", Pattern: `^([0-9]+d)?([0-9.]+(ns|us|ms|s|m|h))*$|^0$`,
			Examples: []any{"30s", "5m", "2h", "15d"},
		}
	}
	if t.Kind() == reflect.Map && enums[t.Key()] != nil {
		return &jsonschema.Schema{
			Type: "object", PropertyNames: special(t.Key(), enums), AdditionalProperties: special(t.Elem(), enums),
		}
	}
	words, ok := enums[t]
	if !ok {
		return nil
	}
	s := &jsonschema.Schema{Type: "string"}
	for _, w := range words {
		s.Enum = append(s.Enum, w)
	}
	return s
}

// addDefaults writes what v holds into the properties of s.
func addDefaults(s *jsonschema.Schema, v reflect.Value) {
	v = reflect.Indirect(v)
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		name, opts, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		if strings.Contains(opts, "inline") {
			addDefaults(s, v.Field(i))
			continue
		}
		if s.Properties == nil {
			return
		}
		p, ok := s.Properties.Get(name)
		if !ok {
			continue
		}
		if v.Field(i).Kind() == reflect.Struct {
			addDefaults(p, v.Field(i))
			// Everything in a section may be commented out.
			section := *p
			*p = jsonschema.Schema{OneOf: []*jsonschema.Schema{&section, {Type: "null"}}}
			continue
		}
		p.Default = plain(v.Field(i))
	}
}

// plain returns a default as a file would write it, nil if there is none.
func plain(v reflect.Value) any {
	if d, ok := v.Interface().(time.Duration); ok {
		return yamlfile.FormatDuration(d)
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		if v.Len() == 0 {
			return nil
		}
	case reflect.String:
		if v.Len() == 0 {
			return nil
		}
	}
	return v.Interface()
}
