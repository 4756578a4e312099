package report

import (
	"time"

	"xunjian/alerting/plan"
)

// Example returns the facts of an invented incident that has a bit of
// everything, for previews of a text and for trying one out when it is loaded.
// lang is the language of what people wrote in it.
func Example(lang string) Facts {
	one := func(zh, en string) string { return plan.Text{ZH: zh, EN: en}.In(lang) }
	zone := time.FixedZone("CST", 8*3600)
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 23, hour, minute, 0, 0, zone) }
	tech := []plan.Text{{ZH: "平台技术人员", EN: "Platform technical staff"}}
	leading := []plan.Text{{ZH: "应急领导小组", EN: "Leading group"}}
	working := []plan.Text{{ZH: "应急工作小组", EN: "Working group"}}
	return Facts{
		ID: "20261123-003", Code: "E01",
		Category: plan.Text{ZH: "服务器故障事件", EN: "Server failure"},
		Second:   plan.Text{ZH: "设备设施故障事件（5）", EN: "Equipment failure (5)"},
		Scenario: plan.Text{ZH: "服务器故障", EN: "Server failure"},
		Level:    plan.LevelIII, LevelName: plan.Text{ZH: "较大", EN: "Relatively serious"},
		System: one("电子开标系统", "Electronic Opening System"), Kind: plan.Opening, Host: "app-01", Place: one("A 座三层机房", "machine room A3"),
		Title: plan.Text{ZH: "应用服务器磁盘阵列失效", EN: "Disk array of the application server has failed"},
		Cause: "disk-array", Branch: plan.Text{ZH: "启用备用设备", EN: "Standby equipment is started"},
		State: "resolved", Since: at(14, 5), Until: at(15, 42), Opened: at(14, 6), Ended: at(16, 10),
		Acked: at(14, 9), AckedBy: "tech.a", AckNote: one("已到机房，检查磁盘阵列", "in the machine room, looking at the array"),
		EndNote: one("更换阵列控制器", "array controller replaced"), Assignee: "tech.a", FirstAck: at(14, 9), Estimate: at(15, 36), EstimateAt: at(14, 30),
		Participants: []string{one("人员甲", "person A"), one("人员乙", "person B")},
		Steps: []Task{
			{ID: "find-cause", Text: plan.Text{ZH: "查明故障设备和故障原因，并通知设备厂商或运营商。", EN: "Determine the failed equipment and the cause, and tell the vendor or carrier."},
				Responsible: tech, State: "done", By: "tech.a", At: at(14, 25)},
			{ID: "decide-standby", Text: plan.Text{ZH: "根据维修和恢复所需时间，决定是否启用备用设备。", EN: "Decide, by the time that repair and recovery need, whether to start standby equipment."},
				Responsible: leading, State: "done", By: "leader", At: at(14, 40), Note: one("启用", "start it")},
			{ID: "swap-back", Text: plan.Text{ZH: "故障设备修复后，选择业务空闲时段切换回原设备。", EN: "After the repair, swap the equipment back in an idle period."},
				Responsible: working},
		},
		Duties: []Task{
			{ID: "report-to-leading-group", Text: plan.Text{ZH: "报告应急领导小组。", EN: "Report to the leading group."},
				Responsible: working, State: "sent", By: "tech.a", At: at(14, 20), Due: at(14, 36)},
			{ID: "notify-bidders", Text: plan.Text{ZH: "告知投标人联系人。", EN: "Tell the bidders' contact persons."},
				Responsible: working, State: "sent", By: "business.b", At: at(15, 10), Due: at(14, 36)},
			{ID: "file-in-writing", Text: plan.Text{ZH: "向市经济信息中心书面报备。", EN: "File a written report with the information centre."},
				Responsible: working, Due: at(18, 6)},
		},
		Deadlines: []Deadline{
			{Name: plan.Text{ZH: "确认事件", EN: "acknowledge"}, Due: at(14, 16), Met: at(14, 9), State: "kept"},
			{Name: plan.Text{ZH: "初步判定分类和级别", EN: "preliminary code and level"}, Due: at(14, 36), Met: at(14, 50), State: "missed"},
		},
		Findings: map[string]string{"cause": one("阵列控制器老化。", "The array controller was worn out.")},
		Lessons:  []Lesson{{Text: one("更换同批次控制器", "replace the controllers of the same batch"), Owner: "tech.a", Due: at(18, 0).AddDate(0, 1, 0)}},
		Levels: []LevelChange{{At: at(15, 5), From: plan.LevelIV, To: plan.LevelIII,
			Reason: plan.Text{ZH: "中断超过 1 小时", EN: "the outage has passed 1 hour"}}},
		Calls: []Call{{At: at(14, 12), Who: one("投标联系人甲", "contact A"), Bidder: one("某建设公司", "a builder"), Project: one("示例路道路工程", "Example Road works"),
			Text: one("投标文件无法上传", "cannot upload the bid"), Deadline: at(17, 0)}},
		People: []Holder{
			{"leader", one("组长甲", "head A"), "010-5550-0101", "leader@example.org"},
			{"business-manager", one("管理乙", "manager B"), "010-5550-0102", ""},
		},
		Timeline: []Line{
			{At: at(14, 6), What: plan.Text{ZH: "事件开立，编号 20261123-003，级别 IV", EN: "Incident 20261123-003 opened at level IV"}},
			{At: at(14, 9), Who: "tech.a", What: plan.Text{ZH: "确认事件，着手处置", EN: "Acknowledged and taken in hand"}, Note: one("已到机房", "in the machine room")},
			{At: at(15, 5), What: plan.Text{ZH: "级别由 IV 调整为 III", EN: "Level changed from IV to III"}},
			{At: at(16, 10), Who: "tech.a", What: plan.Text{ZH: "事件解决", EN: "Incident resolved"}},
		},
		Reentry: []Entry{
			{Project: one("示例路道路工程", "Example Road works"), What: one("人工开标记录", "record of the manual opening")},
			{Project: one("示例桥维修", "Example Bridge repair"), What: one("投标回执", "receipt of a bid"), By: "business.b", Done: at(16, 30)},
		},
		PlanTitle: plan.Text{ZH: "招标采购交易平台突发事件应急预案", EN: "Emergency response plan of the tendering and procurement platform"}, PlanVersion: "2017-05",
		Roles: []Role{
			{"reform-commission", plan.Text{ZH: "市发展改革委", EN: "Municipal development and reform commission"}},
			{"industry-regulator", plan.Text{ZH: "市经济信息化委", EN: "Municipal industry regulator"}},
			{"info-center", plan.Text{ZH: "市经济信息中心", EN: "Municipal information centre"}},
			{"leading-group", plan.Text{ZH: "应急领导小组", EN: "Leading group"}},
			{"leader", plan.Text{ZH: "领导小组组长", EN: "Head of the leading group"}},
			{"working-group", plan.Text{ZH: "应急工作小组", EN: "Working group"}},
			{"business-manager", plan.Text{ZH: "平台业务管理", EN: "Platform business management"}},
			{"business-posts", plan.Text{ZH: "各业务岗工作人员", EN: "All business posts"}},
			{"bidders", plan.Text{ZH: "投标人、招标代理、评标专家", EN: "Bidders, tender agencies, evaluation experts"}},
		},
		Unit:            plan.Text{ZH: "示例招标采购交易中心", EN: "Example Tendering and Procurement Exchange"},
		IncidentHotline: []string{"010-5550-0110", "010-5550-0111"}, CustomerHotline: "010-5550-0120",
		Now: at(16, 20), Zone: zone,
	}
}
