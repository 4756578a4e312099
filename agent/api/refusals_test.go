package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"xunjian/agent/access"
	"xunjian/agent/api"
)

// Every route, each role: what is not allowed is refused before anything is
// read or done.
func TestRolesDecide(t *testing.T) {
	s := serve(t)
	id := s.FillDisk()
	rank := append([]access.Role{""}, access.Roles[:]...)
	slices.SortFunc(rank, func(a, b access.Role) int { return order(a) - order(b) })
	for _, rt := range api.RouteLines() {
		if rt.Path == "/events" {
			continue // it would not end
		}
		path := strings.NewReplacer("{id}", id, "{name}", "filesystem", "{eid}", id+"-e1").Replace(rt.Path)
		body := ""
		if rt.Method != http.MethodGet {
			body = "{"
		}
		for _, role := range rank {
			a := s.as(role, rt.Method, path, body)
			want := 0
			switch {
			case role == "":
				want = http.StatusUnauthorized
			case order(role) < order(access.Role(rt.Need)):
				want = http.StatusForbidden
			}
			if want != 0 && a.status != want {
				t.Errorf("%s %s as %q: %d, want %d", rt.Method, path, role, a.status, want)
			}
			if want == 0 && (a.status == 401 || a.status == 403) {
				t.Errorf("%s %s as %q is refused: %s", rt.Method, path, role, a.body)
			}
		}
	}
	if got := into[api.IncidentDetail](s.as(access.Viewer, "GET", "/incidents/"+id, "")).State; got != "open" {
		t.Errorf("the incident is %s afterwards", got)
	}
}

func order(r access.Role) int {
	return slices.Index([]access.Role{"", access.Viewer, access.Operator, access.Admin}, r)
}

func TestTokensEnd(t *testing.T) {
	s := serve(t)
	tok := into[api.IssuedToken](s.as(access.Admin, "POST", "/tokens", `{"owner":"the-admin","name":"w","role":"viewer"}`))
	s.tokens["issued"] = tok.Secret
	if a := s.as("issued", "GET", "/status", ""); a.status != 200 {
		t.Fatalf("a fresh token: %d %s", a.status, a.body)
	}
	if a := s.as("issued", "POST", "/reload", ""); a.status != 403 {
		t.Errorf("a viewer's token of an admin reloads: %d", a.status)
	}
	s.as(access.Admin, "DELETE", "/tokens/"+tok.ID, "")
	if a := s.as("issued", "GET", "/status", ""); a.status != 401 {
		t.Errorf("a revoked token: %d", a.status)
	}
	old := into[api.IssuedToken](s.as(access.Admin, "POST", "/tokens", `{"owner":"the-admin","name":"old","role":"viewer","expires":"2026-01-05T10:00:00+08:00"}`))
	s.tokens["old"] = old.Secret
	s.Pass(48 * 3600e9)
	if a := s.as("old", "GET", "/status", ""); a.status != 401 {
		t.Errorf("an expired token: %d", a.status)
	}
}

