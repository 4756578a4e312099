package deploy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
)

// dashboard is what the tests look at of a Grafana dashboard.
type dashboard struct {
	UID           string
	SchemaVersion int
	ID            *int
	Panels        []dashboardPanel
	Templating    struct{ List []variable }
}

type dashboardPanel struct {
	ID                       int
	Type, Title, Description string
	Datasource               *reference
	GridPos                  struct{ H, W, X, Y int }
	Targets                  []struct {
		Datasource         *reference
		Expr, LegendFormat string
		RefID              string
		Instant            bool
	}
}

type reference struct{ Type, UID string }

type variable struct {
	Name, Type, Definition, AllValue string
	Multi, IncludeAll                bool
	Query                            any
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	b, err := os.ReadFile("grafana/xunjian.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDashboardShape: it can be imported anywhere (no data source or number
// of ours in it), panels do not cover each other, and each is titled in
// Chinese and described in English.
func TestDashboardShape(t *testing.T) {
	d := readDashboard(t)
	if d.ID != nil || d.UID == "" || d.SchemaVersion < 36 {
		t.Errorf("id %v, uid %q, schema version %d", d.ID, d.UID, d.SchemaVersion)
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("%s: its number %d is taken", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s covers %s, or stands outside", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if !strings.ContainsFunc(p.Title, func(r rune) bool { return unicode.Is(unicode.Han, r) }) && !strings.Contains(p.Title, "CPU") {
			t.Errorf("%q: the title is not Chinese", p.Title)
		}
		if p.Description == "" || strings.ContainsFunc(p.Description, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s: no English description: %q", p.Title, p.Description)
		}
		own := reference{"prometheus", "${datasource}"}
		if p.Datasource == nil || *p.Datasource != own || len(p.Targets) == 0 {
			t.Errorf("%s: no data source, or not the variable", p.Title)
		}
		refs := map[string]bool{}
		for _, q := range p.Targets {
			if q.Datasource == nil || *q.Datasource != own || refs[q.RefID] {
				t.Errorf("%s %s: data source or ref id", p.Title, q.RefID)
			}
			refs[q.RefID] = true
		}
	}
}

var selector = regexp.MustCompile(`[a-z_][A-Za-z0-9_]*\{[^}]*\}`)

// TestDashboardSelects: each selector of each query is limited to our job and
// to the machines chosen.
func TestDashboardSelects(t *testing.T) {
	for _, p := range readDashboard(t).Panels {
		for _, q := range p.Targets {
			all := selector.FindAllString(q.Expr, -1)
			if len(all) == 0 {
				t.Errorf("%s: no selector in %s", p.Title, q.Expr)
			}
			for _, s := range all {
				if !strings.Contains(s, `job="xunjian"`) || !strings.Contains(s, `instance=~"$instance"`) {
					t.Errorf("%s: %s is not limited to the machines chosen", p.Title, s)
				}
			}
		}
	}
}

// mayBeEmpty are the panels that show nothing on some machines, each with what
// stands in the agent's /metrics where they must show something.
var mayBeEmpty = map[string]*regexp.Regexp{
	// Where all is well there is nothing to list.
	"当前发现（非正常）": regexp.MustCompile(`(?m)^xunjian_finding_verdict\{.*\} [123]$`),
	// Kernels built or booted without pressure stall information.
	"资源压力（PSI）": regexp.MustCompile(`(?m)^node_pressure_`),
	// A container has an overlay for its root, which is not a disk of its own.
	"文件系统使用率":   regexp.MustCompile(`(?m)^node_filesystem_size_bytes\{`),
	"inode 使用率": regexp.MustCompile(`(?m)^node_filesystem_files\{.*\} [1-9]`),
	// Without block devices of its own, or none but those left out.
	"磁盘繁忙度": regexp.MustCompile(`(?m)^node_disk_io_time_seconds_total\{`),
	"磁盘读写":  regexp.MustCompile(`(?m)^node_disk_read_bytes_total\{`),
	// A sandbox with the loopback alone.
	"网络流量": regexp.MustCompile(`(?m)^node_network_receive_bytes_total\{device="([^l]|l[^o]|lo.)`),
	// Adjtimex is closed in some containers.
	"时钟偏差": regexp.MustCompile(`(?m)^node_timex_offset_seconds `),
}

// TestDashboardShows: against a real Prometheus that scrapes a real agent with
// an open incident, each query of the dashboard finds something.
func TestDashboardShows(t *testing.T) {
	d := readDashboard(t)
	a := startAgent(t)
	if out, err := exec.Command(agentBinary(t), "incidents", "open", "E01", "a fan is loud", "--data", a.data).CombinedOutput(); err != nil {
		t.Fatalf("open an incident: %v\n%s", err, out)
	}
	a.eventually(t, func() error {
		if !strings.Contains(a.exposition(t), `xunjian_incidents{code="E01"`) {
			return fmt.Errorf("the incident is not in /metrics")
		}
		return nil
	})
	shown := a.exposition(t)
	c := startCentral(t, a.metrics, freeAddress(t))
	fill := c.fill(t, d.Templating.List)
	titles := map[string]bool{}
	for _, p := range d.Panels {
		titles[p.Title] = true
		if must := mayBeEmpty[p.Title]; must != nil && !must.MatchString(shown) {
			t.Logf("%s is empty on this machine", p.Title)
			for _, q := range p.Targets {
				if _, err := c.query("query", fill.Replace(q.Expr)); err != nil {
					t.Errorf("%s: %s: %v", p.Title, q.Expr, err)
				}
			}
			continue
		}
		for _, q := range p.Targets {
			c.shows(t, p.Title, fill.Replace(q.Expr), q.LegendFormat, q.Instant)
		}
	}
	for title := range mayBeEmpty {
		if !titles[title] {
			t.Errorf("there is no panel %q any more that may be empty", title)
		}
	}
}

// shows asks as Grafana does, until there is an answer: a rate needs two
// scrapes.
func (c *central) shows(t *testing.T, title, expr, legend string, instant bool) {
	t.Helper()
	c.eventually(t, func() error {
		now := time.Now()
		path, window := "query_range", []string{"start", strconv.FormatInt(now.Add(-time.Minute).Unix(), 10), "end", strconv.FormatInt(now.Unix(), 10), "step", "1"}
		if instant {
			path, window = "query", nil
		}
		found, err := c.query(path, expr, window...)
		if err == nil && len(found) == 0 {
			err = fmt.Errorf("finds nothing")
		}
		if err != nil {
			return fmt.Errorf("panel %s: %s: %w", title, expr, err)
		}
		for _, m := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(legend, -1) {
			if _, ok := found[0].Metric[m[1]]; !ok {
				t.Errorf("panel %s: the legend names %s, and there is %v", title, m[1], found[0].Metric)
			}
		}
		return nil
	})
}

// fill returns what puts values in the place of the dashboard's variables.
func (c *central) fill(t *testing.T, list []variable) *strings.Replacer {
	t.Helper()
	if len(list) != 2 || list[0].Name != "datasource" || list[0].Type != "datasource" || list[0].Query != "prometheus" {
		t.Fatalf("the first variable is not the data source: %+v", list)
	}
	v := list[1]
	m := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`).FindStringSubmatch(v.Definition)
	if v.Name != "instance" || !v.Multi || !v.IncludeAll || v.AllValue != ".*" || m == nil {
		t.Fatalf("the second variable is not the machines: %+v", v)
	}
	var values []string
	c.eventually(t, func() error {
		found, err := c.query("query", m[1])
		values = nil
		for _, s := range found {
			values = append(values, s.Metric[m[2]])
		}
		if err == nil && (len(values) != 1 || values[0] != "127.0.0.1") {
			err = fmt.Errorf("the choice of machines is %v", values)
		}
		return err
	})
	return strings.NewReplacer("$instance", "("+strings.Join(values, "|")+")", "$__rate_interval", "1m")
}
