package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDefacedPage is a defaced page and a dropped webshell, end to end: A01
// opens with what changed as evidence, and once a person has approved or put
// back what changed, the page's incident resolves.
func TestDefacedPage(t *testing.T) {
	t.Parallel() // it mostly waits
	data, root := t.TempDir(), t.TempDir()
	page := filepath.Join(root, "index.html")
	must(t, os.WriteFile(page, []byte("<h1>Tenders</h1>\n"), 0o644))
	file := filepath.Join(data, "xunjian.yaml")
	must(t, os.WriteFile(file, fmt.Appendf(nil, "checks: {security: {integrity: {paths: [{path: %s, kind: web}], audit_log: ''}}}\n", root), 0o600))
	p := start(t, data, "--config", file)
	p.ready(t)
	type report struct {
		Trees []struct {
			ID       string `json:"id"`
			Complete bool   `json:"complete"`
		} `json:"trees"`
		Changes []struct {
			ID   string `json:"id"`
			Path string `json:"path"`
			Code string `json:"code"`
		} `json:"changes"`
		Total int `json:"total"`
	}
	look := func() (r report) { p.get(t, "/api/v1/integrity", &r); return r }
	waitFor(t, time.Minute, "first look", func() bool { r := look(); return len(r.Trees) == 1 && r.Trees[0].Complete })
	approve := func(why string, ids ...string) {
		t.Helper()
		status, body, err := p.call("POST", "/api/v1/integrity/approve", map[string]any{"ids": ids, "reason": why})
		if err != nil || status != 200 {
			t.Fatalf("approve: %d %v %s", status, err, body)
		}
	}
	approve("release 7", look().Trees[0].ID)

	must(t, os.WriteFile(page, []byte("<h1>Hacked by nobody</h1>\n"), 0o644))
	shell := filepath.Join(root, "up.php")
	must(t, os.WriteFile(shell, []byte("<?php system($_GET['c']); ?>\n"), 0o644))
	var opened incidentJSON
	waitFor(t, time.Minute, "incident", func() bool {
		var list struct{ Incidents []incidentJSON }
		p.get(t, "/api/v1/incidents", &list)
		for _, i := range list.Incidents {
			if i.Code == "A01" && len(i.Evidence) > 0 && len(i.Alerts) == 2 {
				opened = i
				return true
			}
		}
		return false
	})
	// The first of both may open it before the other is there; what is kept of
	// it holds the difference of one at least.
	status, body, err := p.call("GET", "/api/v1/incidents/"+opened.ID+"/evidence/"+opened.Evidence[0].ID, nil)
	if err != nil || status != 200 {
		t.Fatalf("evidence: %d %v", status, err)
	}
	kept := string(body)
	if !strings.Contains(kept, "Hacked by nobody") && !strings.Contains(kept, "system($_GET") {
		t.Errorf("the evidence does not show what changed: %s", kept)
	}
	must(t, os.Remove(shell))
	waitFor(t, time.Minute, "page alone", func() bool { r := look(); return r.Total == 1 && r.Changes[0].Path == page })
	approve("it was us", look().Changes[0].ID)
	waitFor(t, 2*time.Minute, "end of the alerts", func() bool {
		p.get(t, "/api/v1/incidents/"+opened.ID, &opened)
		for _, a := range opened.Alerts {
			if a.State == "firing" || a.State == "lost" {
				return false
			}
		}
		return true
	})
	if err := p.stop(t); err != nil {
		t.Errorf("the agent ended with %v\n%s", err, p.output)
	}
}
