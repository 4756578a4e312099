package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"xunjian/checks/database/postgres/pgtest"
)

// bidCanary stands in statements, loginCanary is the password of the agent's
// role: neither may be seen anywhere.
const (
	loginCanary = "canary-login-48151623"
	bidCanary   = "canary-bid-42"
)

// databaseAgent starts a real PostgreSQL and an agent that looks at it.
func databaseAgent(t *testing.T) (p *process, s *pgtest.Server, consoleURL, metricsURL, password string) {
	t.Helper()
	s = pgtest.Start(t, pgtest.Options{})
	s.Must(t, "CREATE ROLE xunjian LOGIN PASSWORD '"+loginCanary+"'", "GRANT pg_monitor TO xunjian", "CREATE TABLE bids (id int PRIMARY KEY, bidder text)", "INSERT INTO bids VALUES (1, 'x')")
	data := t.TempDir()
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte(loginCanary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(data, "xunjian.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, `systems: {portal: business}
checks:
  schedule:
    postgres: {interval: 2s, timeout: 1500ms}
    databases: {interval: 2s}
  database:
    discover: false
    postgres:
      - {name: bidding, system: portal, host: 127.0.0.1, port: %d, password_file: %s}
`, s.Port, secret), 0o600); err != nil {
		t.Fatal(err)
	}
	p = start(t, data, "--config", file)
	p.ready(t)
	said := regexp.MustCompile(`(?s)(http://[^\s]+).*admin.*?([a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4})`)
	var m []string
	waitFor(t, 30*time.Second, "announcement", func() bool { m = said.FindStringSubmatch(p.output.String()); return m != nil })
	metrics := regexp.MustCompile(`http://[^\s"]+/metrics`).FindString(p.output.String())
	return p, s, m[1], metrics, m[2]
}

type databaseIncident struct {
	ID, Code, State, Scenario, Cause, System string
	Alerts                                   []struct{ Rule, State string }
	Evidence                                 []struct{ ID string }
}

// incidentOfRule waits for the incident whose alert has this name.
func (p *process) incidentOfRule(t *testing.T, rule string) databaseIncident {
	t.Helper()
	var found databaseIncident
	waitFor(t, 2*time.Minute, "incident of "+rule, func() bool {
		var list struct{ Incidents []databaseIncident }
		p.get(t, "/api/v1/incidents", &list)
		for _, i := range list.Incidents {
			for _, a := range i.Alerts {
				if a.Rule == rule && i.State != "resolved" && i.State != "closed" {
					found = i
					return true
				}
			}
		}
		return false
	})
	return found
}

// endOf waits until the alerts of an incident have ended, and returns it.
func (p *process) endOf(t *testing.T, id string) (i databaseIncident) {
	t.Helper()
	waitFor(t, 90*time.Second, "end of "+id, func() bool {
		p.get(t, "/api/v1/incidents/"+id, &i)
		for _, a := range i.Alerts {
			if a.State != "ended" {
				return false
			}
		}
		return true
	})
	return i
}

// exhibitsOf waits for the evidence and returns what the database said in it.
func (p *process) exhibitsOf(t *testing.T, id string) (list []struct {
	Check, Code, Text string
	Columns           []string
	Rows              [][]string
}, faults []string) {
	t.Helper()
	var i databaseIncident
	waitFor(t, time.Minute, "evidence of "+id, func() bool { p.get(t, "/api/v1/incidents/"+id, &i); return len(i.Evidence) > 0 })
	var snap struct {
		Exhibits json.RawMessage
		Errors   []string
	}
	p.get(t, "/api/v1/incidents/"+id+"/evidence/"+i.Evidence[0].ID, &snap)
	if len(snap.Exhibits) > 0 {
		must(t, json.Unmarshal(snap.Exhibits, &list))
	}
	return list, snap.Errors
}

// TestDatabase: a chain of locks, a server that says nothing and one that is
// down become incidents with the right place in the plan, and end with their
// causes. What is secret is nowhere.
func TestDatabase(t *testing.T) {
	t.Parallel() // it mostly waits
	p, s, consoleURL, metricsURL, password := databaseAgent(t)
	waitFor(t, time.Minute, "first look", func() bool {
		status, body, err := p.call("GET", "/api/v1/checks/postgres%2Fbidding", nil)
		return err == nil && status == 200 && strings.Contains(string(body), "postgres.up")
	})

	blocker := s.Session(t, "postgres")
	_, err := blocker.Exec(t.Context(), "BEGIN; UPDATE bids SET bidder = '"+bidCanary+"' WHERE id = 1")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 2 {
		waiting := s.Session(t, "postgres")
		go func() { _, _ = waiting.Exec(ctx, "UPDATE bids SET bidder = '"+bidCanary+"' WHERE id = 1") }()
	}
	locks := p.incidentOfRule(t, "PostgresLockChain")
	if locks.Code != "F02" || locks.Cause != "resources" || locks.System != "portal" {
		t.Errorf("locks are %s %s %s of %q, want F02, cause resources, of portal", locks.Code, locks.Scenario, locks.Cause, locks.System)
	}
	exhibits, faults := p.exhibitsOf(t, locks.ID)
	pid := strconv.Itoa(int(blocker.PgConn().PID()))
	if len(exhibits) == 0 || exhibits[0].Check != "postgres/bidding" || exhibits[0].Code != "postgres.evidence.blockers" || len(exhibits[0].Rows) != 3 || exhibits[0].Rows[0][0] != pid {
		t.Errorf("the evidence does not begin with the blocker %s: %+v, faults %v", pid, exhibits, faults)
	}
	page := consolePage(t, consoleURL, password, "/incidents/"+locks.ID)
	if !strings.Contains(page, pid) || !strings.Contains(page, "UPDATE bids SET bidder = ? WHERE id = ?") {
		t.Errorf("the page of the incident does not show the blocker and its statement")
	}
	_, err = blocker.Exec(t.Context(), "ROLLBACK")
	must(t, err)
	p.endOf(t, locks.ID)

	s.Signal(syscall.SIGSTOP)
	hung := p.incidentOfRule(t, "PostgresHung")
	if hung.Code != "F00" || hung.System != "portal" || hung.State != "open" {
		t.Errorf("a hung server is %s of %q, %s", hung.Code, hung.System, hung.State)
	}
	s.Signal(syscall.SIGCONT)
	if i := p.endOf(t, hung.ID); i.State != "resolved" {
		t.Errorf("after it answers again the incident is %s", i.State)
	}

	s.Stop()
	down := p.incidentOfRule(t, "PostgresDown")
	if down.Code != "F00" || down.System != "portal" || down.State != "open" {
		t.Errorf("a server that is down is %s of %q, %s", down.Code, down.System, down.State)
	}
	exhibits, faults = p.exhibitsOf(t, down.ID)
	if len(exhibits) == 0 || exhibits[len(exhibits)-1].Code != "postgres.evidence.log" {
		t.Logf("of a server that is down the evidence says %+v, faults %v", exhibits, faults)
	}
	must(t, s.Start())
	if i := p.endOf(t, down.ID); i.State != "resolved" {
		t.Errorf("after its start the incident is %s", i.State)
	}

	page += consolePage(t, consoleURL, password, "/checks/postgres%2Fbidding")
	p.holdsNoSecret(t, metricsURL, page, []string{locks.ID, hung.ID, down.ID})
}

// consolePage logs in and reads one page.
func consolePage(t *testing.T, base, password, path string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	c := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	resp, err := c.PostForm(base+"/login", url.Values{"name": {"admin"}, "password": {password}})
	must(t, err)
	resp.Body.Close()
	resp, err = c.Get(base + path)
	must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	if resp.StatusCode != 200 {
		t.Fatalf("%s: %s", path, resp.Status)
	}
	return string(b)
}

// holdsNoSecret looks for the canaries in the logs, the metrics, the API, the
// console, the reports of the incidents, and everything on disk.
func (p *process) holdsNoSecret(t *testing.T, metricsURL, page string, ids []string) {
	t.Helper()
	resp, err := http.Get(metricsURL)
	must(t, err)
	metrics, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	must(t, err)
	if !bytes.Contains(metrics, []byte("pg_up{")) {
		t.Error("the page of metrics does not hold pg_up")
	}
	all := map[string][]byte{"log": []byte(p.output.String()), "metrics": metrics, "console": []byte(page)}
	paths := []string{"/checks", "/checks/postgres%2Fbidding", "/alerts", "/alerts/log", "/rules", "/incidents"}
	for _, id := range ids {
		for _, part := range []string{"", "/events", "/response", "/explain"} {
			paths = append(paths, "/incidents/"+id+part)
		}
		var i incidentJSON
		p.get(t, "/api/v1/incidents/"+id, &i)
		for _, e := range i.Evidence {
			paths = append(paths, "/incidents/"+id+"/evidence/"+e.ID)
		}
		paths = append(paths, "/incidents/"+id+"/documents/report?format=html")
	}
	for _, path := range paths {
		status, body, err := p.call("GET", "/api/v1"+path, nil)
		if err != nil || status != 200 && !strings.Contains(path, "documents") {
			t.Errorf("%s: %d %v", path, status, err)
		}
		all[path] = body
	}
	must(t, filepath.WalkDir(p.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = b
		return err
	}))
	for where, b := range all {
		for _, secret := range []string{loginCanary, bidCanary} {
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s holds %s", where, secret)
			}
		}
	}
}
