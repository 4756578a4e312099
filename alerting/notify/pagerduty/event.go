package pagerduty

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
	"unicode/utf8"

	"xunjian/alerting/notify/channel"
	"xunjian/alerting/plan"
)

// The sizes that the API takes, in characters, and our own for what has none
// there: an event is at most 512 KB in all.
const (
	maxSummary = 1024
	maxKey     = 255
	maxText    = 16_000
	maxFacts   = 40
)

// event is one of the Events API v2.
type event struct {
	RoutingKey string  `json:"routing_key"`
	Action     string  `json:"event_action"`
	DedupKey   string  `json:"dedup_key"`
	Client     string  `json:"client"`
	ClientURL  string  `json:"client_url,omitempty"`
	Payload    payload `json:"payload"`
	Links      []link  `json:"links,omitempty"`
}

type payload struct {
	Summary   string `json:"summary"`
	Source    string `json:"source"`
	Severity  string `json:"severity"`
	Timestamp string `json:"timestamp"`
	Component string `json:"component,omitempty"`
	Group     string `json:"group,omitempty"`
	Class     string `json:"class,omitempty"`
	// Details has the facts by name.
	Details map[string]string `json:"custom_details"`
}

type link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

// actionOf says what a notice does to the alert there. What is told of an
// incident that is over never opens a new one.
func actionOf(m channel.Message) string {
	switch {
	case m.Incident.Over, m.Kind == "resolved", m.Kind == "false_alarm":
		return "resolve"
	case m.Kind == "acknowledged":
		return "acknowledge"
	}
	// With the same key this is no new alert, only one more line in its log.
	return "trigger"
}

// severityOf is the API's word for a level; what has none is not announced.
func severityOf(l plan.Level) string {
	switch l {
	case plan.LevelI:
		return "critical"
	case plan.LevelII:
		return "error"
	case plan.LevelIII:
		return "warning"
	}
	return "info"
}

// dedupKey is the same for all notices of an incident, and differs from those
// of other servers.
func dedupKey(i channel.Incident) string {
	key := "xunjian/" + i.Host + "/" + i.ID
	if len(key) <= maxKey && utf8.ValidString(key) {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "xunjian/" + hex.EncodeToString(sum[:])
}

func eventOf(m channel.Message, routingKey string) event {
	i := m.Incident
	e := event{
		RoutingKey: routingKey, Action: actionOf(m), DedupKey: dedupKey(i), Client: "xunjian", ClientURL: m.Link,
		Payload: payload{
			Summary: clip(m.Subject, maxSummary), Source: clip(channel.OneLine(i.Host), maxKey), Severity: severityOf(i.Level),
			Timestamp: m.At.UTC().Format("2006-01-02T15:04:05.000Z07:00"), Component: clip(channel.OneLine(i.System), maxKey),
			Group: clip(channel.OneLine(i.Code), maxKey), Class: clip(channel.OneLine(i.Scenario), maxKey), Details: details(m),
		},
	}
	// Both are required.
	if e.Payload.Summary == "" {
		e.Payload.Summary = i.ID
	}
	if e.Payload.Source == "" {
		e.Payload.Source = "xunjian"
	}
	if m.Link != "" {
		e.Links = []link{{Href: m.Link, Text: m.LinkText}}
	}
	return e
}

// details are the text and the facts; two facts of one name both stay.
func details(m channel.Message) map[string]string {
	name := "详情"
	if m.Lang == "en" {
		name = "Details"
	}
	out := map[string]string{}
	add := func(name, value string) {
		key := name
		for n := 2; ; n++ {
			if _, taken := out[key]; !taken {
				break
			}
			key = fmt.Sprintf("%s (%d)", name, n)
		}
		out[key] = value
	}
	for _, f := range m.Facts[:min(len(m.Facts), maxFacts)] {
		add(f.Name, f.Value)
	}
	add(name, clip(m.Text, maxText))
	if !m.Incident.Since.IsZero() {
		add("since", m.Incident.Since.UTC().Format(time.RFC3339))
	}
	if m.Incident.Drill {
		add("drill", "true")
	}
	return out
}

// clip shortens to at most n characters.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	at := 0
	for i := range s {
		if at == n-1 {
			return s[:i] + "…"
		}
		at++
	}
	return s
}
