package api

import (
	_ "embed"
	"net/http"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/rules"
)

// Status is the running agent at a glance.
type Status struct {
	Version       string  `json:"version"`
	Host          string  `json:"host"`
	Now           Moment  `json:"now"`
	Started       Moment  `json:"started"`
	UptimeSeconds float64 `json:"uptime_seconds"`
	Zone          string  `json:"zone"`
	Console       string  `json:"console"`
	Metrics       string  `json:"metrics"`
	DataDir       string  `json:"data_dir"`
	You           You     `json:"you"`

	Config    ConfigStatus   `json:"config"`
	Plan      PlanStatus     `json:"plan"`
	Checks    CheckStatus    `json:"checks"`
	Alerts    AlertStatus    `json:"alerts"`
	Rules     RulesStatus    `json:"rules"`
	Incidents IncidentStatus `json:"incidents"`
	Series    SeriesStatus   `json:"series"`
}

// You is who asked.
type You struct {
	Name string `json:"name"`
	Role string `json:"role"`
	Via  string `json:"via"`
}

// ConfigStatus is the configuration in force.
type ConfigStatus struct {
	File   string `json:"file"` // empty: defaults
	Loaded Moment `json:"loaded"`
	// Error is why a later configuration was refused; the old one holds.
	Error string `json:"error,omitempty"`
}

// PlanStatus is the plan in force.
type PlanStatus struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

// CheckStatus counts the checks by verdict.
type CheckStatus struct {
	Worst  string         `json:"worst"`
	Counts map[string]int `json:"counts"`
}

// AlertStatus counts the alerts by state.
type AlertStatus struct {
	Pending int `json:"pending"`
	Firing  int `json:"firing"`
	Lost    int `json:"lost"`
}

// RulesStatus counts the rules.
type RulesStatus struct {
	Total   int `json:"total"`
	Failing int `json:"failing"`
	// Blind rules select a metric that has no series here.
	Blind int `json:"blind"`
}

// IncidentStatus counts the incidents that have not ended.
type IncidentStatus struct {
	Open         int `json:"open"`
	Acknowledged int `json:"acknowledged"`
}

// SeriesStatus is the metrics database.
type SeriesStatus struct {
	Series      int    `json:"series"`
	Appended    uint64 `json:"appended"`
	Dropped     uint64 `json:"dropped"`
	InMemory    int    `json:"in_memory"` // samples that wait for the disk
	WriteErrors uint64 `json:"write_errors"`
	DiskBytes   int64  `json:"disk_bytes"`
}

func (s *server) status(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	incidents, err := s.countIncidents(c)
	if err != nil {
		return nil, err
	}
	a, p, list := s.About(), s.Desk.Plan(), s.checkList(c)
	return Status{
		Version: a.Version, Host: a.Host, Now: c.moment(c.now), Started: c.moment(a.Started),
		UptimeSeconds: c.now.Sub(a.Started).Seconds(), Zone: s.Zone.String(),
		Console: a.Console, Metrics: a.Metrics, DataDir: a.DataDir,
		You:    You{c.who.Name, string(c.who.Role), c.who.Via},
		Config: ConfigStatus{a.ConfigFile, c.moment(a.ConfigLoaded), a.ConfigError},
		Plan:   PlanStatus{p.ID, p.Version},
		Checks: CheckStatus{list.Worst, list.Counts},
		Alerts: countAlerts(s.Rules.Alerts()), Rules: countRules(s.Rules.Rules()),
		Incidents: incidents, Series: seriesStatus(s.Rules.Stats()),
	}, nil
}

// countIncidents counts those that have not ended, page by page.
func (s *server) countIncidents(c *call) (IncidentStatus, error) {
	var out IncidentStatus
	q := alerting.Query{States: []incident.State{incident.Open, incident.Acked}, Limit: 1000}
	for {
		list, err := s.Desk.Find(c.Context(), q)
		if err != nil {
			return out, err
		}
		for _, i := range list {
			if i.State == incident.Open {
				out.Open++
			} else {
				out.Acknowledged++
			}
		}
		if len(list) < q.Limit {
			return out, nil
		}
		q.Offset += len(list)
	}
}

func countAlerts(list []rules.Alert) AlertStatus {
	var out AlertStatus
	for _, a := range list {
		switch a.State {
		case rules.Pending:
			out.Pending++
		case rules.Firing:
			out.Firing++
		case rules.Lost:
			out.Lost++
		}
	}
	return out
}

func countRules(list []rules.RuleStatus) RulesStatus {
	out := RulesStatus{Total: len(list)}
	for _, r := range list {
		if r.Health == "err" {
			out.Failing++
		}
		if len(r.Blind) > 0 {
			out.Blind++
		}
	}
	return out
}

func seriesStatus(st rules.Stats) SeriesStatus {
	return SeriesStatus{
		Series: st.Series, Appended: st.Appended, Dropped: st.Dropped,
		InMemory: st.InMemory, WriteErrors: st.WriteErrors, DiskBytes: st.DiskBytes,
	}
}

func (s *server) reload(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	if err := s.Reload(c.Context()); err != nil {
		return nil, badField(http.StatusUnprocessableEntity, "", "config_refused", "why", err.Error())
	}
	return done{}, nil
}

//go:embed openapi.yaml
var openAPI []byte

func (s *server) openAPI(*call) (any, error) {
	return raw{kind: "application/yaml", body: openAPI}, nil
}
