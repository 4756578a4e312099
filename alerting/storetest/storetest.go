// Package storetest is what every alerting.Store must pass, whatever it keeps
// its rows in.
package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

// Run runs the suite. open returns a new and empty Store, and has it closed at
// the end of t.
func Run(t *testing.T, open func(t *testing.T) alerting.Store) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s alerting.Store)
	}{
		{"empty", empty},
		{"commit is read back", commitReadBack},
		{"strange text is kept", strangeText},
		{"conflict writes nothing", conflict},
		{"evidence twice is a conflict", blobConflict},
		{"cancelled commit writes nothing", cancelled},
		{"chain is without a gap", chain},
		{"concurrent commits", concurrent},
		{"two writers of one version", twoWriters},
		{"active", active},
		{"find", find},
		{"find takes text literally", findLiterally},
		{"find pages", findPages},
		{"alerts", alerts},
		{"an alert has many lives", lives},
		{"last id", lastID},
		{"evidence", evidence},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// T0 is the moment at which the suite's incidents begin.
var T0 = time.Date(2026, 3, 2, 8, 0, 0, 123e6, time.UTC)

// Opening returns the unit that opens an incident with one alert, and its
// fold. The evidence is not in it.
func Opening(id, key, code string, at time.Time) (alerting.Unit, incident.Incident) {
	actor := incident.Actor{Kind: "rule", Name: "HostDown", Via: "rules"}
	return Extend(incident.Incident{ID: id}, at, actor,
		incident.Opened{
			Key: key, Code: code, Scenario: "server-failure", SystemKind: plan.Business, Level: plan.LevelIV,
			Title:       plan.Text{ZH: "磁盘已满：" + key, EN: "Disk full: " + key},
			OutageSince: at.Add(-time.Minute), PlanVersion: "2017-05", Host: "web1",
			Resolve: incident.ResolveAuto, Reason: "rule HostDown carries code " + code,
		},
		incident.AlertJoined{
			Alert: key, Rule: "HostDown", Labels: map[string]string{"code": code, "mountpoint": "/数据"},
			Annotations: map[string]string{"summary": "x < 1 & y"}, Since: at.Add(-time.Minute), Value: 0.25,
		})
}

// Extend returns the unit that adds events to an incident, and the new fold.
func Extend(i incident.Incident, at time.Time, actor incident.Actor, datas ...incident.Data) (alerting.Unit, incident.Incident) {
	var u alerting.Unit
	for _, d := range datas {
		e := incident.Event{Incident: i.ID, Version: i.Version + 1, At: at, Actor: actor, Data: d}
		u.Events = append(u.Events, e)
		i = i.Apply(e)
	}
	u.Incidents = []incident.Incident{i}
	return u, i
}

// ID returns the nth incident id of the suite's day.
func ID(n int) string { return fmt.Sprintf("INC-20260302-%05d", n) }

var person = incident.Actor{Kind: "person", Name: "wang", Via: "console"}

func mustCommit(t *testing.T, s alerting.Store, u alerting.Unit) []incident.Event {
	t.Helper()
	sealed, err := s.Commit(t.Context(), u)
	if err != nil {
		t.Fatalf("commit: %v", err)
	}
	return sealed
}

func mustOpen(t *testing.T, s alerting.Store, id, key, code string, at time.Time) incident.Incident {
	t.Helper()
	u, i := Opening(id, key, code, at)
	mustCommit(t, s, u)
	return i
}

// Clean fails the test if the chain does not verify.
func Clean(t *testing.T, s alerting.Store) alerting.VerifyReport {
	t.Helper()
	r, err := s.Verify(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	if len(r.Faults) > 0 {
		t.Fatalf("verify finds faults:\n%s", strings.Join(r.Faults, "\n"))
	}
	return r
}
