package checktest

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestTextFaultsAreFound(t *testing.T) {
	bad := fstest.MapFS{
		"messages/a.en.yaml":    {Data: []byte("a: \"{{.x}}\"\nb: \"{{nosuch .x}}\"\nonly.en: \"x\"\n")},
		"messages/a.zh-CN.yaml": {Data: []byte("a: \"{{.y}}\"\nb: \"{{num .x}}\"\n")},
		"messages/b.zh-CN.yaml": {Data: []byte("a: \"again\"\n")},
		"messages/b.yaml":       {Data: []byte("{}")},
		"messages/c.en.yaml":    {Data: []byte("- list\n")},
	}
	all := strings.Join(textFaults(bad), "\n")
	for _, want := range []string{
		"messages/b.zh-CN.yaml: a stands twice",
		"messages/b.yaml: want a name like part.en.yaml",
		"messages/c.en.yaml: ",
		"only.en has no text in zh-CN",
		`b in en: template: :1: function "nosuch" not defined`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("the faults do not say %q:\n%s", want, all)
		}
	}
	other := strings.Join(textFaults(fstest.MapFS{
		"messages/a.en.yaml":    {Data: []byte("a: \"{{.x}}\"\n")},
		"messages/a.zh-CN.yaml": {Data: []byte("a: \"{{.y}}\"\n")},
	}), "\n")
	if want := "a uses other arguments in zh-CN (.y) than in en (.x)"; other != want {
		t.Errorf("faults:\n%s\nwant\n%s", other, want)
	}
	// A name in both languages: each text takes its own, never the other's.
	own := fstest.MapFS{
		"messages/a.en.yaml":    {Data: []byte("a: \"{{.need_en}}\"\nb: \"{{.need_en}}\"\n")},
		"messages/a.zh-CN.yaml": {Data: []byte("a: \"{{.need_zh}}\"\nb: \"{{.need_en}}\"\n")},
	}
	if got, want := strings.Join(textFaults(own), "\n"), "b uses other arguments in zh-CN (.need_en) than in en (.need)"; got != want {
		t.Errorf("faults of names in both languages:\n%s\nwant\n%s", got, want)
	}
	if got := strings.Join(textFaults(fstest.MapFS{}), "\n"); !strings.Contains(got, "there are no files messages/*.yaml") {
		t.Errorf("nothing at all: %s", got)
	}
}
