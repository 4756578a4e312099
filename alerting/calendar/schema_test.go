package calendar

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"xunjian/alerting/yamlfile/yamlschema"
)

var update = flag.Bool("update", false, "write what is generated instead of comparing it")

func TestSchemaIsCurrent(t *testing.T) {
	var words []string
	for _, k := range Kinds {
		words = append(words, string(k))
	}
	want, err := yamlschema.Of(&File{}, yamlschema.Options{
		Title: "Bid calendar of Xunjian",
		Base:  "xunjian/alerting/calendar", Sources: []string{"."},
		Enums: map[reflect.Type][]string{reflect.TypeFor[Kind](): words},
	})
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("calendar.schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(want, Schema) {
		t.Error("calendar.schema.json is out of date: run go generate ./alerting/calendar")
	}
}

// TestSchemaAgrees: what the reader takes, an editor must not underline, and
// what it refuses by its form, an editor must.
func TestSchemaAgrees(t *testing.T) {
	const good = "events:\n  - {id: a, title: 开标, kind: opening, start: '2026-03-02 09:30', end: '2026-03-02T11:30:00+08:00', systems: [招标平台]}\n"
	if err := bySchema(t, good); err != nil {
		t.Errorf("the schema refuses a good file: %v", err)
	}
	if err := bySchema(t, example(t)); err != nil {
		t.Errorf("the schema refuses the example of the README: %v", err)
	}
	for name, change := range map[string][2]string{
		"unknown key":      {"title:", "titel:"},
		"unknown kind":     {"kind: opening", "kind: party"},
		"no start":         {"start: '2026-03-02 09:30', ", ""},
		"start of no form": {"2026-03-02 09:30", "next Monday"},
		"empty id":         {"id: a", "id: ''"},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Fatalf("%s: %q does not stand in the file", name, change[0])
		}
		if err := bySchema(t, bad); err == nil {
			t.Errorf("%s: the schema accepts %s", name, bad)
		}
	}
}

func bySchema(t *testing.T, file string) error {
	t.Helper()
	b, err := yaml.YAMLToJSON([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(Schema, &schema); err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("calendar.schema.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("calendar.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Validate(doc)
}
