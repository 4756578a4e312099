package agent_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xunjian/checks/database/mysql/mysqltest"
	"xunjian/checks/database/redis/redistest"
)

// canaries are the passwords of the monitoring users in these tests.
const (
	mysqlCanary = "kanarienvogel-5d01c4"
	redisCanary = "kanarienvogel-a83e77"
)

// TestDatabasesOfThePlatform follows two faults through the whole agent: MariaDB
// goes down, and Redis cannot save. Each becomes an incident of the plan's code
// with evidence, and resolves when the fault is over. The passwords stand
// nowhere.
func TestDatabasesOfThePlatform(t *testing.T) {
	t.Parallel() // it mostly waits
	t.Cleanup(mysqltest.Cleanup)
	maria, cache := mysqltest.Start(t), redistest.Start(t)
	maria.Exec("CREATE USER 'xunjian'@'127.0.0.1' IDENTIFIED BY '"+mysqlCanary+"'",
		"GRANT PROCESS, SLAVE MONITOR, BINLOG MONITOR, SHOW VIEW ON *.* TO 'xunjian'@'127.0.0.1'")
	cache.Do("ACL", "SETUSER", "xunjian", "on", ">"+redisCanary, "-@all", "+ping", "+info", "+slowlog|len", "+slowlog|get", "+client|list", "+memory|doctor")

	data := t.TempDir()
	for name, content := range map[string]string{"mysql.password": mysqlCanary, "redis.password": redisCanary} {
		if err := os.WriteFile(filepath.Join(data, name), []byte(content+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := fmt.Sprintf(`systems:
  portal: business
checks:
  schedule:
    mysql/main: {interval: 2s, timeout: 1500ms}
    redis/main: {interval: 2s, timeout: 1500ms}
  database:
    discover: false
    mysql: [{name: main, system: portal, host: 127.0.0.1, port: %d, password_file: mysql.password, log_file: %s}]
    redis: [{name: main, system: portal, host: 127.0.0.1, port: %d, user: xunjian, password_file: redis.password, log_file: %s}]
`, maria.Port, maria.Log, cache.Port, cache.Log)
	file := filepath.Join(data, "xunjian.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, data, "--config", file)
	p.ready(t)
	for _, check := range []string{"mysql/main", "redis/main"} {
		waitFor(t, time.Minute, "a good look by "+check, func() bool { return p.verdict(check) == "ok" })
	}

	maria.Kill()
	down := p.awaitIncident(t, "MySQLDown")
	if down.Code != "F00" {
		t.Errorf("MariaDB down is %s, want F00", down.Code)
	}
	p.wantEvidence(t, down.ID, "mysql.evidence.log", "ready for connections")
	maria.Start()
	p.awaitResolved(t, down.ID)

	if err := os.Chmod(cache.Dir, 0o555); err != nil {
		t.Fatal(err)
	}
	cache.Do("SET", "bid:1", "price-4711")
	cache.Do("BGSAVE")
	unsaved := p.awaitIncident(t, "RedisSaveFailing")
	if unsaved.Code != "F00" {
		t.Errorf("Redis without persistence is %s, want F00", unsaved.Code)
	}
	p.wantEvidence(t, unsaved.ID, "redis.evidence.log", "Permission denied")
	if err := os.Chmod(cache.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cache.Do("BGSAVE")
	p.awaitResolved(t, unsaved.ID)

	if err := p.stop(t); err != nil {
		t.Errorf("the agent ended with %v\n%s", err, p.output)
	}
	for _, secret := range []string{mysqlCanary, redisCanary} {
		if strings.Contains(p.output.String(), secret) {
			t.Error("a password is in the log")
		}
		out, _ := exec.Command("grep", "-rla", secret, data).Output()
		for path := range strings.FieldsSeq(string(out)) {
			if !strings.HasSuffix(path, ".password") {
				t.Errorf("a password is in %s", path)
			}
		}
	}
}

// awaitIncident waits for the incident that an alert opened.
func (p *process) awaitIncident(t *testing.T, alert string) (found incidentJSON) {
	t.Helper()
	waitFor(t, 2*time.Minute, "incident by "+alert, func() bool {
		var list struct{ Incidents []incidentJSON }
		p.get(t, "/api/v1/incidents", &list)
		for _, i := range list.Incidents {
			for _, a := range i.Alerts {
				if a.Labels["alertname"] == alert {
					found = i
					return true
				}
			}
		}
		return false
	})
	return found
}

func (p *process) awaitResolved(t *testing.T, id string) {
	t.Helper()
	waitFor(t, 2*time.Minute, "end of the incident", func() bool {
		var i incidentJSON
		p.get(t, "/api/v1/incidents/"+id, &i)
		return i.State == "resolved"
	})
}

// wantEvidence waits for the snapshot of an incident and looks for an exhibit.
func (p *process) wantEvidence(t *testing.T, id, code, text string) {
	t.Helper()
	var i incidentJSON
	waitFor(t, time.Minute, "evidence", func() bool {
		p.get(t, "/api/v1/incidents/"+id, &i)
		return len(i.Evidence) > 0
	})
	_, body, err := p.call("GET", "/api/v1/incidents/"+id+"/evidence/"+i.Evidence[0].ID, nil)
	if err != nil || !strings.Contains(string(body), code) || !strings.Contains(string(body), text) {
		t.Errorf("the evidence lacks %s with %q (%v): %s", code, text, err, body)
	}
}
