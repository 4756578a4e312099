package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAlertmanagerFiles(t *testing.T) {
	said := tool(t, "amtool", "check-config", "alertmanager/alertmanager.yml")
	for _, want := range []string{"SUCCESS", "1 templates", "7 receivers", "1 inhibit rules"} {
		if !strings.Contains(said, want) {
			t.Errorf("amtool does not say %q:\n%s", want, said)
		}
	}
}

// TestRoutes: who gets what, for every code of the plan.
func TestRoutes(t *testing.T) {
	for labels, receiver := range map[string]string{
		"":                         "operations",
		"kind=watchdog":            "nobody",
		"kind=warning":             "operations",
		"kind=warning code=E01":    "operations",
		"kind=warning code=F03":    "operations",
		"kind=incident":            "operations",
		"kind=incident code=A01":   "security",
		"kind=incident code=B01":   "security",
		"kind=incident code=C01":   "security",
		"kind=incident code=D01":   "network",
		"kind=incident code=E01":   "servers",
		"kind=incident code=G01":   "servers",
		"kind=incident code=F00":   "software",
		"kind=incident code=F01":   "software",
		"kind=incident code=F02":   "software",
		"kind=incident code=F03":   "bid-opening",
		"kind=incident code=F04":   "software",
		"kind=incident code=F05":   "bid-opening",
		"kind=incident code=F06":   "bid-opening",
		"alertname=Other job=node": "operations",
	} {
		args := []string{"config", "routes", "test", "--config.file=alertmanager/alertmanager.yml", "--verify.receivers=" + receiver}
		t.Run(labels, func(t *testing.T) { tool(t, "amtool", append(args, strings.Fields(labels)...)...) })
	}
}

type alertmanager struct {
	*daemon
	address string
}

// startAlertmanager starts Debian's Alertmanager with the shipped
// configuration and templates; only the mail server and the pace differ.
func startAlertmanager(t *testing.T, mailServer string) *alertmanager {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "alertmanager.yml")
	derived(t, conf, "alertmanager/alertmanager.yml",
		"smtp_smarthost: mail.example.org:587", "smtp_smarthost: "+mailServer+"\n  smtp_require_tls: false",
		"  smtp_auth_username: xunjian@example.org\n", "",
		"  smtp_auth_password_file: /etc/prometheus/alertmanager-smtp-password\n", "",
		"group_wait: 10s", "group_wait: 1s", "group_wait: 5m", "group_wait: 0s",
		"group_interval: 2m", "group_interval: 1s", "group_interval: 30m", "group_interval: 1s")
	derived(t, filepath.Join(dir, "templates/xunjian.tmpl"), "alertmanager/templates/xunjian.tmpl")
	a := &alertmanager{address: freeAddress(t)}
	a.daemon = run(t, "prometheus-alertmanager", "--config.file="+conf, "--storage.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+a.address, "--cluster.listen-address=")
	a.eventually(t, func() error { _, err := fetch("http://" + a.address + "/-/ready"); return err })
	return a
}

type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt,omitzero"`
}

func (a *alertmanager) post(t *testing.T, list ...alert) {
	t.Helper()
	body, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post("http://"+a.address+"/api/v2/alerts", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("Alertmanager refuses alerts: %s", resp.Status)
	}
}

// waitMail waits for a message that fits.
func (a *alertmanager) waitMail(t *testing.T, m *mailbox, what string, fits func(message) bool) message {
	t.Helper()
	var found message
	a.eventually(t, func() error {
		for _, got := range m.all() {
			if fits(got) {
				found = got
				return nil
			}
		}
		return fmt.Errorf("no mail: %s; there are %+v", what, m.all())
	})
	return found
}

