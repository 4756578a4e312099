package planfile_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
)

// around is what the written plan and the law want beside the playbooks: who
// does it (R), who assists (A), from which level, under which article.
const around = `
duties
report-to-leading-group R working-group; from III; Art. 8
report-upward R leading-group; A working-group; from III; Art. 8
tell-business-posts R working-group; from III; Art. 8
post-notices R working-group; A business-posts; from III; Art. 8
notify-bidders R working-group; A business-staff; from III; Art. 8
file-in-writing R working-group; from III; Art. 8
speak-to-media R leading-group; from III; Art. 8

aftercare
all-clear R working-group; Art. 18
check-data R business-manager; A tech-staff; Art. 18
investigate R leading-group; Art. 18

investigation
cause 事件原因; Art. 18
nature 事件性质; Art. 18
impact 影响范围; Art. 18
consequence 造成后果; Art. 18
responsibility 责任认定; Art. 18
response 应急处置评估; Art. 18
recovery 恢复情况; Art. 18

preparedness
data-backup backup; Art. 19
network-spare spare; Art. 19
server-spare spare; Art. 19
server-contract contract; Art. 19
storage-contract contract; Art. 19

statutory
cybersecurity-report R leading-group; from III; critical 1h0m0s; organ 2h0m0s; other 4h0m0s

triage within 30m0s; Art. 8
acknowledge IV 15m0s; III 10m0s; II 5m0s; I 5m0s
lapse IV 8h0m0s; III 4h0m0s; II 2h0m0s; I 1h0m0s
remind 5m0s before, every 10m0s, then business-manager, center-manager, leading-group
announce 30m0s; recovery 5m0s; Art. 8
`

// TestDefaultHoldsWhatIsAround walks what the plan has beside its playbooks
// (Art. 8, 18, 19), the clock of the law and the rhythm of reminders.
func TestDefaultHoldsWhatIsAround(t *testing.T) {
	p := planfile.Default()
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, list := range []struct {
		name  string
		steps []plan.Step
	}{{"duties", p.Duties}, {"aftercare", p.Aftercare}} {
		say("\n%s", list.name)
		for _, d := range list.steps {
			say("%s %s; Art. %s", d.ID, duty(d), d.Article)
		}
	}
	say("\ninvestigation")
	for _, h := range p.Investigation {
		say("%s %s; Art. %s", h.ID, h.Title.ZH, h.Article)
	}
	say("\npreparedness")
	for _, n := range p.Preparedness {
		say("%s %s; Art. %s", n.ID, n.Kind, n.Article)
	}
	say("\nstatutory")
	for _, s := range p.Statutory {
		limits := ""
		for _, kind := range plan.OperatorKinds {
			limits += fmt.Sprintf("; %s %v", kind, s.Within[kind])
		}
		say("%s R %s; from %s%s", s.ID, strings.Join(s.Responsible, ", "), s.FromLevel, limits)
	}
	r := p.Response
	say("\ntriage within %v; Art. %s", p.Triage.Within, p.Triage.Article)
	for _, table := range []struct {
		name string
		of   map[plan.Level]time.Duration
	}{{"acknowledge", r.Acknowledge}, {"lapse", r.Lapse}} {
		var limits []string
		for _, level := range plan.Levels {
			limits = append(limits, fmt.Sprintf("%s %v", level, table.of[level]))
		}
		say("%s %s", table.name, strings.Join(limits, "; "))
	}
	say("remind %v before, every %v, then %s", r.RemindBefore, r.Every, strings.Join(r.Escalate, ", "))
	say("announce %v; recovery %v; Art. %s", r.Announce, r.Recovery, r.Article)
	if diff := cmp.Diff(strings.Split(around, "\n"), strings.Split(b.String(), "\n")); diff != "" {
		t.Errorf("the plan differs from the facts (-facts +plan):\n%s", diff)
	}
}

// signs is what speaks for each branch, with the bound and the side of it: the
// 20 minutes of the hall count from the opening, the hours of an interrupted
// opening or evaluation from the estimate. from branch are the steps whose own
// limit counts from the choice.
const signs = `
network-failure/repair-time-unknown after locate-and-solve
server-failure/standby-started after decide-standby
server-failure/standby-not-started after decide-standby
bid-document-generation/not-solved after check-versions
bid-submission/customer-network after find-cause
bid-submission/server-network after find-cause: cause network
bid-submission/server-resources after find-cause: cause resources
opening-hall/browser-plugin after look-at-computer
opening-hall/system after look-at-computer: alerts
opening-hall/solved-within-20-minutes after repair-programs: solved within 20m0s
opening-hall/not-solved-within-20-minutes after repair-programs: not solved within 20m0s
bidder-decryption/ca-key after find-cause
tenderer-decryption/ca-key after find-cause
opening-interrupted/repairable-within-1-hour after diagnose: estimate up to 1h0m0s
	quick-update 1h0m0s from branch
opening-interrupted/not-repairable-within-1-hour after diagnose: estimate over 1h0m0s
evaluation-interrupted/repairable-within-2-hours after diagnose: estimate up to 2h0m0s
	quick-update 2h0m0s from branch
evaluation-interrupted/not-repairable-within-2-hours after diagnose: estimate over 2h0m0s
expert-absent/expert-drawn after decide-expert
expert-absent/expert-not-drawn after decide-expert
disaster/beyond-use after assess-damage
`

