package deploy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// layRules puts the default rules where prometheus.yml looks for them.
func layRules(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob("../rules/default/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no default rules: %v", err)
	}
	for _, f := range files {
		derived(t, filepath.Join(dir, "rules/xunjian", filepath.Base(f)), f)
	}
}

// TestPrometheusFiles: promtool accepts the scrape configuration with the
// default rules beside it, as README.md says to lay them.
func TestPrometheusFiles(t *testing.T) {
	dir := t.TempDir()
	layRules(t, dir)
	conf := filepath.Join(dir, "prometheus.yml")
	derived(t, conf, "prometheus/prometheus.yml")
	said := tool(t, "promtool", "check", "config", "--lint-fatal", conf)
	if files := strings.Count(said, " rules found"); files < 2 {
		t.Errorf("promtool found rules in %d files:\n%s", files, said)
	}
}

// TestMetricsLint: promtool has nothing to say of what the agent shows, but
// that node_exporter's names are as they are.
func TestMetricsLint(t *testing.T) {
	a := startAgent(t)
	cmd := exec.Command("promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader(a.exposition(t))
	out, _ := cmd.CombinedOutput() // its status is that of the remarks
	if !strings.Contains(string(out), "node_memory_MemTotal_bytes") {
		t.Fatalf("promtool did not look: %s", out)
	}
	camel := regexp.MustCompile(`^node_\w+ metric names should be written in 'snake_case'`)
	for line := range strings.Lines(string(out)) {
		if !camel.MatchString(line) {
			t.Error(strings.TrimSpace(line))
		}
	}
}

// central is a Prometheus as the example configures it, with one agent.
type central struct {
	*daemon
	url string
}

// startCentral starts Debian's Prometheus with the shipped configuration; only
// addresses and the pace differ. The agent is found by a file of targets.
func startCentral(t *testing.T, agent, alertmanager string) *central {
	t.Helper()
	dir, address := t.TempDir(), freeAddress(t)
	layRules(t, dir)
	conf := filepath.Join(dir, "prometheus.yml")
	derived(t, conf, "prometheus/prometheus.yml",
		"scrape_interval: 15s", "scrape_interval: 1s",
		"evaluation_interval: 15s", "evaluation_interval: 1s",
		"127.0.0.1:9093", alertmanager,
		"          - bid-app-01.example.org:9720\n", "",
		"          - bid-db-01.example.org:9720\n", "",
		"      - targets:\n", "      - targets: []\n")
	writeFile(t, filepath.Join(dir, "targets/xunjian-test.json"), fmt.Sprintf(`[{"targets": [%q]}]`, agent))
	c := &central{url: "http://" + address}
	c.daemon = run(t, "prometheus", "--config.file="+conf, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address,
		// What fired before Alertmanager was found is told again at once.
		"--rules.alert.resend-delay=1s")
	c.eventually(t, func() error {
		found, err := c.query("query", `up{job="xunjian"} == 1`)
		if err == nil && len(found) != 1 {
			err = fmt.Errorf("the agent is not scraped")
		}
		return err
	})
	return c
}

// series is one element of an answer of Prometheus.
type series struct {
	Metric map[string]string
}

// query asks for an expression; path is query or query_range.
func (c *central) query(path, expr string, more ...string) ([]series, error) {
	form := url.Values{"query": {expr}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	var data struct{ Result []series }
	return data.Result, c.api(path+"?"+form.Encode(), &data)
}

// api decodes the data of an answer; what Prometheus says of a mistake is the
// error.
func (c *central) api(path string, data any) error {
	resp, err := http.Get(c.url + "/api/v1/" + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Warnings      []string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("read the answer of Prometheus (%s): %w", resp.Status, err)
	}
	if answer.Status != "success" || len(answer.Warnings) > 0 {
		return fmt.Errorf("%s %v", answer.Error, answer.Warnings)
	}
	return json.Unmarshal(answer.Data, data)
}

// TestCentralPrometheus: a central Prometheus scrapes the agent under the
// labels that the rules rely on, evaluates every default rule without an
// error, and its watchdog reaches Alertmanager.
func TestCentralPrometheus(t *testing.T) {
	a := startAgent(t)
	shown := a.exposition(t)
	am := startAlertmanager(t, freeAddress(t))
	c := startCentral(t, a.metrics, am.address)

	up, err := c.query("query", "up")
	if err != nil || len(up) != 1 || up[0].Metric["job"] != "xunjian" || up[0].Metric["instance"] != "127.0.0.1" {
		t.Errorf("up is %v, %v; want job xunjian and the bare name of the machine", up, err)
	}
	c.rulesHold(t, shown)
	c.eventually(t, func() error {
		firing, err := c.query("query", `ALERTS{alertname="Watchdog", alertstate="firing"}`)
		if err == nil && len(firing) != 1 {
			err = fmt.Errorf("the watchdog does not fire")
		}
		return err
	})
	am.eventually(t, func() error {
		var got []struct{ Receivers []struct{ Name string } }
		body, err := fetch("http://" + am.address + "/api/v2/alerts?filter=alertname%3DWatchdog")
		if err == nil {
			err = json.Unmarshal([]byte(body), &got)
		}
		if err == nil && (len(got) != 1 || len(got[0].Receivers) != 1 || got[0].Receivers[0].Name != "nobody") {
			err = fmt.Errorf("the watchdog is at Alertmanager as %s", body)
		}
		return err
	})
}

var (
	metricName = regexp.MustCompile(`\b(?:node|xunjian|process)_\w+`)
	// someHave are metrics of hardware and services that not every machine has.
	someHave = regexp.MustCompile(`^(node_(hwmon|md|edac|bonding|systemd|pressure|filesystem|disk|nf_conntrack|ntp|qdisc)_|pg_|mysql_|mysqld_|redis_|probe_|smokeping_|if[A-Z]|sys[A-Z]|ups[A-Z]|xunjian_(access|logs|mysql|path|peers|backup|certificate|database|device|integrity|log|peer|ping|port|probe|sql|syslog|traffic|ntp|tls|archive|postgres|gateway|tree)_)`)
)

// rulesHold asks for the expression of every rule: a rule that cannot be
// evaluated, or asks for what no agent shows, is a mistake, whenever its turn
// comes.
func (c *central) rulesHold(t *testing.T, shown string) {
	t.Helper()
	var data struct {
		Groups []struct {
			Rules []struct{ Name, Query, Health, LastError string }
		}
	}
	c.eventually(t, func() error {
		err := c.api("rules", &data)
		if err == nil && len(data.Groups) == 0 {
			err = fmt.Errorf("no rules are loaded")
		}
		return err
	})
	n, missing := 0, map[string]bool{}
	for _, g := range data.Groups {
		for _, r := range g.Rules {
			n++
			if _, err := c.query("query", r.Query); err != nil || r.Health == "err" {
				t.Errorf("rule %s: %v %s", r.Name, err, r.LastError)
			}
			for _, name := range metricName.FindAllString(r.Query, -1) {
				if !someHave.MatchString(name) && !strings.Contains(shown, "\n# TYPE "+name+" ") {
					missing[name] = true
				}
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d rules are loaded", n)
	}
	if got := slices.Sorted(maps.Keys(missing)); len(got) > 0 {
		t.Errorf("rules ask for %v, which the agent does not show", got)
	}
}
