package agent_test

import (
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBackupGone follows a set of backups through the whole agent: all of them
// go, an incident opens with evidence, a new one appears, it resolves.
func TestBackupGone(t *testing.T) {
	t.Parallel() // it mostly waits
	backups, data := t.TempDir(), t.TempDir()
	first := makeBackup(t, backups, "bids-1.gz")
	file := filepath.Join(data, "xunjian.yaml")
	config := fmt.Sprintf(`systems: {portal: business}
rules: {interval: 5s}
checks:
  schedule:
    backup/bids: {interval: 1s}
  backup:
    sets: [{name: bids, system: portal, kind: files, paths: ["%s/*.gz"], every: 24h}]
`, backups)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, data, "--config", file)
	p.ready(t)
	said := func(text string) func() bool {
		return func() bool {
			status, body, err := p.call("GET", "/api/v1/checks/backup%2Fbids", nil)
			return err == nil && status == 200 && strings.Contains(string(body), text)
		}
	}
	waitFor(t, time.Minute, "first look", said("backup.good"))

	if err := os.Remove(first); err != nil {
		t.Fatal(err)
	}
	var opened incidentJSON
	about := func() bool {
		var list struct{ Incidents []incidentJSON }
		p.get(t, "/api/v1/incidents", &list)
		for _, i := range list.Incidents {
			for _, a := range i.Alerts {
				if i.Code == "F00" && a.Labels["set"] == "bids" && a.Labels["system"] == "portal" {
					opened = i
					return true
				}
			}
		}
		return false
	}
	waitFor(t, 3*time.Minute, "incident about the backups", about)
	if opened.State != "open" || opened.Level != "IV" {
		t.Errorf("it is %s %s, want open IV", opened.State, opened.Level)
	}
	waitFor(t, time.Minute, "its evidence", func() bool {
		p.get(t, "/api/v1/incidents/"+opened.ID, &opened)
		return len(opened.Evidence) > 0
	})
	_, snapshot, err := p.call("GET", "/api/v1/incidents/"+opened.ID+"/evidence/"+opened.Evidence[0].ID, nil)
	if err != nil || !strings.Contains(string(snapshot), "backup.evidence_files") {
		t.Errorf("the evidence has no list of backups: %v %s", err, snapshot)
	}

	makeBackup(t, backups, "bids-2.gz")
	waitFor(t, time.Minute, "the new one", said("bids-2.gz"))
	waitFor(t, 3*time.Minute, "end of the incident", func() bool {
		p.get(t, "/api/v1/incidents/"+opened.ID, &opened)
		return opened.State == "resolved"
	})
	wantKinds(t, p, opened.ID, "opened", "alert_joined", "evidence_taken", "alert_ended", "resolved")
	if err := p.stop(t); err != nil {
		t.Errorf("the agent ended with %v\n%s", err, p.output)
	}
}

// makeBackup makes one that was finished a while ago.
func makeBackup(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	fmt.Fprint(z, strings.Repeat("投标文件\n", 1000))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	return path
}