// What is wrong with a request is told by a stable code, the field, and a
// sentence in the caller's language; nothing changes.
func TestRefusals(t *testing.T) {
	s := serve(t)
	id := s.FillDisk()
	before := into[api.IncidentDetail](s.as(access.Viewer, "GET", "/incidents/"+id, "")).Version
	long := strings.Repeat("长", 2000)
	for _, c := range []struct {
		path, body string
		status     int
		code       string
		field      string
	}{
		{"/incidents/" + id + "/acknowledge", `{"note":""}`, 422, "text_missing", "note"},
		{"/incidents/" + id + "/acknowledge", `{"note":"  "}`, 422, "text_missing", "note"},
		{"/incidents/" + id + "/comment", `{"text":"` + long + `"}`, 422, "text_too_long", "text"},
		{"/incidents/" + id + "/comment", `{"txet":"x"}`, 400, "", ""},
		{"/incidents/" + id + "/comment", `{"text":1}`, 400, "", ""},
		{"/incidents/" + id + "/comment", `not json`, 400, "", ""},
		{"/incidents/" + id + "/comment", `{"text":"x"}{"text":"y"}`, 400, "", ""},
		{"/incidents/" + id + "/comment", `{"text":"` + strings.Repeat("x", 200_000) + `"}`, 413, "", ""},
		{"/incidents/" + id + "/comment", `{"text":"x","version":-1}`, 422, "bad_version", "version"},
		{"/incidents/" + id + "/level", `{"level":"V","reason":"x"}`, 422, "unknown_level", ""},
		{"/incidents/" + id + "/step", `{"step":"no","state":"done"}`, 422, "unknown_step", ""},
		{"/incidents/" + id + "/step", `{"step":"find-cause","state":"half"}`, 422, "unknown_step_state", ""},
		{"/incidents/" + id + "/branch", `{"branch":"no"}`, 422, "unknown_branch", ""},
		{"/incidents/" + id + "/estimate", `{"restored":"1999-01-01T00:00:00Z"}`, 422, "estimate_before_outage", ""},
		{"/incidents/" + id + "/duty", `{"duty":"all-clear","state":"sent"}`, 409, "duty_not_due", ""},
		{"/incidents/" + id + "/resolve", `{}`, 409, "still_firing", ""},
		{"/incidents/" + id + "/reopen", `{"reason":"x"}`, 409, "not_ended", ""},
		{"/incidents/" + id + "/promote", `{"code":"A01","reason":"x"}`, 409, "no_warning", ""},
		{"/incidents/" + id + "/close", `{}`, 409, "not_resolved", ""},
		{"/incidents", `{"code":"Z99","title":"x"}`, 422, "unknown_code", ""},
		{"/incidents", `{"code":"E01","title":""}`, 422, "text_missing", "title"},
		{"/incidents", `{"title":"x","warning":"sideways"}`, 422, "unknown_source", ""},
		{"/incidents", `{"code":"F03","title":"x","drill":true}`, 422, "drill_without_people", ""},
		{"/incidents/INC-19990101-00001/comment", `{"text":"x"}`, 404, "not_found", ""},
		{"/nowhere", `{}`, 404, "no_such_path", ""},
	} {
		said := map[string]string{}
		for _, lang := range []string{"zh-CN", "en"} {
			e := s.as(access.Operator, "POST", c.path, c.body, "Accept-Language", lang).refused()
			if e.Status != c.status || c.code != "" && e.Code != c.code || c.field != "" && e.Field != c.field {
				t.Errorf("POST %s %.60s: %d %s field %q (%s), want %d %s %q", c.path, c.body, e.Status, e.Code, e.Field, e.Message, c.status, c.code, c.field)
			}
			if said[lang] = e.Message; e.Message == "" || strings.Contains(e.Message, "refused.") || strings.Contains(e.Message, "api.error") {
				t.Errorf("POST %s %.60s in %s says %q", c.path, c.body, lang, e.Message)
			}
		}
		if said["zh-CN"] == said["en"] {
			t.Errorf("POST %s %.60s says %q in both languages", c.path, c.body, said["en"])
		}
	}
	if after := into[api.IncidentDetail](s.as(access.Viewer, "GET", "/incidents/"+id, "")).Version; after != before {
		t.Errorf("refused requests moved the incident from version %d to %d", before, after)
	}
}

// Two at once with the version they saw: one wins, the other is told.
func TestOneOfTwoWins(t *testing.T) {
	s := serve(t)
	id := s.FillDisk()
	seen := into[api.IncidentDetail](s.as(access.Viewer, "GET", "/incidents/"+id, "")).Version
	var mu sync.Mutex
	status := map[int]int{}
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			a := s.as(access.Operator, "POST", "/incidents/"+id+"/comment", fmt.Sprintf(`{"text":"c%d","version":%d}`, n, seen))
			mu.Lock()
			defer mu.Unlock()
			status[a.status]++
		})
	}
	wg.Wait()
	if status[200] != 1 || status[409] != 7 {
		t.Errorf("statuses %v, want one 200 and seven 409", status)
	}
	if got := into[api.IncidentDetail](s.as(access.Viewer, "GET", "/incidents/"+id, "")).Version; got != seen+1 {
		t.Errorf("version %d, want %d", got, seen+1)
	}
}

// A report with a key opens one incident, however often and at once it comes.
func TestReportedOnce(t *testing.T) {
	s := serve(t)
	ids := make([]string, 50)
	var wg sync.WaitGroup
	for n := range ids {
		wg.Go(func() {
			ids[n] = into[api.Incident](s.as(access.Operator, "POST", "/incidents", `{"key":"call-1","code":"F04","title":"cannot decrypt"}`)).ID
		})
	}
	wg.Wait()
	if slices.Sort(ids); len(slices.Compact(ids)) != 1 {
		t.Errorf("opened %v", slices.Compact(ids))
	}
}

func TestPages(t *testing.T) {
	s := serve(t)
	for n := range 7 {
		s.as(access.Operator, "POST", "/incidents", fmt.Sprintf(`{"code":"F02","title":"call %d"}`, n))
	}
	var seen []string
	for offset := 0; ; offset += 3 {
		page := into[api.IncidentList](s.as(access.Viewer, "GET", fmt.Sprintf("/incidents?limit=3&offset=%d", offset), ""))
		for _, i := range page.Incidents {
			seen = append(seen, i.ID)
		}
		if !page.More {
			break
		}
	}
	if len(seen) != 7 || !slices.IsSortedFunc(seen, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("pages give %v", seen)
	}
	for _, q := range []string{"limit=0", "limit=-1", "limit=x", "offset=-1", "state=none", "from=yesterday", "limit=99999", "unknown=1"} {
		if e := s.as(access.Viewer, "GET", "/incidents?"+q, "").refused(); e.Status != 400 && e.Status != 422 {
			t.Errorf("?%s: %d", q, e.Status)
		}
	}
}
