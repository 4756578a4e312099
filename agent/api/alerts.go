package api

import (
	"math"
	"net/http"
	"time"

	"xunjian/alerting"
	"xunjian/rules"
)

// AlertList is every alert that is pending, firing or lost.
type AlertList struct {
	Alerts []Alert `json:"alerts"`
}

// Alert is one alert as the rules have it now.
type Alert struct {
	Key   string `json:"key"`
	Rule  string `json:"rule"`
	Group string `json:"group"`
	Kind  string `json:"kind"` // warning, incident, watchdog; empty if the rule has none
	Code  string `json:"code"` // of the plan; empty if the rule has none
	// Summary is the annotation for people, in the language asked for.
	Summary     string            `json:"summary"`
	State       string            `json:"state"`
	Value       float64           `json:"value"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	// Checks are those whose series the alert stands on.
	Checks    []string `json:"checks"`
	ActiveAt  Moment   `json:"active_at"`
	FiredAt   Moment   `json:"fired_at,omitzero"`
	ChangedAt Moment   `json:"changed_at"`
	Incident  string   `json:"incident,omitempty"`
}

// AlertLog is the past of the alerts.
type AlertLog struct {
	From   Moment      `json:"from"`
	To     Moment      `json:"to"`
	Alerts []PastAlert `json:"alerts"` // newest change first
}

// PastAlert is one alert's life as it is kept.
type PastAlert struct {
	Key         string            `json:"key"`
	Rule        string            `json:"rule"`
	Summary     string            `json:"summary"`
	Status      string            `json:"status"`
	Value       float64           `json:"value"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Since       Moment            `json:"since"`
	FiredAt     Moment            `json:"fired_at"`
	ChangedAt   Moment            `json:"changed_at"`
	EndedAt     Moment            `json:"ended_at,omitzero"`
	Incident    string            `json:"incident,omitempty"`
}

func (s *server) listAlerts(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	incidents := s.incidentsByAlert()
	out := AlertList{Alerts: []Alert{}}
	for _, a := range s.Rules.Alerts() {
		out.Alerts = append(out.Alerts, c.alert(a, incidents[a.Key]))
	}
	return out, nil
}

// incidentsByAlert says which incident an alert belongs to.
func (s *server) incidentsByAlert() map[string]string {
	out := map[string]string{}
	for _, a := range s.Desk.Alerts() {
		out[a.Key] = a.Incident
	}
	return out
}

func (c *call) alert(a rules.Alert, incident string) Alert {
	return Alert{
		Key: a.Key, Rule: a.Rule, Group: a.Group,
		Kind: a.Labels[rules.LabelKind], Code: a.Labels[rules.LabelCode],
		Summary: summary(c.say.Lang(), a.Rule, a.Annotations), State: string(a.State), Value: bounded(a.Value),
		Labels: labelSet(a.Labels), Annotations: labelSet(a.Annotations), Checks: words(a.Sources),
		ActiveAt: c.moment(a.ActiveAt), FiredAt: c.moment(a.FiredAt), ChangedAt: c.moment(a.ChangedAt),
		Incident: incident,
	}
}

// summary is what a rule says to people in their language, or its name.
func summary(lang, rule string, annotations map[string]string) string {
	if s := annotations["summary_zh"]; s != "" && lang != "en" {
		return s
	}
	if s := annotations["summary"]; s != "" {
		return s
	}
	return rule
}

func (s *server) alertLog(c *call) (any, error) {
	p := c.params()
	from, to := p.time("from"), p.time("to")
	limit := p.number("limit", 100, 1, 1000)
	if err := p.close(); err != nil {
		return nil, err
	}
	if to.IsZero() {
		to = c.now.Add(time.Millisecond)
	}
	if from.IsZero() {
		from = to.AddDate(0, 0, -7)
	}
	if !from.Before(to) {
		return nil, badField(http.StatusBadRequest, "from", "bad_range")
	}
	list, err := s.Desk.AlertLog(c.Context(), from, to, limit)
	if err != nil {
		return nil, err
	}
	out := AlertLog{From: c.moment(from), To: c.moment(to), Alerts: []PastAlert{}}
	for _, a := range list {
		out.Alerts = append(out.Alerts, c.pastAlert(a))
	}
	return out, nil
}

func (c *call) pastAlert(a alerting.AlertRecord) PastAlert {
	return PastAlert{
		Key: a.Key, Rule: a.Rule, Summary: summary(c.say.Lang(), a.Rule, a.Annotations),
		Status: string(a.Status), Value: bounded(a.Value),
		Labels: labelSet(a.Labels), Annotations: labelSet(a.Annotations),
		Since: c.moment(a.Since), FiredAt: c.moment(a.FiredAt), ChangedAt: c.moment(a.ChangedAt),
		EndedAt: c.moment(a.EndedAt), Incident: a.Incident,
	}
}

// bounded makes a number one that JSON has: 0 for NaN, the greatest for the
// infinite.
func bounded(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return max(-math.MaxFloat64, min(math.MaxFloat64, v))
}

// finite bounds the numbers among a finding's arguments.
func finite(args map[string]any) map[string]any {
	out := make(map[string]any, len(args))
	for k, v := range args {
		if f, ok := v.(float64); ok {
			v = bounded(f)
		}
		out[k] = v
	}
	return out
}
