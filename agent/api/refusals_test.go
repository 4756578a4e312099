package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"xunjian/agent/access"
	"xunjian/agent/api"
	"xunjian/agent/api/apitest"
)

// refusal is a request that is not carried out, and what is said of it.
type refusal struct {
	who          access.Role
	method, path string
	body         string
	status       int
	code, field  string
}

// refusals are all that a person can bring about; {disk} is an incident that
// fires.
func refusals() []refusal {
	list := []refusal{
		{nobody, "GET", "/status", "", 401, "unauthorized", ""},
		{forged, "GET", "/status", "", 401, "bad_token", ""},
		{access.Viewer, "POST", "/reload", "", 403, "forbidden", ""},
		{access.Admin, "GET", "/nowhere", "", 404, "no_such_path", ""},
		{access.Admin, "PUT", "/status", "", 405, "method_not_allowed", ""},
		{access.Admin, "GET", "/incidents/INC-19990101-00001", "", 404, "not_found", ""},
		{access.Admin, "GET", "/incidents/INC-19990101-00001/events", "", 404, "not_found", ""},
		{access.Admin, "GET", "/incidents/INC-19990101-00001/response", "", 404, "not_found", ""},
		{access.Admin, "GET", "/incidents/{disk}/evidence/none", "", 404, "not_found", ""},
		{access.Admin, "GET", "/checks/none", "", 404, "not_found", ""},
		{access.Admin, "POST", "/checks/none/run", "", 404, "not_found", ""},
		{access.Admin, "GET", "/plan/scenarios/none", "", 404, "not_found", ""},
		{access.Admin, "GET", "/query?expr=)", "", 422, "bad_query", "expr"},
		{access.Admin, "GET", "/query_range?expr=)", "", 422, "bad_query", "expr"},
		{access.Admin, "POST", "/users", `{"name":"Li","role":"viewer","password":"correct horse battery"}`, 422, "bad_name", "name"},
		{access.Admin, "POST", "/users", `{"name":"the-viewer","role":"viewer","password":"correct horse battery"}`, 409, "name_taken", "name"},
		{access.Admin, "POST", "/users", `{"name":"li","role":"king","password":"correct horse battery"}`, 422, "unknown_role", "role"},
		{access.Admin, "POST", "/users", `{"name":"li","role":"viewer","password":"short"}`, 422, "password_short", "password"},
		{access.Admin, "POST", "/users", `{"name":"li","role":"viewer","password":"` + strings.Repeat("x", 5000) + `"}`, 422, "password_long", "password"},
		{access.Admin, "PATCH", "/users/none", `{"disabled":true}`, 404, "unknown_account", ""},
		{access.Admin, "PATCH", "/users/the-viewer", `{}`, 422, "one_change", ""},
		{access.Admin, "PATCH", "/users/the-viewer", `{"disabled":true,"role":"admin"}`, 422, "one_change", ""},
		{access.Admin, "PATCH", "/users/the-admin", `{"disabled":true}`, 409, "last_admin", ""},
		{access.Admin, "POST", "/tokens", `{"name":"","role":"viewer"}`, 422, "bad_length", "name"},
		{access.Admin, "POST", "/tokens", `{"name":"a\u0007b","role":"viewer"}`, 422, "bad_token_name", "name"},
		{access.Admin, "POST", "/tokens", `{"name":"w","role":"viewer","expires":"1999-01-01T00:00:00Z"}`, 422, "in_the_past", "expires"},
		{access.Admin, "POST", "/tokens", `{"owner":"the-viewer","name":"w","role":"admin"}`, 422, "role_above_owner", "role"},
		{access.Admin, "DELETE", "/tokens/none", "", 404, "unknown_token", ""},
		{access.Admin, "POST", "/reload", "", 422, "config_refused", ""},
	}
	return append(append(list, refusedTrials()...), refusedCommands()...)
}