// TestMail: what people read when an incident's alert fires and ends. Text of
// an alert is text, whatever stands in it.
func TestMail(t *testing.T) {
	box := startMailbox(t)
	am := startAlertmanager(t, box.address)
	// Begun now: Alertmanager does not wait for the rest of a group once the
	// first alert is older than group_wait.
	begun := time.Now().Truncate(time.Second)
	full := alert{
		Labels: map[string]string{"alertname": "HostFilesystemFull", "instance": "bid-db-01", "code": "E01", "kind": "incident", "mountpoint": "/srv"},
		Annotations: map[string]string{
			"summary": "/srv is full, 1% left", "summary_zh": "/srv 已写满，剩余 1%",
			"description": "No more than 2% of /srv <b>(vdb)</b> is available.", "description_zh": "/srv（vdb）可用空间不超过 2%。",
		},
		StartsAt: begun,
	}
	second := full
	second.Labels = map[string]string{"alertname": "HostInodesExhausted", "instance": "bid-db-01", "code": "E01", "kind": "incident", "mountpoint": "/srv"}
	warning := alert{
		Labels:      map[string]string{"alertname": "HostFilesystemSpaceLow", "instance": "bid-db-01", "code": "E01", "kind": "warning"},
		Annotations: map[string]string{"summary": "a warning of the same part", "summary_zh": "同一部分的预警"}, StartsAt: begun,
	}
	am.post(t, full, second)
	got := am.waitMail(t, box, "of the incident", func(m message) bool { return strings.Contains(m.subject, "【告警】") })
	if want := "【告警】E01 bid-db-01：/srv 已写满，剩余 1% / /srv is full, 1% left（共 2 条 / 2 alerts）"; got.subject != want {
		t.Errorf("the subject is\n%q, want\n%q", got.subject, want)
	}
	if fmt.Sprint(got.to) != "[servers@example.org]" || got.from != "xunjian@example.org" {
		t.Errorf("it went from %s to %v", got.from, got.to)
	}
	for _, want := range []string{"告警中 Firing  HostFilesystemFull  bid-db-01  E01", "/srv（vdb）可用空间不超过 2%。", "/srv <b>(vdb)</b> is available", "起始 Since " + begun.Local().Format("2006-01-02 15:04:05 -07:00")} {
		if !strings.Contains(got.text, want) {
			t.Errorf("the text lacks %q:\n%s", want, got.text)
		}
	}
	if !strings.Contains(got.html, "/srv &lt;b&gt;(vdb)&lt;/b&gt; is available") || strings.Contains(got.html, "<b>(vdb)") || !strings.Contains(got.html, "告警中<br>Firing") {
		t.Errorf("the page is\n%s", got.html)
	}

	am.post(t, warning)
	am.eventually(t, func() error {
		body, err := fetch("http://" + am.address + "/api/v2/alerts?inhibited=true&active=false&silenced=false&filter=kind%3Dwarning")
		if err == nil && !strings.Contains(body, "HostFilesystemSpaceLow") {
			err = fmt.Errorf("the warning is not held back by the incident: %s", body)
		}
		return err
	})
	ended := time.Now().Truncate(time.Second)
	full.EndsAt, second.EndsAt = ended, ended
	am.post(t, full, second)
	got = am.waitMail(t, box, "of the end", func(m message) bool { return strings.Contains(m.subject, "【恢复】") })
	if fmt.Sprint(got.to) != "[servers@example.org]" || !strings.Contains(got.text, "已恢复 Ended") || !strings.Contains(got.html, "已恢复<br>Ended") ||
		!strings.Contains(got.text, "，结束 until "+full.EndsAt.Local().Format("2006-01-02 15:04:05 -07:00")) {
		t.Errorf("the end reads\n%s\n%s", got.text, got.html)
	}
	// The warning was held back by the incident, and comes once that is over.
	am.waitMail(t, box, "of the warning", func(m message) bool { return strings.Contains(m.text, "同一部分的预警") })
	for _, m := range box.all() {
		if strings.Contains(m.text, "同一部分的预警") && m.number < got.number {
			t.Error("the warning came while the incident was on")
		}
	}
}

// TestMailToTwo: an incident of a bid opening goes to both at once, and an
// alert without any annotation still makes a message.
func TestMailToTwo(t *testing.T) {
	box := startMailbox(t)
	am := startAlertmanager(t, box.address)
	am.post(t, alert{Labels: map[string]string{"alertname": "Own", "instance": "bid-app-01", "code": "F03", "kind": "incident"}, StartsAt: time.Now()})
	got := am.waitMail(t, box, "of the opening", func(message) bool { return true })
	if fmt.Sprint(got.to) != "[bid-opening@example.org software@example.org]" || !strings.HasPrefix(got.subject, "【告警】F03 bid-app-01") || !strings.Contains(got.text, "Own  bid-app-01  F03") {
		t.Errorf("got %+v", got)
	}
}
