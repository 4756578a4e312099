package report_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/report"
)

func makeLetter(t *testing.T) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "template.docx")
	script(t, "make_letter.py", file)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFillAnOperatorsLetter(t *testing.T) {
	template := makeLetter(t)
	f := report.Example("zh-CN")
	f.Drill = true
	f.System = `<开标> & "评标" {{id}}`
	filled, err := report.Fill(template, load(t).Values("zh-CN", f))
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range members(t, filled) {
		if strings.HasSuffix(name, ".xml") {
			wellFormed(t, name, b)
		}
	}
	got := readLetter(t, filled)
	want := []string{
		`关于<开标> & "评标" {{id}}的报告`,
		"编号 20261123-003 级别较大，自2026年11月23日14时05分起，20261123-00320261123-003",
		"示例招标采购交易中心 & <公章>",
		"没有占位符的一段，{单个括号}不算。",
		"2026年11月23日14时06分  系统  事件开立，编号 20261123-003，级别 IV\n" +
			"2026年11月23日14时09分  tech.a  确认事件，着手处置  已到机房\n" +
			"2026年11月23日15时05分  系统  级别由 IV 调整为 III\n" +
			"2026年11月23日16时10分  tech.a  事件解决",
		"热线", "010-5550-0110、010-5550-0111", "", "", "010-5550-0120", "",
	}
	if diff := cmp.Diff(want, got.Paragraphs); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"[演练] 20261123-003"}, got.Header); diff != "" {
		t.Errorf("header: %s", diff)
	}
	if diff := cmp.Diff([]string{"2026年11月23日"}, got.Footer); diff != "" {
		t.Errorf("footer: %s", diff)
	}
	if !slices.Contains(got.Bold, "20261123-003") {
		t.Errorf("the value lost the bold type of its placeholder; bold is %q", got.Bold)
	}
	sameOtherwise(t, template, filled, "word/document.xml", "word/header1.xml", "word/footer1.xml")
}

// sameOtherwise holds that all members but those named are as they were, byte
// for byte, packed and in the same order.
func sameOtherwise(t *testing.T, before, after []byte, changed ...string) {
	t.Helper()
	old, now := members(t, before), members(t, after)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(old)), slices.Sorted(maps.Keys(now))); diff != "" {
		t.Errorf("members: %s", diff)
	}
	for name := range old {
		if same := bytes.Equal(old[name], now[name]); same == slices.Contains(changed, name) {
			t.Errorf("%s: same is %v", name, same)
		}
	}
}

func TestFillTellsWhatItDoesNotKnow(t *testing.T) {
	_, err := report.Fill(makeLetter(t), map[string]string{"事件编号": "1", "id": "1", "系统": "", "level": "", "today": "", "演练标记": ""})
	if err == nil {
		t.Fatal("placeholders without values were passed over")
	}
	for _, want := range []string{
		"word/document.xml: unknown placeholder {{Level Name}}; allowed: ", "unknown placeholder {{outage since}}",
		"unknown placeholder {{单位}}", "unknown placeholder {{incident hotline}}", "unknown placeholder {{客服电话}}",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "today") && strings.Contains(err.Error(), "word/footer") {
		t.Errorf("names a placeholder that has a value:\n%v", err)
	}
}

func TestNothingToFillChangesNothing(t *testing.T) {
	d, err := load(t).Compose(report.InWriting, "zh-CN", report.Example("zh-CN"))
	if err != nil {
		t.Fatal(err)
	}
	docx, err := d.DOCX()
	if err != nil {
		t.Fatal(err)
	}
	filled, err := report.Fill(docx, nil)
	if err != nil {
		t.Fatal(err)
	}
	sameOtherwise(t, docx, filled)
}

func TestValuesKnowEveryPlaceholderInBothLanguages(t *testing.T) {
	texts := load(t)
	for _, lang := range languages {
		rich, bare := texts.Values(lang, report.Example(lang)), texts.Values(lang, report.Facts{})
		for _, p := range report.Placeholders() {
			if rich[p.EN] != rich[p.ZH] {
				t.Errorf("%s is %q, %s is %q", p.EN, rich[p.EN], p.ZH, rich[p.ZH])
			}
			if _, ok := bare[p.EN]; !ok {
				t.Errorf("%s is missing without facts", p.EN)
			}
			if rich[p.EN] == "" && p.EN != "drill mark" {
				t.Errorf("%s is empty though everything is known", p.EN)
			}
		}
		if n := 2 * len(report.Placeholders()); len(rich) != n {
			t.Errorf("%d values, want %d: a name stands twice", len(rich), n)
		}
	}
}
