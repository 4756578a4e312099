package inbound_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"xunjian/agent/inbound"
	"xunjian/alerting"
	"xunjian/alerting/incident"
)

func (r *room) expire() {
	r.t.Helper()
	if err := r.in.Expire(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// What is not said again is lost, which ends nothing; what is said again fires
// again; and only its source ends it.
func TestLost(t *testing.T) {
	clock := &clock{now: t0}
	r := enter(t, clock.Now, "")
	labels := []string{"alertname", "A", "code", "E01", "resolve", "auto"}
	status := func(what string, want alerting.Status) {
		t.Helper()
		r.expire()
		is(t, what, r.alert().Status, want)
		is(t, what+": ended", r.only().Ended(), false)
	}
	r.post("/api/v2/alerts", api(t0, never, labels...))
	clock.add(4 * time.Minute)
	status("within the timeout", alerting.Firing)
	r.post("/api/v2/alerts", api(t0, never, labels...))
	clock.add(4 * time.Minute)
	status("said again", alerting.Firing)
	clock.add(time.Minute)
	r.failing.err = errDisk
	if err := r.in.Expire(t.Context()); err == nil {
		t.Error("no error")
	}
	r.failing.err = nil
	status("not said again", alerting.Lost)
	is(t, "alert in the incident", r.only().Alerts[r.alert().Key].State, incident.AlertIsLost)
	is(t, "lost", r.in.Counts()["alertmanager"].Lost, uint64(1))
	clock.add(30 * 24 * time.Hour)
	r.restart()
	status("lost over a restart", alerting.Lost)

	// Heard again, with an end of its own.
	r.post("/api/v2/alerts", api(t0, clock.Now().Add(3*time.Hour), labels...))
	clock.add(2 * time.Hour)
	status("before its end", alerting.Firing)
	r.restart()
	clock.add(30 * time.Minute)
	status("its end is kept over a restart", alerting.Firing)
	clock.add(31 * time.Minute)
	status("after its end", alerting.Lost)

	// An end from before its beginning is that of an earlier life.
	begin := clock.Now()
	r.post("/api/v2/alerts", api(begin, never, append(labels, "life", "2")...))
	r.post("/api/v2/alerts", api(begin.Add(-time.Hour), begin.Add(-time.Minute), append(labels, "life", "2")...))
	is(t, "alerts", len(r.desk.Alerts()), 2)
	clock.add(time.Minute)
	r.post("/api/v2/alerts", api(begin, begin.Add(time.Second), append(labels, "life", "2")...))
	is(t, "alerts", len(r.desk.Alerts()), 1)
	now := clock.Now()
	r.post("/api/v2/alerts", api(t0, now, labels...))
	is(t, "alerts", len(r.desk.Alerts()), 0)
	r.sound()
}

// While the agent was down nobody could say anything again: there is time for
// one renewal after the start.
func TestRestart(t *testing.T) {
	clock := &clock{now: t0}
	r := enter(t, clock.Now, "renew_within: 1h")
	r.post("/api/v2/alerts", api(t0, t0.Add(4*time.Minute), "alertname", "A", "code", "E01"))
	r.post("/webhook/alertmanager", `{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"A"},"endsAt":"0001-01-01T00:00:00Z"}]}`)
	if err := r.desk.Signals(t.Context(), []alerting.Signal{own(alerting.Firing, t0)}); err != nil {
		t.Fatal(err)
	}
	clock.add(24 * time.Hour)
	r.restart()
	look := func(what string, want ...alerting.Status) {
		t.Helper()
		r.expire()
		var got []alerting.Status
		for _, a := range r.desk.Alerts() {
			got = append(got, a.Status)
		}
		is(t, what, got, want)
	}
	clock.add(4 * time.Minute)
	look("just started", alerting.Firing, alerting.Firing, alerting.Firing)
	clock.add(time.Minute)
	look("API after 5 minutes", alerting.Firing, alerting.Lost, alerting.Firing)
	clock.add(55 * time.Minute)
	look("webhook after an hour", alerting.Firing, alerting.Lost, alerting.Lost)
	is(t, "own alert", r.desk.Alerts()[0].Key, "3f0a")

	// A lost warning is forgotten at last, and says why; an incident's is not.
	clock.add(8 * 24 * time.Hour)
	r.restart()
	look("after a week", alerting.Firing, alerting.Lost)
	log, err := r.desk.AlertLog(t.Context(), clock.Now(), clock.Now().Add(time.Second), 10)
	if err != nil || len(log) != 1 || log[0].Annotations["forgotten"] == "" {
		t.Errorf("%v %v", log, err)
	}
	r.sound()
}

// A renewal that says nothing new is not written; one that does is.
func TestRenewalsAreCheap(t *testing.T) {
	clock := &clock{now: t0}
	r := enter(t, clock.Now, "")
	for range 10 {
		r.post("/api/v2/alerts", api(t0, clock.Now().Add(4*time.Minute), "alertname", "A"))
		clock.add(time.Minute)
		r.expire()
	}
	is(t, "commits", r.failing.commits, 1)
	is(t, "status", r.alert().Status, alerting.Firing)
	r.post("/api/v2/alerts", `[{"labels":{"alertname":"A"},"annotations":{"summary":"another text"}}]`)
	is(t, "commits", r.failing.commits, 2)
	is(t, "text", r.alert().Annotations["summary"], "another text")
	is(t, "since", r.alert().Since.Equal(t0), true)
	// One that says no more than that it holds longer than a restart would give.
	r.post("/api/v2/alerts", api(t0, clock.Now().Add(time.Hour), "alertname", "A"))
	commits := r.failing.commits
	r.post("/api/v2/alerts", api(t0, clock.Now().Add(3*time.Hour), "alertname", "A"))
	is(t, "commits", r.failing.commits, commits+1)
	r.restart()
	clock.add(2 * time.Hour)
	r.expire()
	is(t, "status", r.alert().Status, alerting.Firing)
	// Both in one request: what is said last holds.
	r.post("/api/v2/alerts", `[{"labels":{"alertname":"B"}},{"labels":{"alertname":"B"},"endsAt":"2026-03-02T08:00:00Z"},{"labels":{"alertname":"C"},"endsAt":"2026-03-02T08:00:00Z"},{"labels":{"alertname":"C"}}]`)
	is(t, "alerts", len(r.desk.Alerts()), 2)
	r.sound()
}

// An incident that a person ended stays ended while its alert is said again.
func TestEndedByAPerson(t *testing.T) {
	clock := &clock{now: t0}
	r := enter(t, clock.Now, "")
	r.post("/api/v2/alerts", api(t0, never, "alertname", "A", "code", "E01"))
	if _, err := r.desk.Do(t.Context(), r.only().ID, 0, incident.Actor{Kind: "person", Name: "wang"}, incident.Resolve{Note: "known"}); err != nil {
		t.Fatal(err)
	}
	clock.add(time.Minute)
	r.post("/api/v2/alerts", api(t0, never, "alertname", "A", "code", "E01", ""))
	is(t, "state", r.only().State, incident.Done)
}

// Run declares lost by itself, and stops when it is told to.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &deskOfTest{}
		in, err := inbound.New(inbound.Default(), inbound.Options{Desk: d, Plan: planOfTest})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- in.Run(ctx) }()
		r := &room{t: t, in: in, handler: in.Handler()}
		r.post("/api/v2/alerts", `[{"labels":{"alertname":"A","code":"E01"}}]`)
		time.Sleep(5*time.Minute - time.Second)
		synctest.Wait()
		is(t, "signals", d.said(), "firing")
		d.fail(errDisk)
		time.Sleep(3 * time.Second)
		d.fail(nil)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		is(t, "signals", d.said(), "firing lost")
		cancel()
		is(t, "error", <-done, nil)
	})
}

