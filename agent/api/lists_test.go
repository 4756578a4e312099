package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"xunjian/agent/access"
	"xunjian/agent/api"
	"xunjian/agent/api/apitest"
	"xunjian/alerting"
)

// list returns the ids that a query lists, and whether there are more.
func (s *server) list(query string) (ids []string, more bool) {
	s.T.Helper()
	page := into[api.IncidentList](s.as(access.Viewer, "GET", "/incidents?"+query, ""))
	for _, i := range page.Incidents {
		ids = append(ids, i.ID)
	}
	return ids, page.More
}

// seven opens seven incidents, one a minute, and returns their ids, newest
// first as lists have them.
func (st *stage) seven() []string {
	st.T.Helper()
	var ids []string
	for n, code := range []string{"F02", "F04", "F02", "E01", "F04", "F02", "F05"} {
		title := fmt.Sprintf("呼叫 Call %d", n)
		if n == 3 {
			title = `100% of _x\y`
		}
		ids = append(ids, st.open(alerting.Report{Code: code, Title: title}))
		st.Pass(time.Minute)
	}
	slices.Reverse(ids)
	return ids
}

func TestPages(t *testing.T) {
	s := &stage{server: serve(t)}
	all := s.seven()
	for _, limit := range []int{1, 2, 3, 6, 7, 8, 500} {
		var seen []string
		for offset, more := 0, true; more; offset += limit {
			var page []string
			page, more = s.list(fmt.Sprintf("limit=%d&offset=%d", limit, offset))
			if len(page) == 0 || len(page) > limit {
				t.Fatalf("a page of %d at %d has %v", limit, offset, page)
			}
			seen = append(seen, page...)
		}
		if !slices.Equal(seen, all) {
			t.Errorf("pages of %d give %v, want %v", limit, seen, all)
		}
	}
	page := into[api.IncidentList](s.as(access.Viewer, "GET", "/incidents?offset=999999999", ""))
	if page.Incidents == nil || len(page.Incidents) != 0 || page.More || page.Limit != 50 || page.Offset != 999999999 {
		t.Errorf("behind the end: %+v", page)
	}
}

func TestFilters(t *testing.T) {
	s := &stage{server: serve(t)}
	all := s.seven()
	for _, c := range []string{all[1] + "/acknowledge", all[2] + "/resolve", all[5] + "/false-alarm"} {
		into[api.Incident](s.as(access.Operator, "POST", "/incidents/"+c, map[string]string{
			"/acknowledge": `{"note":"x"}`, "/resolve": `{"note":"x"}`, "/false-alarm": `{"reason":"x"}`}[c[len(all[1]):]]))
	}
	warning := s.open(alerting.Report{Title: "port scan", Warning: warned})
	at := func(minute int) string {
		return url.QueryEscape(apitest.Begin.Add(time.Duration(minute) * time.Minute).Format(time.RFC3339))
	}
	pick := func(places ...int) []string {
		var out []string
		for _, n := range places {
			out = append(out, all[n])
		}
		return out
	}
	for query, want := range map[string][]string{
		"code=F02":                         pick(1, 4, 6),
		"code=F0":                          nil,
		"code=f02":                         nil,
		"state=active":                     pick(0, 1, 3, 4, 6),
		"state=open":                       pick(0, 3, 4, 6),
		"state=acknowledged":               pick(1),
		"state=acknowledged,resolved":      pick(1, 2),
		"state=resolved&state=false_alarm": pick(2, 5),
		"state=%20resolved%20,,":           pick(2),
		"state=warning":                    {warning},
		"state=":                           append([]string{warning}, all...),
		"q=call+4":                         pick(2),
		"q=CALL+4":                         pick(2),
		"q=%E5%91%BC%E5%8F%AB":             pick(0, 1, 2, 4, 5, 6), // 呼叫
		"q=100%25+of":                      pick(3),
		"q=%25":                            pick(3),
		"q=_x":                             pick(3),
		"q=%5C":                            pick(3),
		"q=%27+OR+1%3D1":                   nil,
		"q=" + all[0]:                      pick(0),
		"from=" + at(5):                    append([]string{warning}, pick(0, 1)...),
		"to=" + at(2):                      pick(5, 6),
		"from=" + at(2) + "&to=" + at(3):   pick(4), // the begin is in, the end is not
		"from=" + at(3) + "&to=" + at(3):   nil,
		"from=" + at(1) + "&to=" + at(6) + "&code=F02&state=active": pick(1, 4),
		"code=F02&limit=1&offset=1":                                 pick(4),
	} {
		if got, _ := s.list(query); !slices.Equal(got, want) {
			t.Errorf("?%s lists %v, want %v", query, got, want)
		}
	}
}

