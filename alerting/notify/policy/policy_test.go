package policy_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"xunjian/alerting/notify/policy"
	"xunjian/alerting/plan"
)

var zone = time.FixedZone("CST", 8*3600)

func at(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
	if err != nil {
		panic(err)
	}
	return t
}

// working: Monday to Friday, and the Saturday that makes up for a holiday.
func working(t time.Time) bool {
	return t.Weekday() != time.Sunday && t.Weekday() != time.Saturday || t.Format(time.DateOnly) == "2026-11-28"
}

var cfg = policy.Config{
	Rules: []policy.Rule{
		{Name: "nights", Match: policy.Match{Types: []string{"warning"}, Hours: []string{"22:00-07:00"}}, Hold: true},
		{Name: "leading", Match: policy.Match{Levels: []plan.Level{"I", "II"}}, Also: []string{"leading-group"}},
		{Name: "sms-off-hours", Match: policy.Match{Types: []string{"incident"}, Days: []string{"off"}, Hours: []string{"00:00-23:59"}}, Channels: []string{"sms/*", "mail"}},
		{Name: "quiet-archive", Match: policy.Match{Systems: []string{"archive"}, Levels: []plan.Level{"III", "IV"}}, Drop: true, Stop: true},
		{Name: "rest", Match: policy.Match{Kinds: []string{"acknowledged"}}, Channels: []string{"mail"}},
	},
	Windows: []policy.Window{{Name: "patching", Owner: "zhang", From: "2026-12-05 20:00", To: "2026-12-05 23:00", Systems: []string{"evaluation"}}},
}

// The types of events as the table has them.
const (
	warning = "warning"
	gone    = "warning, over"
	open    = "incident"
	done    = "incident, over"
)

func occasion(when, kind, code string, level plan.Level, system, is string) policy.Event {
	what, _, over := strings.Cut(is, ", ")
	return policy.Event{Type: what, Kind: kind, Code: code, Level: level, System: system, At: at(when), Ends: over}
}

func codes(m policy.Manner) string {
	var out []string
	for _, g := range m.Why {
		out = append(out, g.Code)
	}
	return strings.Join(out, " ")
}

func TestManner(t *testing.T) {
	p := policy.New(cfg, zone, working)
	for _, c := range []struct {
		name  string
		o     policy.Event
		why   string
		until string
		quiet bool
		only  string
		also  string
	}{
		{"a warning by day", occasion("2026-11-24 12:00", "opened", "", "", "", warning), "", "", false, "", ""},
		{"a warning in the evening", occasion("2026-11-24 22:00", "opened", "", "", "", warning), "held", "2026-11-25 07:00", false, "", ""},
		{"a warning after midnight", occasion("2026-11-25 06:59", "opened", "", "", "", warning), "held", "2026-11-25 07:00", false, "", ""},
		{"a warning in the morning", occasion("2026-11-25 07:00", "opened", "", "", "", warning), "", "", false, "", ""},
		{"a warning that ends at night", occasion("2026-11-24 23:00", "dismissed", "", "", "", gone), "end_is_told", "", false, "", ""},
		{"an incident at night", occasion("2026-11-24 23:00", "opened", "E01", "IV", "", open), "", "", false, "", ""},
		{"a grave one", occasion("2026-11-24 12:00", "level_changed", "E01", "II", "", open), "also", "", false, "", "leading-group"},
		{"on a Sunday", occasion("2026-11-29 12:00", "opened", "E01", "IV", "", open), "channels", "", false, "sms/* mail", ""},
		{"on a Saturday of work", occasion("2026-11-28 12:00", "opened", "E01", "IV", "", open), "", "", false, "", ""},
		{"dropped, and nothing after it", occasion("2026-11-24 12:00", "acknowledged", "E01", "IV", "archive", open), "dropped stopped", "", true, "", ""},
		{"the end of what was dropped", occasion("2026-11-24 12:00", "resolved", "E01", "IV", "archive", done), "end_is_told stopped", "", false, "", ""},
		{"a system that is worked on", occasion("2026-12-05 20:00", "opened", "E01", "III", "evaluation", open), "channels maintenance", "", true, "sms/* mail", ""},
		{"after the work", occasion("2026-12-05 23:00", "opened", "E01", "III", "evaluation", open), "channels", "", false, "sms/* mail", ""},
		{"grave while it is worked on", occasion("2026-12-05 21:00", "opened", "E01", "I", "evaluation", open), "also channels", "", false, "sms/* mail", "leading-group"},
	} {
		m := p.Manner(c.o)
		until := ""
		if !m.NotBefore.IsZero() {
			until = m.NotBefore.In(zone).Format("2006-01-02 15:04")
		}
		if codes(m) != c.why || until != c.until || m.Untold != c.quiet || strings.Join(m.Only, " ") != c.only || strings.Join(m.Also, " ") != c.also {
			t.Errorf("%s: why %q, until %q, untold %v, only %v, also %v", c.name, codes(m), until, m.Untold, m.Only, m.Also)
		}
	}
}

