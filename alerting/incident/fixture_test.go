package incident_test

import (
	"testing"
	"time"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

var (
	t0     = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	rule   = incident.Actor{Kind: "rule", Name: "DiskFull", Via: "rules"}
	person = incident.Actor{Kind: "person", Name: "wang", Via: "console"}
)

// levels are those of Art. 4, in a unit of time.
func levels(unit time.Duration) []plan.LevelDef {
	up := func(business, opening time.Duration) map[plan.SystemKind]time.Duration {
		return map[plan.SystemKind]time.Duration{plan.Business: business * unit, plan.Opening: opening * unit}
	}
	return []plan.LevelDef{
		{ID: plan.LevelIV, UpTo: up(2, 1)},
		{ID: plan.LevelIII, UpTo: up(12, 2)},
		{ID: plan.LevelII, UpTo: up(24, 4)},
		{ID: plan.LevelI},
	}
}

var small = &plan.Plan{
	Version:    "test",
	Levels:     levels(time.Hour),
	Categories: []plan.Category{{Code: "E01"}},
	Scenarios: []plan.Scenario{{
		ID: "server-failure", Code: "E01",
		Steps:    []plan.Step{{ID: "find"}},
		Branches: []plan.Branch{{ID: "standby", After: "find", Steps: []plan.Step{{ID: "swap"}}}},
	}},
}

// story plays commands on one incident and keeps the timeline.
type story struct {
	t      *testing.T
	plan   *plan.Plan
	events []incident.Event
	i      incident.Incident
}

func begin(t *testing.T, change ...func(*incident.Opened)) *story {
	t.Helper()
	o := incident.Opened{
		Key: "k", Code: "E01", Scenario: "server-failure", SystemKind: plan.Business, Level: plan.LevelIV,
		Title: plan.Text{ZH: "磁盘已满", EN: "Disk full"}, OutageSince: t0, Host: "web1",
		Resolve: incident.ResolveAuto, PlanVersion: "test", Reason: "test",
	}
	for _, f := range change {
		f(&o)
	}
	s := &story{t: t, plan: small, i: incident.Incident{ID: "INC-1"}}
	s.add(t0, rule, o)
	return s
}

func (s *story) add(at time.Time, actor incident.Actor, d incident.Data) {
	e := incident.Event{Incident: s.i.ID, Version: s.i.Version + 1, At: at, Actor: actor, Data: d}
	s.events = append(s.events, e)
	s.i = s.i.Apply(e)
}

// do plays a command at a time after t0 and returns the kinds of what followed.
func (s *story) do(after time.Duration, cmd incident.Command) []string {
	s.t.Helper()
	kinds, err := s.try(after, cmd)
	if err != nil {
		s.t.Fatalf("%T at %v: %v", cmd, after, err)
	}
	return kinds
}

func (s *story) try(after time.Duration, cmd incident.Command) ([]string, error) {
	actor := person
	switch cmd.(type) {
	case incident.Fire, incident.End, incident.Lose:
		actor = rule
	}
	datas, err := incident.Decide(s.i, cmd, incident.Env{Plan: s.plan, Now: t0.Add(after)})
	kinds := []string{}
	for _, d := range datas {
		kinds = append(kinds, d.Kind())
		s.add(t0.Add(after), actor, d)
	}
	return kinds, err
}

func fire(alert string) incident.Fire {
	return incident.Fire{Alert: alert, Rule: "DiskFull", Labels: map[string]string{"a": alert}, Since: t0}
}

func auto(o *incident.Opened)    { o.Resolve = incident.ResolveAuto }
func manual(o *incident.Opened)  { o.Resolve = incident.ResolveManual }
func opening(o *incident.Opened) { o.SystemKind = plan.Opening }