// What a parameter must not be is refused by its name, by every route.
func TestParametersAreStrict(t *testing.T) {
	s := onStage(serve(t))
	long := fmt.Sprintf("%04097d", 0)
	for _, c := range []struct{ path, code, field string }{
		{"/incidents?limit=0", "bad_number", "limit"}, {"/incidents?limit=501", "bad_number", "limit"},
		{"/incidents?limit=1e1", "bad_number", "limit"}, {"/incidents?limit=9223372036854775808", "bad_number", "limit"},
		{"/incidents?offset=-1", "bad_number", "offset"}, {"/incidents?offset=1000000001", "bad_number", "offset"},
		{"/incidents?state=none", "bad_word", "state"}, {"/incidents?state=open,none", "bad_word", "state"},
		{"/incidents?from=yesterday", "bad_time", "from"}, {"/incidents?to=2026-01-05", "bad_time", "to"},
		{"/incidents?q=" + long, "parameter_too_long", "q"}, {"/incidents?state=open&state=" + long, "parameter_too_long", "state"},
		{"/incidents?q=%00", "bad_text", "q"}, {"/incidents?q=%ff", "bad_text", "q"},
		{"/incidents?q=%zz", "bad_parameters", ""}, {"/incidents?state=open;limit=1", "bad_parameters", ""},
		{"/incidents?Limit=1", "unknown_parameter", "Limit"}, {"/incidents?sort=id", "unknown_parameter", "sort"},
		{"/alerts/log?limit=1001", "bad_number", "limit"}, {"/alerts/log?from=x", "bad_time", "from"},
		{"/alerts/log?from=2026-01-05T09:00:00Z&to=2026-01-05T09:00:00Z", "bad_range", "from"},
		{"/query", "parameter_missing", "expr"}, {"/query?expr=", "parameter_missing", "expr"},
		{"/query?expr=up&time=now", "bad_time", "time"}, {"/query?expr=up%00", "bad_text", "expr"},
		{"/query_range?expr=up&step=0", "bad_seconds", "step"}, {"/query_range?expr=up&step=NaN", "bad_seconds", "step"},
		{"/query_range?expr=up&step=1m", "bad_seconds", "step"}, {"/query_range?expr=up&step=Inf", "bad_seconds", "step"},
		{"/query_range?expr=up&start=2026-01-05T09:00:00Z&end=2026-01-05T08:00:00Z", "bad_range", "start"},
	} {
		if e := s.as(access.Viewer, "GET", c.path, "").refused(); e.Status != 400 || e.Code != c.code || e.Field != c.field {
			t.Errorf("%.80s: %d %s, field %q, want 400 %s %q", c.path, e.Status, e.Code, e.Field, c.code, c.field)
		}
	}
	// More points than the engine gives at once are a mistake too, not a fault.
	e := s.as(access.Viewer, "GET", "/query_range?expr=up&step=0.001&start=0001-01-01T00:00:00Z&end=9999-12-31T00:00:00Z", "").refused()
	if e.Status != 422 || e.Code != "bad_query" {
		t.Errorf("eight thousand years by the millisecond: %d %s", e.Status, e.Code)
	}
	for _, r := range requests() {
		if r.route == "/openapi.yaml" || r.method != "GET" && r.method != "DELETE" {
			continue
		}
		path, _ := s.fill(r)
		u, _ := url.Parse(path)
		q := u.Query()
		q.Set("nobody_knows", "1")
		if e := s.as(access.Admin, r.method, u.Path+"?"+q.Encode(), "").refused(); e.Status != 400 || e.Code != "unknown_parameter" || e.Field != "nobody_knows" {
			t.Errorf("%s: %d %s %q", r, e.Status, e.Code, e.Field)
		}
	}
}

