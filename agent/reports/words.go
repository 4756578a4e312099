package reports

import "xunjian/alerting/text"

// wording is what a report says of itself, in one language; what rounds and
// checks say comes from the catalog.
type wording struct {
	report, period, made, number, footer                                                  string
	summary, overall, counts, measured, allMeasured, noMeasured, once                     string
	needs, nothing, what, why, todo, byWhen, who                                          string
	items, item, verdict, found, before, person, attached, charts                         string
	trends, figure, now, ago, none, gap, noPoints                                         string
	forecasts, noForecast, left                                                           string
	incidents, noIncidents, id, title, level, opened, acked, ended, lost, open, deadlines string
	missed, noMissed, due, met, notMet                                                    string
	systems, noSystems, system, availability, unknown, number2, probed, probedUnknown     string
	lessons, noLessons, measure, owner, overdue                                           string
	drills, gaps, noGaps, from, to, length                                                string
	inspector, reviewer, warning, late, joint, signedBy, unsigned                         string
	ifFails, unit, host, article                                                          string
	kinds                                                                                 map[string]string
}

var words = map[string]*wording{
	text.ZH: {
		report: "%s报告", period: "检查时段：%s 至 %s", made: "生成时间：%s", number: "第 %d 页 共 %d 页", footer: "巡检 · %s · %s",
		summary: "概要", overall: "总体结论：%s。", counts: "共 %d 项：%s。", measured: "本期有数据的时间占 %s，缺失 %s；缺失期间的状况不得视为正常。",
		allMeasured: "本期数据完整。", noMeasured: "本期没有任何数据。", once: "本报告只看了这台服务器一次，没有运行巡检程序：趋势、事件、可用率和整改措施不在其中。",
		needs: "需要人员处理", nothing: "没有需要人员处理的事项。", what: "事项", why: "原因", todo: "处理", byWhen: "期限", who: "责任人",
		items: "检查项目", item: "项目", verdict: "结论", found: "依据", before: "上期：%s", person: "%s 于 %s 认定", attached: "附件：%s（%s，SHA-256 %s…）", charts: "曲线",
		trends: "指标趋势", figure: "指标", now: "本期", ago: "前 %d 期", none: "–", gap: "无数据", noPoints: "本期没有数据",
		forecasts: "预测与到期", noForecast: "没有可以预测的增长，也没有登记的到期日。", left: "剩余",
		incidents: "事件与预警", noIncidents: "本期没有事件和预警。", id: "编号", title: "名称", level: "级别", opened: "发生", acked: "确认用时", ended: "恢复用时", lost: "中断", open: "未结束", deadlines: "时限（按时/超时）",
		missed: "超时的时限", noMissed: "没有超时的时限。", due: "应于", met: "实际", notMet: "未完成",
		systems: "系统可用率", noSystems: "没有登记业务系统。", system: "系统", availability: "可用率", unknown: "无数据", number2: "事件数", probed: "拨测可用率", probedUnknown: "拨测无数据",
		lessons: "未完成的整改措施", noLessons: "没有未完成的整改措施。", measure: "措施", owner: "责任人", overdue: "（已逾期）",
		drills: "演练", gaps: "数据缺失", noGaps: "没有缺失。", from: "自", to: "至", length: "时长",
		inspector: "巡检人", reviewer: "复核人", warning: "预警", late: "本次巡检补做于应检时间之后，另有 %d 次未做。", joint: "；", signedBy: "%s", unsigned: "尚未签署",
		ifFails: "", unit: "单位：%s", host: "服务器：%s", article: "依据：应急预案第%s条",
		kinds: map[string]string{"opening": "开标评标系统", "business": "业务系统"},
	},
	text.EN: {
		report: "%s: report", period: "Period: %s to %s", made: "Made: %s", number: "Page %d of %d", footer: "Xunjian · %s · %s",
		summary: "Summary", overall: "Overall: %s.", counts: "%d items: %s.", measured: "There is data for %s of the period; %s is missing. What happened then must not be taken as normal.",
		allMeasured: "The data of the period is complete.", noMeasured: "There is no data of this period at all.", once: "This report is of one look at this server, without a running agent: trends, incidents, availability and open measures are not in it.",
		needs: "What needs a person", nothing: "Nothing needs a person.", what: "Matter", why: "Why", todo: "What to do", byWhen: "By", who: "Who",
		items: "Items", item: "Item", verdict: "Verdict", found: "Grounds", before: "before: %s", person: "said by %s at %s", attached: "attached: %s (%s, SHA-256 %s…)", charts: "Charts",
		trends: "Figures and their trend", figure: "Figure", now: "Now", ago: "%d before", none: "–", gap: "no data", noPoints: "no data in this period",
		forecasts: "Forecasts and expiries", noForecast: "Nothing grows that could be foretold, and no expiry is on record.", left: "Left",
		incidents: "Incidents and warnings", noIncidents: "No incident and no warning in this period.", id: "ID", title: "Title", level: "Level", opened: "Began", acked: "To acknowledge", ended: "To restore", lost: "Outage", open: "goes on", deadlines: "Deadlines kept/missed",
		missed: "Deadlines missed", noMissed: "No deadline was missed.", due: "Due", met: "Done", notMet: "not done",
		systems: "Availability of systems", noSystems: "No business system is on record.", system: "System", availability: "Availability", unknown: "No data", number2: "Incidents", probed: "By probes", probedUnknown: "Not probed",
		lessons: "Measures that are not done", noLessons: "No measure is open.", measure: "Measure", owner: "Owner", overdue: " (overdue)",
		drills: "Drills", gaps: "Gaps in the data", noGaps: "There are none.", from: "From", to: "To", length: "Length",
		inspector: "Inspector", reviewer: "Reviewer", warning: "warning", late: "This round was made up for after it was due; %d more were missed.", joint: "; ", signedBy: "%s", unsigned: "not signed yet",
		unit: "Operator: %s", host: "Server: %s", article: "After Art. %s of the emergency plan",
		kinds: map[string]string{"opening": "bid opening", "business": "business"},
	},
}
