package incident_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

// A bound belongs to the level below it: exactly 2 h is still IV.
func TestLevelBounds(t *testing.T) {
	for _, table := range []struct {
		kind   func(*incident.Opened)
		bounds []time.Duration
	}{
		{func(*incident.Opened) {}, []time.Duration{2 * time.Hour, 12 * time.Hour, 24 * time.Hour}},
		{opening, []time.Duration{time.Hour, 2 * time.Hour, 4 * time.Hour}},
	} {
		s := begin(t, table.kind)
		s.do(0, fire("a"))
		for n, bound := range table.bounds {
			next, ok := s.i.Next(incident.Env{Plan: small})
			is(t, "next look", next.Sub(t0), bound+time.Millisecond)
			is(t, "there is one", ok, true)
			is(t, "at "+bound.String(), s.do(bound, incident.Tick{}), []string{})
			is(t, "over "+bound.String(), s.do(bound+time.Millisecond, incident.Tick{}), []string{"level_changed"})
			is(t, "level", s.i.Level, plan.Levels[n+1])
			is(t, "only once", s.do(bound+time.Millisecond, incident.Tick{}), []string{})
		}
		if at, ok := s.i.Next(incident.Env{Plan: small}); ok {
			t.Errorf("after the gravest level there is a look at %v", at)
		}
	}
}

// A clock that slept for days goes straight to the level.
func TestLevelSkips(t *testing.T) {
	s := begin(t)
	s.do(0, fire("a"))
	is(t, "after two days", s.do(48*time.Hour, incident.Tick{}), []string{"level_changed"})
	is(t, "level", s.i.Level, plan.LevelI)
	is(t, "reason", s.events[len(s.events)-1].Data, incident.Data(incident.LevelChanged{From: "IV", To: "I", Clock: "I", Reason: incident.ReasonClock}))
}

func TestClockLeavesTheEndedAlone(t *testing.T) {
	s := begin(t, manual)
	s.do(0, fire("a"))
	s.do(time.Hour, incident.End{Alert: "a"})
	is(t, "quiet, but not resolved", s.do(100*time.Hour, incident.Tick{}), []string{})
	s.do(100*time.Hour, incident.Resolve{})
	is(t, "resolved", s.do(200*time.Hour, incident.Tick{}), []string{})
}

// An incident on a person's report has no alerts: its outage lasts until
// somebody ends it.
func TestReportedIncidentRises(t *testing.T) {
	s := begin(t, manual)
	is(t, "at 3 h", s.do(3*time.Hour, incident.Tick{}), []string{"level_changed"})
	s.do(4*time.Hour, incident.Resolve{})
	is(t, "outage", s.i.Outage(t0.Add(10*time.Hour)), 4*time.Hour)
	s.do(5*time.Hour, incident.Reopen{Reason: "was not it"})
	is(t, "reopened, it counts from the start", s.i.Outage(t0.Add(10*time.Hour)), 10*time.Hour)
}

// comeAndGo fires and ends the alert once.
func comeAndGo(s *story, at time.Duration) []string {
	s.do(at, fire("a"))
	return s.do(at+time.Second, incident.End{Alert: "a"})
}

// hold returns how long the newest flapping event holds the incident.
func hold(s *story) time.Duration {
	return s.events[len(s.events)-1].Data.(incident.Flapping).Hold
}

func TestFlapping(t *testing.T) {
	resolved, held := []string{"alert_ended", "resolved"}, []string{"alert_ended", "flapping"}
	s := begin(t, auto)
	is(t, "first end", comeAndGo(s, 0), resolved)
	is(t, "second end", comeAndGo(s, time.Minute), resolved)
	is(t, "third end within the hour", comeAndGo(s, 2*time.Minute), held)
	is(t, "held", hold(s), 5*time.Minute)
	is(t, "state", s.i.State, incident.Open)
	for n, want := range []time.Duration{10 * time.Minute, 20 * time.Minute, 40 * time.Minute, time.Hour, time.Hour} {
		is(t, "one more end", comeAndGo(s, time.Duration(3+n)*time.Minute), held)
		is(t, "held, doubled and capped", hold(s), want)
	}
	for n := range 40 {
		comeAndGo(s, time.Duration(600+n*20)*time.Second)
	}
	is(t, "capped for ever", hold(s), time.Hour)

	last := s.events[len(s.events)-1].At
	next, ok := s.i.Next(incident.Env{Plan: small})
	is(t, "next look", next, last.Add(time.Hour))
	is(t, "there is one", ok, true)
	is(t, "before the hold is over", s.do(next.Sub(t0)-time.Millisecond, incident.Tick{}), []string{})
	is(t, "when it is over", s.do(next.Sub(t0), incident.Tick{}), []string{"resolved"})
	is(t, "state", s.i.State, incident.Done)
}

