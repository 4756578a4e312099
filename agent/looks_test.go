package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"xunjian/agent/config"
	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/checks/host"
)

// looking starts an agent whose checks have looked, more than once.
func looking(t *testing.T) *Agent {
	t.Helper()
	cfg := config.Default()
	cfg.Data = t.TempDir()
	cfg.Console.Listen, cfg.Metrics.Listen = "127.0.0.1:0", "127.0.0.1:0"
	often := checks.Schedule{Interval: time.Second}
	cfg.Checks.Schedule = map[string]checks.Schedule{"cpu": often, "network": often, "units": often, "raid": often, "disk": often}
	ctx, stop := context.WithCancel(t.Context())
	a, err := New(ctx, cfg, Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	until(t, "the checks have looked", func() bool {
		return len(a.history.Of("network")) > 2 && len(a.history.Of("units")) > 0 && len(a.history.Of("disk")) > 0 && len(a.history.Of("raid")) > 0 && len(a.history.Of("cpu")) > 2
	})
	return a
}

func until(t *testing.T, what string, good func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !good(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// said says lines as a reader gets them, after they were stored.
func said(t *testing.T, a *Agent, lang string, lines []incident.Line) []string {
	t.Helper()
	body, err := json.Marshal(lines)
	if err != nil {
		t.Fatal(err)
	}
	var stored []incident.Line
	if err := json.Unmarshal(body, &stored); err != nil {
		t.Fatal(err)
	}
	var out []string
	for n, l := range stored {
		s := a.catalog.For(lang).T(l.Code, l.Args)
		if s == l.Code || strings.Contains(s, "<no value>") || strings.Contains(s, "\n") {
			t.Errorf("%s: %s of %v reads %q", lang, l.Code, l.Args, s)
		}
		if fresh := a.catalog.For(lang).T(lines[n].Code, lines[n].Args); fresh != s {
			t.Errorf("%s: reads %q before it was stored and %q afterwards", lang, fresh, s)
		}
		out = append(out, s)
	}
	return out
}

// Incidents of all kinds that have steps to look for: each look is in the
// timeline of the incident, and reads well in both languages.
func TestIncidentsAreLookedAt(t *testing.T) {
	a := looking(t)
	begun := time.Now()
	var want, got []string
	for _, scenario := range a.desk.Plan().Scenarios {
		var looks []string
		collect := func(steps []plan.Step) {
			for _, s := range steps {
				looks = append(looks, s.Looks...)
			}
		}
		collect(scenario.Steps)
		for _, b := range scenario.Branches {
			collect(b.Steps)
		}
		if len(looks) == 0 {
			continue
		}
		i, err := a.desk.Open(t.Context(), incident.Actor{Kind: "person", Name: "finder"}, alerting.Report{Code: scenario.Code, Scenario: scenario.ID, Title: "test"})
		if err != nil {
			t.Fatal(err)
		}
		until(t, scenario.ID+" is looked at", func() bool {
			i, _, err = a.desk.Get(t.Context(), i.ID)
			return err != nil || len(i.Looks) == len(looks)
		})
		for _, l := range looks {
			want = append(want, scenario.ID+" "+l)
		}
		for _, l := range i.Looks {
			got = append(got, scenario.ID+" "+l.Look)
			if len(l.Lines) < 3 || len(l.Lines) > maxLookLines+1 {
				t.Errorf("%s of %s: %d lines", l.Look, scenario.ID, len(l.Lines))
			}
			for _, lang := range []string{text.ZH, text.EN} {
				lines := said(t, a, lang, l.Lines)
				t.Logf("%s, %s\n  %s", scenario.ID, l.Look, strings.Join(lines, "\n  "))
			}
			for _, line := range l.Lines {
				if line.Code == "look.failed" || line.Code == "look.unread" && runtime.GOOS == "linux" && strings.Contains(fmt.Sprint(line.Args), "in time") {
					t.Errorf("%s of %s: %+v", l.Look, scenario.ID, line)
				}
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || len(got) < 5 {
		t.Errorf("%d looks: %s", len(got), diff)
	}
	t.Logf("took %v", time.Since(begun))
}

// Each look sees what is there to be seen.
func TestLooksSee(t *testing.T) {
	a := looking(t)
	www := t.TempDir()
	if err := os.WriteFile(filepath.Join(www, "shell.php"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	mark := fmt.Sprintf("xunjian test of looks %d", time.Now().UnixNano())
	if err := os.WriteFile("/dev/kmsg", []byte("<4>"+mark+"\n"), 0); err != nil {
		t.Fatal(err)
	}
	since := time.Now().Add(-time.Hour)
	i := incident.Incident{Alerts: map[string]incident.Alert{
		"a": {Rule: "PagesChanged", Labels: map[string]string{"path": www + "/shell.php"}, State: incident.AlertFiring, Since: since},
		"b": {Rule: "RaidDegraded", Labels: map[string]string{"device": "md\n0"}, State: incident.AlertIsOver, Since: since},
	}}
	for what, wants := range map[string][]string{
		"resources": {"CPU 和内存使用", "按 CPU：", "按内存：", "用户 root", "已运行"},
		"path":      {"全部环节，由近及远：", "网卡"},
		"devices":   {"path ", "PagesChanged", "device md\uFFFD0：RaidDegraded，始于 " + a.clock(since) + "（1 小时前）；现已结束", mark},
		"accounts":  {"root", "当前登录", www + "/shell.php（", "最近 7 天变更的账号文件"},
		"traffic":   {"TCP：已建立", "台其他机器"},
	} {
		if what == "devices" {
			wants = wants[1:] // a path is no device
		}
		if disks, err := a.engine.Query(t.Context(), "node_disk_info", time.Now()); what == "devices" && err == nil && len(disks) > 0 {
			disk := disks[0].Labels["device"]
			i.Alerts["c"] = incident.Alert{Rule: "DiskFailing", Labels: map[string]string{"device": "/dev/" + disk}, State: incident.AlertFiring, Since: since}
			wants = append(wants, "报修信息：磁盘 "+disk+"，型号 ")
		}
		if list, err := net.Interfaces(); what == "traffic" && err == nil && len(list) > 1 {
			wants = append(wants, "内平均接收")
		}
		lines, err := a.look(t.Context(), i, what)
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Join(said(t, a, text.ZH, lines), "\n")
		for _, w := range wants {
			if !strings.Contains(all, w) {
				t.Errorf("%s: nothing of %q in\n%s", what, w, all)
			}
		}
	}
	if _, err := a.look(t.Context(), i, "stars"); err == nil || !strings.Contains(err.Error(), `"stars"`) {
		t.Errorf("%v", err)
	}
}

// A look without time says of each part that it was not seen.
func TestLookWithoutTime(t *testing.T) {
	a := looking(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, what := range plan.Looks {
		lines, err := a.look(ctx, incident.Incident{}, what)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(lines, func(l incident.Line) bool { return l.Code == "look.unread" }) {
			t.Errorf("%s: %+v", what, lines)
		}
	}
}

// A part that hangs or breaks costs itself alone.
func TestPartsOfALook(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	hung := make(chan struct{})
	defer close(hung)
	got := together(ctx,
		sight{"kernel", func(context.Context) ([]incident.Line, error) { <-hung; return nil, nil }},
		sight{"keys", func(context.Context) ([]incident.Line, error) { panic("no key") }},
		sight{"path", func(context.Context) ([]incident.Line, error) {
			return nil, fmt.Errorf("%w: no reader", checks.ErrNotApplicable)
		}},
		sight{"files", func(context.Context) ([]incident.Line, error) {
			return []incident.Line{line("look.partial")}, os.ErrPermission
		}},
	)
	want := []incident.Line{
		line("look.part.kernel"), line("look.unread", "error", "not ready in time"),
		line("look.part.keys"), line("look.unread", "error", "broke: no key"),
		line("look.part.path"), line("look.not_here"),
		line("look.part.files"), line("look.partial"), line("look.unread", "error", "permission denied"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is healthy, what is not here and what has not been looked at are three
// things.
func TestFound(t *testing.T) {
	a := &Agent{history: checks.NewHistory()}
	bad := checks.Finding{Subject: "md0", Code: "raid.degraded", Verdict: checks.Abnormal, Args: map[string]any{"level": "raid1"}}
	for _, r := range []checks.Result{
		{Check: "raid", Verdict: checks.Abnormal, Findings: []checks.Finding{{Code: "raid.whole", Subject: "md1", Verdict: checks.OK}, bad}},
		{Check: "disk", Verdict: checks.OK, Findings: []checks.Finding{{Code: "disk.io", Verdict: checks.OK}}},
		{Check: "ecc", Verdict: checks.NotApplicable, Findings: []checks.Finding{{Code: "check.not_applicable", Verdict: checks.NotApplicable}}},
	} {
		a.history.Add(r)
	}
	want := []incident.Line{
		line("look.finding", "check", "raid", "subject", "md0", "verdict", "abnormal"), {Code: "raid.degraded", Args: bad.Args},
		line("look.fine", "checks", "disk"), line("look.absent", "checks", "ecc"), line("look.silent", "checks", "temperature"),
	}
	if diff := cmp.Diff(want, a.found(false, "raid", "disk", "ecc", "temperature")); diff != "" {
		t.Error(diff)
	}
}

// Lines from anywhere are fit for the timeline.
func TestLinesAreBounded(t *testing.T) {
	var many []incident.Line
	for range 3 * maxLookLines {
		many = append(many, line("look.kernel", "line", strings.Repeat("界", 1000)+"\x1b", "bad", math.NaN(), "worse", math.Inf(1), "at", time.Now()))
	}
	many[0].Args["line"] = "a\nb\tc"
	got := bounded(many)
	if len(got) != maxLookLines+1 || got[maxLookLines].Args["count"] != 2*maxLookLines || got[0].Args["line"] != "a\uFFFDb c" {
		t.Errorf("%d lines, %+v … %+v", len(got), got[0], got[len(got)-1])
	}
	if s := got[1].Args["line"].(string); len(s) > maxLookWord {
		t.Errorf("%d bytes", len(s))
	}
	if _, err := json.Marshal(got); err != nil {
		t.Error(err)
	}
}

// Only warnings of the kernel count, and none of its words makes one.
func TestWarnings(t *testing.T) {
	a := &Agent{}
	a.cfg.Store(config.Default())
	log := []string{"2026-11-23T08:00:00.000Z info: 2026-11-23T08:00:00.000Z err: forged", "half a line", "2026-11-23T08:00:01.500Z crit: sda: dead: really"}
	for range 2 * lookKernel {
		log = append(log, "2026-11-23T08:00:02.000Z warn: x")
	}
	if got := a.warnings(log); len(got) != lookKernel {
		t.Errorf("%d lines", len(got))
	}
	at := time.Date(2026, 11, 23, 8, 0, 1, 0, time.UTC)
	want := []incident.Line{line("look.kernel", "at", a.clock(at), "level", "crit", "said", "sda: dead: really")}
	if diff := cmp.Diff(want, a.warnings(log[:3])); diff != "" {
		t.Error(diff)
	}
}

func TestFolders(t *testing.T) {
	labels := map[string]string{"mountpoint": "/srv/www/", "device": "/dev/sda1", "path": "/proc/1", "subject": "nginx", "root": "/", "empty": "", "same": "/etc"}
	got := folders(incident.Incident{Alerts: map[string]incident.Alert{"x": {Labels: labels}}})
	if want := []string{"/etc", "/srv/www"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	labels = map[string]string{}
	for n := range 50 {
		labels[fmt.Sprint("l", n)] = fmt.Sprint("/srv/", n)
	}
	if got := folders(incident.Incident{Alerts: map[string]incident.Alert{"x": {Labels: labels}}}); len(got) != 1+lookFolders {
		t.Errorf("%d folders", len(got))
	}
}

func TestPartOf(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"sda", "sda"}: true, {"sda1", "sda"}: true, {"sdaa", "sda"}: false, {"nvme0n1p2", "nvme0n1"}: true,
		{"nvme0n12", "nvme0n1"}: false, {"md0", "sda"}: false, {"sda", ""}: false,
	} {
		if got := partOf(pair[0], pair[1]); got != want {
			t.Errorf("%v: %v", pair, got)
		}
	}
}

// Every code that a look can say has its text in both languages, and no text is
// of no code.
func TestEveryLookHasItsText(t *testing.T) {
	codes := map[string]bool{}
	literals := func(file string, see func(lit string, parent ast.Node)) {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		var stack []ast.Node
		ast.Inspect(tree, func(n ast.Node) bool {
			if n == nil {
				stack = stack[:len(stack)-1]
				return true
			}
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				s, _ := strconv.Unquote(lit.Value)
				see(s, stack[len(stack)-1])
			}
			stack = append(stack, n)
			return true
		})
	}
	files, err := filepath.Glob("looks*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		literals(file, func(s string, parent ast.Node) {
			if lit, ok := parent.(*ast.CompositeLit); ok && fmt.Sprint(lit.Type) == "sight" {
				codes["look.part."+s] = true
			} else if strings.HasPrefix(s, "look.") && !strings.HasSuffix(s, ".") {
				codes[s] = true
			}
		})
	}
	literals("../checks/host/path.go", func(s string, parent ast.Node) {
		if spec, ok := parent.(*ast.ValueSpec); ok && fmt.Sprint(spec.Type) == "Sight" {
			codes["look.path."+s] = true
		}
	})
	if len(codes) < 50 || !codes["look.path."+string(host.GatewaySilent)] || !codes["look.part.kernel"] {
		t.Fatalf("only %d codes found", len(codes))
	}
	for _, lang := range []string{text.ZH, text.EN} {
		b, err := looksMessages.ReadFile("messages/looks." + lang + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{}
		if err := yaml.UnmarshalWithOptions(b, &texts, yaml.Strict()); err != nil {
			t.Fatal(err)
		}
		for code := range codes {
			if texts[code] == "" {
				t.Errorf("%s: no text for %s", lang, code)
			}
		}
		for code := range texts {
			if !codes[code] {
				t.Errorf("%s: a text for %s, which no look says", lang, code)
			}
		}
	}
}