func refusedTrials() []refusal {
	test := func(body, code, field string) refusal {
		return refusal{access.Operator, "POST", "/rules/test", body, 422, code, field}
	}
	back := func(body, code, field string) refusal {
		return refusal{access.Operator, "POST", "/rules/backtest", body, 422, code, field}
	}
	const good = `"files":[{"name":"r.yml","content":"groups: []"}]`
	return []refusal{
		test(`{"files":[],"tests":[]}`, "nothing_given", "files"),
		test(`{`+good+`,"tests":[]}`, "nothing_given", "tests"),
		test(`{`+good+`,"tests":["t.yml"]}`, "no_such_file", "tests"),
		test(`{"files":[{"name":"../r.yml","content":""}],"tests":["../r.yml"]}`, "bad_file_name", "files"),
		test(`{"files":[{"name":"t.yml","content":"rule_files: [/etc/passwd]"}],"tests":["t.yml"]}`, "rule_file_elsewhere", "files"),
		test(`{"files":[{"name":"t.yml","content":"rule_files: ["}],"tests":["t.yml"]}`, "bad_tests", "files"),
		test(`{"files":[`+strings.TrimSuffix(strings.Repeat(`{"name":"r.yml","content":""},`, 51), ",")+`],"tests":["r.yml"]}`, "too_many_files", "files"),
		back(`{"files":[{"name":"r.yml","content":"groups: [{name: g, rules: [{alert: A, expr: ')'}]}]"}]}`, "bad_rules", "files"),
		back(`{`+good+`,"from":"2026-01-05T12:00:00+08:00","to":"2026-01-05T09:00:00+08:00"}`, "bad_range", "from"),
		back(`{`+good+`,"step_seconds":0.5}`, "bad_seconds", "step_seconds"),
		back(`{`+good+`,"step_seconds":1e300}`, "bad_seconds", "step_seconds"),
	}
}

func refusedCommands() []refusal {
	do := func(word, body string, status int, code, field string) refusal {
		return refusal{access.Operator, "POST", "/incidents/{disk}/" + word, body, status, code, field}
	}
	open := func(body string, status int, code, field string) refusal {
		return refusal{access.Operator, "POST", "/incidents", body, status, code, field}
	}
	return []refusal{
		do("acknowledge", `{"note":""}`, 422, "text_missing", "note"),
		do("acknowledge", `{"note":" \t　"}`, 422, "text_missing", "note"),
		do("comment", `{"text":"x","version":-1}`, 422, "bad_version", "version"),
		do("comment", `{"text":"x","version":1}`, 409, "changed_meanwhile", ""),
		do("level", `{"level":"V","reason":"x"}`, 422, "unknown_level", "level"),
		do("step", `{"step":"no","state":"done"}`, 422, "unknown_step", "step"),
		do("step", `{"step":"find-cause","state":"half"}`, 422, "unknown_step_state", "state"),
		do("branch", `{"branch":"no"}`, 422, "unknown_branch", "branch"),
		do("triage", `{"code":"Z99"}`, 422, "unknown_code", "code"),
		do("triage", `{"scenario":"none"}`, 422, "unknown_scenario", "scenario"),
		do("estimate", `{"restored":"1999-01-01T00:00:00Z"}`, 422, "estimate_before_outage", "restored"),
		do("estimate", `{"restored":"2036-01-01T00:00:00Z"}`, 422, "estimate_too_far", "restored"),
		do("duty", `{"duty":"all-clear","state":"sent"}`, 409, "duty_not_due", "duty"),
		do("resolve", `{}`, 409, "still_firing", "note"),
		do("reopen", `{"reason":"x"}`, 409, "not_ended", ""),
		do("promote", `{"code":"A01","reason":"x"}`, 409, "no_warning", ""),
		do("close", `{}`, 409, "not_resolved", ""),
		do("entry-done", `{"entry":1}`, 422, "unknown_entry", "entry"),
		do("lesson", `{"text":"x","owner":"li"}`, 422, "text_missing", "due"),
		do("lesson-done", `{"lesson":1}`, 422, "unknown_lesson", "lesson"),
		do("investigation", `{"heading":"none","text":"x"}`, 422, "unknown_heading", "heading"),
		open(`{"code":"Z99","title":"x"}`, 422, "unknown_code", "code"),
		open(`{"scenario":"none","title":"x"}`, 422, "unknown_scenario", "scenario"),
		open(`{"code":"E01","title":""}`, 422, "text_missing", "title"),
		open(`{"title":"x","warning":"sideways"}`, 422, "unknown_source", "warning"),
		open(`{"code":"F03","title":"x","drill":true}`, 422, "drill_without_people", "participants"),
		open(`{"code":"F03","title":"x","since":"1999-01-01T00:00:00Z"}`, 422, "since_too_old", "since"),
	}
}

