package planfile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
	"xunjian/alerting/yamlfile"
)

// slip is one change to the default plan. at is where it is told, as lines
// below the place of the change and column; nothing else may be told.
type slip struct{ name, old, new, at, want string }

// slips are those in what stands around the playbooks, and in what hangs on
// their branches.
var slips = []slip{
	{"duty of an unknown role", "    article: \"8\"\n    do:\n      zh-CN: 报告应急领导小组。\n      en: Report to the leading group.\n    responsible: [working-group]", "    article: \"8\"\n    do:\n      zh-CN: 报告应急领导小组。\n      en: Report to the leading group.\n    responsible: [workers]",
		"4:19", "duties[0].responsible[0]: unknown role \"workers\"; allowed: ROLES"},
	{"duty of nobody", "en: Report to the leading group.\n    responsible: [working-group]", "en: Report to the leading group.\n    responsible: []",
		"1:5", "duties[0].responsible: is empty; say which role carries the step out"},
	{"duty from an unknown level", "responsible: [working-group]\n    assisting: [business-posts]\n    from_level: III", "responsible: [working-group]\n    assisting: [business-posts]\n    from_level: VI",
		"2:17", "duties[3].from_level: unknown level \"VI\"; allowed: IV, III, II, I"},
	{"duty in one language", "      en: Tell all business posts at once.\n", "",
		"-2:5", "duties[2].do.en: translation is missing; every text stands in zh-CN and en"},
	{"two duties with one id", "  - id: post-notices", "  - id: report-upward",
		"0:9", "duties[3].id: \"report-upward\" stands twice; first at duties[1].id"},
	{"duty of an article that is not listed", "  - id: speak-to-media\n    article: \"8\"", "  - id: speak-to-media\n    article: \"80\"",
		"1:14", "duties[6].article: article \"80\" is not among the articles of this plan; add it there, or correct it"},
	{"duty that counts from a branch", "en: Report to the leading group.\n    responsible: [working-group]", "en: Report to the leading group.\n    responsible: [working-group]\n    within: 1h\n    from: branch",
		"3:11", "duties[0].from: stands in no playbook; what is due counts from when it arose, so leave this out"},
	{"duty within a negative time", "en: Report to the leading group.\n    responsible: [working-group]", "en: Report to the leading group.\n    responsible: [working-group]\n    within: -1h",
		"2:13", "duties[0].within: \"-1h\" is negative; want a duration like 30s, 5m, 2h or 15d"},
	{"duty within no end of time", "en: Report to the leading group.\n    responsible: [working-group]", "en: Report to the leading group.\n    responsible: [working-group]\n    within: 2161h",
		"2:13", "duties[0].within: 2161h0m0s is out of range; allowed: up to 2160h0m0s"},
	{"duty with an unknown look", "en: Report to the leading group.\n    responsible: [working-group]", "en: Report to the leading group.\n    responsible: [working-group]\n    looks: [weather]",
		"2:13", "duties[0].looks[0]: unknown look \"weather\"; allowed: resources, traffic, path, devices, accounts, reserve"},
	{"duty with an unknown key", "  - id: file-in-writing", "  - id: file-in-writing\n    form: paper",
		"1:5", "duties[5].form: unknown key; did you mean from?; allowed: id, do, responsible, assisting, within, from, looks, from_level, article"},
	{"aftercare of an unknown role", "    responsible: [business-manager]\n    assisting: [tech-staff]\n  - id: investigate", "    responsible: [business-manager]\n    assisting: [technicians]\n  - id: investigate",
		"1:17", "aftercare[1].assisting[0]: unknown role \"technicians\"; allowed: ROLES"},
	{"aftercare with the id of a duty", "  - id: check-data", "  - id: report-upward",
		"0:9", "aftercare[1].id: \"report-upward\" stands twice; first at duties[1].id"},
	{"aftercare with the limit of nothing", "  - id: all-clear\n", "  - id: all-clear\n    from: opening\n",
		"1:11", "aftercare[0].from: says from when a limit counts, but there is no within"},
	{"aftercare in one language", "      zh-CN: 告知各业务岗：故障已排除，系统已恢复正常。\n", "      zh-CN: \"\"\n",
		"0:14", "aftercare[0].do.zh-CN: translation is missing; every text stands in zh-CN and en"},
	{"heading in one language", "{id: nature, title: {zh-CN: 事件性质, en: Nature}", "{id: nature, title: {en: Nature}",
		"0:18", "investigation[1].title.zh-CN: translation is missing; every text stands in zh-CN and en"},
	{"heading that is no id", "{id: consequence,", "{id: Consequence,",
		"0:10", "investigation[3].id: \"Consequence\" is not an id; allowed: lower-case words joined by \"-\", like server-failure"},
	{"heading of an article that is not listed", "en: Nature}, article: \"18\"}", "en: Nature}, article: \"81\"}",
		"0:61", "investigation[1].article: article \"81\" is not among the articles of this plan; add it there, or correct it"},
	{"report by law of an unknown role", "other: 4h}\n    responsible: [leading-group]", "other: 4h}\n    responsible: [leadership]",
		"1:19", "statutory[0].responsible[0]: unknown role \"leadership\"; allowed: ROLES"},
	{"report by law from an unknown level", "from_level: III\n    within: {critical", "from_level: three\n    within: {critical",
		"0:17", "statutory[0].from_level: unknown level \"three\"; allowed: IV, III, II, I"},
	{"report by law from no level", "    from_level: III\n    within: {critical", "    within: {critical",
		"-7:5", "statutory[0].from_level: is missing; say from which level up it is due: IV, III, II, I"},
	{"report by law within a negative time", "within: {critical: 1h, organ: 2h, other: 4h}", "within: {critical: 1h, organ: -2h, other: 4h}",
		"0:35", "statutory[0].within.organ: \"-2h\" is negative; want a duration like 30s, 5m, 2h or 15d"},
	{"report by law with the id of a duty", "- id: cybersecurity-report", "- id: file-in-writing",
		"0:9", "statutory[0].id: \"file-in-writing\" stands twice; first at duties[5].id"},
	{"report by law without the law", "    law:\n      zh-CN: 国家网络安全事件报告管理办法（2025 年 11 月 1 日起施行）第四条\n      en: National", "    law:\n      en: National",
		"0:5", "statutory[0].law.zh-CN: translation is missing; every text stands in zh-CN and en"},
	{"acknowledged within no time", "acknowledge: {IV: 15m, III: 10m,", "acknowledge: {IV: 15m, III: 0s,",
		"0:31", "response.acknowledge.III: 0s is out of range; allowed: 1m to 168h"},
	{"acknowledged within seconds", "acknowledge: {IV: 15m, III: 10m, II: 5m, I: 5m}", "acknowledge: {IV: 15m, III: 10m, II: 5m, I: 30s}",
		"0:47", "response.acknowledge.I: 30s is out of range; allowed: 1m to 168h"},
	{"lapse of an unknown level", "lapse: {IV: 8h,", "lapse: {O: 8h,",
		"0:14", "response.lapse.O: unknown level; allowed: IV, III, II, I"},
	{"lapse that is slower past a level left out", "lapse: {IV: 8h, III: 4h, II: 2h, I: 1h}", "lapse: {IV: 8h, II: 9h, I: 1h}",
		"0:23", "response.lapse.II: 9h0m0s is longer than the 8h0m0s of level IV below it"},
	{"lapse without a unit", "lapse: {IV: 8h,", "lapse: {IV: 8,",
		"0:15", "response.lapse.IV: \"8\" has no unit; want a duration like 30s, 5m, 2h or 15d"},
	{"lapse after weeks", "lapse: {IV: 8h,", "lapse: {IV: 169h,",
		"0:15", "response.lapse.IV: 169h0m0s is out of range; allowed: 1m to 168h"},
	{"announced a day before", "announce: 30m", "announce: 25h",
		"0:13", "response.announce: 25h0m0s is out of range; allowed: up to 24h"},
	{"recovery of a negative time", "recovery: 5m", "recovery: -5m",
		"0:13", "response.recovery: \"-5m\" is negative; want a duration like 30s, 5m, 2h or 15d"},
	{"escalation twice to one", "escalate: [business-manager, center-manager, leading-group]", "escalate: [business-manager, business-manager]",
		"0:32", "response.escalate[1]: \"business-manager\" stands twice in this list"},
	{"clock of an article that is not listed", "  recovery: 5m\n  article: \"8\"", "  recovery: 5m\n  article: \"22\"",
		"1:12", "response.article: article \"22\" is not among the articles of this plan; add it there, or correct it"},
	{"clock with an unknown key", "  recovery: 5m", "  recovers: 5m",
		"0:3", "response.recovers: unknown key; did you mean recovery?; allowed: acknowledge, lapse, remind_before, every, escalate, announce, recovery, article"},
	{"branch suggested by two signs", "suggest: {estimate_up_to: 1h}", "suggest: {estimate_up_to: 1h, alerts: true}",
		"0:9", "scenarios[11].branches[0].suggest: has 2 signs; want one of causes, alerts, estimate_up_to, estimate_over, solved_within, not_solved_within"},
	{"branch suggested by no sign", "suggest: {alerts: true}", "suggest: {alerts: false}",
		"0:9", "scenarios[8].branches[1].suggest: has 0 signs; want one of causes, alerts, estimate_up_to, estimate_over, solved_within, not_solved_within"},
	{"branch suggested by both sides of a time", "suggest: {solved_within: 20m}", "suggest: {solved_within: 20m, not_solved_within: 20m}",
		"0:9", "scenarios[8].branches[2].suggest: has 2 signs; want one of causes, alerts, estimate_up_to, estimate_over, solved_within, not_solved_within"},
	{"branch suggested past all time", "suggest: {estimate_over: 2h}", "suggest: {estimate_over: 91d}",
		"0:34", "scenarios[12].branches[1].suggest.estimate_over: 2184h0m0s is out of range; allowed: up to 2160h0m0s"},
	{"branch suggested by a negative time", "suggest: {estimate_over: 2h}", "suggest: {estimate_over: -2h}",
		"0:34", "scenarios[12].branches[1].suggest.estimate_over: \"-2h\" is negative; want a duration like 30s, 5m, 2h or 15d"},
	{"branch suggested by an unknown key", "suggest: {causes: [network]}", "suggest: {cause: [network]}",
		"0:19", "scenarios[7].branches[1].suggest.cause: unknown key; did you mean causes?; allowed: causes, alerts, estimate_up_to, estimate_over, solved_within, not_solved_within"},
	{"branch suggested by an empty cause", "suggest: {causes: [network]}", "suggest: {causes: [network, \"\"]}",
		"0:37", "scenarios[7].branches[1].suggest.causes[1]: is empty; allowed: a value of the rules' label cause, like network"},
	{"branch suggested twice by one cause", "suggest: {causes: [network]}", "suggest: {causes: [network, network]}",
		"0:37", "scenarios[7].branches[1].suggest.causes[1]: \"network\" stands twice in this list"},
	{"branch without an end", "    steps:\n          - id: adjust-opening-time\n            do:\n              zh-CN: 调整开标时间，并迅速告知投标人。\n              en: Adjust the opening time and tell the bidders quickly.\n            responsible: [tech-staff]\n            assisting: [opening-manager]\n", "    steps: []\n",
		"0:9", "scenarios[8].branches[2].steps: is empty; a branch needs at least one step to end in"},
	{"branch in one language", "when: {zh-CN: 20 分钟内解决, en: Solved within 20 minutes}", "when: {zh-CN: 20 分钟内解决}",
		"0:9", "scenarios[8].branches[2].when.en: translation is missing; every text stands in zh-CN and en"},
	{"branch after a step of another playbook", "after: look-at-computer\n        when: {zh-CN: 原因一", "after: diagnose\n        when: {zh-CN: 原因一",
		"0:16", "scenarios[8].branches[0].after: no step \"diagnose\" before this branch; allowed: take-report, look-at-computer"},
	{"step that counts from an unknown moment", "            within: 1h\n            from: branch", "            within: 1h\n            from: choice",
		"1:19", "scenarios[11].branches[0].steps[0].from: unknown \"choice\"; allowed: opening, branch"},
	{"step that counts from a moment without a limit", "            within: 1h\n            from: branch", "            from: branch",
		"0:19", "scenarios[11].branches[0].steps[0].from: says from when a limit counts, but there is no within"},
	{"step of the main line that counts from a branch", "        responsible: [dev-team]\n        assisting: [tech-staff]\n", "        responsible: [dev-team]\n        assisting: [tech-staff]\n        within: 1h\n        from: branch\n",
		"3:15", "scenarios[11].steps[2].from: counts from a branch, but this step stands in none; allowed: opening"},
	{"step with a look twice", "looks: [path, traffic]", "looks: [path, path]",
		"0:23", "scenarios[3].steps[1].looks[1]: \"path\" stands twice in this list"},
	{"step with a look that is no word", "looks: [path, traffic]", "looks: [path, [traffic]]",
		"0:23", "scenarios[3].steps[1].looks[1]: want a text, got a list"},
	{"coding without a number", "gbt20986: {code: \"2\",", "gbt20986: {code: \"\",",
		"0:22", "categories[0].gbt20986.code: is missing; give the number of the category in the standard, like \"5\""},
	{"coding in one language", "gbt20986: {code: \"2\", name: {zh-CN: 网络攻击事件, en: Cyberattack}}", "gbt20986: {code: \"2\", name: {zh-CN: 网络攻击事件}}",
		"0:27", "categories[0].gbt20986.name.en: translation is missing; every text stands in zh-CN and en"},
	{"article without a number", "  - {id: \"3\", title: {zh-CN: 事件分类, en: Categories}}", "  - {id: \" \", title: {zh-CN: 附则, en: Annex}}\n  - {id: \"3\", title: {zh-CN: 事件分类, en: Categories}}",
		"0:10", "articles[0].id: is missing; give the number of the article, like \"8\""},
	{"article that is carried in one language", "by: {zh-CN: 由交易中心负责；预案是数据，不是代码, en: \"By the trading centre; the plan is data, not code\"}", "by: {zh-CN: 由交易中心负责；预案是数据，不是代码}",
		"0:5", "articles[17].by.en: translation is missing; every text stands in zh-CN and en"},
	{"article with an unknown key", "{id: \"3\", title: {zh-CN: 事件分类, en: Categories}}", "{id: \"3\", title: {zh-CN: 事件分类, en: Categories}, text: x}",
		"0:53", "articles[0].text: unknown key; allowed: id, title, by"},
	{"role of an article that is not listed", "    anyone: true\n    name: {zh-CN: 发现人, en: Whoever finds it}\n    article: \"8\"", "    anyone: true\n    name: {zh-CN: 发现人, en: Whoever finds it}\n    article: 八",
		"2:14", "roles[16].article: article \"八\" is not among the articles of this plan; add it there, or correct it"},
	{"need of an article that is not listed", "    what: {zh-CN: 备用网络设备, en: Network equipment in reserve}\n    article: \"19\"", "    what: {zh-CN: 备用网络设备, en: Network equipment in reserve}\n    article: \"91\"",
		"1:14", "preparedness[1].article: article \"91\" is not among the articles of this plan; add it there, or correct it"},
}

func TestNewerKeysSayWhatIsWrong(t *testing.T) {
	if len(slips) < 30 {
		t.Errorf("only %d slips", len(slips))
	}
	words := strings.NewReplacer("ROLES", strings.Join(planfile.Default().RoleIDs(), ", "))
	for _, s := range slips {
		t.Run(s.name, func(t *testing.T) {
			text := string(plan.DefaultYAML)
			before, after, found := strings.Cut(text, s.old)
			if !found {
				t.Fatalf("%q does not stand in default.yaml", s.old)
			}
			_, err := planfile.Load("plan.yaml", []byte(before+s.new+after))
			var e *yamlfile.Error
			if !errors.As(err, &e) {
				t.Fatalf("want a mistake, got %v", err)
			}
			first := 1 + strings.Count(before, "\n")
			var got []string
			for _, p := range e.Problems {
				got = append(got, fmt.Sprintf("%s:%d:%d %s: %s", p.File, p.Line-first, p.Column, p.Path, p.Message))
			}
			if want := words.Replace("plan.yaml:" + s.at + " " + s.want); len(got) != 1 || got[0] != want {
				t.Errorf("got\n\t%s\nwant alone\n\t%s", strings.Join(got, "\n\t"), want)
			}
		})
	}
}
