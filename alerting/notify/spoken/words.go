package spoken

import (
	"fmt"

	"xunjian/alerting/notify/channel"
)

// language are the words of answers in one language.
type language struct {
	help, quiet, open, which, none, trouble, long, stale string
	level, comma, colon, next                            string
	did                                                  map[string]string
}

var chinese = language{
	help: `可以这样说（别的话和问句都不会执行）：
确认 INC-20260302-0001：已有人处理
接手 INC-20260302-0001：由我负责
状态：未结束的事件；后面写编号则看这一件
步骤 restart-db：处置步骤已完成
升级 II 理由：改变事件级别（I、II、III、IV）
解决 说明：故障已排除
帮助：显示这些
只有一个未结束的事件时，编号可以不写。`,
	quiet:   "现在没有未结束的事件。",
	open:    "未结束的事件：",
	which:   "未结束的事件不止一个，什么也没做，请写明编号：",
	none:    "没有编号为 %s 的事件。",
	trouble: "程序出了问题，可能没有执行，请稍后用“状态”查看，或在控制台操作。",
	long:    "这条消息太长，没有执行。",
	stale:   "这条消息是一段时间以前发出的，没有执行。请重发，或写明事件编号。",
	level:   "%s 级", comma: "，", colon: "：", next: "尚未完成的步骤：",
	did: map[string]string{
		channel.Acknowledge: "已确认：", channel.Take: "已由您接手：", channel.StepDone: "已记下步骤：", channel.SetLevel: "已改变级别：", channel.Resolve: "已记为解决：",
	},
}

var english = language{
	help: `You can say (anything else, and any question, does nothing):
ack INC-20260302-0001: somebody is on it
take INC-20260302-0001: I see to it
status: the open incidents; with an ID, that one
step restart-db: this step of the playbook is done
level II reason: change the level (I, II, III, IV)
resolve note: the fault is over
help: this
Where only one incident is open its ID may be left out.`,
	quiet:   "No incident is open now.",
	open:    "Open incidents:",
	which:   "More than one incident is open and nothing was done; name the ID:",
	none:    "There is no incident %s.",
	trouble: "Something failed here, and it may not have been done. Look with \"status\" in a while, or use the console.",
	long:    "This message is too long; nothing was done.",
	stale:   "This message was sent a while ago; nothing was done. Send it again, or name the incident's ID.",
	level:   "level %s", comma: ", ", colon: ": ", next: "Steps not done yet:",
	did: map[string]string{
		channel.Acknowledge: "Acknowledged: ", channel.Take: "You have taken: ", channel.StepDone: "Step noted: ", channel.SetLevel: "Level changed: ", channel.Resolve: "Noted as resolved: ",
	},
}

// in are the words of a language word; anything but "en" is zh-CN.
func in(lang string) *language {
	if lang == "en" {
		return &english
	}
	return &chinese
}

// stranger answers whoever is not known, in both languages since theirs is not
// known either; with the ID, which an administrator needs.
func stranger(sender string) string {
	sender = channel.OneLine(sender)
	if sender == "" {
		return "不认识您的账号（不属于本单位），什么也没做。\nYour account is not known (not of this organisation); nothing was done."
	}
	return fmt.Sprintf("不认识您的账号，什么也没做。请管理员把 %.100s 写进配置的 people。\nYour account is not known; nothing was done. Ask the administrator to add %.100[1]s under people.", sender)
}
