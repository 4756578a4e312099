package policy_test

import (
	"slices"
	"strings"
	"testing"

	"xunjian/alerting/notify/policy"
	"xunjian/alerting/plan"
)

var deadServer = policy.Config{Inhibitions: []policy.Inhibition{{
	Name: "dead-server", While: policy.Subject{Types: []string{"incident"}, Codes: []string{"E01"}, Causes: []string{"server-down"}},
	Match: policy.Subject{Codes: []string{"F00", "F02", "E01"}, Causes: []string{"", "door"}}, Same: []string{"host", "system"},
}}}

func TestInhibition(t *testing.T) {
	p := policy.New(deadServer, zone, working)
	dead := policy.Event{Type: "incident", Code: "E01", Cause: "server-down", Host: "app1", System: "hall", Level: plan.LevelII}
	hall := policy.Event{Type: "incident", Kind: "opened", Code: "F00", Host: "app1", System: "hall", Level: plan.LevelIV, At: at("2026-11-24 12:00")}
	with := func(e policy.Event, change func(*policy.Event)) policy.Event { change(&e); return e }
	for name, c := range map[string]struct {
		others []policy.Event
		e      policy.Event
		why    string
	}{
		"nothing else goes on":              {nil, hall, ""},
		"the server is dead":                {[]policy.Event{dead}, hall, "inhibited"},
		"another's server is dead":          {[]policy.Event{with(dead, func(e *policy.Event) { e.Host = "app2" })}, hall, ""},
		"of another system":                 {[]policy.Event{with(dead, func(e *policy.Event) { e.System = "upload" })}, hall, ""},
		"the server is only full":           {[]policy.Event{with(dead, func(e *policy.Event) { e.Cause = "" })}, hall, ""},
		"the server was dead":               {[]policy.Event{with(dead, func(e *policy.Event) { e.Ends = true })}, hall, ""},
		"the second one":                    {[]policy.Event{hall, dead}, hall, "inhibited"},
		"something else of the dead server": {[]policy.Event{dead}, with(hall, func(e *policy.Event) { e.Code = "D01" }), ""},
		"the end of it":                     {[]policy.Event{dead}, with(hall, func(e *policy.Event) { e.Ends = true }), "end_is_told"},
		"the dead server itself":            {[]policy.Event{dead}, dead, ""},
		"graver than the cause":             {[]policy.Event{dead}, with(hall, func(e *policy.Event) { e.Level = plan.LevelI }), ""},
		"as grave as the cause":             {[]policy.Event{dead}, with(hall, func(e *policy.Event) { e.Level = plan.LevelII }), "inhibited"},
		"a drill beside the real thing":     {[]policy.Event{dead}, with(hall, func(e *policy.Event) { e.Type = "drill" }), ""},
		"the real thing beside a drill":     {[]policy.Event{with(dead, func(e *policy.Event) { e.Type = "drill" })}, hall, ""},
	} {
		c.e.Others = func(yield func(policy.Other) bool) {
			for _, o := range c.others {
				if !yield(policy.Other{Event: o, ID: "INC-1"}) {
					return
				}
			}
		}
		m := p.Manner(c.e)
		if codes(m) != c.why || m.Untold != (c.why == "inhibited") {
			t.Errorf("%s: why %q, untold %v; want %q", name, codes(m), m.Untold, c.why)
		}
		if m.Untold && m.Why[0].Args["incident"] != "INC-1" {
			t.Errorf("%s: the reason names %v", name, m.Why[0].Args["incident"])
		}
	}
}

func TestBadInhibitions(t *testing.T) {
	known := policy.Known{Codes: []string{"E01", "F00", "F02"}, Scenarios: []string{"server"}}
	if err := deadServer.Validate(known); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*policy.Inhibition){
		"inhibit[0].name: is missing":                                    func(in *policy.Inhibition) { in.Name = "" },
		`inhibit[0].while.codes[0]: the plan has no code "Z9"`:           func(in *policy.Inhibition) { in.While.Codes = []string{"Z9"} },
		`inhibit[0].match.scenarios[0]: the plan has no scenario "x"`:    func(in *policy.Inhibition) { in.Match.Scenarios = []string{"x"} },
		`inhibit[0].match.types[0]: unknown type "alarm"`:                func(in *policy.Inhibition) { in.Match.Types = []string{"alarm"} },
		"inhibit[0].while: has to say of what":                           func(in *policy.Inhibition) { in.While = policy.Subject{Types: []string{"incident"}} },
		`inhibit[0].same[1]: unknown word "rack"; allowed: host, system`: func(in *policy.Inhibition) { in.Same = []string{"host", "rack"} },
	} {
		in := deadServer.Inhibitions[0]
		in.Same = slices.Clone(in.Same)
		change(&in)
		err := policy.Config{Inhibitions: []policy.Inhibition{in}}.Validate(known)
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
