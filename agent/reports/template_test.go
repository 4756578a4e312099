package reports_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xunjian/agent/reports"
	"xunjian/alerting/inspection"
	"xunjian/alerting/plan"
	"xunjian/alerting/text"
	"xunjian/checks"
)

const makeTemplate = `
import sys
from docx import Document
d = Document()
d.add_heading("{{unit}} {{title}}")
t = d.add_table(rows=1, cols=3)
for cell, text in zip(t.rows[0].cells, ["负载", "{{item.load.verdict}}", sys.argv[2]]):
    cell.text = text
d.add_paragraph("{{summary}}")
d.add_paragraph("巡检人 {{inspector}} 复核人 {{reviewer}}")
d.save(sys.argv[1])
`

const readTemplate = `
import sys
from docx import Document
d = Document(sys.argv[1])
print("\n".join([p.text for p in d.paragraphs] + [c.text for t in d.tables for r in t.rows for c in r.cells]))
`

func python(t *testing.T, code string, args ...string) string {
	t.Helper()
	out, err := exec.Command("/usr/bin/python3", append([]string{"-c", code}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("python: %v: %s", err, out)
	}
	return string(out)
}

// TestTemplate fills the operator's own .docx; a placeholder there is not is
// told by its name.
func TestTemplate(t *testing.T) {
	form, err := inspection.Parse("form.yaml", []byte(monthForm), nil)
	must(t, err)
	catalog, err := text.Load(time.UTC, checks.Messages, inspection.Messages)
	must(t, err)
	at := time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)
	f := reports.Facts{
		ID: "RND-20261123-001-2", Host: "db01", Unit: plan.Text{ZH: "交易中心", EN: "Trading centre"}, Made: at, From: at.AddDate(0, 0, -7), To: at, Measured: 1,
		Round: inspection.Round{Form: *form, From: at.AddDate(0, 0, -7), To: at, Inspector: &inspection.Signature{By: "wang", At: at}, Outcomes: []inspection.Outcome{
			{Item: "load", Verdict: inspection.Attention, Covered: 1, Values: []inspection.Value{{Figure: "mean", Value: 0.72, Verdict: inspection.Attention}}},
			{Item: "volume", Verdict: inspection.Normal, Covered: -1}, {Item: "bulletins", Verdict: inspection.Normal, Covered: -1, By: "wang", At: at},
		}},
	}
	dir := t.TempDir()
	fill := func(placeholder string) (string, error) {
		own := filepath.Join(dir, "own.docx")
		python(t, makeTemplate, own, placeholder)
		body, err := reports.Render(f, catalog.For("zh-CN"), time.UTC, "docx", own)
		if err != nil {
			return "", err
		}
		out := filepath.Join(dir, "filled.docx")
		must(t, os.WriteFile(out, body, 0o600))
		return python(t, readTemplate, out), nil
	}
	got, err := fill("{{item.load.mean}}")
	must(t, err)
	for _, want := range []string{"交易中心 每周巡检报告", "注意", "72.0 %", "总体结论：注意。", "巡检人 wang 2026-11-23 08:30 复核人"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if strings.Contains(got, "{{") {
		t.Errorf("a placeholder stays:\n%s", got)
	}
	if _, err := fill("{{item.load.meen}}"); err == nil || !strings.Contains(err.Error(), "{{item.load.meen}}; did you mean {{item.load.mean}}?") {
		t.Errorf("an unknown placeholder: %v", err)
	}
	if _, err := reports.Render(f, catalog.For("zh-CN"), time.UTC, "docx", filepath.Join(dir, "nowhere.docx")); err == nil {
		t.Error("a template that is not there")
	}
}
