package papers_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunjian/agent/papers"
	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
	"xunjian/alerting/report"
	"xunjian/alerting/roster"
	"xunjian/alerting/store"
)

var update = flag.Bool("update", false, "write the golden files")

var people = roster.Roster{People: []roster.Person{
	{ID: "li", Name: "李明", Roles: []string{"business-manager", "opening-manager"}, Phone: "010-5550-0101"},
	{ID: "wang", Name: "王芳", Roles: []string{"tech-staff"}, Phone: "010-5550-0102"},
	{ID: "zhao", Name: "赵强", Roles: []string{"leader", "center-manager"}, Phone: "010-5550-0105"},
}}

var operator = incident.Actor{Kind: "person", Name: "wang", Via: "console"}

// Every scenario of the plan, from a report to the closed investigation, in
// simulated time; what was written on the way is compared with reviewed files.
func TestEveryScenario(t *testing.T) {
	for _, sc := range planfile.Default().Scenarios {
		t.Run(sc.ID, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := begin(t, sc)
				s.play()
				golden(t, sc.ID, s.papers())
			})
		})
	}
}

// stage is one incident on a desk with a real store, and the clock running.
type stage struct {
	t    *testing.T
	desk *alerting.Desk
	own  *papers.Papers
	sc   plan.Scenario
	id   string
}

func begin(t *testing.T, sc plan.Scenario) *stage {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), nil)
	must(t, err)
	zone := time.FixedZone("CST", 8*3600)
	desk, err := alerting.NewDesk(t.Context(), alerting.Options{
		Store: st, Basis: alerting.Basis{Plan: planfile.Default(), Roster: people, Systems: map[string]plan.SystemKind{"开评标系统": plan.Opening}}, Host: "bid-app-01", Zone: zone,
	})
	must(t, err)
	own, err := papers.New(papers.Config{
		Name: plan.Text{ZH: "示例交易中心", EN: "Example Exchange"}, Place: "一号机房",
		IncidentHotline: []string{"010-5550-0105", "010-5550-0101"}, CustomerHotline: "010-5550-0100",
	}, zone, desk)
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- desk.Run(t.Context()) }()
	t.Cleanup(func() { <-done; st.Close() })
	i, err := desk.Open(t.Context(), operator, alerting.Report{
		Scenario: sc.ID, System: "开评标系统", Title: sc.Trigger.ZH,
		Call: &incident.Reported{Caller: "北辰招标代理", Phone: "010-5550-0142", Project: "示例项目 01", Text: sc.Trigger.ZH},
	})
	must(t, err)
	return &stage{t, desk, own, sc, i.ID}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *stage) do(cmd incident.Command) incident.Incident {
	s.t.Helper()
	i, err := s.desk.Do(s.t.Context(), s.id, 0, operator, cmd)
	if err != nil {
		s.t.Fatalf("%T: %v", cmd, err)
	}
	return i
}

func (s *stage) pass(d time.Duration) incident.Incident {
	s.t.Helper()
	time.Sleep(d)
	synctest.Wait()
	i, _, err := s.desk.Get(s.t.Context(), s.id)
	must(s.t, err)
	return i
}

// play handles the incident by its playbook: ten minutes to the first word,
// every step of the main line and of the first branches, ninety minutes in all.
func (s *stage) play() {
	s.t.Helper()
	s.pass(10 * time.Minute)
	s.do(incident.Acknowledge{Note: "已到现场处置"})
	s.pass(10 * time.Minute)
	s.do(incident.Triage{Note: "情况属实"})
	if !s.sc.NoOutage {
		s.do(incident.SetEstimate{Restored: time.Now().Add(70 * time.Minute)})
	}
	chosen := map[string]bool{}
	for _, b := range s.sc.Branches {
		if !chosen[b.After] {
			chosen[b.After] = true
			s.do(incident.ChooseBranch{Branch: b.ID, Reason: "现场判断"})
		}
	}
	env, err := s.desk.Env(s.t.Context(), s.pass(0))
	must(s.t, err)
	for _, st := range s.pass(0).Playbook(env.Plan) {
		if st.Active {
			s.do(incident.SetStep{Step: st.ID, State: "done"})
		}
	}
	i := s.pass(70 * time.Minute)
	if want := map[bool]plan.Level{true: plan.LevelIV, false: plan.LevelIII}[s.sc.NoOutage]; i.Level != want {
		s.t.Errorf("after 90 minutes it is level %s, want %s", i.Level, want)
	}
	s.do(incident.AddEntry{What: "人工登记的开标记录", Project: "示例项目 01"})
	s.do(incident.Resolve{Note: "故障已排除"})
	s.do(incident.CompleteEntry{Entry: 1, Note: "已核对"})
	s.after()
}

// after does what Art. 8 and 18 still demand, and closes it.
func (s *stage) after() {
	s.t.Helper()
	i := s.pass(10 * time.Minute)
	env, err := s.desk.Env(s.t.Context(), i)
	must(s.t, err)
	if i.Grave() {
		if _, err := s.desk.Do(s.t.Context(), s.id, 0, operator, incident.Close{}); err == nil {
			s.t.Error("it was closed with everything still to do")
		}
	}
	for _, d := range i.DueDuties(env) {
		s.do(incident.SetDuty{Duty: d.ID, State: "sent", To: []string{"有关各方"}, Via: "电话", Note: "恢复情况已人工核对"})
	}
	for _, h := range env.Plan.Investigation {
		s.do(incident.Investigate{Heading: h.ID, Text: h.Title.ZH + "：已查明。"})
	}
	s.do(incident.AddLesson{Text: "完善监测", Owner: "李明", Due: time.Now().Add(30 * 24 * time.Hour)})
	if i := s.do(incident.Close{Note: "整改已列入计划"}); i.State != incident.IsClosed {
		s.t.Errorf("in the end it is %s", i.State)
	}
	v, err := s.desk.Verify(s.t.Context())
	must(s.t, err)
	if len(v.Faults) > 0 {
		s.t.Errorf("the chain: %v", v.Faults)
	}
}

// papers are what goes out of the house, in both languages.
func (s *stage) papers() string {
	s.t.Helper()
	var out strings.Builder
	for _, lang := range []string{"zh-CN", "en"} {
		for _, kind := range []report.Kind{report.ToLeadingGroup, report.Notices, report.InWriting, report.AllClear, report.Investigation} {
			doc, _, err := s.own.Document(s.t.Context(), s.id, kind, lang)
			must(s.t, err)
			fmt.Fprintf(&out, "════ %s · %s ════\n\n%s\n", kind, lang, doc.Text())
		}
	}
	return out.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
