package incident_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

// samples has one event of each kind, no field of it empty.
var samples = []incident.Data{
	incident.Opened{
		Key: "k", Code: "E01", Scenario: "s", Cause: "c", System: "portal", SystemKind: plan.Opening, Level: plan.LevelII,
		Title: plan.Text{ZH: "磁盘", EN: "<disk> & \"x\""}, OutageSince: t0.Add(123 * time.Millisecond), PlanVersion: "2017-05",
		Host: "web1", Resolve: "auto", Drill: true, Reason: "r",
	},
	incident.AlertJoined{Alert: "a", Rule: "R", Labels: map[string]string{"l": "\u2028"}, Annotations: map[string]string{"summary": "汉\n"}, Since: t0, Value: 1e-300},
	incident.AlertEnded{Alert: "a"},
	incident.AlertLost{Alert: "a"},
	incident.EvidenceTaken{ID: "e", SHA256: "00", Bytes: 7, Late: true},
	incident.Acknowledged{Note: "n"},
	incident.Commented{Text: "t"},
	incident.Assigned{To: "li", Note: "n"},
	incident.LevelChanged{From: "IV", To: "I", Clock: "III", Reason: "r"},
	incident.StepChanged{Step: "s", State: "skipped", Note: "n"},
	incident.Flapping{Ends: 3, Hold: 5 * time.Minute},
	incident.Resolved{Note: "n"},
	incident.Reopened{Reason: "r"},
	incident.FalseAlarm{Reason: "r"},
	incident.Triaged{Code: "D01", Scenario: "s", Cause: "c", Note: "n"},
	incident.Estimated{Restored: t0, Note: "n"},
	incident.LevelAnnounced{To: "III", At: t0, Held: true},
	incident.KindChanged{From: plan.Business, To: plan.Opening},
	incident.AckLapsed{By: "wang"},
	incident.Reminded{Deadline: "triage", From: t0, Due: t0.Add(time.Hour), N: 2, To: []string{"leader"}},
	incident.BranchChosen{After: "a", Branch: "b", Reason: "r"},
	incident.StepLooked{Step: "s", Look: "path", Lines: []incident.Line{{Code: "c", Args: map[string]any{"n": 1.5}}}},
	incident.Reported{Caller: "c", Phone: "010-5550-0101", Project: "p", Bidder: "b", Due: t0, Text: "t"},
	incident.Analysed{Text: "t", Watched: true},
	incident.Promoted{Code: "E01", Scenario: "s", SystemKind: plan.Business, Level: "IV", OutageSince: t0, Reason: "r"},
	incident.Dismissed{Reason: "r"},
	incident.DutyChanged{Duty: "d", State: "sent", To: []string{"x"}, Via: "sms", Note: "n", Document: "e", SHA256: "00"},
	incident.DocumentSaved{Duty: "d", Lang: "en", ID: "e", SHA256: "00", Bytes: 7},
	incident.EntryAdded{Entry: 1, What: "w", Project: "p"},
	incident.EntryDone{Entry: 1, Note: "n"},
	incident.Investigated{Heading: "cause", Text: "t"},
	incident.LessonAdded{Lesson: 1, Text: "t", Owner: "o", Due: t0},
	incident.LessonDone{Lesson: 1, Note: "n"},
	incident.Closed{Note: "n"},
}

// kinds reads the words of the kinds out of the source, so that a new kind
// without a sample, or without a decoder, fails here.
func kinds(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, name := range []string{"event.go", "event_response.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == "Kind" {
				ret := fn.Body.List[0].(*ast.ReturnStmt)
				out = append(out, strings.Trim(ret.Results[0].(*ast.BasicLit).Value, `"`))
			}
		}
	}
	return out
}

