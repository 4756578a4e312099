package report_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
	"xunjian/alerting/report"
)

var update = flag.Bool("update", false, "write the golden files again")

var languages = []string{"zh-CN", "en"}

func load(t testing.TB) *report.Texts {
	t.Helper()
	texts, err := report.Load(zone, nil)
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// minimal is all that is known when an incident has just been reported.
func minimal() report.Facts {
	rich := report.Example("en")
	return report.Facts{
		ID: "20261123-004", Code: "H01", Category: plan.Text{ZH: "其他突发事件", EN: "Other incident"},
		Level: plan.LevelIV, LevelName: plan.Text{ZH: "一般", EN: "Ordinary"}, State: "open",
		Title: plan.Text{ZH: "情况不明", EN: "Nobody knows yet"}, Opened: rich.Now, Now: rich.Now, Zone: rich.Zone,
		PlanTitle: rich.PlanTitle, Roles: rich.Roles, Unit: rich.Unit,
	}
}

// ongoing is the rich incident half an hour after its beginning.
func ongoing(lang string) report.Facts {
	f := report.Example(lang)
	f.State, f.Now = "acknowledged", f.Opened.Add(30*time.Minute)
	f.Until, f.Ended, f.EndNote = time.Time{}, time.Time{}, ""
	f.Steps, f.Duties = f.Steps[:1], f.Duties[:1]
	f.Levels, f.Reentry, f.Timeline, f.Deadlines = nil, nil, f.Timeline[:2], f.Deadlines[:1]
	f.Findings, f.Lessons = nil, nil
	return f
}

// each calls f with every kind in both languages, made from rich facts, from
// those of an incident that goes on, and from minimal ones.
func each(t *testing.T, change func(*report.Facts), f func(t *testing.T, name string, d report.Document)) {
	texts := load(t)
	for _, k := range report.Kinds() {
		for _, lang := range languages {
			for what, facts := range map[string]report.Facts{"rich": report.Example(lang), "ongoing": ongoing(lang), "minimal": minimal()} {
				name := string(k) + "." + what + "." + lang
				t.Run(name, func(t *testing.T) {
					facts.Drill = k == report.DrillReport
					if change != nil {
						change(&facts)
					}
					d, err := texts.Compose(k, lang, facts)
					if err != nil {
						t.Fatal(err)
					}
					f(t, name, d)
				})
			}
		}
	}
}

func TestGolden(t *testing.T) {
	want := map[string]bool{}
	each(t, nil, func(t *testing.T, name string, d report.Document) {
		want[name+".txt"] = true
		golden(t, name+".txt", d.Text())
	})
	files, err := os.ReadDir("testdata/golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !want[f.Name()] {
			t.Errorf("testdata/golden/%s belongs to no document", f.Name())
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

// TestEveryDutyHasItsDocument holds the kinds to the plan as shipped.
func TestEveryDutyHasItsDocument(t *testing.T) {
	p := planfile.Default()
	for _, d := range p.Duties {
		if k, ok := report.ForStep(d.ID); !ok || string(k) != d.ID {
			t.Errorf("the duty %s has the document %q", d.ID, k)
		}
	}
	if k, ok := report.ForStep("investigate"); !ok || k != report.Investigation {
		t.Errorf("the step investigate has the document %q", k)
	}
	if k, ok := report.ForStep("all-clear"); !ok || k != report.AllClear {
		t.Errorf("the step all-clear has the document %q", k)
	}
	for _, s := range p.Statutory {
		if k, ok := report.ForStep(s.ID); !ok || k != report.Statutory {
			t.Errorf("the law's %s has the document %q", s.ID, k)
		}
	}
	if k, ok := report.ForStep(""); ok {
		t.Errorf("a step without an id has the document %q", k)
	}
}

func TestComposeRefuses(t *testing.T) {
	texts := load(t)
	for _, c := range []struct {
		kind report.Kind
		lang string
		want string
	}{
		{"press-release", "en", `compose a document: unknown kind "press-release"`},
		{report.Notices, "fr", `compose post-notices: unknown language "fr"; allowed: zh-CN, en`},
		{report.DrillReport, "en", "compose drill-report: incident 20261123-003 is not a drill"},
	} {
		_, err := texts.Compose(c.kind, c.lang, report.Example(c.lang))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s in %s: got %v, want %s", c.kind, c.lang, err, c.want)
		}
	}
}

// own is a folder with one text of the operator's.
func own(name, content string) fstest.MapFS {
	return fstest.MapFS{name: {Data: []byte(content)}}
}

func TestOwnTextReplacesOurs(t *testing.T) {
	texts, err := report.Load(zone, own("post-notices.zh-CN.txt", "\ufeff标题：本所公告 {{.ID}}\r\n---\r\n# 说明\r\n第一行，\r\n第二行。\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := texts.Compose(report.Notices, "zh-CN", minimal())
	if err != nil {
		t.Fatal(err)
	}
	want := "本所公告 20261123-004\n\n一、说明\n\n第一行，第二行。\n"
	if diff := cmp.Diff(want, d.Text()); diff != "" {
		t.Error(diff)
	}
	other, err := texts.Compose(report.Notices, "en", minimal())
	if err != nil || other.Title != "Notice: the platform is out of service" {
		t.Errorf("the text that was not replaced: %q, %v", other.Title, err)
	}
}
