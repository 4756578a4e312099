package alerting_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
)

func TestAlertOpensOneIncident(t *testing.T) {
	r := enter(t)
	s := signal("a", alerting.Firing)
	s.Since = t0.Add(-3 * time.Hour)
	r.signals(s)
	i := r.only()
	is(t, "id, by the day of the zone", i.ID, "INC-20260302-00001")
	is(t, "code", i.Code, "E01")
	is(t, "scenario", i.Scenario, "server-failure")
	is(t, "title", i.Title, plan.Text{ZH: "磁盘 a 已满", EN: "Disk a is full"})
	is(t, "level, by the time lost so far", i.Level, plan.LevelIII)
	is(t, "since", i.OutageSince, s.Since)
	is(t, "plan", i.PlanVersion, r.opt.Plan.Version)
	is(t, "kinds", r.kinds(i.ID), []string{"opened", "alert_joined"})
	is(t, "the alert", r.desk.Alerts()[0].Incident, i.ID)

	r.clock.add(time.Second)
	r.signals(s)
	r.signals(s, s)
	is(t, "a repeat adds nothing", r.kinds(r.only().ID), []string{"opened", "alert_joined"})
	r.clean()
}

func TestWarningOpensNone(t *testing.T) {
	r := enter(t)
	r.signals(signal("a", alerting.Firing, "kind", "warning"), signal("b", alerting.Firing, "code", ""))
	is(t, "incidents", len(r.all()), 0)
	is(t, "alerts", len(r.desk.Alerts()), 2)
	r.signals(signal("a", alerting.Lost), signal("b", alerting.Ended))
	is(t, "alerts", len(r.desk.Alerts()), 1)
	log, err := r.desk.AlertLog(t.Context(), t0, t0.Add(time.Hour), 0)
	if err != nil || len(log) != 2 {
		t.Errorf("alert log: %v, %v", log, err)
	}
}

func TestEndedAndLost(t *testing.T) {
	r := enter(t)
	r.signals(signal("a", alerting.Firing), signal("b", alerting.Firing))
	r.clock.add(time.Minute)
	r.signals(signal("a", alerting.Ended), signal("b", alerting.Lost))
	is(t, "states", r.states(), []incident.State{incident.Done, incident.Open})
	is(t, "the end", r.kinds("INC-20260302-00001"), []string{"opened", "alert_joined", "alert_ended", "resolved"})
	is(t, "the loss", r.kinds("INC-20260302-00002"), []string{"opened", "alert_joined", "alert_lost"})
	alerts := r.desk.Alerts()
	if len(alerts) != 1 || alerts[0].Key != "b" || alerts[0].Status != alerting.Lost {
		t.Errorf("alerts that go on: %+v", alerts)
	}
	r.signals(signal("b", alerting.Ended))
	is(t, "data is back, and good", r.states(), []incident.State{incident.Done, incident.Done})
	r.signals(signal("z", alerting.Ended), signal("z2", alerting.Lost))
	is(t, "the end of what never was", len(r.all()), 2)
	r.clean()
}

func TestManualResolve(t *testing.T) {
	for _, label := range []string{"manual", "", "sometimes"} {
		r := enter(t)
		r.signals(signal("a", alerting.Firing, "resolve", label))
		r.signals(signal("a", alerting.Ended))
		i := r.only()
		is(t, "state", i.State, incident.Open)
		is(t, "resolve", i.Resolve, incident.ResolveManual)
		is(t, "state", r.do(i.ID, incident.Resolve{}).State, incident.Done)
	}
}

func TestReopenWithin15Minutes(t *testing.T) {
	for _, c := range []struct {
		pause time.Duration
		want  []incident.State
	}{
		{time.Second, []incident.State{incident.Open}},
		{incident.ReopenWithin, []incident.State{incident.Open}},
		{incident.ReopenWithin + time.Millisecond, []incident.State{incident.Done, incident.Open}},
	} {
		for _, restart := range []bool{false, true} {
			r := enter(t)
			r.signals(signal("a", alerting.Firing))
			r.signals(signal("a", alerting.Ended))
			r.clock.add(c.pause)
			if restart {
				r.restart()
			}
			r.signals(signal("a", alerting.Firing))
			is(t, fmt.Sprintf("after %v, restart %v", c.pause, restart), r.states(), c.want)
			r.clean()
		}
	}
}

