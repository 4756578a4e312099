package planfile_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
)

// revised is the shipped plan with one thing replaced by another.
func revised(t *testing.T, pairs ...string) *plan.Plan {
	t.Helper()
	b, err := os.ReadFile("../plan/default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for n := 0; n < len(pairs); n += 2 {
		if strings.Count(text, pairs[n]) == 0 {
			t.Fatalf("the shipped plan lacks %q", pairs[n])
		}
		text = strings.Replace(text, pairs[n], pairs[n+1], 1)
	}
	p, err := planfile.Load("plan.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDiff names each kind of change by its path, and nothing else.
func TestDiff(t *testing.T) {
	old := planfile.Default()
	if got := plan.Diff(old, revised(t)); len(got) > 0 {
		t.Errorf("a plan differs from itself: %+v", got)
	}
	for name, c := range map[string]struct {
		pairs []string
		want  []string
	}{
		"version":       {[]string{`version: "2017-05"`, `version: "2026-12"`}, []string{"changed version 2017-05 → 2026-12"}},
		"a bound":       {[]string{"up_to: {business: 2h, opening: 1h}", "up_to: {business: 90m, opening: 1h}"}, []string{"changed levels/IV/up_to/business 2h → 1h30m"}},
		"triage":        {[]string{"within: 30m", "within: 20m"}, []string{"changed triage/within 30m → 20m"}},
		"a text":        {[]string{"en: General manager of the trading centre", "en: General manager"}, []string{"changed roles/center-manager/name/en General manager of the trading centre → General manager"}},
		"responsible":   {[]string{"responsible: [business-manager, tech-staff]\n        looks: [path, traffic]", "responsible: [tech-staff]\n        looks: [path]"}, []string{"changed scenarios/network-failure/steps/locate-and-solve/responsible Platform business management; Platform technical staff → Platform technical staff", "changed scenarios/network-failure/steps/locate-and-solve/looks path, traffic → path"}},
		"a lost need":   {[]string{"  - id: network-spare\n    kind: spare\n    what: {zh-CN: 备用网络设备, en: Network equipment in reserve}\n    article: \"19\"\n", ""}, []string{"removed preparedness/network-spare Network equipment in reserve → "}},
		"a new heading": {[]string{"  - {id: cause, ", "  - {id: cost, title: {zh-CN: 费用, en: Cost}}\n  - {id: cause, "}, []string{"added investigation/cost  → Cost"}},
		"a new order": {[]string{"  - {id: cause, title: {zh-CN: 事件原因, en: Cause}, article: \"18\"}\n", "", "  - {id: recovery, title: {zh-CN: 恢复情况, en: Recovery}, article: \"18\"}\n", "  - {id: recovery, title: {zh-CN: 恢复情况, en: Recovery}, article: \"18\"}\n  - {id: cause, title: {zh-CN: 事件原因, en: Cause}, article: \"18\"}\n"},
			[]string{"moved investigation/cause Cause → Cause"}},
		"a role of another group": {[]string{"- id: vendor\n", "- id: vendor\n    part_of: working-group\n"}, []string{"added roles/vendor/part_of  → Working group"}},
		"a suggestion taken away": {[]string{"        suggest: {causes: [network]}\n", ""}, []string{"removed scenarios/bid-submission/branches/server-network/suggest/causes network → "}},
		"a suggestion by another sign": {[]string{"suggest: {estimate_over: 1h}", "suggest: {not_solved_within: 1h}"}, []string{
			"removed scenarios/opening-interrupted/branches/not-repairable-within-1-hour/suggest/estimate_over 1h → ",
			"added scenarios/opening-interrupted/branches/not-repairable-within-1-hour/suggest/not_solved_within  → 1h",
		}},
		"a suggestion added":        {[]string{"when: {zh-CN: 启用备用设备,", "suggest: {alerts: true}\n        when: {zh-CN: 启用备用设备,"}, []string{"added scenarios/server-failure/branches/standby-started/suggest/alerts  → true"}},
		"a coding taken away":       {[]string{"    gbt20986: {code: \"9\", name: {zh-CN: 不可抗力事件, en: Force majeure}}\n", ""}, []string{"removed categories/G01/gbt20986 Force majeure → "}},
		"another default":           {[]string{"    code: F05\n", "    code: F05\n    default: true\n", "    code: F05\n    default: true\n    title: {zh-CN: 开标中断", "    code: F05\n    title: {zh-CN: 开标中断"}, []string{"added scenarios/tenderer-decryption/default  → true", "removed scenarios/opening-interrupted/default true → "}},
		"where a limit counts from": {[]string{"            within: 1h\n            from: branch\n", "            within: 1h\n"}, []string{"removed scenarios/opening-interrupted/branches/repairable-within-1-hour/steps/quick-update/from branch → "}},
		"a level of a step":         {[]string{"        from_level: III\n", "        from_level: II\n"}, []string{"changed scenarios/network-failure/steps/report/from_level III → II"}},
		"escalation":                {[]string{"escalate: [business-manager, center-manager, leading-group]", "escalate: [bidders, leader]"}, []string{"changed response/escalate Platform business management; General manager of the trading centre; Leading group → Bidders, tender agencies, evaluation experts; Head of the leading group"}},
		"the law's clock":           {[]string{"other: 4h}", "other: 3h}"}, []string{"changed statutory/cybersecurity-report/within/other 4h → 3h"}},
		"an article":                {[]string{"{id: \"17\", title: {zh-CN: 其他突发事件处置, en: Other incidents}}", "{id: \"17\", title: {zh-CN: 其他, en: Other incidents}}"}, []string{"changed articles/17/title/zh-CN 其他突发事件处置 → 其他"}},
		"a duty's helper":           {[]string{"    assisting: [business-posts]\n", ""}, []string{"removed duties/post-notices/assisting All business posts → "}},
		"what comes afterwards":     {[]string{"    responsible: [business-manager]\n    assisting: [tech-staff]\n  - id: investigate", "    responsible: [business-manager]\n    assisting: [tech-staff]\n    within: 24h\n  - id: investigate"}, []string{"added aftercare/check-data/within  → 24h"}},
		"a step from branch to main line": {[]string{"      - id: decide-standby\n        do:\n          zh-CN: 根据维修", "      - id: swap-back\n        do: {zh-CN: 切换。, en: Swap.}\n        responsible: [vendor]\n      - id: decide-standby\n        do:\n          zh-CN: 根据维修", "          - id: swap-back\n", "          - id: swap\n"}, []string{
			"added scenarios/server-failure/steps/swap-back  → Swap.",
			"removed scenarios/server-failure/branches/standby-started/steps/swap-back After the repair, swap the equipment back in an idle period, without disturbing business. → ",
			"added scenarios/server-failure/branches/standby-started/steps/swap  → After the repair, swap the equipment back in an idle period, without disturbing business.",
		}},
		"a limit taken away": {[]string{"lapse: {IV: 8h, ", "lapse: {"}, []string{"removed response/lapse/IV 8h → "}},
	} {
		t.Run(name, func(t *testing.T) {
			next := revised(t, c.pairs...)
			var got, back []string
			for _, x := range plan.Diff(old, next) {
				got = append(got, string(x.Kind)+" "+x.Path+" "+x.Old.EN+" → "+x.New.EN)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			for _, x := range plan.Diff(next, old) {
				back = append(back, x.Path)
			}
			if len(back) != len(got) {
				t.Errorf("the way back has other changes: %v", back)
			}
		})
	}
}

// TestDiffSaysWhere: the way to a change is said by the titles on it, and a
// changed title by the new one; roles by the names that each plan gives them.
func TestDiffSaysWhere(t *testing.T) {
	next := revised(t,
		`version: "2017-05"`, `version: "2026-12"`,
		"title: {zh-CN: 开标大厅无法使用, en: The bid-opening hall cannot be used}", "title: {zh-CN: 大厅故障, en: Hall down}",
		"within: 20m", "within: 15m",
		"name: {zh-CN: 平台开发技术团队, en: Platform development team}", "name: {zh-CN: 研发组, en: Developers}",
		"responsible: [dev-team]", "responsible: [dev-team, tech-staff]", "assisting: [tech-staff]\n            within: 15m", "within: 15m",
	)
	way := plan.Text{ZH: "大厅故障 › 原因二：系统问题（所有投标人均无法登录） › 检查服务器程序，以最快速度修复。", EN: "Hall down › Cause 2: the system (no bidder can log in) › Check the server programs and repair them as fast as possible."}
	const step = "scenarios/opening-hall/branches/system/steps/repair-programs/"
	want := []plan.Change{
		{Kind: plan.Changed, Path: "version", Old: plan.Text{ZH: "2017-05", EN: "2017-05"}, New: plan.Text{ZH: "2026-12", EN: "2026-12"}},
		{Kind: plan.Changed, Path: "roles/dev-team/name/zh-CN", Where: plan.Text{ZH: "研发组", EN: "Developers"}, Old: plan.Text{ZH: "平台开发技术团队", EN: "平台开发技术团队"}, New: plan.Text{ZH: "研发组", EN: "研发组"}},
		{Kind: plan.Changed, Path: "roles/dev-team/name/en", Where: plan.Text{ZH: "研发组", EN: "Developers"}, Old: plan.Text{ZH: "Platform development team", EN: "Platform development team"}, New: plan.Text{ZH: "Developers", EN: "Developers"}},
		{Kind: plan.Changed, Path: "scenarios/opening-hall/title/zh-CN", Where: plan.Text{ZH: "大厅故障", EN: "Hall down"}, Old: plan.Text{ZH: "开标大厅无法使用", EN: "开标大厅无法使用"}, New: plan.Text{ZH: "大厅故障", EN: "大厅故障"}},
		{Kind: plan.Changed, Path: "scenarios/opening-hall/title/en", Where: plan.Text{ZH: "大厅故障", EN: "Hall down"}, Old: plan.Text{ZH: "The bid-opening hall cannot be used", EN: "The bid-opening hall cannot be used"}, New: plan.Text{ZH: "Hall down", EN: "Hall down"}},
		{Kind: plan.Changed, Path: step + "responsible", Where: way, Old: plan.Text{ZH: "平台开发技术团队", EN: "Platform development team"}, New: plan.Text{ZH: "研发组；平台技术人员", EN: "Developers; Platform technical staff"}},
		{Kind: plan.Removed, Path: step + "assisting", Where: way, Old: plan.Text{ZH: "平台技术人员", EN: "Platform technical staff"}},
		{Kind: plan.Changed, Path: step + "within", Where: way, Old: plan.Text{ZH: "20m", EN: "20m"}, New: plan.Text{ZH: "15m", EN: "15m"}},
	}
	if diff := cmp.Diff(want, plan.Diff(planfile.Default(), next)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
