package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"xunjian/agent/access"
	"xunjian/agent/api"
	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/inspection"
	"xunjian/alerting/notify/policy"
)

// request is one that its route carries out, for whoever may ask for it.
type request struct {
	method, route string
	// path is the route with its parts filled in: {id} is an incident of the
	// request's own, {disk} the one with evidence, {new} a name nobody has.
	path string
	body string
	// before are the commands, as last part of the path and body in turn, that
	// the incident has seen already.
	before []string
	want   int
}

// requests has one for each route.
func requests() []request {
	const files = `"files":[{"name":"r.yml","content":"groups: []"},{"name":"t.yml","content":"rule_files: [r.yml]\ntests: []"}]`
	list := []request{
		{"GET", "/status", "/status", "", nil, 200},
		{"GET", "/events", "/events", "", nil, 200},
		{"GET", "/openapi.yaml", "/openapi.yaml", "", nil, 200},
		{"GET", "/checks", "/checks", "", nil, 200},
		{"GET", "/checks/{name}", "/checks/cpu", "", nil, 200},
		{"POST", "/checks/{name}/run", "/checks/cpu/run", "", nil, 200},
		{"GET", "/network", "/network", "", nil, 200},
		{"GET", "/alerts", "/alerts", "", nil, 200},
		{"GET", "/alerts/log", "/alerts/log", "", nil, 200},
		{"GET", "/logs/search", "/logs/search?source=fw-1&event=login-failed&severity=warning&text=failed&regexp=fail&limit=5", "", nil, 200},
		{"GET", "/rules", "/rules", "", nil, 200},
		{"POST", "/rules/test", "/rules/test", `{` + files + `,"tests":["t.yml"]}`, nil, 200},
		{"POST", "/rules/backtest", "/rules/backtest", `{"files":[{"name":"r.yml","content":"groups: []"}]}`, nil, 200},
		{"GET", "/query", "/query?expr=vector(1)", "", nil, 200},
		{"GET", "/query_range", "/query_range?expr=vector(1)&step=60", "", nil, 200},
		{"GET", "/plan", "/plan", "", nil, 200},
		{"GET", "/plan/scenarios/{id}", "/plan/scenarios/server-failure", "", nil, 200},
		{"GET", "/incidents", "/incidents", "", nil, 200},
		{"POST", "/incidents", "/incidents", `{"code":"F04","title":"cannot decrypt"}`, nil, 200},
		{"GET", "/incidents/verify", "/incidents/verify", "", nil, 200},
		{"GET", "/incidents/{id}", "/incidents/{id}", "", nil, 200},
		{"GET", "/incidents/{id}/events", "/incidents/{id}/events", "", nil, 200},
		{"GET", "/incidents/{id}/response", "/incidents/{id}/response", "", nil, 200},
		{"GET", "/incidents/{id}/explain", "/incidents/{id}/explain", "", nil, 200},
		{"GET", "/incidents/{id}/documents/{kind}", "/incidents/{id}/documents/post-notices", "", nil, 200},
		{"PUT", "/incidents/{id}/documents/{kind}", "/incidents/{id}/documents/post-notices",
			`{"document":{"kind":"post-notices","lang":"en","incident":"{id}","made":"2026-01-05T09:00:00+08:00","title":"closed","body":[]}}`, nil, 200},
		{"GET", "/incidents/{id}/evidence/{eid}", "/incidents/{disk}/evidence/{disk}-e1", "", nil, 200},
		{"GET", "/users", "/users", "", nil, 200},
		{"POST", "/users", "/users", `{"name":"{new}","role":"viewer","password":"correct horse battery"}`, nil, 200},
		{"PATCH", "/users/{name}", "/users/li", `{"role":"operator"}`, nil, 200},
		{"GET", "/tokens", "/tokens", "", nil, 200},
		{"POST", "/tokens", "/tokens", `{"owner":"the-viewer","name":"wall","role":"viewer"}`, nil, 200},
		{"DELETE", "/tokens/{id}", "/tokens/{token}", "", nil, 204},
		{"POST", "/reload", "/reload", "", nil, 204},
		{"GET", "/plan/cards", "/plan/cards?scenario=opening-hall", "", nil, 200},
		{"GET", "/forms", "/forms", "", nil, 200},
		{"GET", "/rounds", "/rounds?form=weekly&open=true&limit=5", "", nil, 200},
		{"POST", "/rounds", "/rounds", `{"form":"weekly"}`, nil, 200},
		{"GET", "/rounds/{id}", "/rounds/{round}", "", nil, 200},
		{"POST", "/rounds/{id}/judge", "/rounds/{round}/judge", "", nil, 200},
		{"POST", "/rounds/{id}/answer", "/rounds/{round}/answer", `{"item":"logs","verdict":"attention","note":"two lines","files":[{"name":"a.txt","content":"eA=="}]}`, nil, 200},
		{"GET", "/rounds/{id}/files/{file}", "/rounds/{round}/files/{file}", "", nil, 200},
		{"POST", "/rounds/{id}/warning", "/rounds/{round}/warning", `{"item":"load"}`, nil, 200},
		{"POST", "/rounds/{id}/sign", "/rounds/{signable}/sign", `{"as":"inspector","note":"seen"}`, nil, 200},
		{"GET", "/report", "/report?form=weekly&format=json&from=2026-01-05T07:00:00%2B08:00&to=2026-01-05T08:00:00%2B08:00", "", nil, 200},
		{"GET", "/reports", "/reports?form=weekly&limit=5", "", nil, 200},
		{"GET", "/reports/{id}", "/reports/{report}?format=text", "", nil, 200},
		{"GET", "/notify/route", "/notify/route?code=E01&level=III&system=trade&type=incident&at=2026-01-05T09:00:00%2B08:00", "", nil, 200},
		{"POST", "/notify/test", "/notify/test", `{"channel":"journal","person":"li"}`, nil, 200},
		{"GET", "/notify/queue", "/notify/queue?given_up=true&limit=5", "", nil, 200},
		{"POST", "/notify/retry", "/notify/retry", `{"key":""}`, nil, 200},
		{"GET", "/silences", "/silences", "", nil, 200},
		{"POST", "/silences", "/silences", `{"codes":["E01"],"systems":["trade"],"reason":"work on the disks","to":"{soon}"}`, nil, 200},
		{"DELETE", "/silences/{id}", "/silences/{silence}", "", nil, 200},
		{"GET", "/logs/review", "/logs/review?source=auth&group=sshd&verdict=attention&hours=48", "", nil, 200},
		{"GET", "/logs/access", "/logs/access", "", nil, 200},
		{"GET", "/logs/templates", "/logs/templates", "", nil, 200},
		{"GET", "/integrity", "/integrity", "", nil, 200},
		{"GET", "/integrity/{id}", "/integrity/{change}", "", nil, 200},
		{"POST", "/integrity/approve", "/integrity/approve", `{"ids":["{change}"],"reason":"a honeypot"}`, nil, 200},
		{"POST", "/reports/{id}/send", "/reports/{report}/send", `{"person":"li"}`, nil, 200},
	}
	return append(list, commands()...)
}