func TestDefaultBranches(t *testing.T) {
	var b strings.Builder
	b.WriteByte('\n')
	for _, s := range planfile.Default().Scenarios {
		for _, branch := range s.Branches {
			fmt.Fprintf(&b, "%s/%s after %s%s\n", s.ID, branch.ID, branch.After, sign(branch.Suggest))
			for _, st := range branch.Steps {
				if st.From != "" {
					fmt.Fprintf(&b, "\t%s %v from %s\n", st.ID, st.Within, st.From)
				}
			}
		}
		for _, st := range s.Steps {
			if st.From != "" {
				t.Errorf("%s/%s counts from %q on the main line", s.ID, st.ID, st.From)
			}
		}
	}
	if diff := cmp.Diff(strings.Split(signs, "\n"), strings.Split(b.String(), "\n")); diff != "" {
		t.Errorf("the branches differ from the facts (-facts +plan):\n%s", diff)
	}
}

// sign says every sign that is set, not the first alone.
func sign(s *plan.Suggest) string {
	if s == nil {
		return ""
	}
	var out []string
	if len(s.Causes) > 0 {
		out = append(out, "cause "+strings.Join(s.Causes, ", "))
	}
	if s.Alerts {
		out = append(out, "alerts")
	}
	for _, d := range []struct {
		words string
		bound time.Duration
	}{
		{"estimate up to", s.EstimateUpTo}, {"estimate over", s.EstimateOver},
		{"solved within", s.SolvedWithin}, {"not solved within", s.NotSolvedWithin},
	} {
		if d.bound != 0 {
			out = append(out, d.words+" "+d.bound.String())
		}
	}
	return ": " + strings.Join(out, " and ")
}

// TestDefaultCoding holds the second coding, by GB/T 20986-2023, of every
// category.
func TestDefaultCoding(t *testing.T) {
	want := map[string]string{
		"A01": "2 网络攻击事件", "B01": "3 数据安全事件", "C01": "4 信息内容安全事件", "D01": "5 设备设施故障事件", "E01": "5 设备设施故障事件",
		"F00": "5 设备设施故障事件", "F01": "5 设备设施故障事件", "F02": "5 设备设施故障事件", "F03": "5 设备设施故障事件",
		"F04": "5 设备设施故障事件", "F05": "5 设备设施故障事件", "F06": "5 设备设施故障事件", "G01": "9 不可抗力事件", "H01": "10 其他事件",
	}
	got := map[string]string{}
	for _, c := range planfile.Default().Categories {
		if got[c.Code] = "none"; c.Standard != nil {
			got[c.Code] = c.Standard.Code + " " + c.Standard.Name.ZH
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDefaultOddScenarios: the situations of Art. 15 carry no code, two
// scenarios carry F05, and what stops no system raises no level.
func TestDefaultOddScenarios(t *testing.T) {
	p := planfile.Default()
	var uncoded, twice, noOutage []string
	for _, s := range p.Scenarios {
		if s.Code == "" {
			uncoded = append(uncoded, s.ID+" Art. "+s.Article+" "+s.Title.ZH)
		}
		if s.Code == "F05" {
			twice = append(twice, fmt.Sprintf("%s default %v", s.ID, s.Default))
		}
		if s.NoOutage {
			noOutage = append(noOutage, s.ID)
		}
		if s.NoOutage != (p.LevelOf(s, plan.Opening, 1000*time.Hour) == plan.LevelIV) {
			t.Errorf("%s: a thousand hours make level %s", s.ID, p.LevelOf(s, plan.Opening, 1000*time.Hour))
		}
	}
	for _, c := range []struct{ want, got []string }{
		{[]string{"expert-absent Art. 15 评标专家缺席或中途离场", "unlawful-conduct Art. 15 用户违法违规行为", "tender-anomaly Art. 15 招标异常"}, uncoded},
		{[]string{"tenderer-decryption default false", "opening-interrupted default true"}, twice},
		{strings.Fields("bid-document-generation bidder-decryption tenderer-decryption expert-absent unlawful-conduct tender-anomaly"), noOutage},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
