package answers_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"xunjian/agent/api" // the refusals in words
	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/notify"
	"xunjian/alerting/notify/answers"
	"xunjian/alerting/notify/channel"
	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
	"xunjian/alerting/roster"
	"xunjian/alerting/store"
	"xunjian/alerting/text"
)

var people = roster.Roster{People: []roster.Person{
	{ID: "wang", Name: "王芳", Roles: []string{"tech-staff"}, Mail: "wang@example.org"},
	{ID: "lee", Name: "Lee", Roles: []string{"tech-staff"}, Lang: "en"},
}}

func desk(t *testing.T) (*alerting.Desk, *answers.Answers, incident.Incident) {
	t.Helper()
	st, err := store.Open(context.Background(), filepath.Join(t.TempDir(), "x.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	catalog, err := text.Load(time.UTC, notify.Messages, incident.Messages, api.Messages)
	if err != nil {
		t.Fatal(err)
	}
	shipped := planfile.Default()
	d, err := alerting.NewDesk(context.Background(), alerting.Options{Store: st, Basis: alerting.Basis{Plan: shipped, Roster: people}, Host: "web1"})
	if err != nil {
		t.Fatal(err)
	}
	words := &notify.Words{Catalog: catalog, Plan: func(incident.Incident) *plan.Plan { return shipped }, Roster: d.Roster}
	i, err := d.Open(context.Background(), incident.Actor{Kind: "person", Name: "x", Via: "test"}, alerting.Report{Code: "E01", Title: "disk"})
	if err != nil {
		t.Fatal(err)
	}
	return d, answers.New(func() answers.Desk { return d }, words, catalog), i
}

// Each action does what it says, in the name of who asked, and again does
// nothing; what the desk refuses is said in the person's language.
func TestAct(t *testing.T) {
	d, a, i := desk(t)
	wang, lee := people.People[0], people.People[1]
	events := func() (kinds []string, last incident.Event) {
		_, list, err := d.Get(t.Context(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			kinds = append(kinds, e.Data.Kind())
		}
		return kinds, list[len(list)-1]
	}
	stands := func() channel.Standing {
		s, err := a.Stands(t.Context(), i.ID, "en")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := stands()
	if first.Acknowledged || first.StateName != "not acknowledged" || len(first.Next) == 0 || len(first.Levels) != 4 || !strings.Contains(first.Subject, "disk") {
		t.Errorf("at first: %+v", first)
	}
	step := first.Next[0].ID
	for _, c := range []struct {
		act  channel.Action
		kind string
	}{
		{channel.Action{Do: channel.Acknowledge, Note: "on it"}, "acknowledged"},
		{channel.Action{Do: channel.Take}, "assigned"},
		{channel.Action{Do: channel.StepDone, Value: step}, "step_changed"},
		{channel.Action{Do: channel.SetLevel, Value: "II", Note: "two systems"}, "level_changed"},
		{channel.Action{Do: channel.Resolve, Note: "disk replaced"}, "resolved"},
	} {
		for range 2 {
			if err := a.Act(t.Context(), "slack", wang, i.ID, c.act); err != nil {
				t.Fatalf("%+v: %v", c.act, err)
			}
		}
		kinds, last := events()
		if n := len(slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return k != c.kind })); n != 1 || last.Actor != (incident.Actor{Kind: "person", Name: "wang", Via: "slack"}) {
			t.Errorf("%s: %d times among %q, the last by %+v", c.kind, n, kinds, last.Actor)
		}
	}
	s := stands()
	if !s.Acknowledged || s.StateName != "resolved" || s.Assignee != "王芳" || s.Incident.Level != "II" || len(s.Next) != 0 {
		t.Errorf("in the end: %+v", s)
	}
	for _, c := range []struct {
		by   roster.Person
		id   string
		act  channel.Action
		want string
	}{
		{wang, i.ID, channel.Action{Do: channel.Acknowledge}, "事件已结束"},
		{lee, "INC-20200101-00001", channel.Action{Do: channel.Acknowledge}, "There is no incident INC-20200101-00001"},
		{wang, "INC-20200101-00001", channel.Action{Do: channel.Acknowledge}, "没有事件"},
		{lee, i.ID, channel.Action{Do: channel.StepDone, Value: "no-such"}, "ended already"},
	} {
		err := a.Act(t.Context(), "slack", c.by, c.id, c.act)
		var refused *channel.Refused
		if !errors.As(err, &refused) || !strings.Contains(refused.Text, c.want) || strings.Contains(refused.Text, "incident.refused") {
			t.Errorf("%+v: %v", c.act, err)
		}
	}
	if _, err := a.Stands(t.Context(), "INC-20200101-00001", "en"); !errors.Is(err, channel.ErrUnknown) {
		t.Errorf("of none such: %v", err)
	}
	if err := a.Act(t.Context(), "slack", wang, i.ID, channel.Action{Do: "dance"}); err == nil || errors.As(err, new(*channel.Refused)) {
		t.Errorf("an unknown action: %v", err)
	}
	if open, err := a.Open(t.Context(), "en"); err != nil || len(open) != 0 {
		t.Errorf("open: %d, %v", len(open), err)
	}
}
