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

	logs, noLogs, logFault, logSince, logForgotten, logBlind, stop, logMore                    string
	logSource, logLines, logLast, logState, logWhole, logUnread, logSilent, logNone, logBehind string
	logUnparsed, logUnjudged, logKnown, noLogKnown, logOrder                                   string
	logEvents, noLogEvents, logSubject, logWhen, logFiles, noLogFiles, noGuard, logApproved    string
	logAttacks, noLogAttacks, logAttackers, logClient, logRequests, logAnswered                string
	logKinds, noLogKinds, logLearning, logNew, logBurst                                        string
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
		logs:  "日志与文件", noLogs: "没有读取任何日志：日志状况未知，不得视为正常。", logFault: "未能取得：%s。", logSince: "按小时的统计自 %s 起，此前的日志不在其中，不得视为正常。",
		logForgotten: "本期发生的情况超出可记录的数量，较轻的一部分未列出。", logBlind: "，但并非所有日志都已完整读取，见上表和数据缺失一节。", stop: "。", logMore: "另有 %d 项，见控制台日志页面。",
		logSource: "日志", logLines: "行数", logLast: "最近", logState: "状态", logWhole: "已完整读取", logUnread: "无法读取：%s", logSilent: "静默时间远超平常", logNone: "本期没有读到任何行", logBehind: "尚有 %s 未读",
		logUnparsed: "%.0f 行无法识别，未予审查", logUnjudged: "%.0f 次可疑请求来不及判别",
		logKnown: "日志中需注意的内容", noLogKnown: "在读到的日志中没有需注意的行", logOrder: "另有 %d 行（%d 类）属正常。",
		logEvents: "登录与日志安全", noLogEvents: "没有暴力破解、异常登录、日志被清空或改写", logSubject: "对象", logWhen: "时间", logFiles: "未经批准的文件变更", noLogFiles: "受保护的文件没有未经批准的变更", noGuard: "没有受保护的目录：文件是否被改动未知。",
		logApproved: "%s，%s 批准了 %d 个文件的变更：%s",
		logAttacks:  "网站攻击", noLogAttacks: "在判别过的请求中没有攻击", logAttackers: "攻击来源只保留自 %s 起的，此前的不在其中。", logClient: "来源", logRequests: "请求数", logAnswered: "成功应答",
		logKinds: "新出现的日志", noLogKinds: "没有新出现或突然频繁的日志行", logLearning: "仍在学习期、尚不报告新类型：%s。", logNew: "新出现", logBurst: "突然频繁",
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
		logs:  "Logs and files", noLogs: "No log is read: nobody knows how they stand, and that must not be taken as good.", logFault: "Could not be asked: %s.", logSince: "Lines are counted by hour since %s; what was before is not in here, and must not be taken as good.",
		logForgotten: "More happened than can be remembered; some of what was less grave is missing.", logBlind: ", but not every log was read as a whole; see the table above and the gaps in the data.", stop: ".", logMore: "%d more stand on the console's page of logs.",
		logSource: "Log", logLines: "Lines", logLast: "Last", logState: "State", logWhole: "read as a whole", logUnread: "cannot be read: %s", logSilent: "silent for far longer than usual", logNone: "no line was read in this period", logBehind: "%s still to be read",
		logUnparsed: "%.0f lines fit no format and were not looked at", logUnjudged: "for %.0f odd requests there was no time",
		logKnown: "Lines that need attention", noLogKnown: "No line that was read needs attention", logOrder: "%d more lines, of %d kinds, are in order.",
		logEvents: "Logins, and logs themselves", noLogEvents: "No brute force, no unusual login, no log emptied or changed", logSubject: "Who or what", logWhen: "When", logFiles: "Changed files that nobody approved", noLogFiles: "No guarded file differs from what was approved", noGuard: "No folder is guarded: nobody knows whether files were changed.",
		logApproved: "%s: %s approved changes of %d files: %s",
		logAttacks:  "Attacks on web pages", noLogAttacks: "No request that was judged was an attack", logAttackers: "Clients that attack are remembered since %s; those before are not in here.", logClient: "Client", logRequests: "Requests", logAnswered: "Answered",
		logKinds: "New kinds of lines", noLogKinds: "No kind of line is new or suddenly frequent", logLearning: "Still being learned, so that nothing of them counts as new: %s.", logNew: "new", logBurst: "frequent",
	},
}