// Every refusal has a stable code, the field it is about, and a sentence in
// the language that was asked for; and it changes nothing.
func TestRefusals(t *testing.T) {
	w := apitest.New(t)
	w.Options.Reload = func(context.Context) error { return errors.New("xunjian.yaml:3:1: unknown key") }
	s := onStage(serveWorld(w))
	s.strangers()
	before := s.kept()
	for _, r := range refusals() {
		path := strings.ReplaceAll(r.path, "{disk}", s.disk)
		said := map[string]string{}
		for lang, header := range languages() {
			asked := path
			if lang == "lang=en" {
				asked += map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")] + lang
			}
			a := s.as(r.who, r.method, asked, r.body, header...)
			e := a.refused()
			if e.Status != r.status || e.Code != r.code || e.Field != r.field {
				t.Errorf("%s %s %.60s: %d %s field %q (%s), want %d %s %q", r.method, r.path, r.body, e.Status, e.Code, e.Field, e.Message, r.status, r.code, r.field)
			}
			a.isShaped()
			said[lang] = e.Message
			if han := strings.ContainsFunc(e.Message, isHan); han != (lang != "en" && lang != "lang=en") {
				t.Errorf("%s %s %.60s in %s says %q", r.method, r.path, r.body, lang, e.Message)
			}
			// A text that is missing is said as its id, a gap in it as this.
			if strings.Contains(e.Message, r.code) && strings.Contains(r.code, "_") || strings.Contains(e.Message, "<no value>") {
				t.Errorf("%s %s %.60s in %s has no sentence: %q", r.method, r.path, r.body, lang, e.Message)
			}
		}
		if said["none"] != said["zh-CN"] || said["fr"] != said["zh-CN"] || said["lang=en"] != said["en"] {
			t.Errorf("%s %s says %q", r.method, r.path, said)
		}
	}
	if s.kept() != before {
		t.Error("a refused request changed something")
	}
}

// languages are the ways to ask for one; none and one we lack get the agent's.
func languages() map[string][]string {
	return map[string][]string{
		"zh-CN": {"Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8"}, "en": {"Accept-Language", "en-GB,en;q=0.9,zh;q=0.1"},
		"none": nil, "fr": {"Accept-Language", "fr"}, "lang=en": {"Accept-Language", "zh-CN"},
	}
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// isShaped holds an error against its form: one object, JSON, not to be kept.
func (a answer) isShaped() {
	a.t.Helper()
	var body map[string]map[string]any
	if err := json.Unmarshal(a.body, &body); err != nil || len(body) != 1 {
		a.t.Fatalf("%v in %s", err, a.body)
	}
	for name := range maps.Keys(body["error"]) {
		if !slices.Contains([]string{"code", "message", "field", "version"}, name) {
			a.t.Errorf("an error has %s: %s", name, a.body)
		}
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Vary": "Accept-Language",
	} {
		if got := a.header.Get(name); got != want {
			a.t.Errorf("%s of an error is %q, want %q", name, got, want)
		}
	}
}

// The agent's own language answers who asks for none.
func TestAgentsLanguage(t *testing.T) {
	w := apitest.New(t)
	w.Options.Language = "en"
	s := serveWorld(w)
	if e := s.as(nobody, "GET", "/status", "").refused(); strings.ContainsFunc(e.Message, isHan) {
		t.Errorf("an English agent says %q", e.Message)
	}
	if e := s.as(nobody, "GET", "/status", "", "Accept-Language", "zh").refused(); !strings.ContainsFunc(e.Message, isHan) {
		t.Errorf("asked in Chinese it says %q", e.Message)
	}
	for lang, want := range map[string]string{"zh-CN": "zh-CN", "en": "en", "fr": "en"} {
		if got := s.as(access.Viewer, "GET", "/plan", "", "Accept-Language", lang).header.Get("Content-Language"); got != want {
			t.Errorf("asked in %s it answers in %s, want %s", lang, got, want)
		}
	}
}

// A fault inside is told to the log, and to the caller only that there is one.
func TestFaultsInside(t *testing.T) {
	w := apitest.New(t)
	w.Options.About = func() api.About { panic("secret word") }
	s := serveWorld(w)
	e := s.as(access.Viewer, "GET", "/status", "", "Accept-Language", "en").refused()
	if e.Status != 500 || e.Code != "internal" || strings.Contains(e.Message, "secret") {
		t.Errorf("%d %s: %s", e.Status, e.Code, e.Message)
	}
	if !strings.Contains(w.Log.String(), "secret word") {
		t.Error("the log does not have it")
	}
	if a := s.as(access.Viewer, "GET", "/plan", ""); a.status != 200 {
		t.Errorf("afterwards: %d", a.status)
	}
}
