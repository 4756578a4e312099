package api_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"xunjian/agent/access"
	"xunjian/agent/api"
)

// bodies returns the requests that have a body, with what the description says
// of each of its fields.
func bodies(t *testing.T) map[*request]map[string]schema {
	t.Helper()
	d := readDocument(t)
	w := walker{t: t, schemas: d.Components.Schemas}
	out := map[*request]map[string]schema{}
	for _, r := range requests() {
		if r.body == "" {
			continue
		}
		var op operation
		node := d.Paths[r.route][strings.ToLower(r.method)]
		if err := node.Decode(&op); err != nil {
			t.Fatal(err)
		}
		props, _ := w.properties(w.resolve(op.RequestBody.Content["application/json"].Schema))
		if len(props) == 0 {
			t.Errorf("%s has a body that is not described", r)
		}
		for name, p := range props {
			props[name] = w.resolve(p)
		}
		out[&r] = props
	}
	return out
}

// with returns a JSON object with one member more, or another value for it.
func with(t *testing.T, object, name, value string) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		t.Fatal(err)
	}
	members[name] = nil
	var out []string
	for _, n := range slices.Sorted(maps.Keys(members)) {
		v := string(members[n])
		if n == name {
			v = value
		}
		out = append(out, `"`+n+`":`+v)
	}
	return "{" + strings.Join(out, ",") + "}"
}

// Every field of every body: a value of another type, a text that no store
// could keep, and one that is too long are refused by the field's name.
func TestEveryFieldIsHeld(t *testing.T) {
	s := onStage(serve(t))
	tried := 0
	for r, props := range bodies(t) {
		path, body := s.fill(*r)
		before := s.kept()
		base := body
		if r.method == http.MethodPatch {
			base = "{}" // it takes one field at a time
		}
		for name, p := range props {
			for _, c := range mistakes(p, tooLong(r.route, name)) {
				e := s.as(access.Admin, r.method, path, with(t, base, name, c.value)).refused()
				if e.Status != c.status || e.Code != c.code || e.Field != name {
					t.Errorf("%s, %s is %.40s: %d %s, field %q: %s; want %d %s", r, name, c.value, e.Status, e.Code, e.Field, e.Message, c.status, c.code)
				}
				tried++
			}
		}
		if s.kept() != before {
			t.Errorf("%s was refused and changed something", r)
		}
		if got := s.as(access.Admin, r.method, path, body); got.status != r.want {
			t.Errorf("%s as it should be: %d %s", r, got.status, got.body)
		}
	}
	if tried < 200 {
		t.Errorf("only %d mistakes tried", tried)
	}
}

// mistake is a value that a field must not have.
type mistake struct {
	value  string
	status int
	code   string
}

// tooLong is the code for a text that is: accounts have their own.
func tooLong(route, name string) string {
	switch {
	case name == "password":
		return "password_long"
	case route == "/tokens":
		return "bad_length"
	}
	return "text_too_long"
}

func mistakes(p schema, tooLong string) []mistake {
	wrong := map[string]string{"string": "7", "integer": `"7"`, "number": `"7"`, "boolean": `"yes"`, "array": `"x"`, "object": `"x"`}
	out := []mistake{{wrong[p.Type], 400, "wrong_type"}}
	switch {
	case p.Type == "integer":
		out = append(out, mistake{"1.5", 400, "wrong_type"}, mistake{"1e40", 400, "wrong_type"})
	case p.Format == "date-time":
		for _, v := range []string{"yesterday", "2026-01-05", "2026-01-05T09:30:00", "2026-02-30T00:00:00Z", ""} {
			out = append(out, mistake{`"` + v + `"`, 400, "bad_time"})
		}
	case p.Type == "string":
		out = append(out, mistake{`"a\u0000b"`, 422, "bad_text"}, mistake{"\"a\xffb\"", 422, "bad_text"},
			mistake{"\"\xe5\xb7\"", 422, "bad_text"}, mistake{"\"\xed\xa0\x80\"", 422, "bad_text"})
	}
	if p.MaxLength > 0 {
		out = append(out, mistake{`"` + strings.Repeat("x", p.MaxLength+1) + `"`, 422, tooLong},
			mistake{`"` + strings.Repeat("长", p.MaxLength/3+1) + `"`, 422, tooLong})
	}
	return out
}

// What is deeper in a body has its whole path as name.
func TestFieldsWithin(t *testing.T) {
	s := serve(t)
	for _, c := range []struct {
		path, body  string
		status      int
		code, field string
	}{
		{"/incidents", `{"code":"F05","title":"x","call":{"caller":7,"text":"x"}}`, 400, "wrong_type", "call.caller"},
		{"/incidents", `{"code":"F05","title":"x","call":{"caller":"a","text":"x\u0000"}}`, 422, "bad_text", "call.text"},
		{"/incidents", `{"code":"F05","title":"x","call":{"caller":"a","text":"x","due":"soon"}}`, 400, "bad_time", "call.due"},
		{"/incidents", `{"code":"F05","title":"x","call":{"caller":"a","text":"x","due":7}}`, 400, "wrong_type", "call.due"},
		{"/incidents", `{"code":"F05","title":"x","call":{"who":"a"}}`, 400, "unknown_field", "who"},
		{"/incidents", `{"code":"F05","title":"x","drill":true,"participants":["li",7]}`, 400, "wrong_type", "participants"},
		{"/incidents", `{"code":"F05","title":"x","drill":true,"participants":["li","w\u0000"]}`, 422, "bad_text", "participants"},
		{"/rules/test", `{"files":[{"name":"r.yml","content":7}],"tests":[]}`, 400, "wrong_type", "files.content"},
		{"/rules/test", `{"files":[{"name":"r.yml","content":"\u0000"}],"tests":[]}`, 422, "bad_text", "files.content"},
	} {
		e := s.as(access.Operator, "POST", c.path, c.body).refused()
		if e.Status != c.status || e.Code != c.code || e.Field != c.field {
			t.Errorf("%s: %d %s, field %q (%s), want %d %s %q", c.body, e.Status, e.Code, e.Field, e.Message, c.status, c.code, c.field)
		}
	}
}

