package inbound_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"xunjian/agent/inbound"
	"xunjian/alerting"
	"xunjian/alerting/incident"
)

var never time.Time

// own is an alert of the agent's own rules.
func own(status alerting.Status, at time.Time) alerting.Signal {
	return alerting.Signal{
		Key: "3f0a", Rule: "DiskFull", Via: "rules", Status: status, Since: at, At: at,
		Labels:      map[string]string{"alertname": "DiskFull", "code": "E01", "kind": "incident", "resolve": "auto", "incident": "disk"},
		Annotations: map[string]string{"summary": "Disk is full"},
	}
}

// Whatever an alert from outside carries, it neither joins nor ends what the
// agent's own rules say, nor takes their names.
func TestForgedKeys(t *testing.T) {
	clock := &clock{now: t0}
	r := enter(t, clock.Now, `
webhooks: [{name: w, token_file: `+file(t, "token-of-a-test")+`, fields: {key: key, status: status, title: title, labels: labels}, status_values: {firing: [firing], ended: [ended]}}]`)
	if err := r.desk.Signals(t.Context(), []alerting.Signal{own(alerting.Firing, t0)}); err != nil {
		t.Fatal(err)
	}
	mine := r.only()
	labels := []string{"alertname", "DiskFull", "code", "E01", "kind", "incident", "resolve", "auto", "incident", "disk", "key", "3f0a", "Key", "3f0a"}
	hook := func(status string) {
		r.post("/webhook/w", `{"key":"3f0a","status":"`+status+`","title":"DiskFull","labels":{"alertname":"DiskFull","code":"E01","incident":"disk","resolve":"auto","__key__":"3f0a"}}`, "Authorization", "Bearer token-of-a-test")
	}
	// Ends of what was never heard of from there say nothing.
	r.post("/api/v2/alerts", api(t0.Add(-time.Hour), t0.Add(-time.Minute), labels...))
	hook("ended")
	is(t, "own alert", r.alert().Status, alerting.Firing)
	is(t, "own incident", r.only(), mine)

	r.post("/api/v2/alerts", api(t0, never, labels...))
	hook("firing")
	for _, key := range []string{"../../3f0a", "3f0a", "ext/alertmanager/x"} {
		r.post("/webhook/w", `{"key":"`+key+`","status":"firing","title":"rules/DiskFull"}`, "Authorization", "Bearer token-of-a-test")
	}
	is(t, "incidents", len(r.incidents()), 3)
	var outside int
	for _, a := range r.desk.Alerts() {
		switch {
		case a.Key == "3f0a":
			is(t, "rule", a.Rule, "DiskFull")
			is(t, "incident", a.Incident, mine.ID)
		case inbound.Owns(a.Key):
			outside++
			if a.Incident == mine.ID || !strings.HasPrefix(a.Rule, "alertmanager/") && !strings.HasPrefix(a.Rule, "webhook/w/") {
				t.Errorf("alert %s of rule %s and incident %s", a.Key, a.Rule, a.Incident)
			}
		default:
			t.Errorf("alert %s", a.Key)
		}
	}
	is(t, "alerts from outside", outside, 4)
	hook("ended")
	r.post("/api/v2/alerts", api(t0, t0, labels...))
	for _, i := range r.incidents() {
		want := incident.Done
		if i.ID == mine.ID {
			want = incident.Open
		}
		is(t, "state of "+i.Key, i.State, want)
	}
	// And the agent's own end does not end theirs.
	r.post("/api/v2/alerts", api(t0, never, labels...))
	if err := r.desk.Signals(t.Context(), []alerting.Signal{own(alerting.Ended, t0)}); err != nil {
		t.Fatal(err)
	}
	for _, i := range r.incidents() {
		is(t, "ended: "+i.Key, i.Ended(), i.ID == mine.ID || strings.Contains(i.Key, "webhook/w"))
	}
	r.sound()
}

