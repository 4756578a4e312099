package report_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/plan"
	"xunjian/alerting/report"
)

// TestMistakesInATextAreToldAtLoad gives the operator's mistakes and what he
// is told: file, line, what is wrong.
func TestMistakesInATextAreToldAtLoad(t *testing.T) {
	const name = "post-notices.en.txt"
	for _, c := range []struct{ what, text, want string }{
		{"unknown field", "title: x\n---\n{{.Systen}}\n", name + ":3:3: unknown field .Systen; did you mean .System?"},
		{"unknown field in a case that no example enters", "title: x\n---\n{{if .Drill}}\n{{if .Over}}{{if not .Until}}{{if .Cause}}{{if not .Title}}\n{{.Nobody}}{{end}}{{end}}{{end}}{{end}}\n{{end}}\n",
			name + ":5:3: unknown field .Nobody; allowed here: ID, Code"},
		{"field of a list's entry", "title: x\n---\n{{range .Steps}}\n{{.Who}}\n{{end}}\n", name + ":4:3: unknown field .Who; allowed here: ID, Text, Responsible"},
		{"field of a variable", "title: x\n---\n{{range $i, $s := .Steps}}\n{{$s.Body}}\n{{end}}\n", name + ":4:5: unknown field .Body"},
		{"field of a text", "title: x\n---\n{{.Level.Name}}\n", name + ":3:9: there is no .Name here"},
		{"field in else", "title: x\n---\n{{if .ID}}a{{else}}{{.Titel}}{{end}}\n", name + ":3:22: unknown field .Titel; did you mean .Title?"},
		{"field behind $", "title: x\n---\n{{range .Calls}}{{$.Unite}}{{end}}\n", name + ":3:20: unknown field .Unite; did you mean .Unit?"},
		{"field in a call", "title: {{or .Sistem `x`}}\n---\n", name + ":1:13: unknown field .Sistem; did you mean .System?"},
		{"range over a text", "title: x\n---\n{{range .Title}}{{end}}\n", name + ":3:9: range wants a list"},
		{"unknown function", "title: x\n---\n{{rolle `leader`}}\n", name + `:3: function "rolle" not defined`},
		{"no end", "title: x\n---\n{{if .ID}}\n", name + ":4: unexpected EOF"},
		{"other parts", "title: x\n---\n{{template `y`}}{{define `y`}}{{end}}\n", "are not allowed in a text"},
		{"call that fails", "title: x\n---\n{{index .Steps 99}}\n", name + ":3:2: executing"},
		{"no head", "Dear users,\n", name + `: the line "Dear users," in the head has no colon`},
		{"no end of head", "title: x\n", name + ": the line --- that ends the head is missing"},
		{"no title", "to: you\n---\n", name + ": the head has no title"},
		{"unknown key", "title: x\nsubject: y\n---\n", name + `: unknown key "subject" in the head; allowed: title, letterhead`},
		{"key twice", "title: x\n标题: y\n---\n", name + `: "标题" stands twice in the head`},
		{"uneven table", "title: x\n---\n| a | b |\n| c |\n", name + `: the row "c" has 1 columns, the head of its table 2`},
		{"GBK", "title: \xb9\xab\xb8\xe6\n---\n", name + ": not valid UTF-8; save the file as UTF-8 (it may be GBK)"},
		{"too long", "title: x\n---\n" + strings.Repeat("a", 1<<20), name + ": the file has 1048589 bytes; at most 1048576 are read"},
		{"without end", "title: x\n---\n{{$n := 4000}}{{range $n}}{{range $n}}{{range $n}}aaaaaaaaaa{{end}}{{end}}{{end}}\n", "the document grows over"},
	} {
		t.Run(c.what, func(t *testing.T) {
			_, err := report.Load(zone, own(name, c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	_, err := report.Load(zone, fstest.MapFS{
		"post-notice.en.txt":   {Data: []byte("title: x\n---\n")},
		"all-clear.en.txt":     {Data: []byte("title: x\n---\n{{.A}}{{.B}}\n")},
		"all-clear.zh-CN.txt":  {Data: []byte("title: x\n---\n{{.C}}\n")},
		"README.md":            {Data: []byte("{{.D}}")},
		"drafts.txt/notes.txt": {Data: []byte("{{.E}}")},
	})
	var got []string
	for _, line := range strings.Split(err.Error(), "\n") {
		head, _, _ := strings.Cut(line, ";")
		got = append(got, head)
	}
	want := []string{
		"all-clear.en.txt:3:3: unknown field .A", "all-clear.en.txt:3:9: unknown field .B",
		"all-clear.zh-CN.txt:3:3: unknown field .C",
		"post-notice.en.txt: no document has a text of this name",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// hostile is what a caller, a log line or a label may hold.
const hostile = "# 一、责任 | ~a |\n---\ntitle: forged\r\n- item\n=== annex\u2028## sub\x00\x1b[31m\u202egnp.exe \ufdd0{{.Title}}</w:t><script>&\xff"

func TestWordsFromOutsideForgeNoStructure(t *testing.T) {
	texts := load(t)
	for _, k := range report.Kinds() {
		for _, lang := range languages {
			f := report.Example(lang)
			f.Drill = k == report.DrillReport
			clean, err := texts.Compose(k, lang, f)
			if err != nil {
				t.Fatal(err)
			}
			f.Title, f.System, f.Cause, f.AckNote, f.EndNote = plan.Text{ZH: hostile, EN: hostile}, hostile, hostile, hostile, hostile
			f.Calls[0].Who, f.Calls[0].Text, f.Calls[0].Project, f.Calls[0].Bidder = hostile, hostile, hostile, hostile
			f.Timeline[1].Note, f.Steps[1].Note, f.Reentry[0].Project, f.Unit.ZH, f.Unit.EN = hostile, hostile, hostile, hostile, hostile
			got, err := texts.Compose(k, lang, f)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(shape(clean), shape(got)); diff != "" {
				t.Errorf("%s in %s has another shape (-plain +hostile):\n%s", k, lang, diff)
			}
			harmless(t, got)
		}
	}
}

// shape is what a document is made of, without its words.
func shape(d report.Document) []string {
	out := []string{string(d.Kind), strings.Repeat("to ", len(d.To)) + strings.Repeat("copy ", len(d.Copy))}
	body := slices.Clone(d.Body)
	for _, a := range d.Annexes {
		body = append(append(body, report.Block{Kind: "annex"}), a.Body...)
	}
	for _, b := range body {
		s := string(b.Kind) + strings.Repeat(" level", b.Level)
		for _, r := range b.Rows {
			s += strings.Repeat(" cell", len(r)) + ";"
		}
		out = append(out, s)
	}
	return out
}

func harmless(t *testing.T, d report.Document) {
	t.Helper()
	page, err := d.HTML()
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, string(d.Kind)+" as a page", page)
	if strings.Contains(string(page), "<script") {
		t.Errorf("%s: a script got through", d.Kind)
	}
	docx, err := d.DOCX()
	if err != nil {
		t.Fatal(err)
	}
	wellPacked(t, docx)
	for _, bad := range []string{"\x00", "\x1b", "\u202e", "\ufdd0", "\u2028", "\r", "\xff"} {
		if strings.Contains(d.Text(), bad) || strings.Contains(string(page), bad) {
			t.Errorf("%s: %q got through", d.Kind, bad)
		}
	}
}

// TestNoDetailForThePublic holds that what goes to bidders, halls and media
// says nothing that helps an attacker or blames anybody.
func TestNoDetailForThePublic(t *testing.T) {
	texts := load(t)
	for _, k := range []report.Kind{report.Notices, report.Bidders, report.Media} {
		for _, lang := range languages {
			for _, state := range []string{"open", "resolved"} {
				f := report.Example(lang)
				if f.State = state; state == "open" {
					f.Until = report.Facts{}.Until
				}
				d, err := texts.Compose(k, lang, f)
				if err != nil {
					t.Fatal(err)
				}
				s := d.Text()
				secrets := []string{f.ID, f.Code, f.Host, f.Place, f.Cause, f.AckedBy, f.AckNote, f.EndNote, f.Second.In(lang),
					f.Title.In(lang), f.Category.In(lang), f.Scenario.In(lang), f.Branch.In(lang), f.LevelName.In(lang),
					f.Calls[0].Who, f.Calls[0].Bidder, f.Calls[0].Project, f.People[0].Phone, f.IncidentHotline[0]}
				for _, secret := range secrets {
					if secret == "" || strings.Contains(s, secret) {
						t.Errorf("%s in %s (%s) says %q:\n%s", k, lang, state, secret, s)
					}
				}
			}
		}
	}
}