func TestFalseAlarmIsNotReopened(t *testing.T) {
	r := enter(t)
	r.signals(signal("a", alerting.Firing))
	id := r.only().ID
	r.do(id, incident.MarkFalseAlarm{Reason: "sensor is broken"})
	r.signals(signal("a", alerting.Firing)) // said again
	is(t, "a repeat changes nothing", r.states(), []incident.State{incident.NoIncident})
	r.clock.add(time.Minute)
	r.signals(signal("a", alerting.Ended))
	is(t, "its end is noted", r.kinds(id), []string{"opened", "alert_joined", "false_alarm", "alert_ended"})
	r.signals(signal("a", alerting.Firing))
	is(t, "fired anew", r.states(), []incident.State{incident.NoIncident, incident.Open})
}

// A person resolved it with the alert firing: the sender's repeats (every few
// hours from Alertmanager) do not undo that.
func TestRepeatDoesNotReopen(t *testing.T) {
	r := enter(t)
	r.signals(signal("a", alerting.Firing))
	r.do(r.only().ID, incident.Resolve{Note: "will be replaced on Monday"})
	for range 3 {
		r.clock.add(4 * time.Hour)
		r.tick()
		r.signals(signal("a", alerting.Firing))
	}
	r.restart()
	r.signals(signal("a", alerting.Firing))
	is(t, "states", r.states(), []incident.State{incident.Done})
}

func TestUnknownCodeGoesToH01(t *testing.T) {
	r := enter(t)
	r.signals(signal("a", alerting.Firing, "code", "Z99", "scenario", "none"))
	i := r.only()
	is(t, "code", i.Code, "H01")
	is(t, "reason", i.Reason, `rule DiskFull carries code "Z99"`)
}

func TestSystemDecidesTheTable(t *testing.T) {
	r := enter(t)
	s := signal("a", alerting.Firing, "system", "bidding", "cause", "power", "scenario", "server-failure")
	s.Since = t0.Add(-90 * time.Minute)
	r.signals(s)
	i := r.only()
	is(t, "kind", i.SystemKind, plan.Opening)
	is(t, "level", i.Level, plan.LevelIII)
	is(t, "cause", i.Cause, "power")
}

// The label "incident" makes several alerts one incident.
func TestGrouping(t *testing.T) {
	r := enter(t)
	r.signals(signal("a", alerting.Firing, "incident", "storage"), signal("b", alerting.Firing, "incident", "storage"))
	r.signals(signal("c", alerting.Firing, "incident", "storage"), signal("d", alerting.Firing, "incident", "storage", "code", "D01"))
	is(t, "incidents", len(r.all()), 2)
	i := r.all()[0]
	is(t, "alerts of the first", len(i.Alerts), 3)
	r.signals(signal("a", alerting.Ended, "incident", "storage"), signal("b", alerting.Ended, "incident", "storage"))
	is(t, "one still fires", r.states(), []incident.State{incident.Open, incident.Open})
	r.signals(signal("c", alerting.Ended, "incident", "storage"))
	is(t, "all ended", r.states(), []incident.State{incident.Done, incident.Open})
}

// The end of an alert goes to the incident it joined, even when the group has
// a newer one by then.
func TestEndFindsItsOwnIncident(t *testing.T) {
	for _, restart := range []bool{false, true} {
		r := enter(t)
		r.signals(signal("a", alerting.Firing, "incident", "storage"))
		first := r.only().ID
		r.do(first, incident.Resolve{Note: "known"})
		r.clock.add(time.Hour)
		r.tick()
		r.signals(signal("b", alerting.Firing, "incident", "storage"))
		if restart {
			r.restart()
		}
		r.signals(signal("a", alerting.Ended, "incident", "storage"))
		is(t, "the first", r.kinds(first), []string{"opened", "alert_joined", "resolved", "alert_ended"})
		is(t, "the second", r.kinds("INC-20260302-00002"), []string{"opened", "alert_joined"})
		r.clean()
	}
}

// An alert may end and fire again within one batch: both lives are kept.
func TestTwoLivesInOneBatch(t *testing.T) {
	r := enter(t)
	r.signals(signal("a", alerting.Firing))
	end, again := signal("a", alerting.Ended), signal("a", alerting.Firing)
	end.At, again.At = t0.Add(time.Second), t0.Add(2*time.Second)
	r.clock.add(time.Minute)
	r.signals(end, again)
	is(t, "kinds", r.kinds(r.only().ID), []string{"opened", "alert_joined", "alert_ended", "resolved", "reopened", "alert_joined"})
	current, err := r.store.CurrentAlerts(t.Context())
	if err != nil || len(current) != 1 {
		t.Errorf("alerts that go on, as kept: %v, %v, want one", current, err)
	}
	r.signals(signal("a", alerting.Ended))
	r.restart()
	is(t, "after a restart", len(r.desk.Alerts()), 0)
}

