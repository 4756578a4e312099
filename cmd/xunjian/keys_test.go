package main

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"xunjian/agent/api"
	"xunjian/alerting/inspection"
	"xunjian/alerting/plan"
	"xunjian/checks/logs/review"
)

var update = flag.Bool("update", false, "write testdata/keys again")

// contracts are what commands print with --output json. Each has its keys in a
// file of testdata/keys, one a line as a path, with "?" if it may be absent.
// JSON is a contract: a key that goes or is renamed breaks somebody's program.
var contracts = map[string]reflect.Type{
	"status": reflect.TypeFor[api.Status](), "inspect": reflect.TypeFor[api.Inspection](),
	"checks": reflect.TypeFor[api.CheckList](), "check": reflect.TypeFor[api.CheckDetail](), "check-run": reflect.TypeFor[api.CheckRun](),
	"alerts": reflect.TypeFor[api.AlertList](), "alert-log": reflect.TypeFor[api.AlertLog](), "lines": reflect.TypeFor[api.LinePage](),
	"scan":  reflect.TypeFor[review.Summary](),
	"rules": reflect.TypeFor[api.RuleList](), "rule-tests": reflect.TypeFor[api.RuleTestReport](), "backtest": reflect.TypeFor[api.BacktestReport](),
	"plan": reflect.TypeFor[api.Plan](), "scenario": reflect.TypeFor[api.Scenario](), "codes": reflect.TypeFor[[]api.Category](),
	"rounds": reflect.TypeFor[api.RoundList](), "round": reflect.TypeFor[inspection.RoundView](), "reports": reflect.TypeFor[api.ReportList](), "forms": reflect.TypeFor[api.FormList](),
	"plan-lint": reflect.TypeFor[plan.Lint](), "plan-diff": reflect.TypeFor[[]plan.Change](),
	"notice-route": reflect.TypeFor[api.NoticeRoute](), "notice-test": reflect.TypeFor[api.TestedNotice](), "notice-queue": reflect.TypeFor[api.NoticeQueue](),
	"silences": reflect.TypeFor[api.SilenceList](), "silence": reflect.TypeFor[api.SilenceView](),
	"integrity": reflect.TypeFor[api.IntegrityReport](), "file-diff": reflect.TypeFor[api.FileDiff](), "approval": reflect.TypeFor[api.ApprovalOfChange](),
	"users": reflect.TypeFor[api.UserList](), "user": reflect.TypeFor[api.User](),
	"tokens": reflect.TypeFor[api.TokenList](), "new-token": reflect.TypeFor[api.IssuedToken](),
	"incidents": reflect.TypeFor[api.IncidentList](), "changed": reflect.TypeFor[api.Incident](), "incident": reflect.TypeFor[api.IncidentDetail](),
	"timeline": reflect.TypeFor[api.Timeline](), "response": reflect.TypeFor[api.Response](), "verification": reflect.TypeFor[api.Verification](),
}

// The keys of the contracts are those of the files: whoever changes one sees it
// in a file that says contract.
func TestKeysAreAContract(t *testing.T) {
	for name, typ := range contracts {
		keys := map[string]bool{}
		promised(typ, "", keys)
		var b strings.Builder
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			b.WriteString(key)
			if keys[key] {
				b.WriteString("?")
			}
			b.WriteString("\n")
		}
		file := filepath.Join("testdata", "keys", name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(b.String()), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(golden) != b.String() {
			t.Errorf("the keys of %s have changed; now they are\n%s\nIf that is meant: go test -run TestKeys -update", file, b.String())
		}
	}
}

// promised notes the paths of all keys of a type, and whether each may be
// absent.
func promised(typ reflect.Type, path string, keys map[string]bool) {
	switch typ.Kind() {
	case reflect.Pointer:
		promised(typ.Elem(), path, keys)
	case reflect.Slice:
		promised(typ.Elem(), path+"[]", keys)
	case reflect.Struct:
		if typ.Implements(reflect.TypeFor[json.Marshaler]()) {
			return
		}
		for i := range typ.NumField() {
			f := typ.Field(i)
			tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Anonymous && tag == "" {
				promised(f.Type, path, keys)
				continue
			}
			if tag == "-" || !f.IsExported() {
				continue
			}
			key := strings.TrimPrefix(path+"."+tag, ".")
			keys[key] = strings.Contains(options, "omit")
			promised(f.Type, key, keys)
		}
	}
}

// sameKeys holds that standard output has the keys of a file of testdata/keys
// and no others: "keys status".
func sameKeys(ts *testscript.TestScript, _ bool, args []string) {
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &v); err != nil {
		ts.Fatalf("no JSON: %v", err)
	}
	golden, err := os.ReadFile(filepath.Join(ts.Getenv("KEYS"), args[0]+".txt"))
	ts.Check(err)
	known, needed := map[string]bool{}, map[string][]string{}
	for line := range strings.Lines(string(golden)) {
		key, optional := strings.CutSuffix(strings.TrimSpace(line), "?")
		known[key] = true
		if dot := strings.LastIndex(key, "."); !optional {
			needed[key[:max(dot, 0)]] = append(needed[key[:max(dot, 0)]], key[dot+1:])
		}
	}
	if len(known) < 3 {
		ts.Fatalf("%s: only %d keys", args[0], len(known))
	}
	compare(ts, v, "", known, needed)
}

// compare holds one value, and what is in it, against the keys; a key under
// which nothing is known has data below it, not contract.
func compare(ts *testscript.TestScript, v any, path string, known map[string]bool, needed map[string][]string) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range needed[path] {
			if _, ok := v[key]; !ok {
				ts.Fatalf("%s: no key %s; there are %v", path, key, slices.Sorted(maps.Keys(v)))
			}
		}
		for key, inner := range v {
			p := strings.TrimPrefix(path+"."+key, ".")
			if !known[p] {
				ts.Fatalf("key %s is not in the contract", p)
			}
			for k := range known {
				if strings.HasPrefix(k, p+".") || strings.HasPrefix(k, p+"[]") {
					compare(ts, inner, p, known, needed)
					break
				}
			}
		}
	case []any:
		for _, inner := range v {
			compare(ts, inner, path+"[]", known, needed)
		}
	}
}
