package incident_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

func is(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestLifeOfAnIncident(t *testing.T) {
	s := begin(t, auto)
	is(t, "fires", s.do(0, fire("a")), []string{"alert_joined"})
	is(t, "fires again while it fires", s.do(time.Minute, fire("a")), []string{})
	is(t, "another alert", s.do(time.Minute, fire("b")), []string{"alert_joined"})
	is(t, "a person takes it", s.do(2*time.Minute, incident.Acknowledge{Note: "looking"}), []string{"acknowledged"})
	is(t, "state", s.i.State, incident.Acked)
	is(t, "by", s.i.AckedBy, "wang")
	is(t, "one ends", s.do(3*time.Minute, incident.End{Alert: "a"}), []string{"alert_ended"})
	is(t, "it ends twice", s.do(3*time.Minute, incident.End{Alert: "a"}), []string{})
	is(t, "an unknown one ends", s.do(3*time.Minute, incident.End{Alert: "z"}), []string{})
	is(t, "all have ended", s.do(4*time.Minute, incident.End{Alert: "b"}), []string{"alert_ended", "resolved"})
	is(t, "state", s.i.State, incident.Done)
	is(t, "ended", s.i.EndedAt, t0.Add(4*time.Minute))
	is(t, "outage stands still", s.i.Outage(t0.Add(time.Hour)), 4*time.Minute)
	is(t, "fires after the end", s.do(5*time.Minute, fire("a")), []string{"reopened", "alert_joined"})
	is(t, "state", s.i.State, incident.Open)
	is(t, "nobody has it", s.i.AckedBy, "")
	is(t, "it has fired twice", s.i.Alerts["a"].Times, 2)
	is(t, "outage goes on", s.i.Outage(t0.Add(time.Hour)), time.Hour)
	is(t, "version", s.i.Version, len(s.events))
	is(t, "the fold is the whole timeline's", incident.Fold(s.events), s.i)
}

func TestManualStaysOpen(t *testing.T) {
	for _, resolve := range []string{incident.ResolveManual, "", "Auto", "yes"} {
		s := begin(t, func(o *incident.Opened) { o.Resolve = resolve })
		s.do(0, fire("a"))
		is(t, "ends", s.do(time.Minute, incident.End{Alert: "a"}), []string{"alert_ended"})
		is(t, "the clock", s.do(100*time.Hour, incident.Tick{}), []string{})
		is(t, "state with resolve "+resolve, s.i.State, incident.Open)
		is(t, "a person resolves", s.do(101*time.Hour, incident.Resolve{}), []string{"resolved"})
	}
}

// Ended and lost are two ends.
func TestLostIsNotEnded(t *testing.T) {
	s := begin(t, auto)
	s.do(0, fire("a"))
	s.do(0, fire("b"))
	is(t, "lost", s.do(time.Minute, incident.Lose{Alert: "a"}), []string{"alert_lost"})
	is(t, "lost twice", s.do(time.Minute, incident.Lose{Alert: "a"}), []string{})
	is(t, "an unknown one is lost", s.do(time.Minute, incident.Lose{Alert: "z"}), []string{})
	is(t, "the other ends", s.do(2*time.Minute, incident.End{Alert: "b"}), []string{"alert_ended"})
	is(t, "state", s.i.State, incident.Open)
	is(t, "an ended one is not lost", s.do(2*time.Minute, incident.Lose{Alert: "b"}), []string{})
	is(t, "the outage counts on", s.i.Outage(t0.Add(3*time.Hour)), 3*time.Hour)
	is(t, "and raises the level", s.do(3*time.Hour, incident.Tick{}), []string{"level_changed"})
	is(t, "data back, bad", s.do(4*time.Hour, fire("a")), []string{"alert_joined"})
	s.do(5*time.Hour, incident.Lose{Alert: "a"})
	is(t, "data back, good", s.do(6*time.Hour, incident.End{Alert: "a"}), []string{"alert_ended", "resolved"})
}

func TestResolveWhileFiringNeedsANote(t *testing.T) {
	for _, c := range []struct {
		name string
		cmds []incident.Command
		want string
	}{
		{"no alerts", nil, ""},
		{"firing", []incident.Command{fire("a")}, "still_firing"},
		{"lost", []incident.Command{fire("a"), incident.Lose{Alert: "a"}}, "still_firing"},
		{"one of two ended", []incident.Command{fire("a"), fire("b"), incident.End{Alert: "a"}}, "still_firing"},
		{"ended", []incident.Command{fire("a"), incident.End{Alert: "a"}}, ""},
	} {
		s := begin(t, manual)
		for _, cmd := range c.cmds {
			s.do(0, cmd)
		}
		_, err := s.try(0, incident.Resolve{Note: " \t"})
		is(t, c.name, code(err), c.want)
		if c.want != "" {
			is(t, c.name+", with a note", s.do(0, incident.Resolve{Note: "sensor is broken"}), []string{"resolved"})
		}
		is(t, c.name, s.i.State, incident.Done)
	}
}

// The end of an alert is noted even when the incident ended before.
func TestEndAfterTheEnd(t *testing.T) {
	for _, end := range []incident.Command{incident.Resolve{Note: "x"}, incident.MarkFalseAlarm{Reason: "x"}} {
		s := begin(t, auto)
		s.do(0, fire("a"))
		s.do(time.Minute, end)
		state := s.i.State
		is(t, "ends", s.do(time.Hour, incident.End{Alert: "a"}), []string{"alert_ended"})
		is(t, "state", s.i.State, state)
		is(t, "quiet", s.i.Quiet(), true)
	}
}

func code(err error) string {
	if r := (*incident.Refusal)(nil); errors.As(err, &r) {
		return r.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestRefusals(t *testing.T) {
	long := strings.Repeat("长", incident.MaxText/3+1)
	fits := strings.Repeat("x", incident.MaxText)
	acked := func(s *story) { s.do(0, incident.Acknowledge{Note: "x"}) }
	done := func(s *story) { s.do(0, incident.Resolve{}) }
	none := func(s *story) { s.do(0, incident.MarkFalseAlarm{Reason: "x"}) }
	as := func(*story) {}
	for _, c := range []struct {
		before func(*story)
		cmd    incident.Command
		want   string // code and arguments, or the kinds that follow
	}{
		{as, incident.Acknowledge{}, "refused: text missing map[field:note]"},
		{as, incident.Acknowledge{Note: " \n"}, "refused: text missing map[field:note]"},
		{as, incident.Acknowledge{Note: long}, "refused: text too long map[field:note max:4096]"},
		{as, incident.Acknowledge{Note: fits}, "acknowledged"},
		{acked, incident.Acknowledge{Note: "x"}, "refused: already acknowledged map[by:wang]"},
		{as, incident.Comment{}, "refused: text missing map[field:text]"},
		{as, incident.Comment{Text: long}, "refused: text too long map[field:text max:4096]"},
		{done, incident.Comment{Text: "afterwards"}, "commented"},
		{as, incident.Assign{}, "refused: text missing map[field:to]"},
		{as, incident.Assign{To: "li", Note: long}, "refused: text too long map[field:note max:4096]"},
		{as, incident.Assign{To: "li"}, "assigned"},
		{as, incident.SetLevel{Level: "V", Reason: "x"}, "refused: unknown level map[level:V]"},
		{as, incident.SetLevel{Level: "I"}, "refused: text missing map[field:reason]"},
		{as, incident.SetLevel{Level: "IV", Reason: "x"}, ""},
		{as, incident.SetLevel{Level: "I", Reason: "x"}, "level_changed"},
		{as, incident.SetStep{Step: "no", State: "done"}, "refused: unknown step map[step:no]"},
		{as, incident.SetStep{Step: "find", State: "begun"}, "refused: unknown step state map[state:begun]"},
		{as, incident.SetStep{Step: "find", State: "skipped"}, "refused: text missing map[field:note]"},
		{as, incident.SetStep{Step: "find", State: "skipped", Note: "x"}, "step_changed"},
		{as, incident.SetStep{Step: "find", State: "done", Note: long}, "refused: text too long map[field:note max:4096]"},
		{as, incident.SetStep{Step: "swap", State: "done"}, "branch_chosen step_changed"},
		{as, incident.Resolve{Note: long}, "refused: text too long map[field:note max:4096]"},
		{as, incident.MarkFalseAlarm{}, "refused: text missing map[field:reason]"},
		{as, incident.Reopen{Reason: "x"}, "refused: not ended"},
		{done, incident.Reopen{}, "refused: text missing map[field:reason]"},
		{done, incident.Reopen{Reason: "x"}, "reopened"},
		{none, incident.Reopen{Reason: "x"}, "reopened"},
		{done, incident.Acknowledge{Note: "x"}, "refused: already ended map[state:resolved]"},
		{none, incident.Acknowledge{Note: "x"}, "refused: already ended map[state:false_alarm]"},
		{done, incident.Resolve{}, "refused: already ended map[state:resolved]"},
		{done, incident.MarkFalseAlarm{Reason: "x"}, "refused: already ended map[state:resolved]"},
		{done, incident.Assign{To: "li"}, "refused: already ended map[state:resolved]"},
		{done, incident.SetLevel{Level: "I", Reason: "x"}, "refused: already ended map[state:resolved]"},
		{done, incident.SetStep{Step: "find", State: "done"}, "refused: already ended map[state:resolved]"},
		{as, nil, "refused: unknown command"},
	} {
		s := begin(t)
		c.before(s)
		version := s.i.Version
		kinds, err := s.try(time.Minute, c.cmd)
		got := strings.Join(kinds, " ")
		if err != nil {
			got = err.Error()
			if len(kinds) > 0 || s.i.Version != version {
				t.Errorf("%#v was refused, and yet gave %v", c.cmd, kinds)
			}
		}
		is(t, fmt.Sprintf("%.80s", fmt.Sprintf("%#v", c.cmd)), got, c.want)
	}
}

func TestSteps(t *testing.T) {
	s := begin(t)
	s.do(time.Minute, incident.SetStep{Step: "find", State: "done"})
	s.do(2*time.Minute, incident.SetStep{Step: "swap", State: "skipped", Note: "no standby"})
	s.do(3*time.Minute, incident.SetStep{Step: "find", State: "skipped", Note: "was wrong"})
	is(t, "steps", s.i.Steps, map[string]incident.Step{
		"find": {State: "skipped", By: "wang", At: t0.Add(3 * time.Minute), Note: "was wrong"},
		"swap": {State: "skipped", By: "wang", At: t0.Add(2 * time.Minute), Note: "no standby"},
	})
}

// An incident is a value: what was decided on it later does not change it.
func TestApplyLeavesTheOldAlone(t *testing.T) {
	s := begin(t, auto)
	s.do(0, fire("a"))
	s.do(0, incident.SetStep{Step: "find", State: "done"})
	s.do(0, incident.Attach{ID: "e1"})
	old, want := s.i, incident.Fold(s.events)
	s.do(time.Minute, fire("b"))
	s.do(time.Minute, incident.SetStep{Step: "find", State: "skipped", Note: "x"})
	s.do(time.Minute, incident.Attach{ID: "e2"})
	s.do(time.Minute, incident.End{Alert: "a"})
	s.do(time.Minute, incident.End{Alert: "b"})
	is(t, "the old one", old, want)
}

func TestPersonSetsLevel(t *testing.T) {
	s := begin(t)
	s.do(0, fire("a"))
	is(t, "up", s.do(time.Minute, incident.SetLevel{Level: plan.LevelII, Reason: "no spare parts"}), []string{"level_changed"})
	is(t, "data", s.events[len(s.events)-1].Data, incident.Data(incident.LevelChanged{From: "IV", To: "II", Clock: "IV", Reason: "no spare parts"}))
	is(t, "the clock at III does nothing", s.do(13*time.Hour, incident.Tick{}), []string{})
	is(t, "down again", s.do(13*time.Hour, incident.SetLevel{Level: plan.LevelIV, Reason: "bypassed"}), []string{"level_changed"})
	is(t, "the clock does not undo it", s.do(24*time.Hour, incident.Tick{}), []string{})
	is(t, "until the next bound", s.do(24*time.Hour+time.Millisecond, incident.Tick{}), []string{"level_changed"})
	is(t, "level", s.i.Level, plan.LevelI)
	is(t, "once", s.do(1000*time.Hour, incident.Tick{}), []string{})
}
