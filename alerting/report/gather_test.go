package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
	"xunjian/alerting/report"
	"xunjian/alerting/roster"
)

var zone = time.FixedZone("CST", 8*3600)

func at(minute int) time.Time {
	return time.Date(2026, 11, 23, 14, 0, 0, 0, zone).Add(time.Duration(minute) * time.Minute).UTC()
}

// life is the timeline of an incident in the bid-opening hall.
func life() []incident.Event {
	agent := incident.Actor{Kind: "agent", Name: "app-01", Via: "clock"}
	rule := incident.Actor{Kind: "rule", Name: "HallDown", Via: "rules"}
	person := incident.Actor{Kind: "person", Name: "tech.a", Via: "console"}
	var out []incident.Event
	add := func(minute int, who incident.Actor, d incident.Data) {
		out = append(out, incident.Event{Incident: "20261123-001", Version: len(out) + 1, At: at(minute), Actor: who, Data: d})
	}
	add(1, rule, incident.Opened{Key: "k", Code: "F03", Scenario: "opening-hall", System: "开标大厅", SystemKind: plan.Opening,
		Level: plan.LevelIV, Title: plan.Text{ZH: "无法登录", EN: "Nobody can log in"}, OutageSince: at(0), PlanVersion: "2017-05", Host: "app-01"})
	add(1, rule, incident.AlertJoined{Alert: "a", Rule: "HallDown", Since: at(0)})
	add(3, person, incident.Acknowledged{Note: "looking"})
	add(5, person, incident.Reported{Caller: "contact A", Phone: "010-5550-0130", Project: "Example Road", Bidder: "a builder", Due: at(180), Text: "cannot log in"})
	add(8, person, incident.Estimated{Restored: at(50), Note: "restart"})
	add(9, person, incident.BranchChosen{After: "look-at-computer", Branch: "system", Reason: "nobody can"})
	add(10, person, incident.StepChanged{Step: "call-developers", State: "done"})
	add(20, person, incident.StepChanged{Step: "reinstall-plugin", State: "skipped", Note: "not the browser"})
	add(61, agent, incident.LevelChanged{From: plan.LevelIV, To: plan.LevelIII, Clock: plan.LevelIII, Reason: incident.ReasonClock})
	add(65, person, incident.DutyChanged{Duty: "notify-bidders", State: "sent", Via: "sms"})
	add(66, person, incident.EntryAdded{Entry: 1, What: "record", Project: "Example Road"})
	add(70, person, incident.Commented{Text: "program mended"})
	add(80, rule, incident.AlertLost{Alert: "a"})
	add(81, rule, incident.AlertJoined{Alert: "a", Rule: "HallDown", Since: at(0)})
	add(90, rule, incident.AlertEnded{Alert: "a"})
	add(91, person, incident.Resolved{Note: "new program"})
	add(92, person, incident.EntryDone{Entry: 1})
	add(93, person, incident.Investigated{Heading: "cause", Text: "a wrong program"})
	add(94, person, incident.LessonAdded{Lesson: 1, Text: "test programs first", Owner: "tech.a", Due: at(9999)})
	return out
}

func gather(t *testing.T, change func(*report.Sources)) report.Facts {
	t.Helper()
	events := life()
	s := report.Sources{
		Incident: incident.Fold(events), Events: events, Plan: planfile.Default(),
		Roster: roster.Roster{People: []roster.Person{
			{ID: "a", Name: "组长甲", Roles: []string{"leader", "center-manager"}, Phone: "010-5550-0101"},
		}},
		Unit: plan.Text{ZH: "示例交易中心", EN: "Example Exchange"}, Now: at(95),
	}
	if change != nil {
		change(&s)
	}
	return load(t).Gather(s)
}