// Labels that the plan does not know mean nothing; those it knows do.
func TestMeaning(t *testing.T) {
	for _, c := range []struct {
		what   string
		labels []string
		yaml   string
		code   string // of the incident; empty: none
		want   map[string]string
	}{
		{"code of the plan", []string{"code", "E01"}, "", "E01", map[string]string{"code": "E01", "kind": "incident"}},
		{"a warning of a code", []string{"code", "E01", "kind", "warning"}, "", "", map[string]string{"code": "E01", "kind": "warning"}},
		{"unknown code", []string{"code", "X99"}, "", "", map[string]string{"exported_code": "X99", "kind": "warning"}},
		{"unknown code, taken name", []string{"code", "X99", "exported_code", "y"}, "", "", map[string]string{"exported_exported_code": "X99", "exported_code": "y", "kind": "warning"}},
		{"unknown words", []string{"code", "E01", "kind", "party", "resolve", "now", "level", "0", "scenario", "none"}, "", "E01",
			map[string]string{"code": "E01", "kind": "incident", "exported_kind": "party", "exported_resolve": "now", "exported_level": "0", "exported_scenario": "none"}},
		{"kind alone", []string{"kind", "incident"}, "", "", map[string]string{"kind": "warning"}},
		{"level", []string{"code", "E01", "level", "I"}, "", "E01", map[string]string{"code": "E01", "level": "I", "kind": "incident"}},
		{"grouped", []string{"code", "E01", "incident", "x"}, "", "E01", map[string]string{"code": "E01", "kind": "incident", "incident": "ext/alertmanager/x"}},
		{"first line wins", []string{"a", "1"}, `map: [{match: ['a="2"'], set: {code: F02}}, {match: ['a=~"[0-9]"', 'b=""'], set: {code: E01}}, {match: ['a="1"'], set: {code: F02}}]`, "E01", map[string]string{"a": "1", "code": "E01", "kind": "incident"}},
		{"a code has no need of lines", []string{"a", "1", "code", "F02"}, `map: [{match: ['a="1"'], set: {code: E01}}]`, "F02", map[string]string{"a": "1", "code": "F02", "kind": "incident"}},
		{"a line for a warning", []string{"a", "1", "kind", "incident"}, `map: [{match: ['a="1"'], set: {code: E01, kind: warning, system: bidding}}]`, "", map[string]string{"a": "1", "code": "E01", "kind": "warning", "system": "bidding"}},
		{"dropped", []string{"a", "1"}, "unmatched: drop", "", nil},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := enter(t, (&clock{now: t0}).Now, c.yaml)
			r.post("/api/v2/alerts", api(t0, never, append([]string{"alertname", "A"}, c.labels...)...))
			if c.want == nil {
				is(t, "alerts", len(r.desk.Alerts()), 0)
				is(t, "counts", r.in.Counts()["alertmanager"], inbound.Count{Received: 1, Unmatched: 1})
				return
			}
			c.want["alertname"] = "A"
			is(t, "labels", r.alert().Labels, c.want)
			if c.code == "" {
				is(t, "incidents", len(r.incidents()), 0)
				return
			}
			is(t, "code", r.only().Code, c.code)
			if level := c.want["level"]; level != "" {
				is(t, "level", string(r.only().Level), level)
			}
		})
	}
}

