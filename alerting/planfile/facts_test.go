package planfile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
)

// facts is the written plan, article by article: who does each step (R), who
// assists (A), its time limit and the level from which it holds. Steps stand
// in reading order; a branch stands in brackets, after the step that decides.
const facts = `
network-attack A01 Art. 9
1 R finder
2 R business-manager, tech-staff
3 R leading-group

information-destruction B01 Art. 10
1 R finder
2 R working-group
3 R working-group

content-security C01 Art. 11
1 R finder
2 R business-manager, tech-staff
3 R leading-group

network-failure D01 Art. 12
1 R finder
2 R business-manager, tech-staff
[repair-time-unknown] 3 R working-group
[repair-time-unknown] 4 R leading-group
5 R working-group; from III
6 R leading-group; from III

server-failure E01 Art. 13
1 R business-manager, tech-staff
2 R leading-group
[standby-started] 3 R working-group
[standby-not-started] 4 R working-group
5 R leading-group

software-failure F00 Art. 14
1 R finder
2 R business-manager, tech-staff, dev-team
3 R working-group
4 R leading-group

bid-document-generation F01 Art. 14
1 R business-staff; A opening-manager
2 R opening-manager; A tech-staff
3 R tech-staff; A business-staff
[not-solved] 4 R opening-manager; A tech-staff

bid-submission F02 Art. 14
1 R business-staff; A business-staff
2 R business-staff; A business-staff
3 R tech-staff; A opening-manager
[customer-network] 4 R tech-staff; A business-staff
[server-network] 5 R tech-staff; A opening-manager
[server-network] 6 R tech-staff; A opening-manager
[server-network] 7 R business-staff; A business-staff
[server-resources] 8 R tech-staff; A opening-manager
[server-resources] 9 R tech-staff; A opening-manager
[server-resources] 10 R business-staff; A business-staff

opening-hall F03 Art. 14
1 R opening-manager; A business-manager
2 R opening-manager; A tech-staff
[browser-plugin] 3 R opening-manager; A tech-staff
[system] 4 R tech-staff; A dev-team
[system] 5 R dev-team; A tech-staff; within 20m0s
[solved-within-20-minutes] 6 R tech-staff; A opening-manager
[not-solved-within-20-minutes] 7 R tech-staff; A opening-manager
[system] 8 R tech-staff; A opening-manager

bidder-decryption F04 Art. 14
1 R tech-staff; A opening-manager
2 R tech-staff; A opening-manager
[ca-key] 3 R tech-staff; A opening-manager

tenderer-decryption F05 Art. 14
1 R tech-staff; A opening-manager
2 R tech-staff; A opening-manager
[ca-key] 3 R tech-staff; A opening-manager

opening-interrupted F05 Art. 14 default
1 R opening-manager; A tech-staff
2 R tech-staff; A opening-manager
3 R dev-team; A tech-staff
[repairable-within-1-hour] 4 R dev-team; A tech-staff; within 1h0m0s
[not-repairable-within-1-hour] 5 R tech-staff; A opening-manager
[not-repairable-within-1-hour] 6 R tech-staff; A opening-manager
7 R opening-manager; A tech-staff

evaluation-interrupted F06 Art. 14
1 R opening-manager; A tech-staff
2 R tech-staff; A dev-team
3 R dev-team; A tech-staff
[repairable-within-2-hours] 4 R dev-team; A tech-staff; within 2h0m0s
[not-repairable-within-2-hours] 5 R tech-staff; A opening-manager
[not-repairable-within-2-hours] 6 R tech-staff; A opening-manager
7 R opening-manager; A business-staff

expert-absent - Art. 15
1 R business-manager; A opening-manager
2 R business-manager; A opening-manager
3 R info-center; A business-manager
[expert-drawn] 4 R info-center; A business-manager
[expert-not-drawn] 5 R info-center; A business-manager
6 R center-manager; A business-manager

unlawful-conduct - Art. 15
1 R business-staff; A opening-manager
2 R business-manager; A business-staff
3 R center-manager; A business-manager
4 R center-manager; A business-manager
5 R center-manager; A business-manager

tender-anomaly - Art. 15
1 R business-staff; A business-staff
2 R business-manager; A business-staff
3 R industry-regulator; A center-manager
4 R center-manager; A business-manager

disaster G01 Art. 16
1 R working-group
2 R working-group
[beyond-use] 3 R working-group
4 R leading-group

other H01 Art. 17
1 R working-group
2 R working-group
`

