package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"xunjian/alerting/notify/channel"
)

// id tells a notice from all others, of this server and of others.
func id(m channel.Message) string {
	sum := sha256.Sum256([]byte(m.Incident.Host + "\x00" + m.Key))
	return hex.EncodeToString(sum[:16])
}

// event is a CloudEvent in its structured form.
type event struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Subject     string    `json:"subject"`
	Time        time.Time `json:"time"`
	ContentType string    `json:"datacontenttype"`
	Data        data      `json:"data"`
}

type data struct {
	Lang     string `json:"lang"`
	Subject  string `json:"subject"`
	Text     string `json:"text"`
	Facts    []fact `json:"facts"`
	Link     string `json:"link,omitempty"`
	Incident about  `json:"incident"`
	// For names the people whom it concerns, by their id in the roster: numbers
	// and addresses stay here.
	For []string `json:"for"`
}

type fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type about struct {
	ID       string            `json:"id"`
	State    string            `json:"state"`
	Key      string            `json:"key"`
	Code     string            `json:"code"`
	Scenario string            `json:"scenario,omitempty"`
	System   string            `json:"system,omitempty"`
	Host     string            `json:"host"`
	Level    string            `json:"level,omitempty"`
	Title    map[string]string `json:"title"`
	Drill    bool              `json:"drill"`
	Since    time.Time         `json:"since,omitzero"`
	Opened   time.Time         `json:"opened,omitzero"`
	Ended    time.Time         `json:"ended,omitzero"`
}

// eventType is the prefix of the types, by the kind of event in the timeline.
const eventType = "xunjian.incident."

func cloudEvent(m channel.Message) event {
	i := m.Incident
	d := data{
		Lang: m.Lang, Subject: m.Subject, Text: m.Text, Facts: []fact{}, Link: m.Link, For: []string{},
		Incident: about{
			ID: i.ID, State: i.State, Key: i.Key, Code: i.Code, Scenario: i.Scenario, System: i.System, Host: i.Host, Level: string(i.Level),
			Title: map[string]string{"zh-CN": i.Title.ZH, "en": i.Title.EN}, Drill: i.Drill, Since: i.Since, Opened: i.Opened, Ended: i.Ended,
		},
	}
	for _, f := range m.Facts {
		d.Facts = append(d.Facts, fact(f))
	}
	for _, p := range m.Concerned {
		d.For = append(d.For, p.ID)
	}
	return event{
		SpecVersion: "1.0", ID: id(m), Source: "urn:xunjian:" + strings.ReplaceAll(i.Host, " ", "-"), Type: eventType + m.Kind, Subject: i.ID,
		Time: m.At.UTC(), ContentType: "application/json", Data: d,
	}
}

// notification is what Alertmanager posts, in version 4 of its form: one alert
// for the incident, grouped by its id.
type notification struct {
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	TruncatedAlerts   int               `json:"truncatedAlerts"`
	Status            string            `json:"status"`
	Receiver          string            `json:"receiver"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	Alerts            []alert           `json:"alerts"`
}

type alert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

// severities are the words that receivers of Alertmanager's know.
var severities = map[string]string{"I": "critical", "II": "critical", "III": "warning", "IV": "warning"}

func alerts(m channel.Message, receiver string) notification {
	i := m.Incident
	status, ends := "firing", time.Time{}
	if i.Over {
		status, ends = "resolved", i.Ended.UTC()
	}
	labels := map[string]string{"alertname": "XunjianIncident", "incident": i.ID, "code": i.Code, "instance": i.Host}
	for name, value := range map[string]string{"level": string(i.Level), "severity": severities[string(i.Level)], "scenario": i.Scenario, "system": i.System} {
		if value != "" {
			labels[name] = value
		}
	}
	if i.Drill {
		labels["drill"] = "true"
	}
	var facts strings.Builder
	for _, f := range m.Facts {
		facts.WriteString("\n" + f.Name + ": " + f.Value)
	}
	annotations := map[string]string{"summary": m.Subject, "description": m.Text + facts.String(), "event": m.Kind, channel.AnnotationIncident: i.ID}
	sum := sha256.Sum256([]byte(i.Host + "\x00" + i.ID))
	return notification{
		Version: "4", GroupKey: `{}:{incident="` + i.ID + `"}`, Status: status, Receiver: receiver, GroupLabels: map[string]string{"incident": i.ID},
		CommonLabels: labels, CommonAnnotations: annotations, ExternalURL: m.Link,
		Alerts: []alert{{
			Status: status, Labels: labels, Annotations: annotations, StartsAt: starts(i).UTC(), EndsAt: ends,
			GeneratorURL: m.Link, Fingerprint: hex.EncodeToString(sum[:8]),
		}},
	}
}

func starts(i channel.Incident) time.Time {
	if i.Since.IsZero() {
		return i.Opened
	}
	return i.Since
}