func TestStorm(t *testing.T) {
	r := enter(t)
	const n = 10_000
	var batch []alerting.Signal
	for k := range n {
		batch = append(batch, signal(fmt.Sprintf("m%d", k), alerting.Firing))
	}
	start := time.Now()
	r.signals(batch...)
	t.Logf("%d incidents in %v", n, time.Since(start))
	if last, err := r.store.LastID(t.Context(), "INC-"); last != "INC-20260302-10000" || err != nil {
		t.Errorf("last id %q, %v", last, err)
	}
	is(t, "alerts", len(r.desk.Alerts()), n)
	r.restart()
	is(t, "alerts after a restart", len(r.desk.Alerts()), n)
	for k := range batch {
		batch[k].Status = alerting.Ended
	}
	r.signals(batch...)
	is(t, "alerts at the end", len(r.desk.Alerts()), 0)
	open, err := r.desk.Find(t.Context(), alerting.Query{States: []incident.State{incident.Open}})
	if err != nil || len(open) != 0 {
		t.Errorf("%d open, %v", len(open), err)
	}
	r.clean()
}

func TestRestartContinues(t *testing.T) {
	r := enter(t)
	r.signals(signal("a", alerting.Firing), signal("b", alerting.Firing), signal("w", alerting.Firing, "kind", "warning"))
	before := r.desk.Alerts()
	r.clock.add(time.Hour)
	r.restart()
	is(t, "alerts", r.desk.Alerts(), before)
	r.signals(signal("a", alerting.Firing), signal("b", alerting.Ended), signal("c", alerting.Firing))
	is(t, "states", r.states(), []incident.State{incident.Open, incident.Done, incident.Open})
	is(t, "ids go on", r.all()[2].ID, "INC-20260302-00003")
	r.clock.add(8 * time.Hour) // the next day in the zone, not yet in UTC
	r.signals(signal("d", alerting.Firing))
	is(t, "the next day", r.all()[3].ID, "INC-20260303-00001")
	r.clean()
}

// The end of an alert is noted on its incident however long ago a person ended
// that, also after a restart.
func TestLateEndAfterRestart(t *testing.T) {
	r := enter(t)
	r.signals(signal("a", alerting.Firing))
	id := r.only().ID
	r.do(id, incident.Resolve{Note: "known"})
	r.clock.add(time.Hour)
	r.restart()
	r.tick()
	r.signals(signal("a", alerting.Ended))
	is(t, "kinds", r.kinds(id), []string{"opened", "alert_joined", "resolved", "alert_ended"})
}