// What is no JSON object, or has members that nobody knows, is refused by
// every route that takes a body.
func TestBodiesAreStrict(t *testing.T) {
	s := onStage(serve(t))
	for r := range bodies(t) {
		path, body := s.fill(*r)
		before := s.kept()
		for _, c := range []struct {
			body, code, field string
		}{
			{"{", "bad_json", ""}, {"not json", "bad_json", ""}, {body + body, "bad_json", ""}, {body + "x", "bad_json", ""},
			{"\xef\xbb\xbf" + body, "bad_json", ""}, {"{\"a\x00b\":1}", "bad_json", ""}, {" ", "bad_json", ""},
			{"[]", "wrong_type", ""}, {`"x"`, "wrong_type", ""}, {"7", "wrong_type", ""},
			{with(t, body, "nobody_knows", "1"), "unknown_field", "nobody_knows"},
		} {
			e := s.as(access.Admin, r.method, path, c.body).refused()
			if e.Status != 400 || e.Code != c.code || e.Field != c.field {
				t.Errorf("%s %.60q: %d %s, field %q, want 400 %s %q", r, c.body, e.Status, e.Code, e.Field, c.code, c.field)
			}
		}
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "application/jsonx", "", ";"} {
			if e := s.as(access.Admin, r.method, path, body, "Content-Type", kind).refused(); e.Status != 415 || e.Code != "not_json" {
				t.Errorf("%s as %q: %d %s", r, kind, e.Status, e.Code)
			}
		}
		e := s.as(access.Admin, r.method, path+"?version=1", body).refused()
		if e.Status != 400 || e.Code != "unknown_parameter" || e.Field != "version" {
			t.Errorf("%s with a parameter: %d %s %q", r, e.Status, e.Code, e.Field)
		}
		if s.kept() != before {
			t.Errorf("%s was refused and changed something", r)
		}
	}
}

// The bound of a body is met to the byte, whether its length is said before or
// not.
func TestBodiesAreBounded(t *testing.T) {
	s := onStage(serve(t))
	id := s.fillID()
	for _, c := range []struct {
		path, head, tail string
		limit            int
		code             string // at the limit
	}{
		{"/incidents/" + id + "/comment", `{"text":"`, `"}`, 64 << 10, "text_too_long"},
		{"/rules/backtest", `{"files":[{"name":"r.yml","content":"#`, `"}],"step_seconds":0.1}`, 4 << 20, "bad_seconds"},
	} {
		for _, chunked := range []bool{false, true} {
			for over, want := range []string{c.code, "body_too_large"} {
				body := c.head + strings.Repeat("x", c.limit+over-len(c.head)-len(c.tail)) + c.tail
				req := s.newRequest(access.Operator, http.MethodPost, c.path)
				req.Header.Set("Content-Type", "application/json")
				req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
				if chunked {
					req.ContentLength = -1
				}
				status := map[string]int{"body_too_large": 413}[want]
				if e := s.send(req).refused(); e.Code != want || status != 0 && e.Status != status {
					t.Errorf("%s with %d bytes (chunked %v): %d %s, want %s", c.path, len(body), chunked, e.Status, e.Code, want)
				}
			}
		}
	}
}

func (st *stage) fillID() string {
	path, _ := st.fill(request{path: "{id}"})
	return path
}

// The longest text that is taken comes back as it was, in every script.
func TestLongTextsAreKept(t *testing.T) {
	s := onStage(serve(t))
	id := s.fillID()
	for _, text := range []string{
		strings.Repeat("x", 4096), strings.Repeat("长", 1365), strings.Repeat("𠮷", 1024),
		"<script>alert(1)</script> & \"'\\ \u2028\u202e\x1b[31m\t\r\n", "\ufffd", "e\u0301",
	} {
		body, err := json.Marshal(api.Comment{Text: text})
		if err != nil {
			t.Fatal(err)
		}
		into[api.Incident](s.as(access.Operator, "POST", "/incidents/"+id+"/comment", string(body)))
		line := into[api.Timeline](s.as(access.Viewer, "GET", "/incidents/"+id+"/events", "")).Events
		var data struct{ Text string }
		if err := json.Unmarshal(line[len(line)-1].Data, &data); err != nil || data.Text != text {
			t.Errorf("%v: %.40q came back as %.40q", err, text, data.Text)
		}
	}
}
