package rules

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var codes = []string{"D01", "E01", "F00", "F02"}

// Each file in testdata/bad ends in comments with what is said of it.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for line := range strings.Lines(string(content)) {
				if said, ok := strings.CutPrefix(line, "#! "); ok {
					want = append(want, strings.TrimSpace(said))
				}
			}
			_, problems := parseFile(file{filepath.Base(name), content}, newParser(), codes)
			got := strings.Split((&LoadError{problems}).Error(), "\n")
			if !slices.Equal(got, want) {
				t.Errorf("it says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if os.Getenv("UPDATE") != "" {
				body, _, _ := strings.Cut(string(content), "#! ")
				if err := os.WriteFile(name, []byte(body+"#! "+strings.Join(got, "\n#! ")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestFilesThatAreNotThere(t *testing.T) {
	bad, ok := errors.AsType[*LoadError](Check([]string{"testdata/none.yml", "testdata/none-*.yml", "testdata/[", "testdata/bad"}, nil))
	if !ok || len(bad.Problems) != 3 {
		t.Fatalf("it says %v", bad)
	}
	for i, want := range []string{"testdata/none.yml: the file cannot be read: no such file", "testdata/[: the pattern is malformed", "testdata/bad: the file cannot be read: is a directory"} {
		if got := bad.Problems[i].String(); !strings.HasPrefix(got, want) {
			t.Errorf("it says %s, want %s", got, want)
		}
	}
}

// allCodes are those of the shipped plan.
var allCodes = []string{"A01", "B01", "C01", "D01", "E01", "F00", "F01", "F02", "F03", "F04", "F05", "F06", "G01", "H01"}

func TestDefaultRulesLoad(t *testing.T) {
	if err := Check(nil, allCodes); err != nil {
		t.Error(err)
	}
	err := Check(nil, []string{"D01"})
	if bad, ok := errors.AsType[*LoadError](err); !ok || !strings.HasPrefix(bad.Problems[0].File, "default:") {
		t.Errorf("with a plan that lacks its codes it says %v", err)
	}
}

func TestDefaultRuleNeedsBothLanguages(t *testing.T) {
	f := file{"default:x.yml", []byte("groups: [{name: g, rules: [{alert: A, expr: up, annotations: {summary: a, description: b}}]}]")}
	_, problems := parseFile(f, newParser(), nil)
	if len(problems) != 2 || !strings.Contains(problems[0].Message, "summary_zh") || !strings.Contains(problems[1].Message, "description_zh") {
		t.Errorf("it says %v", problems)
	}
}

func TestOwnFileStandsInForADefaultOne(t *testing.T) {
	own := writeFile(t, t.TempDir(), "host.yml", "groups: []")
	files, problems := gather([]string{own, filepath.Dir(own) + "/*.yml"})
	var names []string
	for _, f := range files {
		names = append(names, f.name)
	}
	if len(problems) > 0 || !slices.Contains(names, own) || !slices.Contains(names, "default:self.yml") || slices.Contains(names, "default:host.yml") {
		t.Errorf("the files are %v, the problems %v", names, problems)
	}
}

// reload puts a new text in the place of the operator's rules.
func (w *world) reload(rules string) error {
	w.t.Helper()
	return w.engine.Load(append(w.cfg.Files[:w.stand:w.stand], writeFile(w.t, w.t.TempDir(), "own.yml", rules)), w.cfg.KnownCodes)
}

func TestReloadKeepsState(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	fired := w.alert(t, "Hot").FiredAt
	for name, rules := range map[string]string{
		"the same":         hotRule,
		"another limit":    strings.Replace(hotRule, "> 80", "> 70", 1),
		"another group":    strings.Replace(hotRule, "name: heat", "name: warmth", 1),
		"a longer hold":    strings.Replace(hotRule, "30s", "1h", 1),
		"another text":     strings.Replace(hotRule, "has", "is at", 1),
		"one more in line": hotRule + "      - {alert: Cold, expr: temp < 0}\n",
	} {
		if err := w.reload(rules); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if said := w.tick(step, w.batch("t", `temp{room="a"} 90`, `temp{room="b"} 65`)); len(said) > 0 {
				t.Errorf("%s: after the reload it says %v", name, said)
			}
		}
		if a := w.alert(t, "Hot"); !a.FiredAt.Equal(fired) || a.State != Firing || !slices.Equal(a.Basis, []string{`temp{room="a"}`}) {
			t.Errorf("%s: after the reload the alert is %+v", name, a)
		}
	}
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 50`, `temp{room="b"} 65`)), `Hot{room="a"}: firing → ended`)
}

func TestReloadWithMistakesChangesNothing(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	if _, ok := errors.AsType[*LoadError](w.reload("groups: [{name: g, rules: [{alert: A}]}]")); !ok {
		t.Fatal("it takes a file with mistakes")
	}
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 50`)), `Hot{room="a"}: firing → ended`)
}

func TestReloadThatRemovesARule(t *testing.T) {
	w := newWorld(t, hotRule)
	w.fire()
	if err := w.reload("groups: []"); err != nil {
		t.Fatal(err)
	}
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 50`)), `Hot{room="a"}: firing → lost`)
	if got := w.count(t, `count({__name__=~"ALERTS.*",alertname="Hot"})`); got != 0 {
		t.Errorf("%v series of the alert are left", got)
	}
}

func TestReloadKeepsAHold(t *testing.T) {
	w := newWorld(t, hotRule)
	w.tick(step, w.batch("t", `temp{room="a"} 90`))
	if err := w.reload(strings.Replace(hotRule, "> 80", "> 70", 1)); err != nil {
		t.Fatal(err)
	}
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 75`)))
	w.want(w.tick(step, w.batch("t", `temp{room="a"} 75`)), `Hot{room="a"}: pending → firing`)
}

func TestOpenRefusesMistakes(t *testing.T) {
	cfg := DefaultConfig()
	if _, err := Open(cfg, nil); err == nil || !strings.Contains(err.Error(), "name a folder") {
		t.Errorf("without a folder it says %v", err)
	}
	cfg.Dir = t.TempDir()
	cfg.Files = []string{"testdata/bad/several.yml"}
	if _, err := Open(cfg, nil); err == nil {
		t.Error("it opens with mistakes in the rules")
	}
	for name, change := range map[string]func(*Config){
		"retention": func(c *Config) { c.Retention = 1 }, "max_bytes": func(c *Config) { c.MaxBytes = -1 },
		"interval": func(c *Config) { c.Interval = 0 }, "grace": func(c *Config) { c.Grace = -1 },
		"external_labels": func(c *Config) { c.ExternalLabels = map[string]string{"": "x"} },
	} {
		c := DefaultConfig()
		c.Dir = "x"
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), name+":") {
			t.Errorf("of a bad %s it says %v", name, err)
		}
	}
}