// commands are the requests that do something with an incident.
func commands() []request {
	ended := []string{"resolve", `{"note":"done"}`}
	on := func(word, body string, before ...string) request {
		route := "/incidents/{id}/" + word
		return request{"POST", route, route, body, before, 200}
	}
	warning := func(word, body string) request {
		r := on(word, body)
		r.path = strings.ReplaceAll(r.path, "{id}", "{warning}")
		return r
	}
	closing := on("close", `{"note":"nothing left"}`, ended...)
	return []request{
		on("acknowledge", `{"note":"on it"}`), on("comment", `{"text":"vendor called"}`),
		on("assign", `{"to":"li","note":"yours"}`), on("level", `{"level":"I","reason":"takes longer"}`),
		on("step", `{"step":"diagnose","state":"done","note":"asked"}`),
		on("resolve", `{"note":"done"}`), on("reopen", `{"reason":"again"}`, ended...), on("false-alarm", `{"reason":"a test"}`),
		on("report", `{"caller":"an agency","phone":"010-5550-0103","project":"P1","bidder":"B1","text":"nobody gets on"}`),
		on("triage", `{"note":"confirmed"}`), on("estimate", `{"restored":"2026-01-20T12:00:00+08:00","note":"parts"}`),
		on("branch", `{"branch":"not-repairable-within-1-hour","reason":"eleven hours"}`),
		on("duty", `{"duty":"tell-business-posts","state":"sent","via":"telephone","to":["all posts"],"note":"told"}`, "level", `{"level":"III","reason":"takes longer"}`),
		warning("analyse", `{"text":"from one address"}`), warning("promote", `{"code":"A01","reason":"an intrusion"}`),
		warning("dismiss", `{"reason":"a test"}`),
		on("entry", `{"what":"opening record","project":"P1"}`), on("entry-done", `{"entry":1}`, "entry", `{"what":"opening record"}`),
		on("investigation", `{"heading":"{heading}","text":"written"}`),
		on("lesson", `{"text":"watch it","owner":"Li Ming","due":"2026-02-01T00:00:00+08:00"}`),
		on("lesson-done", `{"lesson":1}`, "lesson", `{"text":"watch it","owner":"Li Ming","due":"2026-02-01T00:00:00+08:00"}`),
		closing,
	}
}