// A failed commit changes nothing, and the same call works when the store does.
func TestFailedCommitChangesNothing(t *testing.T) {
	r := enter(t)
	r.signals(signal("a", alerting.Firing))
	f := &failing{Store: r.store}
	r.redesk(f)
	id, alerts, changed := r.only().ID, r.desk.Alerts(), r.desk.Changed()
	full := errors.New("the disk is full")
	f.err = full
	batch := r.at(signal("b", alerting.Firing), signal("a", alerting.Ended))
	if err := r.desk.Signals(t.Context(), batch); !errors.Is(err, full) {
		t.Errorf("signals: %v", err)
	}
	if i, err := r.desk.Do(t.Context(), id, 0, person, incident.Acknowledge{Note: "x"}); !errors.Is(err, full) || i.Version != 2 {
		t.Errorf("do: version %d, %v", i.Version, err)
	}
	report := alerting.Report{Key: "r", Code: "E01", Title: "x"}
	if _, err := r.desk.Open(t.Context(), person, report); !errors.Is(err, full) {
		t.Errorf("open: %v", err)
	}
	is(t, "alerts", r.desk.Alerts(), alerts)
	select {
	case <-changed:
		t.Error("a failed commit was announced")
	default:
	}
	if _, _, ok := r.desk.ChangedSince(0); !ok {
		t.Error("changed since 0 is not known")
	}

	f.err = nil
	if err := r.desk.Signals(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if i, err := r.desk.Open(t.Context(), person, report); err != nil || i.ID != "INC-20260302-00003" {
		t.Errorf("open: %s, %v", i.ID, err)
	}
	is(t, "states", r.states(), []incident.State{incident.Done, incident.Open, incident.Open})
	r.clean()
}

func TestOptimisticVersion(t *testing.T) {
	r := enter(t)
	r.signals(signal("a", alerting.Firing))
	id := r.only().ID
	if i, err := r.desk.Do(t.Context(), id, 1, person, incident.Comment{Text: "x"}); !errors.Is(err, alerting.ErrConflict) || i.Version != 2 {
		t.Errorf("a version that is past: %v, version %d", err, i.Version)
	}
	if i, err := r.desk.Do(t.Context(), id, 2, person, incident.Comment{Text: "x"}); err != nil || i.Version != 3 {
		t.Errorf("the version of now: %v, version %d", err, i.Version)
	}
	if _, err := r.desk.Do(t.Context(), "INC-20260302-00009", 0, person, incident.Comment{Text: "x"}); !errors.Is(err, alerting.ErrNotFound) {
		t.Errorf("no such incident: %v", err)
	}
	_, err := r.desk.Do(t.Context(), id, 0, person, incident.Comment{})
	is(t, "refusal", code(err), "text_missing")
	if i := r.do(id, incident.SetLevel{Level: plan.LevelIV, Reason: "x"}); i.Version != 3 {
		t.Errorf("a command that changes nothing gave version %d", i.Version)
	}
}

// Two people at once: one wins, nothing is doubled.
func TestConcurrentCommands(t *testing.T) {
	r := enter(t)
	r.signals(signal("a", alerting.Firing))
	id := r.only().ID
	errs := make(chan error)
	for range 8 {
		go func() {
			_, err := r.desk.Do(t.Context(), id, 0, person, incident.Acknowledge{Note: "mine"})
			errs <- err
		}()
	}
	won := 0
	for range 8 {
		if err := <-errs; err == nil {
			won++
		} else if code(err) != "already_acknowledged" {
			t.Error(err)
		}
	}
	is(t, "won", won, 1)
	r.clean()
}

// What comes from outside may be no text and no number: it must neither stop
// the batch nor be lost.
func TestHostileSignals(t *testing.T) {
	r := enter(t)
	for n, v := range []float64{nan, inf, -inf} {
		s := signal(fmt.Sprint("v", n), alerting.Firing)
		s.Value = v
		r.signals(s, signal(fmt.Sprint("good", n), alerting.Firing))
	}
	bad := signal("k\xff\xfe", alerting.Firing, "l\xff", "\xff")
	bad.Rule = "R\xff"
	bad.Annotations = map[string]string{"summary": strings.Repeat("汉", 10_000) + "\xff"}
	r.signals(bad)
	is(t, "incidents", len(r.all()), 7)
	if got := len(r.all()[6].Title.EN); got > incident.MaxText {
		t.Errorf("title of %d bytes", got)
	}
	before := r.desk.Alerts()
	r.restart()
	is(t, "alerts after a restart", r.desk.Alerts(), before)
	bad.Status = alerting.Ended
	r.signals(bad)
	is(t, "its end", r.all()[6].State, incident.Done)
	r.clean()
}

func TestSignalsWithoutTimes(t *testing.T) {
	r := enter(t)
	s := signal("a", alerting.Firing)
	future := signal("b", alerting.Firing)
	future.At, future.Since = t0, t0.AddDate(50, 0, 0)
	if err := r.desk.Signals(t.Context(), []alerting.Signal{s, future}); err != nil {
		t.Fatal(err)
	}
	for _, i := range r.all() {
		is(t, "level", i.Level, plan.LevelIV)
		is(t, "since", i.OutageSince, t0)
	}
	for _, a := range r.desk.Alerts() {
		is(t, "fired", a.FiredAt, t0)
	}
}

// Old incidents of a key must not hide the one that is open.
func TestOldIncidentDoesNotHideTheNew(t *testing.T) {
	r := enter(t)
	r.signals(signal("a", alerting.Firing))
	r.signals(signal("a", alerting.Ended))
	old := r.only().ID
	r.clock.add(time.Hour)
	r.tick()
	r.signals(signal("a", alerting.Firing))
	r.do(old, incident.Comment{Text: "the report is filed"})
	r.signals(signal("a", alerting.Lost))
	r.signals(signal("a", alerting.Firing))
	is(t, "states", r.states(), []incident.State{incident.Done, incident.Open})
	is(t, "the new one", r.kinds("INC-20260302-00002"), []string{"opened", "alert_joined", "alert_lost", "alert_joined"})

	_, err := r.desk.Do(t.Context(), old, 0, person, incident.Reopen{Reason: "again"})
	is(t, "reopening the old beside the new", code(err), "other_open")
	r.do("INC-20260302-00002", incident.Resolve{Note: "x"})
	is(t, "reopened", r.do(old, incident.Reopen{Reason: "again"}).State, incident.Open)
	r.signals(signal("a", alerting.Ended))
	r.signals(signal("a", alerting.Firing))
	is(t, "the alert goes to the open one", r.states(), []incident.State{incident.Open, incident.Done})
	r.restart()
	r.signals(signal("a", alerting.Ended))
	r.signals(signal("a", alerting.Firing))
	is(t, "and after a restart", r.states(), []incident.State{incident.Open, incident.Done})
	r.clean()
}

// TestEvidenceSuggestsTheBranch: what a caller reports has no rule of its own;
// a rule that fires on the server still speaks for the branch of its cause,
// until it ends or a person has chosen.
func TestEvidenceSuggestsTheBranch(t *testing.T) {
	r := enter(t)
	i, err := r.desk.Open(t.Context(), person, alerting.Report{Code: "F02", Title: "uploads break off"})
	if err != nil {
		t.Fatal(err)
	}
	suggested := func() (out []string) {
		t.Helper()
		i, _, err := r.desk.Get(t.Context(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		env, err := r.desk.Env(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range i.Suggest(env) {
			out = append(out, s.Branch+" "+s.Why.Code)
		}
		return out
	}
	is(t, "nothing fires", suggested(), []string(nil))
	r.signals(signal("a", alerting.Firing, "kind", "warning", "code", "F02", "cause", "resources"))
	is(t, "the CPU is busy", suggested(), []string{"server-resources suggest.firing"})
	r.signals(signal("b", alerting.Firing, "kind", "warning", "code", "D01", "cause", "network"))
	is(t, "and packets are lost", suggested(), []string{"server-network suggest.firing", "server-resources suggest.firing"})
	r.signals(signal("a", alerting.Ended, "kind", "warning", "code", "F02", "cause", "resources"))
	is(t, "the CPU is idle", suggested(), []string{"server-network suggest.firing"})
	if _, err := r.desk.Do(t.Context(), i.ID, 0, person, incident.ChooseBranch{Branch: "customer-network", Reason: "only one customer"}); err != nil {
		t.Fatal(err)
	}
	is(t, "a person has chosen", suggested(), []string(nil))
	r.clean()
}

// TestRevise: what is open goes on by the plan it was opened under, over a
// restart too; what comes later goes by the new one.
func TestRevise(t *testing.T) {
	r := enter(t)
	r.signals(signal("a", alerting.Firing))
	before := r.only()
	revised := *planfile.Default()
	revised.Version, revised.Triage.Within = "2026-12", 45*time.Minute
	r.opt.Plan = &revised
	if err := r.desk.Revise(t.Context(), r.opt.Basis); err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		t.Helper()
		is(t, when+": plan", r.desk.Plan().Version, "2026-12")
		for _, i := range r.all() {
			env, err := r.desk.Env(t.Context(), i)
			if err != nil {
				t.Fatal(err)
			}
			want := 45 * time.Minute
			if i.ID == before.ID {
				want = 30 * time.Minute
			}
			is(t, when+": triage of "+i.ID, env.Plan.Triage.Within, want)
		}
	}
	r.signals(signal("b", alerting.Firing))
	is(t, "incidents", len(r.all()), 2)
	check("at once")
	r.restart()
	check("after a restart")
	r.clean()
}

func TestPartsOfTheDesk(t *testing.T) {
	r := enter(t)
	is(t, "plan", r.desk.Plan(), r.opt.Plan)
	is(t, "roster", r.desk.Roster(), r.opt.Roster)
	if _, _, err := r.desk.Get(t.Context(), "no"); !errors.Is(err, alerting.ErrNotFound) {
		t.Errorf("get: %v", err)
	}
	if _, err := r.desk.Evidence(t.Context(), "no"); !errors.Is(err, alerting.ErrNotFound) {
		t.Errorf("evidence: %v", err)
	}
	if report, err := r.desk.Verify(t.Context()); err != nil || report.Events != 0 {
		t.Errorf("verify: %+v, %v", report, err)
	}
	r.store.Close()
	if _, err := alerting.NewDesk(t.Context(), r.opt); err == nil || !strings.Contains(err.Error(), "load active incidents") {
		t.Errorf("a desk over a closed store: %v", err)
	}
}
