package slack

import "xunjian/alerting/plan"

// What is said to people, beside what the notices themselves say.
var (
	drill            = plan.Text{ZH: "演练，不是真实事件", EN: "Drill, not a real incident"}
	wordState        = plan.Text{ZH: "状态", EN: "State"}
	wordLevel        = plan.Text{ZH: "级别", EN: "Level"}
	wordAssignee     = plan.Text{ZH: "处理人", EN: "Assignee"}
	wordAcknowledged = plan.Text{ZH: "确认", EN: "Acknowledged"}
	wordOpen         = plan.Text{ZH: "在控制台中查看", EN: "Open in the console"}
	nobody           = plan.Text{ZH: "尚无", EN: "nobody yet"}
	notYet           = plan.Text{ZH: "尚未确认", EN: "not yet"}
	yes              = plan.Text{ZH: "已确认", EN: "yes"}

	doAcknowledge = plan.Text{ZH: "确认", EN: "Acknowledge"}
	doTake        = plan.Text{ZH: "由我处理", EN: "Take it"}
	doStep        = plan.Text{ZH: "完成步骤…", EN: "Step done…"}
	doLevel       = plan.Text{ZH: "调整级别…", EN: "Change level…"}
	doResolve     = plan.Text{ZH: "已解决…", EN: "Resolved…"}

	askHow     = plan.Text{ZH: "如何解决的？", EN: "How was it resolved?"}
	askWhy     = plan.Text{ZH: "为何调整级别？", EN: "Why is the level changed?"}
	titleHow   = plan.Text{ZH: "解决事件", EN: "Resolve incident"}
	titleWhy   = plan.Text{ZH: "调整级别", EN: "Change level"}
	wordSubmit = plan.Text{ZH: "提交", EN: "Submit"}
	wordCancel = plan.Text{ZH: "取消", EN: "Cancel"}

	done      = plan.Text{ZH: "%s：已办理。", EN: "%s: done."}
	unknown   = plan.Text{ZH: "没有事件 %s。", EN: "There is no incident %s."}
	noneOpen  = plan.Text{ZH: "没有未结束的事件。", EN: "No incident is open."}
	trouble   = plan.Text{ZH: "%s：未能办理，巡检自身出现故障，请在控制台中重试。", EN: "%s: not done, there is trouble in Xunjian itself; try it in the console."}
	noTrouble = plan.Text{ZH: "未能办理，巡检自身出现故障，请在控制台中重试。", EN: "Not done, there is trouble in Xunjian itself; try it in the console."}
	stranger  = plan.Text{
		ZH: "您（%s）不在值班名册上，未作任何处理。请管理员在 notify.slack 的 people 中加上您的 Slack 用户 ID。",
		EN: "You (%s) are not on the roster, and nothing was done. Ask the operator to add your Slack user ID to people under notify.slack.",
	}
	usage = plan.Text{
		ZH: "用法：%[1]s list（未结束的事件），%[1]s show INC-…（查看），%[1]s ack INC-…（确认），%[1]s take INC-…（由我处理）",
		EN: "Usage: %[1]s list (open incidents), %[1]s show INC-…, %[1]s ack INC-…, %[1]s take INC-…",
	}
)

// states are the states of an incident in words.
var states = map[string]plan.Text{
	"open":         {ZH: "未确认", EN: "open"},
	"acknowledged": {ZH: "已确认", EN: "acknowledged"},
	"resolved":     {ZH: "已解决", EN: "resolved"},
	"false_alarm":  {ZH: "误报", EN: "false alarm"},
	"closed":       {ZH: "已关闭", EN: "closed"},
	"warning":      {ZH: "预警", EN: "warning"},
	"dismissed":    {ZH: "已解除", EN: "dismissed"},
}