func (r request) String() string { return r.method + " " + r.route }

// stage is a server with all that the requests need.
type stage struct {
	*server
	disk, heading string
	names         int
}

func onStage(s *server) *stage {
	s.T.Helper()
	st := &stage{server: s, disk: s.FillDisk()}
	if err := s.Accounts.Create(s.T.Context(), "li", access.Viewer, "correct horse battery"); err != nil {
		s.T.Fatal(err)
	}
	st.heading = s.Desk.Plan().Investigation[0].ID
	return st
}

// warned is the sign of a warning.
var warned = &incident.Sign{Source: "external"}

// person makes what has to be there before a request.
var person = incident.Actor{Kind: "person", Name: "the-stage", Via: "test"}

// open opens an incident and waits until the agent has nothing to add to it.
func (st *stage) open(r alerting.Report) string {
	st.T.Helper()
	i, err := st.Desk.Open(st.T.Context(), person, r)
	if err != nil {
		st.T.Fatal(err)
	}
	st.settle(i.ID)
	return i.ID
}

// settle waits until an incident has its evidence.
func (s *server) settle(id string) {
	s.T.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if i, _, err := s.Desk.Get(s.T.Context(), id); err != nil {
			s.T.Fatal(err)
		} else if len(i.Evidence) > 0 {
			return
		}
	}
	s.T.Fatalf("%s gets no evidence", id)
}