func TestConfig(t *testing.T) {
	known := policy.Known{Roles: []string{"leading-group", "tech-staff"}, Codes: []string{"E01"}, Channels: []string{"journal", "mail", "sms/aliyun"}, People: []string{"zhang"}}
	if err := cfg.Validate(known); err != nil {
		t.Fatal(err)
	}
	rule := func(f func(*policy.Rule)) policy.Config {
		r := policy.Rule{Name: "x", Match: policy.Match{Types: []string{"warning"}, Hours: []string{"22:00-07:00"}}, Hold: true}
		f(&r)
		return policy.Config{Rules: []policy.Rule{r}}
	}
	window := func(f func(*policy.Window)) policy.Config {
		w := policy.Window{Name: "x", Owner: "zhang", From: "2026-12-05 20:00", To: "2026-12-05 23:00"}
		f(&w)
		return policy.Config{Windows: []policy.Window{w}}
	}
	for want, c := range map[string]policy.Config{
		"policies[0].name: is missing":                          rule(func(r *policy.Rule) { r.Name = " " }),
		`policies[1].name: "x" stands twice`:                    {Rules: []policy.Rule{{Name: "x", Stop: true}, {Name: "x", Stop: true}}},
		`policies[0].also[0]: unknown role "boss"`:              rule(func(r *policy.Rule) { r.Also = []string{"boss"} }),
		`policies[0].channels[0]: no channel is called "sms"`:   rule(func(r *policy.Rule) { r.Channels = []string{"sms"} }),
		`policies[0].match.types[0]: unknown type "alarm"`:      rule(func(r *policy.Rule) { r.Match.Types = []string{"alarm"} }),
		`policies[0].match.codes[0]: the plan has no code "Z9"`: rule(func(r *policy.Rule) { r.Match.Codes = []string{"Z9"} }),
		`policies[0].match.levels[0]: unknown level "V"`:        rule(func(r *policy.Rule) { r.Match.Levels = []plan.Level{"V"} }),
		`policies[0].match.kinds[0]: unknown kind "opend"`:      rule(func(r *policy.Rule) { r.Match.Kinds = []string{"opend"} }),
		`policies[0].match.hours[0]: "22-7" are no hours`:       rule(func(r *policy.Rule) { r.Match.Hours = []string{"22-7"} }),
		`policies[0].match.days[0]: unknown day "monday"`:       rule(func(r *policy.Rule) { r.Match.Days = []string{"monday"} }),
		`policies[0].hold: needs match.hours`:                   rule(func(r *policy.Rule) { r.Match.Hours = nil }),
		`policies[0].drop: and hold exclude each other`:         rule(func(r *policy.Rule) { r.Drop = true }),
		`policies[0].match.levels: would keep levels I and II`:  rule(func(r *policy.Rule) { r.Match.Types = nil }),
		`policies[0].also: is missing; a policy needs one of`:   rule(func(r *policy.Rule) { r.Hold = false }),
		`maintenance[0].owner: "li" is nobody of the roster`:    window(func(w *policy.Window) { w.Owner = "li" }),
		`maintenance[0].to: is 73h0m0s after from`:              window(func(w *policy.Window) { w.To = "2026-12-08 21:00" }),
		`maintenance[0].to: 2026-12-05 19:00 is not after`:      window(func(w *policy.Window) { w.To = "2026-12-05 19:00" }),
		`maintenance[0].from: "tomorrow" is not a time`:         window(func(w *policy.Window) { w.From = "tomorrow" }),
		`maintenance[0].codes[0]: the plan has no code "Z9"`:    window(func(w *policy.Window) { w.Codes = []string{"Z9"} }),
		`maintenance[0].name: is missing`:                       window(func(w *policy.Window) { w.Name = "" }),
	} {
		if err := c.Validate(known); err == nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// kept is a keeper that can fail.
type kept struct {
	body map[string][]byte
	err  error
}

func (k *kept) LoadAll(context.Context, string) (map[string][]byte, error) { return k.body, k.err }
func (k *kept) Save(_ context.Context, name string, body []byte) error {
	if k.err == nil {
		k.body[name] = body
	}
	return k.err
}

// A silence holds until its end or until somebody ends it, over a restart; it
// keeps back neither ends nor grave incidents; what could not be kept is not in
// force.
func TestSilences(t *testing.T) {
	k := &kept{body: map[string][]byte{}}
	now := at("2026-11-24 12:00")
	clock := func() time.Time { return now }
	load := func() *policy.Silences {
		s, err := policy.LoadSilences(t.Context(), k, clock)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := load()
	for want, in := range map[string]policy.Silence{
		"silence_of_all": {Reason: "x", To: now.Add(time.Hour)}, "silence_reason": {Codes: []string{"E01"}, To: now.Add(time.Hour)},
		"silence_end": {Codes: []string{"E01"}, Reason: "x", To: now.Add(25 * time.Hour)}, "text_too_long": {Codes: []string{"E01"}, Reason: strings.Repeat("x", 1001), To: now.Add(time.Hour)},
	} {
		if _, err := s.Add(t.Context(), in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	one, err := s.Add(t.Context(), policy.Silence{Codes: []string{"E01"}, Reason: "disk is being replaced", Owner: "zhang", To: now.Add(2 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	quiet := func(s *policy.Silences, o policy.Event) bool { return s.Manner(o, policy.Manner{}).Untold }
	opened := occasion("2026-11-24 13:00", "opened", "E01", "III", "", open)
	for _, s := range []*policy.Silences{s, load()} {
		switch {
		case !quiet(s, opened):
			t.Error("it is told all the same")
		case quiet(s, occasion("2026-11-24 13:00", "opened", "D01", "III", "", open)):
			t.Error("something else is not told")
		case quiet(s, occasion("2026-11-24 13:00", "resolved", "E01", "III", "", done)):
			t.Error("the end is not told")
		case quiet(s, occasion("2026-11-24 13:00", "level_changed", "E01", "II", "", open)):
			t.Error("level II is not told")
		case quiet(s, occasion("2026-11-24 14:00", "opened", "E01", "III", "", open)):
			t.Error("it outlasts its end")
		}
	}
	k.err = errors.New("disk full")
	if _, err := s.Add(t.Context(), policy.Silence{Codes: []string{"D01"}, Reason: "x", To: now.Add(time.Hour)}); err == nil || len(s.List()) != 1 {
		t.Errorf("kept without being kept: %v", s.List())
	}
	if _, err := s.End(t.Context(), one.ID, "li"); err == nil || !quiet(s, opened) {
		t.Errorf("ended without being kept: %v", err)
	}
	k.err = nil
	now = at("2026-11-24 12:30")
	if done, err := s.End(t.Context(), one.ID, "li"); err != nil || done.EndedBy != "li" || quiet(s, opened) || quiet(load(), opened) {
		t.Errorf("ended: %+v, %v", done, err)
	}
	if _, err := s.End(t.Context(), one.ID, "li"); !errors.Is(err, policy.ErrNoSilence) {
		t.Errorf("ended twice: %v", err)
	}
}
