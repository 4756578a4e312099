package report_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"xunjian/alerting/report"
)

func readme(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestReadmeNamesEverything holds the pages for operators to what there is:
// nothing missing, nothing that is not there.
func TestReadmeNamesEverything(t *testing.T) {
	en, zh := readme(t, "README.md"), readme(t, "README.zh-CN.md")
	for _, p := range report.Placeholders() {
		row := "`{{" + p.ZH + "}}` | `{{" + p.EN + "}}`"
		if !strings.Contains(en, row) || !strings.Contains(zh, row) {
			t.Errorf("the placeholder %s is not in both pages", row)
		}
	}
	for _, k := range report.Kinds() {
		if !strings.Contains(en, "| `"+string(k)+"` |") {
			t.Errorf("the kind %s is not in the page", k)
		}
	}
	fields := map[string]bool{}
	view := reflect.TypeFor[report.View]()
	for i := range view.NumField() {
		f := view.Field(i)
		fields[f.Name] = true
		if f.Type.Kind() == reflect.Slice {
			for n := range f.Type.Elem().NumField() {
				fields[f.Type.Elem().Field(n).Name] = true
			}
		}
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`\\.([A-Za-z]+)`").FindAllStringSubmatch(en, -1) {
		named[m[1]] = true
		if !fields[m[1]] {
			t.Errorf("the page names the field .%s, which is not there", m[1])
		}
	}
	for f := range fields {
		if !named[f] {
			t.Errorf("the field .%s is not in the page", f)
		}
	}
}

// TestReadmeExamplesWork loads the examples of both pages as an operator would.
func TestReadmeExamplesWork(t *testing.T) {
	for file, name := range map[string]string{"README.md": "post-notices.en.txt", "README.zh-CN.md": "post-notices.zh-CN.txt"} {
		_, example, ok := strings.Cut(readme(t, file), "```\n")
		example, _, end := strings.Cut(example, "```\n")
		if !ok || !end {
			t.Fatalf("%s has no example", file)
		}
		texts, err := report.Load(zone, own(name, example))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		lang := strings.TrimSuffix(strings.TrimPrefix(name, "post-notices."), ".txt")
		d, err := texts.Compose(report.Notices, lang, report.Example(lang))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if len(d.Annexes) != 1 || len(d.Body) != 5 {
			t.Errorf("%s: %d annexes, blocks %q", file, len(d.Annexes), shape(d))
		}
	}
}
