package planfile_test

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

	"xunjian/alerting/plan"
	"xunjian/alerting/yamlfile/yamlschema"
)

var update = flag.Bool("update", false, "write the schema instead of comparing it")

const schemaFile = "../plan/plan.schema.json"

func TestSchemaIsCurrent(t *testing.T) {
	want, err := yamlschema.Of(&plan.Plan{}, yamlschema.Options{
		Title: "Response plan of Xunjian",
		Base:  "xunjian/alerting/planfile", Sources: []string{"../plan"},
		Enums: map[reflect.Type][]string{
			reflect.TypeFor[plan.Level]():        {"IV", "III", "II", "I"},
			reflect.TypeFor[plan.SystemKind]():   {"business", "opening"},
			reflect.TypeFor[plan.OperatorKind](): {"critical", "organ", "other"},
			reflect.TypeFor[plan.NeedKind]():     {"backup", "spare", "contract"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(want, plan.Schema) {
		t.Errorf("%s is out of date: run go generate ./alerting/planfile", schemaFile)
	}
}

func TestSchemaAcceptsTheDefaultPlan(t *testing.T) {
	if err := bySchema(t, plan.DefaultYAML); err != nil {
		t.Error(err)
	}
}

// TestSchemaRefuses: what an editor must underline.
func TestSchemaRefuses(t *testing.T) {
	for name, change := range map[string][2]string{
		"unknown key":         {"triage:", "triaje:"},
		"unknown level":       {"from_level: III", "from_level: V"},
		"bound of no kind":    {"{business: 2h, opening: 1h}", "{business: 2h, other: 1h}"},
		"operator of no kind": {"{critical: 1h, organ: 2h, other: 4h}", "{critical: 1h, organ: 2h, bank: 4h}"},
		"need of no kind":     {"kind: backup", "kind: backups"},
		"unknown article key": {"{id: \"3\", title:", "{no: \"3\", title:"},
		"duration of no unit": {"within: 30m", "within: 30"},
		"missing translation": {"name: {zh-CN: 一般, en: Ordinary}", "name: {zh-CN: 一般}"},
	} {
		bad := strings.Replace(string(plan.DefaultYAML), change[0], change[1], 1)
		if bad == string(plan.DefaultYAML) {
			t.Fatalf("%s: %q does not stand in default.yaml", name, change[0])
		}
		if err := bySchema(t, []byte(bad)); err == nil {
			t.Errorf("%s: the schema accepts %q", name, change[1])
		}
	}
}

func bySchema(t *testing.T, file []byte) error {
	t.Helper()
	b, err := yaml.YAMLToJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(plan.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("plan.schema.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("plan.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Validate(doc)
}
