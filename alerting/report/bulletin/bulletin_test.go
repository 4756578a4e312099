package bulletin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/color"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/xuri/excelize/v2"
)

var monday = time.Date(2026, 11, 23, 0, 30, 0, 0, time.UTC)

// weekly is a report with a day without data, and texts that mean harm.
func weekly() *Document {
	from := monday.AddDate(0, 0, -7)
	line := Line{Name: "/data <b>"}
	for n := range 7 * 24 {
		at := from.Add(time.Duration(n) * time.Hour)
		if at.Day() == 19 { // a day without data
			continue
		}
		line.Points = append(line.Points, Point{at, 0.5 + 0.2*math.Sin(float64(n)/6)})
	}
	beijing := time.FixedZone("CST", 8*3600)
	return &Document{
		Lang: "zh-CN", Title: "每周巡检报告", Lead: []string{"服务器：db01", "时段：一周"}, Verdict: Warn, Footer: "巡检 · db01", Made: monday,
		Number: func(p, n int) string { return fmt.Sprintf("第 %d 页 共 %d 页", p, n) },
		Parts: []Part{
			Heading{Text: "概要"}, Text{Text: "总体结论：注意。\n第二行", Tone: Warn},
			Table{Name: "检查项目", Columns: []Column{{Title: "项目", Share: 2}, {Title: "结论", Share: 1}, {Title: "数值", Share: 1, Right: true}}, Rows: [][]Cell{
				{{Text: `<script>alert(1)</script>`}, {Text: "注意", Tone: Warn}, {Text: "82.0 %", Value: 0.82}},
				{{Text: `=cmd|' /C calc'!A0`}, {Text: "正常", Tone: Good}, {Text: "–"}},
				{{Text: "第一行\n第二行 \x01\uFFFE"}, {Text: "异常", Tone: Bad}, {Text: "3"}},
			}},
			Chart{Title: "磁盘：已用", From: from, To: monday, Step: time.Hour, Zone: beijing, Lines: []Line{line}, Limits: []float64{0.8}, Gap: "无数据", None: "没有", Write: func(v float64) string { return fmt.Sprintf("%.0f%%", v*100) }},
			Chart{Title: "空", From: from, To: monday, Step: time.Hour, None: "没有数据"},
			Heading{Text: "事件", Minor: true},
			Table{Name: "检查项目", Columns: []Column{{Title: "续", Share: 1}}, Rows: [][]Cell{{{Text: "同一张表"}}}},
			Signatures{{As: "巡检人", By: "zhang", At: "2026-11-23 09:00", Note: "已核对"}, {As: "复核人"}},
		},
	}
}

func have(t *testing.T, what, in string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(in, p) {
			t.Errorf("%s lacks %q:\n%.2000s", what, p, in)
		}
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var fault bytes.Buffer
	cmd.Stderr = &fault
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, fault.String())
	}
	return string(out)
}

