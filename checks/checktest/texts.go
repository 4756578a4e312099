package checktest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/goccy/go-yaml"

	"xunjian/checks"
)

// languages are those that every text exists in.
var languages = []string{"zh-CN", "en"}

// texts are the templates of one code by language.
type texts map[string]string

// Texts holds that every message in fsys stands in both languages, can be
// parsed, and uses the same arguments in both.
func Texts(t *testing.T, fsys fs.FS) {
	t.Helper()
	for _, fault := range textFaults(fsys) {
		t.Error(fault)
	}
}

func textFaults(fsys fs.FS) (faults []string) {
	faultf := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	all := loadTexts(fsys, faultf)
	for _, code := range slices.Sorted(maps.Keys(all)) {
		var used [2]string
		for i, lang := range languages {
			text, ok := all[code][lang]
			if !ok {
				faultf("%s has no text in %s", code, lang)
			}
			if _, err := parse(text); err != nil {
				faultf("%s in %s: %v", code, lang, err)
			}
			used[i] = strings.Join(arguments(text, lang), " ")
		}
		if len(all[code]) == 2 && used[0] != used[1] {
			faultf("%s uses other arguments in %s (%s) than in %s (%s)", code, languages[0], used[0], languages[1], used[1])
		}
	}
	return faults
}

// loadTexts reads messages/<part>.<language>.yaml.
func loadTexts(fsys fs.FS, faultf func(string, ...any)) map[string]texts {
	all := map[string]texts{}
	files, err := fs.Glob(fsys, "messages/*.yaml")
	if err != nil || len(files) == 0 {
		faultf("there are no files messages/*.yaml: %v", err)
	}
	for _, name := range files {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			faultf("%v", err)
		}
		var in map[string]string
		if err := yaml.Unmarshal(b, &in); err != nil {
			faultf("%s: %v", name, err)
		}
		words := strings.Split(path.Base(name), ".")
		if len(words) != 3 || !slices.Contains(languages, words[1]) {
			faultf("%s: want a name like part.en.yaml", name)
			continue
		}
		for code, text := range in {
			if all[code] == nil {
				all[code] = texts{}
			}
			if _, twice := all[code][words[1]]; twice {
				faultf("%s: %s stands twice", name, code)
			}
			all[code][words[1]] = text
		}
	}
	return all
}

var (
	action   = regexp.MustCompile(`\{\{.*?\}\}`)
	argument = regexp.MustCompile(`\.[a-z_]+`)
)

// arguments lists what a template takes, sorted. An argument that comes in both
// languages, .need_zh and .need_en, is one where each text takes its own.
func arguments(text, lang string) []string {
	own := "_" + lang[:2]
	var list []string
	for _, a := range action.FindAllString(text, -1) {
		for _, name := range argument.FindAllString(a, -1) {
			list = append(list, strings.TrimSuffix(name, own))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// findings holds that each finding can be said in both languages.
func (s *suite) findings(res checks.Result) {
	for _, f := range res.Findings {
		for name, v := range f.Args {
			switch v.(type) {
			case float64, int, string:
			default:
				s.faultf("finding %s: argument %s is a %T; want float64, int or string", f.Code, name, v)
			}
		}
		for _, lang := range languages {
			s.say(f, lang)
		}
	}
}

func (s *suite) say(f checks.Finding, lang string) {
	text, ok := s.texts[f.Code][lang]
	if !ok {
		s.faultf("finding %s has no text in %s", f.Code, lang)
		return
	}
	tmpl, err := parse(text)
	if err != nil {
		s.faultf("finding %s in %s: %v", f.Code, lang, err)
		return
	}
	var b strings.Builder
	if err := tmpl.Execute(&b, f.Args); err != nil {
		s.faultf("finding %s in %s: %v", f.Code, lang, err)
	} else if said := b.String(); said == "" || strings.Contains(said, "<no value>") {
		s.faultf("finding %s in %s lacks an argument: %q from %v", f.Code, lang, said, f.Args)
	}
}

// parse reads a template with stand-ins for the functions that the real texts
// are said with; they are strict about what they are given.
func parse(text string) (*template.Template, error) {
	figure := func(v any) (string, error) {
		switch v.(type) {
		case float64, int:
			return fmt.Sprint(v), nil
		case nil:
			return "", errors.New("an argument is missing")
		}
		return "", fmt.Errorf("%v is a %T, not a number", v, v)
	}
	return template.New("").Funcs(template.FuncMap{
		"percent": figure, "bytes": figure, "num": figure, "dur": figure,
		"clock": func(t time.Time) string { return t.String() },
	}).Parse(text)
}
