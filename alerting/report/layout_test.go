package report_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/report"
)

// letters writes every document as .docx.
func letters(t *testing.T, change func(*report.Facts), edit func(*report.Document)) (map[string]report.Document, map[string][]byte) {
	docs, packed := map[string]report.Document{}, map[string][]byte{}
	each(t, change, func(t *testing.T, name string, d report.Document) {
		if edit != nil {
			edit(&d)
		}
		b, err := d.DOCX()
		if err != nil {
			t.Fatal(err)
		}
		docs[name], packed[name] = d, b
	})
	return docs, packed
}

// TestLetterReadsBack holds that a word processor finds everything in the
// letter that stands in the document, in order and in the right style.
func TestLetterReadsBack(t *testing.T) {
	docs, packed := letters(t, nil, nil)
	read := readLetters(t, packed)
	for name, d := range docs {
		t.Run(name, func(t *testing.T) {
			wellPacked(t, packed[name])
			readsBack(t, d, read[name])
		})
	}
}

func readsBack(t *testing.T, d report.Document, got letter) {
	t.Helper()
	if diff := cmp.Diff([]int{210, 297, 37, 35, 28, 26}, got.PageMM); diff != "" {
		t.Errorf("page and margins in mm (-want +got):\n%s", diff)
	}
	if got.Title != d.Title {
		t.Errorf("property title %q, want %q", got.Title, d.Title)
	}
	at := 0
	find := func(s string) {
		if s == "" {
			return
		}
		i := slices.IndexFunc(got.Paragraphs[at:], func(p string) bool { return strings.HasSuffix(p, s) })
		if i < 0 {
			t.Fatalf("no paragraph ends in %q behind the first %d of\n%s", s, at, got.all())
		}
		at += i + 1
	}
	find(d.Letterhead)
	find(d.Number)
	find(d.Title)
	blocks := func(body []report.Block) {
		for _, b := range body {
			if b.Kind != report.Table {
				find(b.Text)
			}
		}
	}
	blocks(d.Body)
	find(d.SMS)
	for _, a := range d.Annexes {
		find(a.Title)
	}
	for _, s := range append(slices.Clone(d.Attachments), d.Signature, d.Date) {
		find(s)
	}
	for _, a := range d.Annexes {
		find(a.Title)
		blocks(a.Body)
	}
	for _, s := range append(slices.Clone(d.To), d.Copy...) {
		if !strings.Contains(got.all(), s) {
			t.Errorf("addressee %q is not in\n%s", s, got.all())
		}
	}
	tables(t, d, got)
	for _, footer := range [][]string{got.Footer, got.EvenFooter} {
		if diff := cmp.Diff([]string{"— 1 —"}, footer); diff != "" {
			t.Errorf("page number: %s", diff)
		}
	}
}

func tables(t *testing.T, d report.Document, got letter) {
	t.Helper()
	var want [][][]string
	headings, styled := 0, 0
	body := slices.Clone(d.Body)
	for _, a := range d.Annexes {
		body = append(body, a.Body...)
	}
	for _, b := range body {
		switch b.Kind {
		case report.Table:
			want = append(want, b.Rows)
		case report.Heading:
			headings++
		}
	}
	if diff := cmp.Diff(want, slices.Clip(got.Tables), cmp.Transformer("len", func(in [][][]string) []string {
		var out []string
		for _, table := range in {
			for _, row := range table {
				out = append(out, strings.Join(row, "|"))
			}
		}
		return out
	})); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	for _, s := range got.Styles {
		if strings.HasPrefix(s, "Heading ") {
			styled++
		}
	}
	if styled != headings {
		t.Errorf("%d headings are styled as such, want %d", styled, headings)
	}
}

func TestPageIsWellFormed(t *testing.T) {
	each(t, nil, func(t *testing.T, name string, d report.Document) {
		page, err := d.HTML()
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, name, page)
		for _, outside := range []string{"<script", "src=", "href=", "url("} {
			if strings.Contains(string(page), outside) {
				t.Errorf("the page holds %s, so it does not stand alone", outside)
			}
		}
	})
}

// TestDrillIsMarkedEverywhere holds that no paper of a drill can be taken for
// a real one, in any format, even after an edit.
func TestDrillIsMarkedEverywhere(t *testing.T) {
	each(t, func(f *report.Facts) { f.Drill = true }, func(t *testing.T, name string, d report.Document) {
		mark := "[演练]"
		if d.Lang == "en" {
			mark = "[DRILL] "
		}
		if !strings.HasPrefix(d.Title, mark) {
			t.Errorf("title %q", d.Title)
		}
		if d.SMS != "" && !strings.Contains(d.SMS, mark) {
			t.Errorf("short message %q", d.SMS)
		}
		d.Title, d.SMS = "Edited", "Edited"
		if first, _, _ := strings.Cut(d.Text(), "\n"); !strings.HasPrefix(first, mark) {
			t.Errorf("text begins %q", first)
		}
		if n := strings.Count(d.Text(), mark); n != 3 {
			t.Errorf("the text has %d marks, want those of head, title and short message", n)
		}
		page, err := d.HTML()
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(page), strings.TrimSpace(mark)); n != 5 {
			t.Errorf("the page has %d marks, want those of window, every page, head, title and short message", n)
		}
	})
}

func TestDrillIsMarkedOnEveryPageOfTheLetter(t *testing.T) {
	_, packed := letters(t, func(f *report.Facts) { f.Drill = true }, func(d *report.Document) { d.Title = "Edited" })
	for name, got := range readLetters(t, packed) {
		mark, title := "[演练]", "[演练]Edited"
		if strings.HasSuffix(name, ".en") {
			mark, title = "[DRILL]", "[DRILL] Edited"
		}
		want := []string{mark}
		if diff := cmp.Diff([][]string{want, want}, [][]string{got.Header, got.EvenHeader}); diff != "" {
			t.Errorf("%s: headers: %s", name, diff)
		}
		if !slices.Contains(got.Paragraphs, title) {
			t.Errorf("%s: no marked title in\n%s", name, got.all())
		}
	}
}

func TestRealPapersHaveNoMark(t *testing.T) {
	each(t, nil, func(t *testing.T, name string, d report.Document) {
		if d.Kind == report.DrillReport {
			return
		}
		if s := d.Text(); strings.Contains(s, "演练") || strings.Contains(strings.ToLower(s), "drill") {
			t.Errorf("speaks of a drill:\n%s", s)
		}
	})
}

// TestEditedAsJSON holds that a document survives the way to the editor and
// back.
func TestEditedAsJSON(t *testing.T) {
	each(t, nil, func(t *testing.T, name string, d report.Document) {
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back report.Document
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, back); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEachAddresseeGetsItsOwn(t *testing.T) {
	d, err := load(t).Compose(report.Upward, "zh-CN", report.Example("zh-CN"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, one := range d.Each() {
		got = append(got, one.To...)
	}
	if diff := cmp.Diff([]string{"市发展改革委", "市经济信息化委", "市经济信息中心"}, got); diff != "" {
		t.Error(diff)
	}
	if n := len(d.To); n != 3 {
		t.Errorf("the document itself has %d addressees now", n)
	}
}
