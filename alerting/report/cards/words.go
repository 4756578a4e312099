package cards

import "fmt"

// wording is what stands on the cards beside the plan's own texts.
type wording struct {
	number                                        func(page, pages int) string
	footer, version                               string
	hotlines, incident, customer                  string
	levels, level, business, opening, acknowledge string
	upTo, more, triage, roles, duties             string
	article, blanks, when, responsible, assisting string
	within, notes, hours, minutes                 string
	and, semi, open, close                        string
}

var words = map[string]*wording{
	"zh-CN": {
		number: func(page, pages int) string { return fmt.Sprintf("第 %d 页 共 %d 页", page, pages) },
		footer: "%s（%s 版） %s 打印", version: "预案版本 ",
		hotlines: "热线", incident: "事件热线：", customer: "客户热线：",
		levels: "分级（第四条）：已中断与预计修复时间取较长者", level: "级别", business: "业务系统", opening: "开评标系统", acknowledge: "确认时限",
		upTo: "不超过 %s", more: "更长", triage: "接报后 %s内初步判定分类和级别（第八条）。", roles: "角色与联系方式", duties: "较大（III 级）及以上须办（第八条）",
		article: "（第 %s 条）", blanks: "发生时间 ____________  来电 ____________  确认人 ____________", when: "%s：",
		responsible: "责任：", assisting: "协助：", within: "限时 %s", notes: "记录", hours: "%d 小时", minutes: "%d 分钟",
		and: "、", semi: "；", open: "（", close: "）",
	},
	"en": {
		number: func(page, pages int) string { return fmt.Sprintf("Page %d of %d", page, pages) },
		footer: "%s (version %s), printed %s", version: "Plan version ",
		hotlines: "Hotlines", incident: "Incident hotline: ", customer: "Customer hotline: ",
		levels: "Levels (Art. 4): by the longer of time lost and likely time to repair", level: "Level", business: "Business system", opening: "Opening, evaluation", acknowledge: "Acknowledge",
		upTo: "up to %s", more: "longer", triage: "Category and level are settled within %s of the report (Art. 8).", roles: "Roles and numbers", duties: "Due from level III up (Art. 8)",
		article: "(Art. %s)", blanks: "Began ____________  Caller ____________  Taken by ____________", when: "%s:",
		responsible: "Responsible: ", assisting: "assisting: ", within: "Within %s", notes: "Notes", hours: "%d h", minutes: "%d min",
		and: ", ", semi: "; ", open: " (", close: ")",
	},
}