// What cannot be taken is refused with its place, and nothing of the request
// is taken.
func TestRefusals(t *testing.T) {
	r := enter(t, (&clock{now: t0}).Now, "")
	good := strings.Trim(api(t0, never, "alertname", "A", "code", "E01"), "[]")
	long := strings.Repeat("x", 4097)
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"l%d":"v"`, i)
		}
		return b.String()[1:]
	}
	for _, c := range []struct {
		status int
		says   string
		second string
	}{
		{400, `alert 1: labels: empty`, `{"labels":{}}`},
		{400, `alert 1: labels: empty`, `{}`},
		{400, `alert 1: labels: empty`, `null`},
		{400, `alert 1: labels: empty`, `{"labels":{"a":""}}`},
		{400, `alert 1: labels`, `{"labels":{"a":7}}`},
		{400, `alert 1: labels`, `{"labels":["a"]}`},
		{400, `alert 1:`, `7`},
		{400, `alert 1: startsAt: \"soon\" is no time`, `{"labels":{"a":"b"},"startsAt":"soon"}`},
		{400, `alert 1: endsAt: before startsAt`, `{"labels":{"a":"b"},"startsAt":"2026-03-02T07:00:00Z","endsAt":"2026-03-02T06:00:00Z"}`},
		{400, `alert 1: labels.a: 4097 bytes; allowed: at most 4096`, `{"labels":{"a":"` + long + `"}}`},
		{400, `alert 1: labels: 65 of them; allowed: at most 64`, `{"labels":{` + many(65) + `}}`},
		{400, `alert 1: annotations: 65 of them`, `{"labels":{"a":"b"},"annotations":{` + many(65) + `}}`},
		{400, `alert 1: labels: a name of 129 bytes`, `{"labels":{"` + long[:129] + `":"b"}}`},
		{400, `has a control character`, `{"labels":{"a\u0007":"b"}}`},
		{400, `alert 1: labels.city: not valid UTF-8 (it may be GBK)`, "{\"labels\":{\"a\":\"b\",\"city\":\"\xb1\xb1\xbe\xa9\"}}"},
		{400, `alert 1: annotations.summary: not valid UTF-8`, "{\"labels\":{\"a\":\"b\"},\"annotations\":{\"summary\":\"\xff\"}}"},
		{400, `alert 1: labels: not valid UTF-8`, "{\"labels\":{\"\xff\":\"b\"}}"},
		{400, `not JSON`, `{"labels":{"a":"b"}`},
		{413, `more than 4194304 bytes`, `{"labels":{"a":"` + strings.Repeat("x", 4<<20) + `"}}`},
		{413, `10002 alerts; allowed: at most 10000`, strings.Repeat(`{"labels":{"a":"b"}},`, 10000) + `{"labels":{"a":"b"}}`},
	} {
		r.refuses(c.status, c.says, "POST", "/api/v2/alerts", "["+good+","+c.second+"]")
	}
	notification := func(version, second string) string {
		return `{"version":"` + version + `","status":"firing","alerts":[` + strings.Replace(good, "{", `{"status":"firing",`, 1) + `,` + second + `]}`
	}
	for _, c := range []struct{ says, version, second string }{
		{`"alert":1,"field":"labels"`, "4", `{"status":"firing"}`},
		{`"alert":1,"field":"labels.x"`, "4", "{\"status\":\"firing\",\"labels\":{\"x\":\"\xff\"}}"},
		{`unknown value \"perhaps\"`, "4", `{"status":"perhaps","labels":{"a":"b"}}`},
		{`version: \"3\"; allowed: 4`, "3", `{"status":"firing","labels":{"a":"b"}}`},
	} {
		r.refuses(400, c.says, "POST", "/webhook/alertmanager", notification(c.version, c.second))
	}
	r.refuses(415, "Content-Type", "POST", "/api/v2/alerts", "["+good+"]", "Content-Type", "text/plain")
	r.refuses(415, "compressed", "POST", "/api/v2/alerts", "["+good+"]", "Content-Encoding", "gzip")
	r.refuses(501, "nothing is silenced here", "POST", "/api/v2/silences", "{}")
	for query, says := range map[string]string{
		"filter=%7B": "is no matcher", "filter=a%3D~%22(%22": "is no matcher", "receiver=(": "no regular expression", "active=maybe": "allowed: true, false",
		strings.Repeat("filter=a%3Db&", 33): "at most 32", "filter=" + long: "at most 1024",
	} {
		r.refuses(400, says, "GET", "/api/v2/alerts?"+query, "")
	}
	is(t, "alerts", len(r.desk.Alerts()), 0)

	// A commit that fails takes none either; the same request then is taken.
	r.failing.err = errDisk
	r.refuses(503, "none of them was taken", "POST", "/api/v2/alerts", "["+good+"]")
	if strings.Contains(r.send("POST", "/api/v2/alerts", "["+good+"]").Body, "space") {
		t.Error("the sender is told of the disk")
	}
	r.failing.err = nil
	r.post("/api/v2/alerts", "["+good+"]")
	is(t, "code", r.only().Code, "E01")
}

// Texts are kept in bounds and without control characters.
func TestHostileTexts(t *testing.T) {
	r := enter(t, (&clock{now: t0}).Now, "")
	r.post("/api/v2/alerts", `[{"labels":{"alertname":"A\u001b[31m\nB","code":"E01","x":"\u0000"},"annotations":{"summary":"`+strings.Repeat("磁", 3000)+`","d":"a\nb\u0000\u2028c"},"generatorURL":"javascript:alert(1)"}]`)
	a := r.alert()
	is(t, "labels", a.Labels, map[string]string{"alertname": "A [31m B", "code": "E01", "kind": "incident", "x": " "})
	is(t, "rule", a.Rule, "alertmanager/A [31m B")
	is(t, "summary", a.Annotations["summary"], strings.Repeat("磁", 1365))
	is(t, "text", a.Annotations["d"], "a\nb  c")
	is(t, "link", a.Annotations["generator_url"], "")
	is(t, "title", r.only().Title.ZH, strings.Repeat("磁", 1365))
	r.sound()
}