func TestFlappingIsForgotten(t *testing.T) {
	s := begin(t, auto)
	comeAndGo(s, 0)
	comeAndGo(s, time.Minute)
	// The first end was at one second: exactly an hour later it still counts.
	is(t, "third end, an hour after the first", comeAndGo(s, time.Hour), []string{"alert_ended", "flapping"})

	s = begin(t, auto)
	comeAndGo(s, 0)
	comeAndGo(s, time.Minute)
	is(t, "third end, over an hour after the first", comeAndGo(s, time.Hour+time.Millisecond), []string{"alert_ended", "resolved"})
}

// A fire during the hold keeps it open, and the next end starts a new hold.
func TestFireDuringHold(t *testing.T) {
	s := begin(t, auto)
	for n := range 3 {
		comeAndGo(s, time.Duration(n)*time.Minute)
	}
	is(t, "fires while held", s.do(3*time.Minute, fire("a")), []string{"alert_joined"})
	is(t, "the hold of before does nothing", s.do(30*time.Minute, incident.Tick{}), []string{})
	is(t, "ends", s.do(31*time.Minute, incident.End{Alert: "a"}), []string{"alert_ended", "flapping"})
	is(t, "held for longer", hold(s), 10*time.Minute)
}

// What a person reopened stays open until a person, or a new end, ends it.
func TestReopenedAfterHold(t *testing.T) {
	s := begin(t, auto)
	for n := range 3 {
		comeAndGo(s, time.Duration(n)*time.Minute)
	}
	is(t, "resolves", s.do(20*time.Minute, incident.Tick{}), []string{"resolved"})
	s.do(21*time.Minute, incident.Reopen{Reason: "not convinced"})
	if at, ok := s.i.Next(incident.Env{Plan: small}); ok {
		t.Errorf("the clock will act on it at %v", at)
	}
	is(t, "the clock leaves it open", s.do(100*time.Hour, incident.Tick{}), []string{})
}

// quick is a plan whose bounds are a few milliseconds, so that a test can try
// every moment.
var quick = &plan.Plan{
	Levels: levels(time.Millisecond),
	Scenarios: []plan.Scenario{{
		ID: "server-failure", Code: "E01",
		Steps: []plan.Step{{ID: "find", Responsible: []string{"tech-staff"}, Within: 9 * time.Millisecond}},
		Branches: []plan.Branch{{
			ID: "standby", After: "find",
			Steps: []plan.Step{{ID: "swap", Responsible: []string{"tech-staff"}, Within: 4 * time.Millisecond, From: "branch"}},
		}},
	}},
	Roles:  []plan.Role{{ID: "tech-staff"}, {ID: "leader"}},
	Triage: plan.Triage{Within: 7 * time.Millisecond},
	Response: plan.Response{
		Acknowledge:  map[plan.Level]time.Duration{"IV": 6 * time.Millisecond, "III": 3 * time.Millisecond, "II": 2 * time.Millisecond},
		Lapse:        map[plan.Level]time.Duration{"IV": 5 * time.Millisecond, "III": 4 * time.Millisecond},
		RemindBefore: 2 * time.Millisecond, Every: 3 * time.Millisecond, Announce: time.Millisecond,
		Escalate: []string{"leader"},
	},
	Duties: []plan.Step{{ID: "tell", Responsible: []string{"leader"}, FromLevel: "III", Within: 3 * time.Millisecond}},
	Statutory: []plan.Statutory{{
		ID: "law", FromLevel: "II", Responsible: []string{"leader"},
		Within: map[plan.OperatorKind]time.Duration{plan.Other: 5 * time.Millisecond},
	}},
	Aftercare: []plan.Step{{ID: incident.AllClear, Responsible: []string{"leader"}}},
}

