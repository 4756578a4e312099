package agent_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "xunjian"

// allowed says which rooms of ours each room may import; the longest matching
// prefix holds. A room may always import its own subfolders' parent, never a
// sibling, unless it stands here.
var allowed = []struct {
	room string
	may  []string
}{
	{"cmd", []string{"agent", "checks", "rules", "alerting"}},
	{"agent", []string{"agent", "checks", "rules", "alerting"}},
	{"agent/config", []string{"agent/access", "agent/inbound", "checks", "rules", "alerting", "deploy"}},
	{"agent/access", nil},
	{"agent/outlets", []string{"alerting"}},
	{"agent/papers", []string{"alerting"}},
	{"agent/reports", []string{"alerting", "rules"}},
	{"agent/measured", []string{"alerting/inspection", "checks", "rules"}},
	{"agent/inbound", []string{"alerting"}},
	{"agent/api", []string{"agent/access", "checks", "rules", "alerting"}},
	{"agent/api/apitest", []string{"agent/api", "agent/measured", "agent/outlets", "agent/papers", "agent/reports", "agent/access", "checks", "rules", "alerting"}},
	{"agent/console", []string{"agent/access", "checks", "rules", "alerting"}},
	{"checks", nil},
	{"checks/security/", []string{"checks"}},
	// One tailer reads for the whole room; its parts take the lines. What is
	// taken in and what is found in files is kept in one place.
	{"checks/logs", []string{"checks", "checks/logs/access", "checks/logs/archive", "checks/logs/novelty", "checks/logs/review", "checks/logs/tail"}},
	{"checks/logs/tail", nil},
	{"checks/logs/stamp", nil},
	{"checks/logs/archive", []string{"checks"}},
	{"checks/logs/pattern", []string{"checks"}},
	{"checks/logs/review", []string{"checks", "checks/logs/archive", "checks/logs/pattern", "checks/logs/stamp", "checks/logs/tail"}},
	// What devices send: the receiver stands on how messages are read.
	{"checks/logs/syslog", []string{"checks", "checks/credential", "checks/logs/archive", "checks/logs/syslog/dialect", "checks/logs/syslog/message"}},
	{"checks/logs/syslog/dialect", []string{"checks/logs/syslog/message"}},
	{"checks/logs/syslog/message", nil},
	{"checks/logs/", []string{"checks", "checks/credential", "checks/logs/archive", "checks/logs/stamp", "checks/logs/tail"}},
	{"checks/", []string{"checks", "checks/credential"}},
	{"checks/credential", nil},
	// One folder for each product, which never see each other; beside them what
	// they share.
	{"checks/backup", []string{"checks", "checks/credential", "checks/backup/archive", "checks/backup/program", "checks/backup/scratch", "checks/backup/wal"}},
	{"checks/backup/", nil},
	{"checks/backup/backuptest", []string{"checks/backup/program"}},
	{"checks/backup/scratch", []string{"checks/backup/archive", "checks/backup/program"}},
	{"checks/database", []string{"checks", "checks/database/mysql", "checks/database/postgres", "checks/database/redis", "checks/database/server", "checks/database/sqlquery"}},
	{"checks/database/", []string{"checks", "checks/credential", "checks/database/server", "checks/database/statement"}},
	{"checks/database/server", []string{"checks"}},
	{"checks/database/statement", nil},
	{"checks/network", []string{"checks", "checks/network/peers", "checks/network/ping", "checks/network/traffic"}},
	{"checks/network/path", nil},
	{"checks/network/ping", []string{"checks", "checks/network/path"}},
	{"checks/network/traffic", []string{"checks"}},
	{"checks/network/peers", []string{"checks", "checks/credential", "checks/network/path", "checks/network/ping"}},
	{"rules", nil},
	{"rules/", []string{"rules"}},
	{"alerting", []string{"alerting/incident", "alerting/plan", "alerting/roster"}},
	{"alerting/text", nil},
	{"alerting/plan", nil},
	{"alerting/yamlfile", nil},
	{"alerting/yamlfile/yamlschema", []string{"alerting/yamlfile"}},
	{"alerting/planfile", []string{"alerting/plan", "alerting/roster", "alerting/yamlfile"}},
	{"alerting/roster", []string{"alerting/plan"}},
	{"alerting/incident", []string{"alerting/plan", "alerting/roster"}},
	{"alerting/store", []string{"alerting", "alerting/incident", "alerting/inspection", "alerting/plan"}},
	{"alerting/storetest", []string{"alerting", "alerting/incident", "alerting/plan"}},
	{"alerting/notify", []string{"alerting", "alerting/incident", "alerting/plan", "alerting/roster", "alerting/text"}},
	// Channels lean on little, since the configuration leans on them.
	{"alerting/notify/", []string{"alerting/plan", "alerting/roster", "alerting/notify/channel", "alerting/notify/post", "alerting/notify/secret"}},
	{"alerting/notify/policy", []string{"alerting/plan"}},
	{"alerting/notify/answers", []string{"alerting", "alerting/incident", "alerting/notify", "alerting/notify/channel", "alerting/plan", "alerting/roster", "alerting/text"}},
	// What people say in a chat, and the connection by which it is heard.
	{"alerting/notify/spoken", []string{"alerting/plan", "alerting/roster", "alerting/notify/channel"}},
	{"alerting/notify/stream", []string{"alerting/notify/post"}},
	{"alerting/notify/dingstream", []string{"alerting/notify/channel", "alerting/notify/post", "alerting/notify/secret", "alerting/notify/stream"}},
	{"alerting/notify/feishustream", []string{"alerting/notify/channel", "alerting/notify/post", "alerting/notify/secret", "alerting/notify/stream"}},
	{"alerting/notify/post", nil},
	{"alerting/notify/secret", nil},
	{"alerting/report", []string{"alerting/incident", "alerting/plan", "alerting/roster", "alerting/text", "alerting/yamlfile"}},
	{"alerting/report/sheet", nil},
	{"alerting/report/bulletin", []string{"alerting/report/sheet"}},
	{"alerting/report/cards", []string{"alerting/plan", "alerting/report/sheet", "alerting/roster"}},
	{"alerting/calendar", []string{"alerting/plan", "alerting/yamlfile"}},
	{"alerting/inspection", []string{"alerting/plan", "alerting/schedule", "alerting/yamlfile"}},
	{"alerting/schedule", []string{"alerting/yamlfile"}},
	{"deploy", nil},
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

// TestImportsPointOneWay holds the directions of the design: cmd → agent →
// {checks, rules, alerting}; the three rooms never import each other; variants
// of checks never see each other.
func TestImportsPointOneWay(t *testing.T) {
	pkgs := listPackages(t)
	if len(pkgs) < 15 {
		t.Fatalf("go list found only %d packages", len(pkgs))
	}
	for _, p := range pkgs {
		from := strings.TrimPrefix(p.ImportPath, module+"/")
		may, ok := mayImport(from)
		if !ok {
			t.Errorf("%s: no rule says what it may import; add one", from)
			continue
		}
		for _, imp := range p.Imports {
			to, ours := strings.CutPrefix(imp, module+"/")
			if ours && !permitted(from, to, may) {
				t.Errorf("%s imports %s", from, to)
			}
		}
		// checks/checktest exists for tests only.
		if slices.Contains(p.Imports, "testing") && !strings.HasSuffix(from, "test") {
			t.Errorf("%s imports testing outside its tests", from)
		}
	}
}

func permitted(from, to string, may []string) bool {
	if strings.HasPrefix(to, from+"/") && !strings.HasPrefix(from, "checks") && from != "alerting" {
		return true // own parts
	}
	return slices.ContainsFunc(may, func(m string) bool {
		return to == m || !strings.Contains(from, "checks") && (from == "agent" || strings.HasPrefix(from, "cmd")) && strings.HasPrefix(to, m+"/") ||
			strings.HasPrefix(from, "agent/") && slices.Contains([]string{"checks", "rules", "alerting"}, m) && strings.HasPrefix(to, m+"/")
	})
}

func mayImport(room string) ([]string, bool) {
	best := -1
	for i, a := range allowed {
		match := a.room == room || strings.HasSuffix(a.room, "/") && strings.HasPrefix(room, a.room) || strings.HasPrefix(room, a.room+"/")
		if match && (best < 0 || len(a.room) > len(allowed[best].room)) {
			best = i
		}
	}
	if best < 0 {
		return nil, false
	}
	return allowed[best].may, true
}

// TestDepth keeps the import graph at most six deep under the program itself.
func TestDepth(t *testing.T) {
	imports := map[string][]string{}
	for _, p := range listPackages(t) {
		imports[p.ImportPath] = p.Imports
	}
	depth := map[string]int{}
	var walk func(string) int
	walk = func(p string) int {
		if d, ok := depth[p]; ok {
			return d
		}
		d := 1
		for _, imp := range imports[p] {
			if strings.HasPrefix(imp, module+"/") {
				d = max(d, walk(imp)+1)
			}
		}
		depth[p] = d
		return d
	}
	for p := range imports {
		if d := walk(p); d > 6 && !strings.HasPrefix(p, module+"/cmd/") {
			t.Errorf("%s stands on %d layers; at most 6", path.Base(p), d)
		}
	}
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}
