package alerting_test

import (
	"strings"
	"testing"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

func TestReport(t *testing.T) {
	r := enter(t)
	i, err := r.desk.Open(t.Context(), person, alerting.Report{
		Code: "E01", System: "bidding", Title: "无法登录", Since: t0.Add(-90 * time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	is(t, "as listed", r.only(), i)
	is(t, "scenario", i.Scenario, "server-failure")
	is(t, "level", i.Level, plan.LevelIII)
	is(t, "title", i.Title, plan.Text{ZH: "无法登录", EN: "无法登录"})
	is(t, "resolve", i.Resolve, incident.ResolveManual)
	_, events, err := r.desk.Get(t.Context(), i.ID)
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	is(t, "actor", events[0].Actor, person)

	again, err := r.desk.Open(t.Context(), person, alerting.Report{Code: "E01", Title: "无法登录"})
	if err != nil || again.ID == i.ID {
		t.Errorf("without a key a report is a new incident: %s, %v", again.ID, err)
	}
	future, err := r.desk.Open(t.Context(), person, alerting.Report{Code: "E01", Title: "x", Since: t0.AddDate(1, 0, 0)})
	if err != nil || !future.OutageSince.Equal(t0) {
		t.Errorf("an outage since %v, %v", future.OutageSince, err)
	}
	r.clean()
}

// A report under a key that has an incident is that incident, whatever became
// of it, however long ago, and over restarts.
func TestReportKeyIsIdempotent(t *testing.T) {
	r := enter(t)
	report := alerting.Report{Key: "50%_Off\\", Code: "E01", Title: "x"}
	open := func(rep alerting.Report) incident.Incident {
		t.Helper()
		i, err := r.desk.Open(t.Context(), person, rep)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	first := open(report)
	is(t, "at once", open(report), first)
	other := report
	other.Key = "50%_off\\"
	if open(other).ID == first.ID {
		t.Error("keys that differ in case are two reports")
	}
	longer := report
	longer.Key += "2"
	if open(longer).ID == first.ID {
		t.Error("a key that begins like another is another")
	}
	first = r.do(first.ID, incident.Resolve{})
	is(t, "when it is resolved", open(report), first)
	r.restart()
	is(t, "after a restart", open(report), first)
	r.clock.add(100 * time.Hour)
	r.tick()
	is(t, "after days", open(report), first)
	r.restart()
	is(t, "after days and a restart", open(report), first)
	is(t, "a changed title does not matter", open(alerting.Report{Key: report.Key, Code: "D01", Title: "y"}), first)
	is(t, "incidents", len(r.all()), 3)
}

func TestReportRefusals(t *testing.T) {
	r := enter(t)
	long := strings.Repeat("x", incident.MaxText+1)
	for _, c := range []struct {
		report alerting.Report
		want   string
	}{
		{alerting.Report{Title: "x"}, "unknown_code"},
		{alerting.Report{Code: "Z99", Title: "x"}, "unknown_code"},
		{alerting.Report{Code: "E01", Scenario: "none", Title: "x"}, "unknown_scenario"},
		{alerting.Report{Code: "E01", Scenario: "network-failure", Title: "x"}, "unknown_scenario"},
		{alerting.Report{Code: "E01"}, "text_missing"},
		{alerting.Report{Code: "E01", Title: " \n"}, "text_missing"},
		{alerting.Report{Code: "E01", Title: long}, "text_too_long"},
		{alerting.Report{Code: "E01", Title: "x", Key: long}, "text_too_long"},
		{alerting.Report{Code: "E01", Title: "x", System: long}, "text_too_long"},
	} {
		_, err := r.desk.Open(t.Context(), person, c.report)
		is(t, "refusal", code(err), c.want)
	}
	is(t, "incidents", len(r.all()), 0)
}
