package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"go.yaml.in/yaml/v3"

	"xunjian/agent/access"
	"xunjian/agent/api"
	"xunjian/alerting/inspection"
)

// document is as much of the description as the tests look at.
type document struct {
	Paths      map[string]map[string]yaml.Node `yaml:"paths"`
	Components struct {
		Schemas map[string]schema `yaml:"schemas"`
	} `yaml:"components"`
}

type operation struct {
	Role        string `yaml:"x-role"`
	OperationID string `yaml:"operationId"`
	Summary     string `yaml:"summary"`
	RequestBody struct {
		Content map[string]struct {
			Schema schema `yaml:"schema"`
		} `yaml:"content"`
	} `yaml:"requestBody"`
}

type schema struct {
	Ref        string            `yaml:"$ref"`
	Type       string            `yaml:"type"`
	Required   []string          `yaml:"required"`
	Properties map[string]schema `yaml:"properties"`
	Items      *schema           `yaml:"items"`
	AllOf      []schema          `yaml:"allOf"`
	Enum       []string          `yaml:"enum"`
	Format     string            `yaml:"format"`
	MaxLength  int               `yaml:"maxLength"`
	Additional yaml.Node         `yaml:"additionalProperties"`
}

func readDocument(t *testing.T) document {
	t.Helper()
	var d document
	if err := yaml.Unmarshal(api.OpenAPI(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestEveryRouteIsDescribed walks the routes and the description, both ways.
func TestEveryRouteIsDescribed(t *testing.T) {
	d := readDocument(t)
	described := map[string]string{}
	ids := map[string]string{}
	for path, item := range d.Paths {
		for method, node := range item {
			if method == "parameters" {
				continue
			}
			var op operation
			if err := node.Decode(&op); err != nil {
				t.Fatal(err)
			}
			line := strings.ToUpper(method) + " " + path
			described[line] = op.Role
			if op.Summary == "" || op.OperationID == "" {
				t.Errorf("%s has no summary or no operationId", line)
			}
			if other := ids[op.OperationID]; other != "" {
				t.Errorf("%s and %s have the same operationId", line, other)
			}
			ids[op.OperationID] = line
		}
	}
	for _, rt := range api.RouteLines() {
		line := rt.Method + " " + rt.Path
		role, ok := described[line]
		if !ok {
			t.Errorf("%s is not described", line)
		} else if role != rt.Need {
			t.Errorf("%s needs %s, described is %q", line, rt.Need, role)
		}
		delete(described, line)
	}
	for line := range described {
		t.Errorf("%s is described, but there is no such route", line)
	}
}

// wire are the types that go over the wire. A test fails if a schema has no
// type here, or a type reached from these no schema.
var wire = []any{
	api.Error{}, api.Text{}, api.Status{}, api.Change{}, api.CheckList{}, api.CheckDetail{}, api.Inspection{},
	api.AlertList{}, api.AlertLog{}, api.LinePage{}, api.RuleList{}, api.QueryResult{}, api.RangeResult{},
	api.RuleTest{}, api.RuleTestReport{}, api.BacktestRequest{}, api.BacktestReport{},
	api.Plan{}, api.Scenario{}, api.IncidentList{}, api.IncidentDetail{}, api.Timeline{}, api.Verification{},
	api.Report{}, api.Acknowledge{}, api.Comment{}, api.Assign{}, api.SetLevel{}, api.SetStep{},
	api.Resolve{}, api.Reopen{}, api.FalseAlarm{},
	api.Explanation{}, api.Paper{}, api.SavePaper{}, api.Response{}, api.AddReport{}, api.SetTriage{}, api.SetEstimate{}, api.ChooseBranch{}, api.SetDuty{}, api.Analyse{}, api.Promote{},
	api.Dismiss{}, api.AddEntry{}, api.CompleteEntry{}, api.Investigate{}, api.AddLesson{}, api.CompleteLesson{}, api.Close{},
	api.FormList{}, api.RoundList{}, api.StartRound{}, api.AnswerItem{}, api.WarnItem{}, api.SignRound{},
	api.ReportList{}, api.SendReport{}, api.Queued{},
	api.NoticeRoute{}, api.TestNotice{}, api.TestedNotice{}, api.NoticeQueue{}, api.RetryNotice{}, api.Retried{}, api.SilenceList{}, api.NewSilence{}, api.LogReview{}, api.AccessReport{}, api.TemplateReport{}, api.IntegrityReport{}, api.FileDiff{}, api.ApproveChanges{},
	api.Network{}, api.UserList{}, api.NewUser{}, api.UserChange{}, api.TokenList{}, api.NewToken{}, api.IssuedToken{},
}

// words are the schemas that are no objects: their Go types are plain.
var words = []string{"Moment", "Verdict", "LevelWord", "Labels", "RoleWord", "SeenVersion", "RoundVerdict"}

// TestEveryFieldIsDescribed walks every field of every type that goes over the
// wire and every property of every schema, both ways: name, type, and whether
// it is always there.
func TestEveryFieldIsDescribed(t *testing.T) {
	d := readDocument(t)
	w := walker{t: t, schemas: d.Components.Schemas, seen: map[string]bool{}}
	for _, v := range wire {
		w.object(reflect.TypeOf(v))
	}
	for name := range d.Components.Schemas {
		if !w.seen[name] && !slices.Contains(words, name) {
			t.Errorf("schema %s describes no type", name)
		}
	}
}

type walker struct {
	t       *testing.T
	schemas map[string]schema
	seen    map[string]bool
}

type field struct {
	name     string
	optional bool
	typ      reflect.Type
}

// fields are those of a struct and of the structs it embeds.
func fields(typ reflect.Type) []field {
	var out []field
	for i := range typ.NumField() {
		f := typ.Field(i)
		tag := f.Tag.Get("json")
		if f.Anonymous && tag == "" {
			out = append(out, fields(f.Type)...)
			continue
		}
		name, opts, _ := strings.Cut(tag, ",")
		if name != "-" {
			out = append(out, field{name, opts != "", f.Type})
		}
	}
	return out
}

// properties are those of a schema and of what it is made of.
func (w *walker) properties(s schema) (props map[string]schema, required []string) {
	props = maps.Clone(s.Properties)
	if props == nil {
		props = map[string]schema{}
	}
	required = s.Required
	for _, part := range s.AllOf {
		p, r := w.properties(w.resolve(part))
		maps.Copy(props, p)
		required = append(required, r...)
	}
	return props, required
}

func (w *walker) resolve(s schema) schema {
	if s.Ref == "" {
		return s
	}
	name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
	found, ok := w.schemas[name]
	if !ok {
		w.t.Fatalf("no schema %s", s.Ref)
	}
	return found
}

func (w *walker) object(typ reflect.Type) {
	w.t.Helper()
	name := typ.Name()
	if w.seen[name] {
		return
	}
	w.seen[name] = true
	s, ok := w.schemas[name]
	if !ok {
		w.t.Errorf("type %s has no schema", name)
		return
	}
	// What a type embeds has a schema of its own.
	for i := range typ.NumField() {
		if f := typ.Field(i); f.Anonymous && f.Type != reflect.TypeFor[time.Time]() {
			w.object(f.Type)
		}
	}
	props, required := w.properties(s)
	for _, f := range fields(typ) {
		p, ok := props[f.name]
		if !ok {
			w.t.Errorf("%s.%s is not described", name, f.name)
			continue
		}
		delete(props, f.name)
		if slices.Contains(required, f.name) == f.optional {
			w.t.Errorf("%s.%s: optional is %v here, and the other way round in the description", name, f.name, f.optional)
		}
		w.value(name+"."+f.name, p, f.typ)
	}
	for left := range props {
		w.t.Errorf("%s.%s is described, but the type has no such field", name, left)
	}
}

// value compares one value's type with its schema.
func (w *walker) value(at string, s schema, typ reflect.Type) {
	w.t.Helper()
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	want := kindOf(typ)
	if got := w.resolve(s); got.Type != want && !(got.Type == "" && len(got.AllOf) > 0 && want == "object") {
		w.t.Errorf("%s is %s, described as %q", at, want, got.Type)
	}
	switch {
	case typ == reflect.TypeFor[[]byte](): // base64
	case typ == reflect.TypeFor[json.RawMessage](), typ == reflect.TypeFor[api.Moment](), typ == reflect.TypeFor[time.Time]():
	case typ.Kind() == reflect.Struct:
		if s.Ref != "#/components/schemas/"+typ.Name() {
			w.t.Errorf("%s is a %s, described by %q", at, typ.Name(), s.Ref)
		}
		w.object(typ)
	case typ.Kind() == reflect.Slice || typ.Kind() == reflect.Array:
		items := w.resolve(s).Items
		if items == nil {
			w.t.Errorf("%s: the description has no items", at)
			return
		}
		w.value(at+"[]", *items, typ.Elem())
	}
}

func kindOf(typ reflect.Type) string {
	switch {
	case typ == reflect.TypeFor[api.Moment](), typ == reflect.TypeFor[time.Time](), typ == reflect.TypeFor[[]byte]():
		return "string"
	case typ == reflect.TypeFor[json.RawMessage]():
		return "object"
	}
	switch typ.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Float64:
		return "number"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "integer"
	case reflect.Slice, reflect.Array:
		return "array"
	}
	return "object"
}

// judge validates requests and responses against the description.
type judge struct {
	t testing.TB
	v validator.Validator
}

func newJudge(t testing.TB) judge {
	t.Helper()
	doc, err := libopenapi.NewDocument(api.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	t.Cleanup(v.Release)
	return judge{t, v}
}

// TestDescriptionIsValid holds the description against OpenAPI's own schema.
func TestDescriptionIsValid(t *testing.T) {
	ok, errs := newJudge(t).v.ValidateDocument()
	for _, e := range errs {
		t.Errorf("%s: %s %v", e.Message, e.Reason, e.SchemaValidationErrors)
	}
	if !ok && len(errs) == 0 {
		t.Error("not valid")
	}
}

// exchange makes a request, and holds it and its answer against the
// description.
func (j judge) exchange(s *server, method, path, body string) answer {
	j.t.Helper()
	a := s.as(access.Admin, method, path, body, "Accept-Language", "en")
	req, err := http.NewRequest(method, s.base+api.Prefix+path, strings.NewReader(body))
	if err != nil {
		j.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer x")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp := &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)), Request: req}
	check := j.v.ValidateHttpRequestResponse
	if a.status/100 != 2 {
		check = j.v.ValidateHttpResponse // a request that was refused need not be valid
	}
	if ok, errs := check(req, resp); !ok {
		for _, e := range errs {
			j.t.Errorf("%s %s: %s: %s %s\n%s", method, path, e.Message, e.Reason, reasons(e), a.body)
		}
	}
	return a
}

func reasons(e any) string { return fmt.Sprintf("%+v", e) }

// TestRealAnswersFitTheDescription plays a day with the API and holds every
// request and every answer against the description. Every route takes part.
func TestRealAnswersFitTheDescription(t *testing.T) {
	s := serve(t)
	j := newJudge(t)
	id := s.FillDisk()
	played := map[string]bool{}
	play := func(want int, method, template, body string, parts ...string) answer {
		t.Helper()
		played[method+" "+template] = true
		path := template
		for n := 0; n+1 < len(parts); n += 2 {
			path = strings.ReplaceAll(path, parts[n], parts[n+1])
		}
		a := j.exchange(s, method, path, body)
		if a.status != want {
			t.Errorf("%s %s: status %d, want %d: %s", method, path, a.status, want, a.body)
		}
		return a
	}
	in := func(rest string) string { return "/incidents/{id}" + rest }
	for _, path := range []string{"/status", "/checks", "/alerts", "/alerts/log", "/logs/search", "/network", "/rules", "/plan", "/incidents", "/incidents/verify", "/users", "/tokens", "/openapi.yaml"} {
		play(200, "GET", path, "")
	}
	play(200, "GET", "/checks/{name}", "", "{name}", "filesystem")
	play(200, "GET", "/checks/{name}", "", "{name}", "postgres%2Fmain")
	play(200, "POST", "/checks/{name}/run", "", "{name}", "cpu")
	play(200, "GET", "/query", "", "/query", "/query?expr=node_filesystem_avail_bytes&time=2026-01-05T09:30:15%2B08:00")
	play(200, "GET", "/query_range", "", "/query_range", "/query_range?expr=node_filesystem_avail_bytes&start=2026-01-05T09:00:00%2B08:00&end=2026-01-05T09:30:15%2B08:00&step=15")
	play(200, "GET", "/plan/scenarios/{id}", "", "{id}", "server-failure")
	play(200, "GET", "/incidents", "", "/incidents", "/incidents?state=active&state=resolved&code=E01&q=data&limit=1")
	play(200, "GET", in(""), "", "{id}", id)
	play(200, "GET", in("/events"), "", "{id}", id)
	play(200, "GET", in("/evidence/{eid}"), "", "{id}", id, "{eid}", id+"-e1")
	play(200, "POST", in("/acknowledge"), `{"note":"on it"}`, "{id}", id)
	play(200, "POST", in("/comment"), `{"text":"vendor called"}`, "{id}", id)
	play(200, "POST", in("/assign"), `{"to":"li"}`, "{id}", id)
	play(200, "POST", in("/level"), `{"level":"III","reason":"takes longer"}`, "{id}", id)
	play(200, "POST", in("/step"), `{"step":"find-cause","state":"done"}`, "{id}", id)
	play(200, "POST", in("/resolve"), `{"note":"disk replaced"}`, "{id}", id)
	play(200, "POST", in("/reopen"), `{"reason":"full again"}`, "{id}", id)
	play(200, "POST", in("/false-alarm"), `{"reason":"planned work"}`, "{id}", id)
	play(409, "POST", in("/false-alarm"), `{"reason":"planned work"}`, "{id}", id)
	play(200, "GET", in(""), "", "{id}", id)
	play(200, "GET", in("/events"), "", "{id}", id)
	play(200, "POST", "/incidents", `{"key":"k1","code":"F00","title":"uploads fail","since":"2026-01-05T09:00:00+08:00"}`)
	play(404, "GET", in(""), "", "{id}", "INC-19990101-00001")
	respond(t, play)
	inspect(play)
	rules := `{"name":"r.yml","content":"groups: [{name: g, rules: [{alert: A, expr: no_such_metric > 1}, {alert: B, expr: node_filesystem_avail_bytes < 100}]}]"}`
	play(200, "POST", "/rules/backtest", `{"files":[`+rules+`],"from":"2026-01-05T09:25:00+08:00","to":"2026-01-05T09:35:00+08:00"}`)
	play(200, "POST", "/rules/test", `{"files":[`+rules+`,{"name":"t.yml","content":"rule_files: [r.yml]\ntests: [{interval: 1m, alert_rule_test: [{eval_time: 1m, alertname: A}]}]"}],"tests":["t.yml"]}`)
	play(200, "POST", "/users", `{"name":"li","role":"operator","password":"correct horse battery"}`)
	play(200, "PATCH", "/users/{name}", `{"disabled":true}`, "{name}", "li")
	tok := into[api.IssuedToken](play(200, "POST", "/tokens", `{"owner":"the-admin","name":"wall","role":"viewer","expires":"2027-01-01T00:00:00+08:00"}`))
	play(200, "GET", "/tokens", "")
	play(204, "DELETE", "/tokens/{id}", "", "{id}", tok.ID)
	play(204, "POST", "/reload", "")
	played["GET /events"] = true // TestStream reads it
	for _, rt := range api.RouteLines() {
		if !played[rt.Method+" "+rt.Path] {
			t.Errorf("%s %s took no part", rt.Method, rt.Path)
		}
	}
}

// inspect plays a round: judged, answered, warned of, signed and reviewed; what
// may not be done is refused.
func inspect(play func(want int, method, template, body string, parts ...string) answer) {
	play(200, "GET", "/plan/cards", "")
	play(200, "GET", "/forms", "")
	play(422, "POST", "/rounds", `{"form":"monthly"}`)
	id := into[inspection.RoundView](play(200, "POST", "/rounds", `{"form":"weekly"}`)).ID
	play(200, "GET", "/rounds", "")
	play(200, "GET", "/rounds/{id}", "", "{id}", id)
	play(404, "GET", "/rounds/{id}", "", "{id}", "RND-20200101-001")
	play(409, "POST", "/rounds/{id}/sign", `{"as":"inspector"}`, "{id}", id)
	play(200, "POST", "/rounds/{id}/judge", "", "{id}", id)
	play(200, "POST", "/rounds/{id}/answer", `{"item":"logs","verdict":"attention","note":"two lines","files":[{"name":"公告.txt","content":"5YWs5ZGK"}]}`, "{id}", id)
	play(200, "GET", "/rounds/{id}/files/{file}", "", "{id}", id, "{file}", id+"-f3-1")
	play(404, "GET", "/rounds/{id}/files/{file}", "", "{id}", id, "{file}", id+"-f9-1")
	play(422, "POST", "/rounds/{id}/answer", `{"item":"logs","verdict":"normal","files":[{"name":"..","content":"eA=="}]}`, "{id}", id)
	play(422, "POST", "/rounds/{id}/answer", `{"item":"no-such","verdict":"normal"}`, "{id}", id)
	play(200, "POST", "/rounds/{id}/warning", `{"item":"load"}`, "{id}", id)
	play(409, "POST", "/rounds/{id}/answer", `{"item":"logs","verdict":"normal","version":1}`, "{id}", id)
	play(200, "POST", "/rounds/{id}/sign", `{"as":"inspector","note":"seen"}`, "{id}", id)
	play(409, "POST", "/rounds/{id}/sign", `{"as":"reviewer"}`, "{id}", id)
	play(200, "GET", "/reports", "")
	play(404, "GET", "/reports/{id}", "", "{id}", "RND-20200101-001-1")
	play(404, "POST", "/reports/{id}/send", `{}`, "{id}", "RND-20200101-001-1")
	play(200, "GET", "/report", "")
	play(200, "GET", "/notify/route", "", "/notify/route", "/notify/route?code=E01&level=II")
	play(200, "POST", "/notify/test", `{"channel":"journal"}`)
	play(422, "POST", "/notify/test", `{"channel":"pigeon"}`)
	play(200, "GET", "/notify/queue", "")
	play(200, "POST", "/notify/retry", `{"key":""}`)
	play(404, "POST", "/notify/retry", `{"key":"none"}`)
	silence := into[api.SilenceView](play(200, "POST", "/silences", `{"codes":["E01"],"reason":"更换硬盘","to":"2026-01-05T12:00:00+08:00"}`)).ID
	play(422, "POST", "/silences", `{"codes":["Z9"],"reason":"x","to":"2026-01-05T12:00:00+08:00"}`)
	play(200, "GET", "/silences", "")
	play(200, "DELETE", "/silences/{id}", "", "{id}", silence)
	play(404, "DELETE", "/silences/{id}", "", "{id}", silence)
	guard(play)
}

// guard plays what there is about guarded files: a webshell that is looked at
// and approved, for it is a honeypot.
func guard(play func(want int, method, template, body string, parts ...string) answer) {
	all := into[api.IntegrityReport](play(200, "GET", "/integrity", ""))
	shell := all.Changes[0].ID
	play(200, "GET", "/integrity/{id}", "", "{id}", shell)
	play(404, "GET", "/integrity/{id}", "", "{id}", "none")
	play(422, "POST", "/integrity/approve", `{"ids":["`+shell+`"],"reason":" "}`)
	play(409, "POST", "/integrity/approve", `{"ids":["none"],"reason":"x"}`)
	play(200, "POST", "/integrity/approve", `{"ids":["`+all.Trees[0].ID+`"],"reason":"release 7"}`)
	play(200, "POST", "/integrity/approve", `{"ids":["`+shell+`"],"reason":"a honeypot"}`)
	play(200, "GET", "/integrity", "")
	if r := into[api.LogReview](play(200, "GET", "/logs/review", "")); len(r.Sources) != 3 || len(r.Patterns) != 1 || len(r.Events) != 1 || len(r.Sources[0].Files) != 1 {
		panic(fmt.Sprintf("the review is %+v", r))
	}
	if r := into[api.AccessReport](play(200, "GET", "/logs/access", "")); len(r.Sites) != 1 || len(r.Sites[0].Attackers) != 1 || len(r.Sites[0].Attackers[0].Samples) != 1 {
		panic("the access log was not read")
	}
	if r := into[api.TemplateReport](play(200, "GET", "/logs/templates", "")); len(r.Sources) != 2 || len(r.Sources[0].Templates) != 1 {
		panic("the log was not read")
	}
}

// respond plays a whole response: a caller's report of a broken opening, from
// triage to the closed investigation, and a warning that becomes an incident.
func respond(t *testing.T, play func(want int, method, template, body string, parts ...string) answer) {
	t.Helper()
	in := func(rest string) string { return "/incidents/{id}" + rest }
	opened := into[api.Incident](play(200, "POST", "/incidents",
		`{"code":"F05","title":"opening stopped","call":{"caller":"an agency","phone":"010-5550-0103","text":"nobody gets on"}}`))
	id := opened.ID
	did := func(what, body string) { t.Helper(); play(200, "POST", in(what), body, "{id}", id) }
	did("/report", `{"caller":"another agency","project":"P1","bidder":"B1","due":"2026-01-05T10:00:00+08:00","text":"same here"}`)
	did("/triage", `{"note":"confirmed"}`)
	did("/estimate", `{"restored":"2026-01-05T20:30:00+08:00","note":"new database"}`)
	state := into[api.Response](play(200, "GET", in("/response"), "", "{id}", id))
	if len(state.Suggested) != 1 || state.Suggested[0].Branch != "not-repairable-within-1-hour" {
		t.Errorf("suggested: %+v", state.Suggested)
	}
	did("/branch", `{"branch":"not-repairable-within-1-hour","reason":"eleven hours"}`)
	did("/duty", `{"duty":"tell-business-posts","state":"sent","to":["all posts"],"via":"telephone"}`)
	did("/entry", `{"what":"opening record","project":"P1"}`)
	did("/resolve", `{"note":"opened by hand"}`)
	paper := into[api.Paper](play(200, "GET", in("/documents/{kind}"), "", "{id}", id, "{kind}", "notify-bidders"))
	if paper.Edited || paper.ShortMessage == nil || paper.Text == "" {
		t.Errorf("composed: %+v", paper)
	}
	body, _ := json.Marshal(api.SavePaper{Document: bytes.ReplaceAll(paper.Document, []byte(`"sms":"`), []byte(`"sms":"EDITED `))})
	play(200, "PUT", in("/documents/{kind}"), string(body), "{id}", id, "{kind}", "notify-bidders")
	if again := into[api.Paper](play(200, "GET", in("/documents/{kind}"), "", "{id}", id, "{kind}", "notify-bidders")); !again.Edited || !strings.Contains(string(again.Document), "EDITED ") {
		t.Errorf("edited: %+v", again)
	}
	play(404, "GET", in("/documents/{kind}"), "", "{id}", id, "{kind}", "no-such-paper")
	play(422, "PUT", in("/documents/{kind}"), string(body), "{id}", id, "{kind}", "all-clear")
	play(409, "POST", in("/close"), `{}`, "{id}", id)
	did("/entry-done", `{"entry":1}`)
	for _, h := range into[api.Response](play(200, "GET", in("/response"), "", "{id}", id)).Investigation {
		did("/investigation", `{"heading":"`+h.Heading+`","text":"written"}`)
	}
	did("/lesson", `{"text":"watch the database","owner":"Li Ming","due":"2026-02-01T00:00:00+08:00"}`)
	did("/lesson-done", `{"lesson":1,"note":"done"}`)
	for _, d := range into[api.Response](play(200, "GET", in("/response"), "", "{id}", id)).Duties {
		if d.State == "open" {
			did("/duty", `{"duty":"`+d.ID+`","state":"sent","note":"a person checked"}`)
		}
	}
	did("/close", `{"note":"nothing left"}`)
	if got := into[api.IncidentDetail](play(200, "GET", in(""), "", "{id}", id)).State; got != "closed" {
		t.Errorf("state %s, want closed", got)
	}
	play(200, "GET", in("/events"), "", "{id}", id)
	said := into[api.Explanation](play(200, "GET", in("/explain"), "", "{id}", id))
	for _, about := range []string{"code", "level", "deadline/triage", "duty/report-upward", "duty/cybersecurity-report", "duty/all-clear"} {
		n := slices.IndexFunc(said.Reasons, func(r api.Reason) bool { return r.About == about })
		if n < 0 || said.Reasons[n].Article == "" && said.Reasons[n].Law == "" || strings.Contains(said.Reasons[n].Text, "explain.") {
			t.Errorf("%s is not explained: %+v", about, said.Reasons)
		}
	}
	for _, end := range []string{"promote", "dismiss"} {
		w := into[api.Incident](play(200, "POST", "/incidents", `{"title":"port scan","warning":"external","major":true}`))
		play(200, "POST", in("/analyse"), `{"text":"from one address","watch":true}`, "{id}", w.ID)
		play(200, "POST", in("/"+end), map[string]string{"promote": `{"code":"A01","reason":"an intrusion"}`, "dismiss": `{"reason":"a test"}`}[end], "{id}", w.ID)
		play(200, "GET", in("/events"), "", "{id}", w.ID)
	}
}
