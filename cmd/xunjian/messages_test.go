package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"xunjian/alerting/text"
)

// families are the messages whose ids are put together: the words of the API,
// which TestEveryWordOfTheAPIIsSaid holds.
var families = []string{"state.", "verdict.", "actor."}

// prefixes are what the helpers that take a part of an id put before it, and
// which of their arguments it is.
var prefixes = map[string]struct {
	prefix string
	arg    int
}{
	"t": {"", 0}, "heading": {"", 0}, "ask": {"", 1}, "usage": {"usage.", 0}, "none": {"none.", 0}, "section": {"section.", 1},
}

// asked are the message ids that the program's source asks for; optional ones
// may be missing.
func asked(t *testing.T) (needed, optional map[string]bool) {
	t.Helper()
	needed, optional = map[string]bool{}, map[string]bool{}
	command := func(id string) {
		needed[id+".short"], optional[id+".long"], optional[id+".example"] = true, true, true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			called := ""
			switch f := call.Fun.(type) {
			case *ast.SelectorExpr:
				called = f.Sel.Name
			case *ast.Ident:
				called = f.Name
			}
			lit := func(arg int) string {
				if arg >= len(call.Args) {
					return ""
				}
				b, ok := call.Args[arg].(*ast.BasicLit)
				if !ok || b.Kind != token.STRING {
					return ""
				}
				s, _ := strconv.Unquote(b.Value)
				return s
			}
			if p, ok := prefixes[called]; ok {
				if s := lit(p.arg); s != "" {
					needed[p.prefix+s] = true
				}
			}
			switch s := lit(0); {
			case s == "" || strings.Contains(s, " "):
			case called == "command" || called == "group" || called == "lockCommand":
				command(s)
			case called == "actionCommand":
				command("incidents." + s)
			case called == "columns":
				for n := range call.Args {
					needed["column."+strings.TrimLeft(lit(n), "*>")] = true
				}
			case called == "row" && name == "status.go":
				needed["status."+s] = true
			case called == "row":
				needed["column."+s] = true
			}
			return true
		})
	}
	for _, id := range []string{"flag.action_note"} { // flag.action_<the flag's name>
		needed[id] = true
	}
	return needed, optional
}

func said(t *testing.T, lang string) map[string]string {
	t.Helper()
	b, err := os.ReadFile("messages/cli." + lang + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]string
	if err := yaml.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Every message that the program asks for exists, and every one that exists is
// asked for.
func TestNoMessageIsMissingOrUnused(t *testing.T) {
	needed, optional := asked(t)
	if len(needed) < 200 {
		t.Fatalf("only %d messages found in the source", len(needed))
	}
	have := said(t, text.EN)
	for id := range needed {
		if have["cli."+id] == "" && !slices.Contains(families, id) { // "state."+word is held elsewhere
			t.Errorf("message cli.%s is missing", id)
		}
	}
	for id := range have {
		id := strings.TrimPrefix(id, "cli.")
		family := slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(id, f) })
		if !needed[id] && !optional[id] && !family {
			t.Errorf("message cli.%s is not used", id)
		}
	}
}

// Chinese texts are Chinese, English ones are not, and both take the same
// arguments.
func TestBothLanguagesSayTheSame(t *testing.T) {
	en, zh := said(t, text.EN), said(t, text.ZH)
	argument := regexp.MustCompile(`\.[a-z_]+`)
	han := regexp.MustCompile(`\p{Han}`)
	template := regexp.MustCompile(`\{\{.*?\}\}`)
	word := regexp.MustCompile(`^[A-Z0-9()\[\]{}., ]*$`) // CPU, PID: the same in both
	for id, e := range en {
		z := zh[id]
		if han.MatchString(e) {
			t.Errorf("%s: %q is not English", id, e)
		}
		if bare := template.ReplaceAllString(z, ""); !han.MatchString(bare) && strings.ContainsFunc(bare, func(r rune) bool { return r >= 'a' && r <= 'z' }) &&
			!strings.HasSuffix(id, ".example") && !word.MatchString(bare) {
			t.Errorf("%s: %q is not Chinese", id, z)
		}
		names := func(s string) []string {
			out := argument.FindAllString(strings.Join(template.FindAllString(s, -1), " "), -1)
			slices.Sort(out)
			return slices.Compact(out)
		}
		if a, b := names(e), names(z); !slices.Equal(a, b) {
			t.Errorf("%s: %q in English, %q in Chinese", id, a, b)
		}
	}
}

// Every state, verdict and kind of actor that the API can answer has a word,
// and no other has one.
func TestEveryWordOfTheAPIIsSaid(t *testing.T) {
	b, err := os.ReadFile("../../agent/api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Enum       []string
				Properties map[string]struct{ Enum []string }
			}
		}
	}
	if err := yaml.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	schemas := doc.Components.Schemas
	want := map[string]bool{"state.todo": true} // a step's "open", said so that it is not an incident's
	add := func(family string, words []string) {
		for _, w := range words {
			if w != "" { // a rule without alerts has no state
				want[family+w] = true
			}
		}
	}
	for _, s := range schemas {
		add("state.", s.Properties["state"].Enum)
		add("state.", s.Properties["status"].Enum)
	}
	add("verdict.", schemas["Verdict"].Enum)
	add("actor.", schemas["Actor"].Properties["kind"].Enum)
	if len(want) < 25 {
		t.Fatalf("only %d words in the description of the API: %v", len(want), want)
	}
	have := said(t, text.ZH)
	for id := range want {
		if have["cli."+id] == "" {
			t.Errorf("no message cli.%s", id)
		}
	}
	for id := range have {
		id := strings.TrimPrefix(id, "cli.")
		if slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(id, f) }) && !want[id] {
			t.Errorf("the API never says what message cli.%s is for", id)
		}
	}
}
