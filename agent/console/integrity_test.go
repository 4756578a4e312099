package console

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"xunjian/checks/security/integrity"
)

// guard has the site watch a web root with a page and a webshell.
func (s *site) guard(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	must(t, os.WriteFile(filepath.Join(root, "index.html"), []byte("<h1>Tenders</h1>\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(root, "x.php"), []byte("<?php @eval($_POST['x']); // <script>alert(1)</script>\n"), 0o644))
	cfg := integrity.Default()
	cfg.Paths, cfg.AuditLog = []integrity.Tree{{Path: root, Kind: integrity.Web}}, ""
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		integrity.NewCheck(cfg, s.guarded).Serve(ctx, func() {})
	}()
	t.Cleanup(func() { cancel(); <-ended })
	s.seen(t, func(r integrity.Report) bool { return len(r.Trees) == 1 && r.Trees[0].Complete })
	return root
}

func (s *site) seen(t *testing.T, ok func(integrity.Report) bool) integrity.Report {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		r, err := s.guarded.Report()
		must(t, err)
		if ok(r) {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("not seen: %+v", r)
		}
	}
}

var idField = regexp.MustCompile(`name="id" value="([0-9a-f]+)"`)

// TestIntegrityPage: a baseline is approved, a defaced page is shown with what
// changed in it, and approved with a reason in the name of who is logged in.
func TestIntegrityPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	li, guest := s.as(operator, "en"), s.as(viewer, "zh-CN")
	if body := guest.get("/integrity").body; !strings.Contains(body, "尚未配置受保护的目录") {
		t.Errorf("with nothing guarded: %s", body)
	}
	root := s.guard(t)
	body := li.get("/integrity").body
	if raw := regexp.MustCompile(`console\.[a-z_]+\.[a-z_]+`).FindString(body); raw != "" {
		t.Errorf("%s has no text", raw)
	}
	for _, want := range []string{"waits for approval", "holds what webshells are made of (php-eval-request)", "&lt;script&gt;alert(1)&lt;/script&gt;", "Approve this baseline"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(guest.get("/integrity").body, "<form method=\"post\" action=\"/integrity/approve\"") {
		t.Error("a viewer is offered to approve")
	}
	tree := s.seen(t, func(integrity.Report) bool { return true }).Trees[0].ID
	if res := guest.post("/integrity/approve", "id", tree, "reason", "x"); res.code != http.StatusForbidden {
		t.Errorf("a viewer approves: %d", res.code)
	}
	if res := li.post("/integrity/approve", "id", tree, "reason", ""); res.code != http.StatusUnprocessableEntity || errorIn(res.body) == "" {
		t.Errorf("without a reason: %d", res.code)
	}
	if res := li.post("/integrity/approve", "id", tree, "reason", "release 7"); res.code != http.StatusSeeOther {
		t.Fatalf("approve: %d %s", res.code, errorIn(res.body))
	}
	must(t, os.WriteFile(filepath.Join(root, "index.html"), []byte("<h1>Hacked</h1>\n"), 0o644))
	s.seen(t, func(r integrity.Report) bool { return r.Total == 2 })
	body = li.get("/integrity").body
	for _, want := range []string{`<span class="del">-&lt;h1&gt;Tenders&lt;/h1&gt;`, `<span class="add">&#43;&lt;h1&gt;Hacked&lt;/h1&gt;`, "release 7"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	ids := idField.FindAllStringSubmatch(body, -1)
	if len(ids) != 2 {
		t.Fatalf("the page offers %v", ids)
	}
	for _, id := range ids {
		if res := li.post("/integrity/approve", "id", id[1], "reason", "it was us"); res.code != http.StatusSeeOther {
			t.Fatalf("approve: %d %s", res.code, errorIn(res.body))
		}
	}
	r := s.seen(t, func(r integrity.Report) bool { return r.Total == 0 })
	if a := r.Approvals[0]; a.By != "operator" || a.Via != "console" || a.Reason != "it was us" || a.Count != 1 {
		t.Errorf("on record: %+v", a)
	}
	if res := li.post("/integrity/approve", "id", ids[0][1], "reason", "again"); res.code != http.StatusUnprocessableEntity || !strings.Contains(errorIn(res.body), "changed again") {
		t.Errorf("what is gone is approved: %d %s", res.code, errorIn(res.body))
	}
}