// randomStory is an incident that lived through random commands.
func randomStory(t *rapid.T) (incident.Incident, []incident.Event, time.Duration) {
	i := incident.Incident{ID: "INC-1"}
	var events []incident.Event
	now := time.Duration(0)
	add := func(d incident.Data) {
		e := incident.Event{Incident: i.ID, Version: i.Version + 1, At: t0.Add(now), Actor: person, Data: d}
		events = append(events, e)
		i = i.Apply(e)
	}
	add(incident.Opened{
		Key: "k", Code: "E01", Scenario: "server-failure",
		SystemKind:  rapid.SampledFrom(plan.Kinds[:]).Draw(t, "kind"),
		Level:       rapid.SampledFrom(plan.Levels[:]).Draw(t, "level"),
		OutageSince: t0.Add(-time.Duration(rapid.IntRange(0, 5).Draw(t, "since")) * time.Millisecond),
		Resolve:     rapid.SampledFrom([]string{incident.ResolveAuto, incident.ResolveManual}).Draw(t, "resolve"),
	})
	alert := rapid.SampledFrom([]string{"a", "b"})
	for range rapid.IntRange(0, 25).Draw(t, "commands") {
		now += time.Duration(rapid.IntRange(0, 3).Draw(t, "wait")) * time.Millisecond
		if rapid.IntRange(0, 30).Draw(t, "pause") == 0 {
			now += 10 * time.Minute
		}
		cmd := rapid.SampledFrom([]incident.Command{
			incident.Fire{Alert: alert.Draw(t, "fires"), Rule: "R"}, incident.Fire{Alert: "a", Rule: "R"},
			incident.End{Alert: alert.Draw(t, "ends")}, incident.End{Alert: "a"}, incident.End{Alert: "b"},
			incident.Lose{Alert: alert.Draw(t, "lost")}, incident.Tick{}, incident.Tick{},
			incident.Acknowledge{Note: "x"}, incident.Comment{Text: "x"}, incident.Resolve{Note: "x"},
			incident.Reopen{Reason: "x"}, incident.MarkFalseAlarm{Reason: "x"},
			incident.SetLevel{Level: rapid.SampledFrom(plan.Levels[:]).Draw(t, "to"), Reason: "x"},
			incident.SetLevel{Level: rapid.SampledFrom(plan.Levels[:]).Draw(t, "decided"), Reason: "x", Decided: true},
			incident.SetEstimate{Restored: t0.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "restored")) * time.Millisecond)},
			incident.Triage{}, incident.ChooseBranch{Branch: "standby"}, incident.SetStep{Step: "find", State: "done"},
			incident.SetStep{Step: "swap", State: "started"}, incident.SetDuty{Duty: "tell", State: "sent"},
			incident.SetDuty{Duty: "law", State: "waived", Note: "x"}, incident.SetDuty{Duty: incident.AllClear, State: "sent", Note: "x"},
			incident.Close{},
		}).Draw(t, "command")
		datas, err := incident.Decide(i, cmd, incident.Env{Plan: quick, Now: t0.Add(now), Actor: person})
		if err != nil && len(datas) > 0 {
			t.Fatalf("%T is refused and gives %v", cmd, datas)
		}
		for _, d := range datas {
			add(d)
		}
	}
	return i, events, now
}

func acts(i incident.Incident, at time.Time) bool {
	datas, err := incident.Decide(i, incident.Tick{}, incident.Env{Plan: quick, Now: at})
	return err == nil && len(datas) > 0
}

// Next names the first moment at which the clock acts: not one later, for then
// a level would come late, and not one earlier, for then the Desk would spin.
func TestNextIsTheFirstTickThatActs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i, _, passed := randomStory(t)
		now := t0.Add(passed)
		moments := []time.Time{}
		for ms := range 40 {
			moments = append(moments, now.Add(time.Duration(ms)*time.Millisecond))
		}
		next, ok := i.Next(incident.Env{Plan: quick})
		for _, at := range []time.Time{
			i.HoldUntil.Add(-time.Millisecond), i.HoldUntil, i.HoldUntil.Add(time.Millisecond), now.Add(1000 * time.Hour),
			next.Add(-time.Millisecond), next,
		} {
			if at.After(now) {
				moments = append(moments, at)
			}
		}
		slices.SortFunc(moments, time.Time.Compare)
		first := slices.IndexFunc(moments, func(at time.Time) bool { return acts(i, at) })
		if ok != (first >= 0) {
			t.Fatalf("next says %v, %v, but the first tick that acts is number %d of %v", next, ok, first, moments)
		}
		if ok && next.Before(now) {
			next = now
		}
		if ok && !next.Equal(moments[first]) {
			t.Fatalf("next is %v, the first tick that acts is at %v", next, moments[first])
		}
	})
}

// Whatever happens: versions have no gap, an ended incident has its end, and
// the clock does what it does once.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i, events, passed := randomStory(t)
		for n, e := range events {
			if e.Version != n+1 {
				t.Fatalf("event %d has version %d", n, e.Version)
			}
		}
		if i.Ended() == i.EndedAt.IsZero() {
			t.Fatalf("state %s, ended at %v", i.State, i.EndedAt)
		}
		if i.State == incident.Acked && i.AckedBy == "" {
			t.Fatalf("acknowledged by nobody")
		}
		if !i.Level.Valid() || !i.ClockLevel.Valid() {
			t.Fatalf("level %q, clock %q", i.Level, i.ClockLevel)
		}
		env := incident.Env{Plan: quick, Now: t0.Add(passed + time.Hour*2)}
		datas, _ := incident.Decide(i, incident.Tick{}, env)
		for _, d := range datas {
			i = i.Apply(incident.Event{Incident: i.ID, Version: i.Version + 1, At: env.Now, Data: d})
		}
		if acts(i, env.Now) {
			t.Fatalf("the clock acts twice at one moment: %v", datas)
		}
	})
}