// fill makes what a request needs, and returns its path and body.
func (st *stage) fill(r request) (path, body string) {
	st.T.Helper()
	both := r.path + " " + r.body
	parts := []string{"{disk}", st.disk, "{heading}", st.heading}
	if strings.Contains(both, "{id}") {
		id := st.open(alerting.Report{Code: "F05", Title: "opening stopped"})
		for n := 0; n+1 < len(r.before); n += 2 {
			into[api.Incident](st.as(access.Admin, "POST", "/incidents/"+id+"/"+r.before[n], r.before[n+1]))
		}
		parts = append(parts, "{id}", id)
	}
	if strings.Contains(both, "{warning}") {
		parts = append(parts, "{warning}", st.open(alerting.Report{Title: "port scan", Warning: warned}))
	}
	if strings.Contains(both, "{new}") {
		st.names++
		parts = append(parts, "{new}", fmt.Sprintf("somebody-%d", st.names))
	}
	if strings.Contains(both, "{token}") {
		tok, _, err := st.Accounts.CreateToken(st.T.Context(), "the-admin", "spare", access.Viewer, time.Time{})
		if err != nil {
			st.T.Fatal(err)
		}
		parts = append(parts, "{token}", tok.ID)
	}
	if strings.Contains(both, "{round}") || strings.Contains(both, "{signable}") {
		rd, err := st.Rounds.Start(st.T.Context(), inspection.Actor{Name: "the-stage", Via: "test"}, "weekly")
		if err == nil && strings.Contains(both, "{file}") {
			rd, err = st.Rounds.Answer(st.T.Context(), rd.ID, 0, inspection.Actor{Name: "the-stage", Via: "test"}, inspection.Reply{
				Item: "logs", Verdict: inspection.Normal, Files: []inspection.File{{Name: "seen.txt", Body: []byte("seen")}},
			})
			parts = append(parts, "{file}", rd.ID+"-f2-1")
		}
		if err == nil && strings.Contains(both, "{signable}") {
			_, err = st.Rounds.Answer(st.T.Context(), rd.ID, 0, inspection.Actor{Name: "the-stage", Via: "test"}, inspection.Reply{Item: "logs", Verdict: inspection.Normal})
		}
		if err != nil {
			st.T.Fatal(err)
		}
		parts = append(parts, "{round}", rd.ID, "{signable}", rd.ID)
	}
	if strings.Contains(both, "{silence}") {
		one, err := st.Notices.Silence(st.T.Context(), policy.Silence{Codes: []string{"E01"}, Reason: "x", Owner: "the-stage", To: st.Now().Add(time.Hour)})
		if err != nil {
			st.T.Fatal(err)
		}
		parts = append(parts, "{silence}", one.ID)
	}
	parts = append(parts, "{change}", st.Change())
	parts = append(parts, "{soon}", st.Now().Add(time.Hour).Format(time.RFC3339))
	if strings.Contains(both, "{report}") {
		rd, err := st.Rounds.Start(st.T.Context(), inspection.Actor{Name: "the-stage", Via: "test"}, "weekly")
		if err == nil {
			err = st.Reports.Tick(st.T.Context())
		}
		if err != nil {
			st.T.Fatal(err)
		}
		parts = append(parts, "{report}", rd.ID+"-1")
	}
	put := strings.NewReplacer(parts...)
	return put.Replace(r.path), put.Replace(r.body)
}

// kept is all that a person can have changed.
func (s *server) kept() string {
	s.T.Helper()
	var out string
	err := s.Store.DB().QueryRowContext(s.T.Context(), `SELECT
		(SELECT COUNT(*) FROM events WHERE actor_kind = 'person') || (SELECT COUNT(*) FROM round_events WHERE by_name <> 'the-stage') ||
		(SELECT group_concat(name || role || password || disabled, ' ') FROM (SELECT * FROM users ORDER BY name)) ||
		(SELECT group_concat(id || owner || role || expires, ' ') FROM (SELECT * FROM tokens ORDER BY id))`).Scan(&out)
	if err != nil {
		s.T.Fatal(err)
	}
	return out
}

// TestRequestsHaveEveryRoute keeps the table above whole.
func TestRequestsHaveEveryRoute(t *testing.T) {
	have := map[string]bool{}
	for _, r := range requests() {
		if have[r.String()] {
			t.Errorf("%s stands twice", r)
		}
		have[r.String()] = true
	}
	for _, rt := range api.RouteLines() {
		if line := rt.Method + " " + rt.Path; !have[line] {
			t.Errorf("%s has no request", line)
		} else {
			delete(have, line)
		}
	}
	for line := range have {
		t.Errorf("%s is no route", line)
	}
}

// methodsOf are the methods that the routes of a path take.
func methodsOf(path string) []string {
	var out []string
	for _, rt := range api.RouteLines() {
		if rt.Path == path {
			out = append(out, rt.Method)
		}
	}
	return out
}

// newRequest is a request with a role's token.
func (s *server) newRequest(role access.Role, method, path string) *http.Request {
	s.T.Helper()
	req, err := http.NewRequestWithContext(s.T.Context(), method, s.base+api.Prefix+path, nil)
	if err != nil {
		s.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.tokens[role])
	return req
}