// TestDefaultHoldsTheFacts walks the written plan against the loaded one.
func TestDefaultHoldsTheFacts(t *testing.T) {
	var got strings.Builder
	for _, s := range planfile.Default().Scenarios {
		code := s.Code
		if code == "" {
			code = "-"
		}
		fmt.Fprintf(&got, "\n%s %s Art. %s", s.ID, code, s.Article)
		if s.Default {
			got.WriteString(" default")
		}
		got.WriteByte('\n')
		for i, line := range reading(s) {
			fmt.Fprintf(&got, "%s%d %s\n", line.branch, i+1, duty(line.step))
		}
	}
	if diff := cmp.Diff(strings.Split(facts, "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("the plan differs from the facts (-facts +plan):\n%s", diff)
	}
}

type line struct {
	branch string
	step   plan.Step
}

// reading returns the steps of a scenario in reading order.
func reading(s plan.Scenario) []line {
	var out []line
	var follow func(branch string, steps []plan.Step)
	follow = func(branch string, steps []plan.Step) {
		for _, st := range steps {
			out = append(out, line{branch, st})
			for _, b := range s.Branches {
				if b.After == st.ID {
					follow("["+b.ID+"] ", b.Steps)
				}
			}
		}
	}
	follow("", s.Steps)
	return out
}

func duty(s plan.Step) string {
	out := "R " + strings.Join(s.Responsible, ", ")
	if len(s.Assisting) > 0 {
		out += "; A " + strings.Join(s.Assisting, ", ")
	}
	if s.Within > 0 {
		out += "; within " + s.Within.String()
	}
	if s.FromLevel != "" {
		out += "; from " + string(s.FromLevel)
	}
	return out
}

func TestReadingOrderHasEveryStep(t *testing.T) {
	for _, s := range planfile.Default().Scenarios {
		if got, want := len(reading(s)), len(s.AllSteps()); got != want {
			t.Errorf("%s: %d of %d steps are on a way through the playbook", s.ID, got, want)
		}
	}
}

func TestDefaultOrganisation(t *testing.T) {
	p := planfile.Default()
	want := map[string]string{
		"guidance-group": "应急指导与监督管理小组", "reform-commission": "市发展改革委",
		"industry-regulator": "市经济信息化委", "info-center": "市经济信息中心",
		"leading-group": "应急领导小组", "leader": "领导小组组长", "center-manager": "交易中心总经理",
		"working-group": "应急工作小组", "business-manager": "平台业务管理",
		"opening-manager": "开标／评标管理员", "business-staff": "业务受理人员",
		"tech-staff": "平台技术人员", "dev-team": "平台开发技术团队", "vendor": "厂商、运营商",
		"business-posts": "各业务岗工作人员", "bidders": "投标人、招标代理、评标专家", "finder": "发现人",
	}
	got := map[string]string{}
	for _, r := range p.Roles {
		got[r.ID] = r.Name.ZH
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"guidance-group", "reform-commission", "industry-regulator", "info-center"}, p.Members("guidance-group")); diff != "" {
		t.Errorf("the guidance group is the three bodies (-want +got):\n%s", diff)
	}
	if slices.Contains(p.Assignable(), "finder") || len(p.Assignable()) != len(p.Roles)-1 {
		t.Errorf("the finder is whoever is there; assignable: %v", p.Assignable())
	}
}

func TestDefaultCodes(t *testing.T) {
	p := planfile.Default()
	want := strings.Fields("A01 B01 C01 D01 E01 F00 F01 F02 F03 F04 F05 F06 G01 H01")
	if diff := cmp.Diff(want, p.Codes()); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
	for code, id := range map[string]string{"E01": "server-failure", "F05": "opening-interrupted", "H01": "other"} {
		if s, ok := p.ScenarioFor(code); !ok || s.ID != id {
			t.Errorf("code %s alone means %q, want %q", code, s.ID, id)
		}
	}
}

// TestDefaultLevels holds both tables of Art. 4 at their bounds: exactly the
// bound is still the lower level, a millisecond more the next.
func TestDefaultLevels(t *testing.T) {
	p := planfile.Default()
	for _, c := range []struct {
		kind  plan.SystemKind
		bound time.Duration
		at    plan.Level
		over  plan.Level
	}{
		{plan.Business, 0, "IV", "IV"},
		{plan.Business, 2 * time.Hour, "IV", "III"},
		{plan.Business, 12 * time.Hour, "III", "II"},
		{plan.Business, 24 * time.Hour, "II", "I"},
		{plan.Business, 1000 * time.Hour, "I", "I"},
		{plan.Opening, 0, "IV", "IV"},
		{plan.Opening, 1 * time.Hour, "IV", "III"},
		{plan.Opening, 2 * time.Hour, "III", "II"},
		{plan.Opening, 4 * time.Hour, "II", "I"},
		{plan.Opening, 1000 * time.Hour, "I", "I"},
	} {
		if got := p.LevelFor(c.kind, c.bound); got != c.at {
			t.Errorf("%s, %v: level %s, want %s", c.kind, c.bound, got, c.at)
		}
		if got := p.LevelFor(c.kind, c.bound+time.Millisecond); got != c.over {
			t.Errorf("%s, just over %v: level %s, want %s", c.kind, c.bound, got, c.over)
		}
	}
	if p.Triage.Within != 30*time.Minute {
		t.Errorf("triage within %v, want 30m", p.Triage.Within)
	}
	for i, zh := range []string{"一般", "较大", "重大", "特别重大"} {
		if p.Levels[i].Name.ZH != zh {
			t.Errorf("level %s is called %s, want %s", p.Levels[i].ID, p.Levels[i].Name.ZH, zh)
		}
	}
}
