package inbound_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"xunjian/alerting/incident"
)

func sample(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const key = "key-of-a-test"

// What each system posts opens an incident by the map, and its end ends it.
func TestForms(t *testing.T) {
	for _, c := range []struct {
		form, match string
		end         func(string) string
		title, text string
		since       time.Time
		labels      map[string]string
	}{
		{
			form: "zabbix", match: `["host=bid-db-1", "severity=High"]`,
			end:   func(s string) string { return strings.Replace(s, `"event_value":"1"`, `"event_value":"0"`, 1) },
			title: "/data: Disk space is critically low (used > 90%)", text: "Space used: 95.2 GB of 100 GB", since: time.Date(2026, 3, 2, 7, 58, 0, 0, time.UTC),
			labels: map[string]string{"component": "storage", "scope": "availability,capacity", "host": "bid-db-1", "ip": "192.0.2.11", "trigger": "23987", "severity": "High"},
		},
		{
			form: "grafana", match: `['zone="us-1"', 'alertname=~"High.*"']`,
			end:   func(s string) string { return strings.Replace(s, `{"status":"firing"`, `{"status":"resolved"`, 1) },
			title: "High memory usage", text: "Memory of zone us-1", since: time.Date(2026, 3, 2, 7, 51, 3, 0, time.UTC),
			labels: map[string]string{"alertname": "High memory usage", "zone": "us-1", "severity": "critical", "grafana_folder": "bids"},
		},
		{
			form: "nightingale", match: `["ident=bid-web-1"]`,
			end:   func(s string) string { return strings.Replace(s, `"is_recovered":false`, `"is_recovered":true`, 1) },
			title: "磁盘使用率超过 90%", text: "清理日志", since: time.Date(2026, 3, 2, 7, 56, 0, 0, time.UTC),
			labels: map[string]string{"path": "/data", "severity": "1", "group": "交易平台", "rule": "118"},
		},
	} {
		t.Run(c.form, func(t *testing.T) {
			clock := &clock{now: t0}
			r := enter(t, clock.Now, fmt.Sprintf(`
webhooks: [{name: other, form: %s, zone: Asia/Shanghai, secret_file: %s, signature: {header: X-Test-Signature, prefix: "v1="}}]
map:
- {match: %s, set: {code: E01, resolve: auto, level: II, system: bidding}}
`, c.form, file(t, key), c.match))
			body := sample(t, c.form+".json")
			send := func(body string) { r.post("/webhook/other", body, "X-Test-Signature", "v1="+sign(key, body)) }
			send(body)
			a, i := r.alert(), r.only()
			is(t, "title", i.Title.ZH, c.title)
			is(t, "text", a.Annotations["description"], c.text)
			is(t, "since", i.OutageSince.UTC().Truncate(time.Second), c.since)
			is(t, "code, level, system", []string{i.Code, string(i.Level), i.System}, []string{"E01", "II", "bidding"})
			for name, want := range c.labels {
				is(t, "label "+name, a.Labels[name], want)
			}
			_, events, err := r.desk.Get(t.Context(), i.ID)
			if err != nil || events[0].Actor.Via != "webhook/other" {
				t.Errorf("%v, via %q", err, events[0].Actor.Via)
			}
			// Nobody says it again: it goes on all the same, over a restart too.
			clock.add(10 * 24 * time.Hour)
			r.restart()
			if err := r.in.Expire(t.Context()); err != nil {
				t.Fatal(err)
			}
			is(t, "status", string(r.alert().Status), "firing")
			send(c.end(body))
			is(t, "state", r.only().State, incident.Done)
			r.sound()
		})
	}
}

// A batch of events as Nightingale's webhook for all events posts it.
func TestBodyIsAList(t *testing.T) {
	r := enter(t, (&clock{now: t0}).Now, "webhooks: [{name: n9e, form: nightingale, username: n9e, password_file: "+file(t, "password-of-a-test")+"}]")
	one := sample(t, "nightingale.json")
	req := "[" + one + "," + strings.ReplaceAll(one, "1b7ee7f1", "2b7ee7f1") + "]"
	r.refuses(401, "not allowed", "POST", "/webhook/n9e", req)
	r.refuses(401, "not allowed", "POST", "/webhook/n9e", req, "Authorization", "Basic bjllOndyb25n") // n9e:wrong
	r.post("/webhook/n9e", req, "Authorization", "Basic bjllOnBhc3N3b3JkLW9mLWEtdGVzdA==")
	is(t, "alerts", len(r.desk.Alerts()), 2)
	is(t, "incidents", len(r.incidents()), 0)
	is(t, "counts", fmt.Sprint(r.in.Counts()["webhook/n9e"]), "{2 2 0 2 0 0}")
}

// An own form, by paths and templates, with a token in a header of its own.
func TestOwnFields(t *testing.T) {
	r := enter(t, (&clock{now: t0}).Now, `
webhooks:
- name: own
  token_file: `+file(t, "token-of-a-test")+`
  signature: {header: X-Token}
  list: data.events
  fields:
    key: '{{.id}}/{{$body.site}}'
    status: state
    title: '{{.missing}}{{first .name (get $body "data.title") "?" | upper}}'
    code: '["plan code"] | $.code'
    level: grade
    since: at
    labels: tags
    label: {where: 'host["n.a.m.e"] | hosts[1]', site: $.site}
  status_values: {firing: ["1", "true"], ended: ["0", "false"]}
  level_values: {I: [worst], IV: [mild]}
`)
	body := `{"site":"north","code":"E01","data":{"title":"t","events":[
		{"id":12345678901234567890,"state":true,"name":"cpu","grade":"WORST","at":1772438280000,"tags":["a=1","b=2"],"hosts":["x","y"]},
		{"id":2,"state":1,"plan code":"F02","grade":"odd","at":"never","tags":null,"host":{"n.a.m.e":"z"}}]}}`
	r.refuses(401, "X-Token", "POST", "/webhook/own", body, "X-Token", "token-of-a-tes")
	r.refuses(401, "X-Token", "POST", "/webhook/own", body)
	r.post("/webhook/own", body, "X-Token", "token-of-a-test")
	var got []string
	for _, i := range r.incidents() {
		got = append(got, fmt.Sprintf("%s %s %s %s", i.Code, i.Level, i.Title.EN, i.OutageSince.UTC().Format(time.DateTime)))
	}
	is(t, "incidents", got, []string{"F02 IV T 2026-03-02 08:00:00", "E01 I CPU 2026-03-02 07:58:00"})
	for _, a := range r.desk.Alerts() {
		if a.Labels["code"] == "E01" {
			is(t, "labels", a.Labels, map[string]string{"alertname": "CPU", "a": "1", "b": "2", "where": "y", "site": "north", "code": "E01", "kind": "incident", "level": "I"})
		} else {
			is(t, "labels", a.Labels, map[string]string{"alertname": "T", "where": "z", "site": "north", "code": "F02", "kind": "incident", "severity": "odd"})
		}
	}
	// Long numbers are names.
	r.post("/webhook/own", `{"data":{"events":[{"id":12345678901234567892,"state":1},{"id":12345678901234567893,"state":1}]}}`, "X-Token", "token-of-a-test")
	is(t, "alerts", len(r.desk.Alerts()), 4)
	for body, says := range map[string]string{
		`{"data":{}}`:                                    "data.events: no alerts there",
		`{"data":{"events":{"a":1}}}`:                    "data.events: no list",
		`{"data":{"events":[7]}}`:                        `"alert":0`,
		`{"data":{"events":[{"id":1,"state":"maybe"}]}}`: `unknown value \"maybe\"; allowed: 1, true, 0, false`,
		`{"data":{"events":[{"id":1,"state":1},{"id":2,"state":1,"tags":"{"}]}}`: `"alert":1,"field":"labels"`,
		`{"data":{"events":[{"id":1,"state":1,"tags":[[]]}]}}`:                   "neither name=value",
		`{} {}`: "more than one JSON document",
		`{`:     "not JSON",
		``:      "not JSON",
	} {
		r.refuses(400, says, "POST", "/webhook/own", body, "X-Token", "token-of-a-test")
	}
	r.refuses(404, "no webhook has this name", "POST", "/webhook/none", body)
}

// Who cannot sign, signs late, or says it twice.
func TestSignatures(t *testing.T) {
	clock := &clock{now: t0}
	secret := file(t, key+"\n")
	r := enter(t, clock.Now, fmt.Sprintf(`
webhooks:
- {name: dated, form: grafana, secret_file: %[1]s, signature: {timestamp_header: X-Time, window: 5m}}
- {name: undated, form: grafana, secret_file: %[1]s}
- {name: dated2, form: grafana, secret_file: %[1]s, signature: {timestamp_header: X-Time, window: 5m}}
`, secret))
	const header = "X-Grafana-Alerting-Signature"
	alert := func(status string) string {
		return `{"alerts":[{"status":"` + status + `","fingerprint":"f","labels":{"alertname":"A","code":"E01"}}]}`
	}
	at := func(d time.Duration) string { return stamp(t0.Add(d)) }
	body := alert("firing")
	for _, c := range []struct{ what, says, time, signature string }{
		{"no signature", "is missing", at(0), ""},
		{"another key", "is not that of this body", at(0), sign("wrong", at(0)+":"+body)},
		{"another body", "is not that of this body", at(0), sign(key, at(0)+":"+body+" ")},
		{"no hex", "is not that of this body", at(0), "zz"},
		{"a part of it", "is not that of this body", at(0), sign(key, at(0)+":"+body)[:32]},
		{"another time", "is not that of this body", at(time.Second), sign(key, at(0)+":"+body)},
		{"without the time", "is not that of this body", at(0), sign(key, body)},
		{"no time", "does not hold the time", "", sign(key, ":"+body)},
		{"negative time", "does not hold the time", "-5", sign(key, "-5:"+body)},
		{"too old", "signed at another time: 5m1s off", at(-301 * time.Second), sign(key, at(-301*time.Second)+":"+body)},
		{"from the future", "signed at another time: -5m1s off", at(301 * time.Second), sign(key, at(301*time.Second)+":"+body)},
	} {
		t.Run(c.what, func(t *testing.T) {
			r.refuses(401, c.says, "POST", "/webhook/dated", body, "X-Time", c.time, header, c.signature)
		})
	}
	send := func(d time.Duration, status string, to string) answer {
		body := alert(status)
		return r.send("POST", "/webhook/"+to, body, "X-Time", at(d), header, sign(key, at(d)+":"+body))
	}
	is(t, "signed", send(0, "firing", "dated"), answer{200, `{"status":"ok","alerts":1}`})
	is(t, "ended", send(time.Second, "resolved", "dated"), answer{200, `{"status":"ok","alerts":1}`})
	// Said again by somebody who listened: it does not open another incident.
	clock.add(4 * time.Minute)
	is(t, "replayed", send(0, "firing", "dated"), answer{200, `{"status":"ok","alerts":1,"replayed":true}`})
	body = alert("firing")
	upper := r.send("POST", "/webhook/dated", body, "X-Time", at(0), header, strings.ToUpper(sign(key, at(0)+":"+body)))
	is(t, "replayed in upper case", upper, answer{200, `{"status":"ok","alerts":1,"replayed":true}`})
	is(t, "alerts", len(r.desk.Alerts()), 0)
	is(t, "incidents", len(r.incidents()), 1)
	is(t, "replays", r.in.Counts()["webhook/dated"].Replayed, uint64(2))
	// Another webhook of the same key has its own memory.
	is(t, "at another webhook", send(0, "firing", "dated2"), answer{200, `{"status":"ok","alerts":1}`})

	// A commit that failed is no reason to refuse the next attempt.
	r.failing.err = errDisk
	is(t, "failed", send(2*time.Second, "resolved", "dated2").Status, 503)
	r.failing.err = nil
	is(t, "tried again", send(2*time.Second, "resolved", "dated2"), answer{200, `{"status":"ok","alerts":1}`})

	// Without a time a signature is remembered for the window alone.
	undated := func() answer { return r.send("POST", "/webhook/undated", body, header, sign(key, body)) }
	is(t, "first", undated(), answer{200, `{"status":"ok","alerts":1}`})
	clock.add(4 * time.Minute)
	is(t, "within the window", undated(), answer{200, `{"status":"ok","alerts":1,"replayed":true}`})
	clock.add(2 * time.Minute)
	is(t, "after the window", undated(), answer{200, `{"status":"ok","alerts":1}`})
	// A dated one is too old by the time it is forgotten.
	r.refuses(401, "signed at another time", "POST", "/webhook/dated", body, "X-Time", at(0), header, sign(key, at(0)+":"+body))

	// The secret is read again for each request.
	if err := os.WriteFile(secret, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.refuses(401, "is not that of this body", "POST", "/webhook/undated", body, header, sign(key, body))
	if strings.Contains(r.log.String(), key) {
		t.Error("the log shows the secret")
	}
}
