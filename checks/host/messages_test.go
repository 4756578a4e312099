//go:build linux

package host

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"text/template/parse"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/sys/unix"

	"xunjian/checks"
)

// findingCode is the form of a code: the check's name and a word.
var findingCode = regexp.MustCompile(`^(system|uptime|timesync|cpu|memory|pressure|filesystem|disk|processes|network|sockets|conntrack|files|units|temperature|raid|ecc)\.[a-z_]+$`)

// codesInSource are the codes that stand in the package's source: every string
// of their form that is not a key of the configuration.
func codesInSource(t *testing.T) map[string]bool {
	t.Helper()
	codes := map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || file == "config.go" {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil && findingCode.MatchString(s) {
					codes[s] = true
				}
			}
			return true
		})
	}
	return codes
}

func messages(t *testing.T, lang string) map[string]string {
	t.Helper()
	b, err := checks.Messages.ReadFile("messages/host." + lang + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	if err := yaml.UnmarshalWithOptions(b, &texts, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return texts
}

var stubs = template.FuncMap{"percent": say, "bytes": say, "num": say, "dur": say, "clock": say}

func say(any) string { return "" }

// arguments are the arguments that a text shows, with the function they go
// through; "" for none.
func arguments(t *testing.T, text string) map[string]string {
	t.Helper()
	tpl, err := template.New("").Funcs(stubs).Parse(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	args := map[string]string{}
	for _, n := range tpl.Root.Nodes {
		action, ok := n.(*parse.ActionNode)
		if !ok {
			continue
		}
		function := ""
		for _, a := range action.Pipe.Cmds[0].Args {
			switch a := a.(type) {
			case *parse.IdentifierNode:
				function = a.Ident
			case *parse.FieldNode:
				args[a.Ident[0]] = function
			}
		}
	}
	return args
}

// Every code has its text in both languages, and no text is of no code.
func TestEveryCodeHasItsText(t *testing.T) {
	codes := codesInSource(t)
	for _, lang := range []string{"en", "zh-CN"} {
		texts := messages(t, lang)
		for code := range codes {
			if texts[code] == "" {
				t.Errorf("%s: no text for %s", lang, code)
			}
		}
		for code := range texts {
			if !codes[code] {
				t.Errorf("%s: a text for %s, which no check finds", lang, code)
			}
		}
	}
}

// What a text shows is what the check gives, in a type the function can write.
// The machine of the fixture finds nearly
// every code, a few more come from looks of our own.
func TestTextsGetTheirArguments(t *testing.T) {
	texts := messages(t, "en")
	seen := map[string]bool{}
	for _, f := range everyFinding(t) {
		seen[f.Code] = true
		for name, function := range arguments(t, texts[f.Code]) {
			v, ok := f.Args[name]
			_, isString := v.(string)
			switch {
			case !ok:
				t.Errorf("%s shows %s, which the check does not give: %v", f.Code, name, f.Args)
			case isString && function != "":
				t.Errorf("%s: %s writes no word such as %q", f.Code, function, v)
			case !isString && function == "" && name != "busiest_core":
				t.Errorf("%s: the number %s is shown raw", f.Code, name)
			}
		}
	}
	for code := range codesInSource(t) {
		if !seen[code] {
			t.Errorf("%s was not found by anything here", code)
		}
	}
}

// everyFinding makes every check find everything it can.
func everyFinding(t *testing.T) (all []checks.Finding) {
	t.Helper()
	take := func(out *checks.Output) { all = append(all, out.Findings()...) }
	cfg := machine(t)
	cfg.Network.Required = []string{"eth0", "eth1", "eth9"}
	cfg.Processes.MaxZombies = 1
	cfg.Processes.Required = []RequiredProcess{{Name: "dd"}, {Name: "nginx"}}
	list := fixed(Checks(cfg))
	look := func() {
		for _, s := range lookAll(t, list) {
			take(s.out)
		}
	}
	look()
	rewrite(t, cfg.Procfs+"/vmstat", replace("oom_kill 3", "oom_kill 5"))
	os.RemoveAll(cfg.Procfs + "/1/stat")
	look()

	m := &fakeMounts{table: mounted("/hung", "/private"), held: map[string]chan struct{}{"/hung": make(chan struct{})}, fails: map[string]error{"/private": os.ErrPermission}}
	take(run(t, m.check(100*time.Millisecond)))
	close(m.held["/hung"])
	for _, l := range []uptimeLook{{uptime: 1}, {uptime: 1, known: true}, {uptime: 1, known: true, ordered: true}} {
		take(run(t, uptimeOf(t, "", &l)))
	}
	unsynced := &timesyncCheck{adjtimex: fixed([]checks.Check{&timesyncCheck{}})[0].(*timesyncCheck).adjtimex}
	ask := unsynced.adjtimex
	unsynced.adjtimex = func(x *unix.Timex) (int, error) {
		_, err := ask(x)
		return timeError, err
	}
	take(run(t, unsynced))
	units := Default().Units
	units.Required = []string{"a.service", "b.service", "c.service"}
	take(run(t, unitsOf(t, units, fakeManager{list: []unit{
		{"a.service", "", "loaded", "active", "running", ""}, {"b.service", "", "loaded", "inactive", "dead", ""}, {"d.service", "", "loaded", "failed", "failed", ""},
	}})))
	return all
}