// Who may send.
func TestAccess(t *testing.T) {
	body := api(t0, never, "alertname", "A")
	open := enter(t, (&clock{now: t0}).Now, "")
	for _, path := range []string{"/api/v2/alerts", "/webhook/alertmanager"} {
		for _, c := range [][2]string{
			{"RemoteAddr", "192.0.2.7:1234"}, {"RemoteAddr", "[2001:db8::1]:1234"}, {"RemoteAddr", "@"}, {"X-Forwarded-For", "192.0.2.7"}, {"Forwarded", "for=192.0.2.7"}, {"Origin", "http://evil.example.org"},
		} {
			open.refuses(403, "without token_file or password_file", "POST", path, body, c[0], c[1])
		}
	}
	open.refuses(403, "this machine itself", "GET", "/api/v2/alerts", "", "RemoteAddr", "192.0.2.7:1234")
	for _, from := range []string{"127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "127.8.8.8:1"} {
		open.post("/api/v2/alerts", body, "RemoteAddr", from)
	}
	r := enter(t, (&clock{now: t0}).Now, "username: u\ntoken_file: "+file(t, "token-of-a-test\n")+"\npassword_file: "+file(t, "password-of-a-test\n"))
	for _, auth := range []string{"", "Bearer", "Bearer ", "Bearer token-of-a-tes", "Bearer token-of-a-test2", "Basic token-of-a-test", "Basic dTo=", "Basic dTp3cm9uZw==", "Basic djpwYXNzd29yZC1vZi1hLXRlc3Q="} {
		for _, path := range []string{"/api/v2/alerts", "/webhook/alertmanager"} {
			r.refuses(401, "not allowed", "POST", path, body, "Authorization", auth)
		}
	}
	r.post("/api/v2/alerts", body, "Authorization", "bearer token-of-a-test", "RemoteAddr", "192.0.2.7:1234")
	r.post("/api/v2/alerts", body, "Authorization", "Basic dTpwYXNzd29yZC1vZi1hLXRlc3Q=", "X-Forwarded-For", "192.0.2.7")
	is(t, "refused", r.in.Counts()["alertmanager"].Refused, uint64(9))
	if n := strings.Count(r.log.String(), "refused alerts from outside"); n != 2 {
		t.Errorf("%d lines in the log for 18 refusals of two sources within a minute", n)
	}
	if log := r.log.String(); strings.Contains(log, "token-of") || strings.Contains(log, "password-of") {
		t.Error("the log shows a secret")
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, httptest.NewRequest("GET", "/api/v2/status", nil))
	if w.Code != 401 || len(w.Header().Values("WWW-Authenticate")) != 2 {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// A source cannot make more alerts go on than a request may have; others are
// not hindered by it.
func TestTooMany(t *testing.T) {
	r := enter(t, (&clock{now: t0}).Now, "")
	list := func(from, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,{"status":"firing","labels":{"alertname":"A","n":"%d"}}`, from+i)
		}
		return "[" + b.String()[1:] + "]"
	}
	r.post("/api/v2/alerts", list(0, 10000))
	r.refuses(503, "more than 10000 alerts of this source", "POST", "/api/v2/alerts", list(9999, 2))
	r.post("/api/v2/alerts", list(9000, 1000))
	r.post("/webhook/alertmanager", `{"version":"4","alerts":`+list(0, 10)+`}`)
	is(t, "alerts", len(r.desk.Alerts()), 10010)
}

// The level of an alert is that of the incident it opens; one that was open
// before keeps what people gave it.
func TestLevel(t *testing.T) {
	clock := &clock{now: t0}
	r := enter(t, clock.Now, "")
	labels := []string{"code", "E01", "incident", "x", "level", "II"}
	r.post("/api/v2/alerts", api(t0, never, append(labels, "alertname", "A")...))
	i := r.only()
	is(t, "level", string(i.Level), "II")
	_, err := r.desk.Do(t.Context(), i.ID, 0, incident.Actor{Kind: "person", Name: "wang"}, incident.SetLevel{Level: "III", Reason: "one bidder"})
	if err != nil {
		t.Fatal(err)
	}
	clock.add(time.Minute)
	r.post("/api/v2/alerts", api(t0, never, append(labels, "alertname", "B")...))
	r.post("/api/v2/alerts", api(t0, never, append(labels, "alertname", "A")...))
	is(t, "level", string(r.only().Level), "III")
	is(t, "alerts", len(r.only().Alerts), 2)
	// The time lost may say a graver one.
	r.post("/api/v2/alerts", api(t0.Add(-100*time.Hour), never, "alertname", "C", "code", "E01", "level", "IV"))
	for _, other := range r.incidents() {
		if other.ID != i.ID {
			is(t, "level", string(other.Level), "I")
		}
	}
}

// A text that is not UTF-8 is looked for in little time, however it is hidden.
func TestDeepText(t *testing.T) {
	r := enter(t, (&clock{now: t0}).Now, "")
	begin := time.Now()
	r.refuses(400, "not valid UTF-8", "POST", "/api/v2/alerts", strings.Repeat("[", 9000)+"\"\xff"+strings.Repeat("x", 3<<20)+"\""+strings.Repeat("]", 9000))
	if d := time.Since(begin); d > 20*time.Second {
		t.Errorf("took %v", d)
	}
}