// Each list has its order.
func TestOrders(t *testing.T) {
	s := serve(t)
	s.FillDisk()
	for range 3 {
		s.Pass(time.Minute)
		s.Disk(0.5)
		s.Pass(time.Minute)
		s.Disk(0.01)
	}
	past := into[api.AlertLog](s.as(access.Viewer, "GET", "/alerts/log", "")).Alerts
	if len(past) != 4 || !slices.IsSortedFunc(past, func(a, b api.PastAlert) int { return b.ChangedAt.Compare(a.ChangedAt.Time) }) {
		t.Errorf("the log is not newest first: %+v", past)
	}
	if top := into[api.AlertLog](s.as(access.Viewer, "GET", "/alerts/log?limit=2", "")).Alerts; len(top) != 2 || !top[0].ChangedAt.Equal(past[0].ChangedAt.Time) || !top[1].ChangedAt.Equal(past[1].ChangedAt.Time) {
		t.Errorf("the two newest are %+v", top)
	}
	var names []string
	for _, c := range into[api.CheckList](s.as(access.Viewer, "GET", "/checks", "")).Checks {
		names = append(names, c.Name)
	}
	if want := []string{"cpu", "filesystem", "postgres/main", "raid"}; !slices.Equal(names, want) {
		t.Errorf("checks are %v", names)
	}
	names = nil
	for _, u := range into[api.UserList](s.as(access.Admin, "GET", "/users", "")).Users {
		names = append(names, u.Name)
	}
	if want := []string{"the-admin", "the-operator", "the-viewer"}; !slices.Equal(names, want) {
		t.Errorf("users are %v", names)
	}
	names = nil
	for _, r := range into[api.RuleList](s.as(access.Viewer, "GET", "/rules", "")).Rules {
		names = append(names, r.Name)
	}
	if want := []string{"filesystem_free_ratio", "FilesystemFull", "LinkDown", "NeverSeen"}; !slices.Equal(names, want) {
		t.Errorf("rules are %v", names)
	}
}

// Evidence comes as it was taken: its hash is the one in the timeline.
func TestEvidenceIsWhatWasHashed(t *testing.T) {
	s := onStage(serve(t))
	other := s.fillID()
	a := s.as(access.Viewer, "GET", "/incidents/"+s.disk+"/evidence/"+s.disk+"-e1", "")
	if a.status != 200 || !bytes.Equal(a.body, []byte(apitest.Snapshot)) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	sum := sha256.Sum256(a.body)
	if got, want := a.header.Get("Content-Digest"), "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":"; got != want {
		t.Errorf("Content-Digest is %s, want %s", got, want)
	}
	recorded := s.incident(s.disk).Evidence[0]
	for _, e := range s.timeline(s.disk) {
		if e.Kind != "evidence_taken" {
			continue
		}
		if err := json.Unmarshal(e.Data, &recorded); err != nil {
			t.Fatal(err)
		}
		if recorded.SHA256 != hex.EncodeToString(sum[:]) || recorded.Bytes != len(a.body) {
			t.Errorf("recorded is %+v, downloaded %x of %d bytes", recorded, sum, len(a.body))
		}
		recorded.Bytes = -1
	}
	if listed := s.incident(s.disk).Evidence[0]; recorded.Bytes != -1 || listed.SHA256 != recorded.SHA256 {
		t.Errorf("the timeline has %+v, the incident %+v", recorded, listed)
	}
	// What belongs to one incident is not to be had through another.
	if e := s.as(access.Viewer, "GET", "/incidents/"+other+"/evidence/"+s.disk+"-e1", "").refused(); e.Status != 404 {
		t.Errorf("through another incident: %d", e.Status)
	}
}
