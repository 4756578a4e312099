package amsink

import (
	"maps"
	"strings"
	"time"
	"unicode/utf8"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/plan"
)

// The sizes of texts, in bytes: Alertmanager sets none, its receivers do.
const (
	maxLabel = 1000
	maxText  = 16_000
)

// alert is a postable one of the API v2.
type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	// EndsAt is zero while the incident goes on: Alertmanager then counts its
	// resolve_timeout anew from each time it is sent.
	EndsAt       time.Time `json:"endsAt,omitzero"`
	GeneratorURL string    `json:"generatorURL,omitempty"`
}

// severityOf is the word that receivers of Alertmanager's know for a level.
func severityOf(l plan.Level) string {
	switch l {
	case plan.LevelI, plan.LevelII:
		return "critical"
	case plan.LevelIII, plan.LevelIV:
		return "warning"
	}
	return "info"
}

// alertOf is the incident as m tells of it. m is in lines already.
func alertOf(m channel.Message) alert {
	i := m.Incident
	labels := map[string]string{"severity": severityOf(i.Level), "alertname": "XunjianIncident"}
	for name, value := range map[string]string{
		"alertname": i.Code, "incident": i.ID, "code": i.Code, "level": string(i.Level), "system": i.System, "scenario": i.Scenario, "instance": i.Host,
	} {
		// An empty label is none.
		if value = clip(channel.OneLine(value), maxLabel); value != "" {
			labels[name] = value
		}
	}
	if i.Drill {
		labels["drill"] = "true"
	}
	var text strings.Builder
	text.WriteString(m.Text)
	for _, f := range m.Facts {
		text.WriteString("\n" + f.Name + ": " + f.Value)
	}
	starts := i.Since
	if starts.IsZero() {
		starts = i.Opened
	}
	a := alert{
		Labels: labels, Annotations: map[string]string{"summary": clip(m.Subject, maxLabel), "description": clip(text.String(), maxText), "event": m.Kind, channel.AnnotationIncident: i.ID},
		StartsAt: starts.UTC(), GeneratorURL: m.Link,
	}
	if i.Over {
		ends := i.Ended
		if ends.IsZero() {
			ends = m.At
		}
		a = a.ended(ends)
	}
	return a
}

// ended is the alert with its end, which is never before its beginning: that
// is refused.
func (a alert) ended(at time.Time) alert {
	if at = at.UTC(); at.Before(a.StartsAt) {
		at = a.StartsAt
	}
	a.EndsAt = at
	return a
}

// same says that Alertmanager takes both for one alert: it knows them by their
// labels.
func (a alert) same(b alert) bool { return maps.Equal(a.Labels, b.Labels) }

// clip shortens to at most n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n -= len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