// What the API shows.
func TestAPI(t *testing.T) {
	clock := &clock{now: t0}
	r := enter(t, clock.Now, "")
	r.post("/api/v2/alerts", api(t0.Add(-time.Hour), t0.Add(time.Hour), "alertname", "A", "code", "E01", "zone", "north"))
	r.post("/api/v2/alerts", api(t0, never, "alertname", "B", "zone", "south"))
	if err := r.desk.Signals(t.Context(), []alerting.Signal{own(alerting.Firing, t0)}); err != nil {
		t.Fatal(err)
	}
	type shown struct {
		Labels, Annotations                         map[string]string
		StartsAt, EndsAt, GeneratorURL, Fingerprint string
		Status                                      struct{ State string }
		Receivers                                   []struct{ Name string }
	}
	get := func(path string, into any) {
		t.Helper()
		a := r.send("GET", path, "")
		if err := json.Unmarshal([]byte(a.Body), into); err != nil || a.Status != 200 {
			t.Fatalf("%s: %d %s %v", path, a.Status, a.Body, err)
		}
	}
	names := func(query string) string {
		t.Helper()
		var list []shown
		get("/api/v2/alerts?"+query, &list)
		found := map[string]bool{}
		for _, s := range list {
			found[s.Labels["alertname"]] = true
		}
		out := ""
		for _, n := range []string{"A", "B", "DiskFull"} {
			if found[n] {
				out += n
			}
		}
		return out
	}
	for query, want := range map[string]string{
		"": "AB", "active=false": "", "silenced=false&inhibited=false&unprocessed=false": "AB", "receiver=xun.*": "AB", "receiver=xun": "",
		"filter=zone%3Dnorth": "A", "filter=zone%3D%22south%22": "B", "filter=zone%3D~%22.*th%22&filter=alertname!%3DA": "B", "filter=nothing%3D%22%22": "AB", "filter=nothing%3Dx": "",
	} {
		is(t, "GET "+query, names(query), want)
	}
	var list []shown
	get("/api/v2/alerts?filter=alertname%3DA", &list)
	a := list[0]
	is(t, "alert", fmt.Sprint(a.StartsAt, a.EndsAt, a.GeneratorURL, a.Status.State, a.Receivers, a.Annotations["summary"], len(a.Fingerprint)),
		"2026-03-02T07:00:00Z2026-03-02T09:00:00Zhttp://prometheus.example.org/graphactive[{xunjian}]Disk is full32")
	var groups []struct {
		Labels map[string]string
		Alerts []shown
	}
	get("/api/v2/alerts/groups", &groups)
	is(t, "groups", fmt.Sprint(len(groups), groups[0].Labels, len(groups[0].Alerts)), "2 map[alertname:A] 1")
	var status struct{ Cluster struct{ Name, Status string } }
	get("/api/v2/status", &status)
	is(t, "status", fmt.Sprint(status), "{{web1 disabled}}")
	is(t, "receivers", r.send("GET", "/api/v2/receivers", "").Body, `[{"name":"xunjian"}]`)
	is(t, "silences", r.send("GET", "/api/v2/silences", "").Body, `[]`)
	// A lost alert has not ended: it is shown as before.
	clock.add(2 * time.Hour)
	r.expire()
	is(t, "lost", names(""), "AB")
}

// The sender hanging up does not undo what it said.
func TestHungUp(t *testing.T) {
	r := enter(t, (&clock{now: t0}).Now, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req := httptest.NewRequestWithContext(ctx, "POST", "/api/v2/alerts", strings.NewReader(api(t0, never, "alertname", "A")))
	req.RemoteAddr = "127.0.0.1:1"
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, req)
	is(t, "answer", w.Code, 200)
	is(t, "alert", r.alert().Status, alerting.Firing)
}