func TestCodec(t *testing.T) {
	var have []string
	for _, want := range samples {
		have = append(have, want.Kind())
		kind, body, err := incident.EncodeData(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := incident.DecodeData(kind, body)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		is(t, kind, got, want)
		_, again, _ := incident.EncodeData(got)
		is(t, kind+" written again", string(again), string(body))
	}
	declared := kinds(t)
	slices.Sort(declared)
	slices.Sort(have)
	is(t, "every kind has a sample", have, declared)
}

func TestEventJSON(t *testing.T) {
	for n, d := range samples {
		want := incident.Event{
			Seq: int64(n + 1), Incident: "INC-1", Version: n + 2, At: t0.Add(7 * time.Millisecond),
			Actor: person, Data: d, Prev: "p", Hash: "h",
		}
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got incident.Event
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		is(t, d.Kind(), got, want)
		var plain map[string]any
		if err := json.Unmarshal(b, &plain); err != nil || plain["kind"] != d.Kind() || plain["data"] == nil {
			t.Errorf("%s as JSON: %s", d.Kind(), b)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct{ kind, body, want string }{
		{"nonsense", "{}", `decode event: unknown kind "nonsense" (written by a newer version?)`},
		{"", "{}", `decode event: unknown kind "" (written by a newer version?)`},
		{"opened", "{", "decode event opened: unexpected end of JSON input"},
		{"flapping", `{"ends":"x"}`, "decode event flapping: json: cannot unmarshal"},
	} {
		if _, err := incident.DecodeData(c.kind, []byte(c.body)); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s %s: %v, want %s", c.kind, c.body, err, c.want)
		}
	}
	for _, bad := range []string{`{`, `{"kind":"x","data":{}}`, `{"version":"x"}`, `[]`} {
		var e incident.Event
		if err := json.Unmarshal([]byte(bad), &e); err == nil {
			t.Errorf("event %s was read as %+v", bad, e)
		}
	}
}

// sealed are the arguments of Seal.
type sealed struct {
	prev     string
	seq      int64
	incident string
	version  int
	at       time.Time
	actor    incident.Actor
	kind     string
	body     string
}

func (s sealed) seal() string {
	return incident.Seal(s.prev, s.seq, s.incident, s.version, s.at, s.actor, s.kind, []byte(s.body))
}

// No two different events give one hash: neither by another field nor by text
// that moves from one field to the next.
func TestSealTellsApart(t *testing.T) {
	base := sealed{"p", 1, "INC-1", 1, t0, incident.Actor{Kind: "person", Name: "wang", Via: "api"}, "opened", "{}"}
	if a, b := base.seal(), base.seal(); a != b || len(a) != 64 {
		t.Errorf("seal of one event: %s, then %s", a, b)
	}
	seen := map[string]string{base.seal(): "base"}
	for name, change := range map[string]func(*sealed){
		"prev":                func(s *sealed) { s.prev = "q" },
		"no prev":             func(s *sealed) { s.prev = "" },
		"seq":                 func(s *sealed) { s.seq = 2 },
		"seq and version":     func(s *sealed) { s.seq, s.version = 11, 1 },
		"incident":            func(s *sealed) { s.incident = "INC-2" },
		"version":             func(s *sealed) { s.version = 2 },
		"version and seq":     func(s *sealed) { s.version, s.seq = 11, 1 },
		"at":                  func(s *sealed) { s.at = t0.Add(time.Millisecond) },
		"actor kind":          func(s *sealed) { s.actor.Kind = "agent" },
		"actor name":          func(s *sealed) { s.actor.Name = "li" },
		"actor via":           func(s *sealed) { s.actor.Via = "cli" },
		"text moves on":       func(s *sealed) { s.actor.Name, s.actor.Via = "wan", "gapi" },
		"text moves back":     func(s *sealed) { s.actor.Name, s.actor.Via = "wanga", "pi" },
		"kind":                func(s *sealed) { s.kind = "resolved" },
		"kind and body":       func(s *sealed) { s.kind, s.body = "opened{", "}" },
		"body":                func(s *sealed) { s.body = "{ }" },
		"id and version":      func(s *sealed) { s.incident, s.version = "INC-11", 1 },
		"name like a length":  func(s *sealed) { s.actor.Name, s.actor.Via = "wang3:api", "" },
		"kind like a length":  func(s *sealed) { s.kind, s.body = "opened2:{}", "" },
		"prev like a length":  func(s *sealed) { s.prev = "p1:1" },
		"empty name":          func(s *sealed) { s.actor.Name = "" },
		"name with zero byte": func(s *sealed) { s.actor.Name = "wang\x00" },
	} {
		s := base
		change(&s)
		if other, ok := seen[s.seal()]; ok {
			t.Errorf("%q and %q give one hash", name, other)
		}
		seen[s.seal()] = name
	}
}

// The chain is only as good as its hash is stable: an old store must verify.
func TestSealIsStable(t *testing.T) {
	got := incident.Seal("", 1, "INC-20260302-00001", 1, t0, incident.Actor{Kind: "rule", Name: "DiskFull", Via: "rules"}, "resolved", []byte(`{"note":"x"}`))
	if d := cmp.Diff("8d36648e6d01dda26c2dda02c0e4a68985b0547f1022a5c67458ca6f8bdbd370", got); d != "" {
		t.Errorf("hash of a known event (-want +got):\n%s", d)
	}
}