func file(t *testing.T, name string, body []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if shots := os.Getenv("XUNJIAN_SHOTS"); shots != "" {
		_ = os.WriteFile(filepath.Join(shots, name), body, 0o600)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHTML(t *testing.T) {
	page, err := weekly().HTML()
	file(t, "report.html", page, err)
	s := string(page)
	have(t, "page", s, "每周巡检报告", "总体结论：注意。<br>第二行", "&lt;script&gt;alert(1)&lt;/script&gt;", `src="data:image/png;base64,`, "已核对")
	for _, bad := range []string{"<script", "<style", "http://", "https://", "class="} {
		if strings.Contains(s, bad) {
			t.Errorf("page holds %q", bad)
		}
	}
	mail, pictures, err := weekly().Mail()
	if err != nil {
		t.Fatal(err)
	}
	if len(pictures) != 2 {
		t.Fatalf("%d pictures, want 2", len(pictures))
	}
	size := len(mail)
	for _, p := range pictures {
		have(t, "mail", string(mail), `src="cid:`+p.ID+`"`)
		size += len(p.PNG) * 4 / 3
	}
	if size > 1<<20 {
		t.Errorf("mail of %d bytes", size)
	}
	have(t, "text", weekly().Plain(), "每周巡检报告", "结论 注意", "巡检人 zhang")
}

// TestChartShowsGaps: where nothing was measured the ground is shaded and no
// line crosses it.
func TestChartShowsGaps(t *testing.T) {
	p, err := newPen()
	if err != nil {
		t.Fatal(err)
	}
	c := weekly().Parts[3].(Chart)
	gaps := c.gaps()
	if len(gaps) != 1 || gaps[0][0].Day() != 18 || gaps[0][1].Day() != 20 {
		t.Fatalf("gaps %v", gaps)
	}
	img := p.draw(c)
	shaded, crossed := 0, 0
	// In the middle of the gap, over the whole height.
	share := float64(gaps[0][0].Add(12*time.Hour).Sub(c.From)) / float64(c.To.Sub(c.From))
	begin := 14 + p.width("100%")
	x := int((begin + (ChartWidth-12-begin)*share) * density)
	for y := range img.Bounds().Dy() {
		switch img.At(x, y).(color.RGBA) {
		case shade:
			shaded++
		case inks[0]:
			crossed++
		}
	}
	if shaded < 100 || crossed > 0 {
		t.Errorf("in the gap %d points are shaded, %d of the line", shaded, crossed)
	}
	for _, r := range c.runs(c.Lines[0]) {
		for n := 1; n < len(r); n++ {
			if r[n].At.Sub(r[n-1].At) > c.far() {
				t.Errorf("a line from %v to %v", r[n-1].At, r[n].At)
			}
		}
	}
}

func TestSpan(t *testing.T) {
	of := func(v ...float64) Chart {
		c := Chart{Step: time.Hour}
		l := Line{}
		for n, x := range v {
			l.Points = append(l.Points, Point{monday.Add(time.Duration(n) * time.Hour), x})
		}
		c.Lines = []Line{l}
		return c
	}
	for _, c := range [][]float64{{0.02201, 0.02202}, {5, 5}, {0, 0}, {-3, 8}, {1e12, 2e12}, {1e-9, 3e-9}, {math.NaN(), 4}, {-5, -5}} {
		low, high, step := of(c...).span()
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, v := range c {
			if !math.IsNaN(v) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
		if n := (high - low) / step; low > lo || high < hi*(1-1e-9) || low > 0 || n < 2 || n > 9 || high <= low {
			t.Errorf("%v: axis from %v to %v by %v", c, low, high, step)
		}
	}
	if low, high, _ := (Chart{}).span(); low >= high {
		t.Errorf("nothing: %v to %v", low, high)
	}
}

func TestPDF(t *testing.T) {
	body, err := weekly().PDF()
	path := file(t, "report.pdf", body, err)
	text := run(t, "pdftotext", "-layout", path, "-")
	for _, part := range weekly().Parts {
		var texts []string
		switch part := part.(type) {
		case Heading:
			texts = append(texts, part.Text)
		case Text:
			texts = append(texts, part.Text)
		case Table:
			for _, r := range part.Rows {
				for _, c := range r {
					texts = append(texts, c.Text)
				}
			}
		case Signatures:
			for _, s := range part {
				texts = append(texts, s.As, s.By, s.Note)
			}
		}
		for _, s := range texts {
			for _, r := range s {
				if unicode.Is(unicode.Han, r) && !strings.ContainsRune(text, r) {
					t.Errorf("%q is lost of %q", r, s)
				}
			}
		}
	}
	have(t, "PDF", strings.ReplaceAll(text, " ", ""), "第1页共", "<script>alert(1)</script>")
	if fonts := run(t, "pdffonts", path); !strings.Contains(fonts, "yes") || strings.Contains(fonts, " no  no") {
		t.Errorf("fonts are not embedded:\n%s", fonts)
	}
	if n := strings.Count(run(t, "pdfimages", "-list", path), "image"); n < 2 {
		t.Errorf("%d pictures", n)
	}
}

// office opens a file as LibreOffice does and returns it in another format.
func office(t *testing.T, path, to string) string {
	t.Helper()
	dir := t.TempDir()
	run(t, "soffice", "-env:UserInstallation=file://"+dir+"/profile", "--headless", "--norestore", "--convert-to", to, "--outdir", dir, path)
	kind, _, _ := strings.Cut(to, ":")
	return filepath.Join(dir, strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))+"."+kind)
}

func TestXLSX(t *testing.T) {
	body, err := weekly().XLSX()
	path := file(t, "report.xlsx", body, err)
	f, err := excelize.OpenReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, want := f.GetSheetList(), []string{"每周巡检报告", "检查项目", "1 磁盘：已用", "2 空"}; !slices.Equal(got, want) {
		t.Fatalf("sheets %q, want %q", got, want)
	}
	formula, _ := f.GetCellFormula("检查项目", "A3")
	value, _ := f.GetCellValue("检查项目", "A3")
	if formula != "" || value != `=cmd|' /C calc'!A0` {
		t.Errorf("a text became formula %q, value %q", formula, value)
	}
	if kind, _ := f.GetCellType("检查项目", "C2"); kind == excelize.CellTypeSharedString {
		t.Errorf("a figure is a text")
	}
	rows, err := f.GetRows("1 磁盘：已用")
	if err != nil || len(rows) != 1+144+1 { // head, points, and the row that breaks the line
		t.Errorf("%d rows, %v", len(rows), err)
	}
	var charts int
	for _, name := range []string{"xl/charts/chart1.xml"} {
		raw, ok := f.Pkg.Load(name)
		if ok {
			charts++
			have(t, name, string(raw.([]byte)), `dispBlanksAs val="gap"`)
		}
	}
	if charts == 0 {
		have(t, "workbook", run(t, "unzip", "-p", path, "xl/charts/chart1.xml"), `dispBlanksAs val="gap"`)
	}
	csv, err := os.ReadFile(office(t, path, "csv:Text - txt - csv (StarCalc):44,34,76"))
	if err != nil {
		t.Fatal(err)
	}
	have(t, "what LibreOffice reads", string(csv), "项目,结论,数值", "同一张表")
}

const readDocx = `
import json, sys
from docx import Document
d = Document(sys.argv[1])
print(json.dumps({"styles": [p.style.name for p in d.paragraphs if p.text.strip()], "text": [p.text for p in d.paragraphs],
  "tables": [[[c.text for c in r.cells] for r in t.rows] for t in d.tables], "pictures": len(d.inline_shapes), "footer": d.sections[0].footer.paragraphs[0].text}))
`

func TestDOCX(t *testing.T) {
	body, err := weekly().DOCX()
	path := file(t, "report.docx", body, err)
	var got struct {
		Styles, Text []string
		Tables       [][][]string
		Pictures     int
		Footer       string
	}
	if err := json.Unmarshal([]byte(run(t, "/usr/bin/python3", "-c", readDocx, path)), &got); err != nil {
		t.Fatal(err)
	}
	if got.Styles[0] != "Title" || !slices.Contains(got.Styles, "Heading 1") || !slices.Contains(got.Styles, "Heading 2") {
		t.Errorf("styles %q", got.Styles)
	}
	if len(got.Tables) != 2 || got.Tables[0][1][0] != `<script>alert(1)</script>` || got.Pictures != 2 {
		t.Errorf("tables %q, %d pictures", got.Tables, got.Pictures)
	}
	have(t, "footer", got.Footer, "巡检 · db01")
	text := run(t, "pdftotext", "-layout", office(t, path, "pdf"), "-")
	have(t, "what LibreOffice prints", text, "每周巡检报告", "总体结论：注意。", "复核人")
}