func TestGather(t *testing.T) {
	f := gather(t, nil)
	var steps []string
	for _, s := range f.Steps {
		steps = append(steps, strings.TrimSpace(s.ID+" "+s.State+" "+s.By))
	}
	// The branch "system" with its steps; of the branch not taken only the one
	// that somebody touched; the two cases behind the repair are still open.
	sc, _ := planfile.Default().Scenario("opening-hall")
	want := map[string]bool{"call-developers done tech.a": true, "reinstall-plugin skipped tech.a": true}
	for _, s := range steps {
		delete(want, s)
	}
	if len(want) > 0 {
		t.Errorf("steps %q lack %v", steps, want)
	}
	if all := len(sc.AllSteps()); len(steps) >= all {
		t.Errorf("%d of %d steps: those of cases that do not hold are in it", len(steps), all)
	}
	if f.Branch.EN == "" || f.Category.ZH == "" || f.Scenario.EN == "" || f.LevelName.ZH != "较大" {
		t.Errorf("names are missing: %+v", f)
	}
	if got := (report.Facts{Since: f.Since, Until: f.Until, Acked: f.Acked, AckedBy: f.AckedBy, AckNote: f.AckNote, EndNote: f.EndNote}); !cmp.Equal(got, report.Facts{
		Since: at(0), Until: at(90), Acked: at(3), AckedBy: "tech.a", AckNote: "looking", EndNote: "new program"}) {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff([]report.LevelChange{{At: at(61), From: plan.LevelIV, To: plan.LevelIII,
		Reason: plan.Text{ZH: "中断时长已超过原级别的上限（第四条）", EN: "the outage has lasted longer than the level below allows (Art. 4)"}}}, f.Levels); diff != "" {
		t.Errorf("levels: %s", diff)
	}
	if diff := cmp.Diff([]report.Holder{{Role: "leader", Name: "组长甲", Phone: "010-5550-0101"}, {Role: "center-manager", Name: "组长甲", Phone: "010-5550-0101"}}, f.People); diff != "" {
		t.Errorf("people: %s", diff)
	}
	for _, d := range f.Duties {
		if (d.ID == "notify-bidders") != (d.State == "sent") {
			t.Errorf("duty %s is %q", d.ID, d.State)
		}
	}
	p := planfile.Default()
	if want := len(p.Duties) + len(p.Statutory) + len(p.Aftercare); len(f.Duties) != want {
		t.Errorf("%d duties at level III, after the end; want %d", len(f.Duties), want)
	}
}

func TestGatherTakesTheResponse(t *testing.T) {
	f := gather(t, nil)
	if diff := cmp.Diff([]report.Call{{At: at(5), Who: "contact A", Phone: "010-5550-0130", Bidder: "a builder", Project: "Example Road", Text: "cannot log in", Deadline: at(180)}}, f.Calls); diff != "" {
		t.Errorf("calls: %s", diff)
	}
	if diff := cmp.Diff([]report.Entry{{Project: "Example Road", What: "record", By: "tech.a", Done: at(92)}}, f.Reentry); diff != "" {
		t.Errorf("entries: %s", diff)
	}
	if diff := cmp.Diff([]report.Lesson{{Text: "test programs first", Owner: "tech.a", Due: at(9999)}}, f.Lessons); diff != "" {
		t.Errorf("lessons: %s", diff)
	}
	if f.Findings["cause"] != "a wrong program" || !f.Estimate.Equal(at(50)) || !f.EstimateAt.Equal(at(8)) || !f.FirstAck.Equal(at(3)) || f.Second.ZH == "" {
		t.Errorf("got %+v", f)
	}
	var limits []string
	for _, d := range f.Deadlines {
		if d.Name.ZH == "" || d.Name.ZH == d.Name.EN {
			t.Errorf("the deadline is named %+v", d.Name)
		}
		limits = append(limits, d.State)
	}
	if len(limits) != 2 {
		t.Errorf("time limits %q, want those to acknowledge and to triage", limits)
	}
}

// TestAnEstimateThatFailedIsNotPromised holds that a notice never names a time
// that has passed.
func TestAnEstimateThatFailedIsNotPromised(t *testing.T) {
	texts := load(t)
	for _, k := range report.Kinds() {
		for _, lang := range languages {
			f := ongoing(lang)
			f.Drill = k == report.DrillReport
			f.Now = f.Estimate.Add(time.Minute)
			f.Duties, f.Timeline, f.Deadlines = nil, nil, nil
			d, err := texts.Compose(k, lang, f)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range d.Body {
				if strings.Contains(b.Text, "15:36") || strings.Contains(b.Text, "15时36分") {
					t.Errorf("%s in %s says %q", k, lang, b.Text)
				}
			}
		}
	}
}

func TestDutiesHoldFromTheirLevel(t *testing.T) {
	f := gather(t, func(s *report.Sources) {
		s.Events = s.Events[:5]
		s.Incident = incident.Fold(s.Events)
	})
	if len(f.Duties) != 0 || f.Level != plan.LevelIV {
		t.Errorf("level %s has the duties %+v", f.Level, f.Duties)
	}
}

func TestTimelineReads(t *testing.T) {
	f := gather(t, nil)
	var got []string
	for _, l := range f.Timeline {
		if l.What.ZH == "" || strings.Contains(l.What.ZH+l.What.EN, "report.") || strings.Contains(l.What.EN, "<no value>") {
			t.Errorf("a line says %+v", l.What)
		}
		got = append(got, strings.TrimSpace(l.Who+": "+l.What.EN+" / "+l.Note))
	}
	want := []string{
		": Incident 20261123-001 opened at level IV /",
		": A fault is measured: HallDown /",
		"tech.a: Acknowledged and taken in hand / looking",
		"tech.a: report of contact A (010-5550-0130), bidder a builder, project Example Road, bids due 2026-11-23 17:00:00: cannot log in /",
		"tech.a: likely to be back at 2026-11-23 14:50:00; restart /",
		"tech.a: branch chosen: " + branch(t, "system") + "; nobody can /",
		"tech.a: Done: " + step(t, "call-developers") + " /",
		"tech.a: Not carried out: " + step(t, "reinstall-plugin") + " / not the browser",
		": Level changed from IV to III /",
		"tech.a: done: Tell the bidders' contact persons by phone, network and SMS as far as possible. by sms /",
		"tech.a: to be entered, no. 1: record (project Example Road) /",
		"tech.a: Remark / program mended",
		": Measurements have stopped, the state is not known: HallDown /",
		": A fault is measured: HallDown /",
		": Measured, and good again: HallDown /",
		"tech.a: Incident resolved / new program",
		"tech.a: entered, no. 1 /",
		"tech.a: investigation, Cause: a wrong program /",
		"tech.a: measure no. 1 by 2026-11-30 12:39:00, tech.a: test programs first /",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func branch(t *testing.T, id string) string {
	t.Helper()
	sc, _ := planfile.Default().Scenario("opening-hall")
	b, ok := sc.Branch(id)
	if !ok {
		t.Fatalf("the plan has no branch %s", id)
	}
	return b.When.EN
}

func step(t *testing.T, id string) string {
	t.Helper()
	sc, _ := planfile.Default().Scenario("opening-hall")
	for _, s := range sc.AllSteps() {
		if s.ID == id {
			return s.Do.EN
		}
	}
	t.Fatalf("the plan has no step %s", id)
	return ""
}

// TestEveryEventHasItsWords holds the messages to the kinds of events.
func TestEveryEventHasItsWords(t *testing.T) {
	every := []incident.Data{
		incident.Opened{}, incident.AlertJoined{}, incident.AlertEnded{}, incident.AlertLost{}, incident.EvidenceTaken{},
		incident.Acknowledged{}, incident.Commented{}, incident.Assigned{To: "b"}, incident.LevelChanged{},
		incident.StepChanged{Step: "x", State: "started"}, incident.StepChanged{Step: "x", State: "done"},
		incident.StepChanged{Step: "x", State: "skipped"}, incident.StepChanged{Step: "x", State: "handed_over", To: "b"}, incident.Flapping{}, incident.Resolved{Note: incident.NoteAuto},
		incident.Reopened{Reason: incident.ReasonAgain}, incident.FalseAlarm{},
		incident.Triaged{}, incident.Estimated{}, incident.LevelAnnounced{}, incident.KindChanged{}, incident.AckLapsed{}, incident.Reminded{},
		incident.BranchChosen{}, incident.StepLooked{}, incident.Reported{}, incident.Analysed{}, incident.Promoted{}, incident.Dismissed{},
		incident.DutyChanged{}, incident.DocumentSaved{}, incident.EntryAdded{}, incident.EntryDone{Entry: 1}, incident.Investigated{},
		incident.LessonAdded{}, incident.LessonDone{Lesson: 1}, incident.Closed{},
	}
	for _, d := range every {
		f := gather(t, func(s *report.Sources) {
			s.Events = []incident.Event{
				{At: at(0), Data: incident.EntryAdded{Entry: 1}}, {At: at(0), Data: incident.LessonAdded{Lesson: 1}}, {At: at(0), Data: d},
			}
		})
		l := f.Timeline[2]
		if strings.Contains(l.What.ZH+l.What.EN, "report.") || strings.Contains(l.What.ZH, "event.") || l.What.ZH == l.What.EN {
			t.Errorf("%s says %+v", d.Kind(), l.What)
		}
		if strings.Contains(l.Note, "incident.") {
			t.Errorf("%s shows the code %s", d.Kind(), l.Note)
		}
	}
}
