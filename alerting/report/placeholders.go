package report

import (
	"strings"
)

// Placeholder is a name that an operator's own letter can hold in {{}}, in
// either language.
type Placeholder struct{ EN, ZH string }

type placeholderInfo struct {
	Placeholder
	value func(View) string
}

// Placeholders lists what Facts.Values fills in.
func Placeholders() []Placeholder {
	var out []Placeholder
	for _, p := range placeholders() {
		out = append(out, p.Placeholder)
	}
	return out
}

// Values returns the value of every placeholder, under its names in both
// languages, written in lang. Lists have one line for each entry.
func (t *Texts) Values(lang string, f Facts) map[string]string {
	v := viewer{lang: lang, f: f, say: t.catalog.For(lang), clean: plain}
	view := v.view()
	out := map[string]string{}
	for _, p := range placeholders() {
		value := p.value(view)
		out[p.EN], out[p.ZH] = value, value
	}
	mark := ""
	if f.Drill {
		mark = drillMark(lang)
	}
	out["drill mark"], out["演练标记"] = mark, mark
	return out
}

func placeholders() []placeholderInfo {
	return []placeholderInfo{
		{Placeholder{"id", "事件编号"}, func(v View) string { return v.ID }},
		{Placeholder{"drill mark", "演练标记"}, func(View) string { return "" }}, // Values knows it
		{Placeholder{"title", "事件名称"}, func(v View) string { return v.Title }},
		{Placeholder{"code", "类别代码"}, func(v View) string { return v.Code }},
		{Placeholder{"category", "事件类别"}, func(v View) string { return v.Category }},
		{Placeholder{"national class", "国标分类"}, func(v View) string { return v.Second }},
		{Placeholder{"scenario", "处置方案"}, func(v View) string { return v.Scenario }},
		{Placeholder{"branch", "适用情形"}, func(v View) string { return v.Branch }},
		{Placeholder{"level", "级别"}, func(v View) string { return v.Level }},
		{Placeholder{"level name", "级别名称"}, func(v View) string { return v.LevelName }},
		{Placeholder{"participants", "参演人员"}, func(v View) string { return v.Participants }},
		{Placeholder{"measures", "整改措施"}, func(v View) string {
			return lines(v.Lessons, func(l LessonView) []string { return []string{l.Text, l.Owner, l.Due, l.Done} })
		}},
		{Placeholder{"time limits", "时限情况"}, func(v View) string {
			return lines(v.Deadlines, func(d DeadlineView) []string { return []string{d.Name, d.Due, d.Met, d.StateName} })
		}},
		{Placeholder{"state", "状态"}, func(v View) string { return v.StateName }},
		{Placeholder{"system", "系统"}, func(v View) string { return v.System }},
		{Placeholder{"kind of system", "系统类别"}, func(v View) string { return v.KindName }},
		{Placeholder{"server", "服务器"}, func(v View) string { return v.Host }},
		{Placeholder{"place", "地点"}, func(v View) string { return v.Place }},
		{Placeholder{"outage since", "中断时间"}, func(v View) string { return v.Since }},
		{Placeholder{"outage until", "恢复时间"}, func(v View) string { return v.Until }},
		{Placeholder{"outage", "中断时长"}, func(v View) string { return v.Outage }},
		{Placeholder{"estimate", "预计修复用时"}, func(v View) string { return v.Estimate }},
		{Placeholder{"estimated end", "预计恢复时间"}, func(v View) string { return v.EstimatedEnd }},
		{Placeholder{"opened", "发现时间"}, func(v View) string { return v.Opened }},
		{Placeholder{"ended", "结束时间"}, func(v View) string { return v.Ended }},
		{Placeholder{"acknowledged", "确认时间"}, func(v View) string { return v.Acked }},
		{Placeholder{"acknowledged by", "确认人"}, func(v View) string { return v.AckedBy }},
		{Placeholder{"being done", "处置情况"}, func(v View) string { return v.AckNote }},
		{Placeholder{"outcome", "处置结果"}, func(v View) string { return v.EndNote }},
		{Placeholder{"assignee", "负责人"}, func(v View) string { return v.Assignee }},
		{Placeholder{"steps", "处置步骤"}, func(v View) string { return tasks(v.Steps) }},
		{Placeholder{"duties", "报告义务"}, func(v View) string { return tasks(v.Duties) }},
		{Placeholder{"level history", "级别变化"}, func(v View) string {
			return lines(v.Levels, func(l LevelView) []string { return []string{l.At, l.From + " → " + l.To, l.By, l.Reason} })
		}},
		{Placeholder{"reports from users", "用户反映"}, func(v View) string {
			return lines(v.Calls, func(c CallView) []string {
				return []string{c.At, c.Who, c.Phone, c.Bidder, c.Project, c.Text, c.Deadline}
			})
		}},
		{Placeholder{"people", "人员"}, func(v View) string {
			return lines(v.People, func(h HolderView) []string { return []string{h.Role, h.Name, h.Phone, h.Mail} })
		}},
		{Placeholder{"timeline", "处置经过"}, func(v View) string {
			return lines(v.Timeline, func(l LineView) []string { return []string{l.At, l.Who, l.What, l.Note} })
		}},
		{Placeholder{"to be entered", "补录清单"}, func(v View) string {
			return lines(v.Reentry, func(e EntryView) []string { return []string{e.Project, e.What, e.By, e.Done} })
		}},
		{Placeholder{"plan", "预案名称"}, func(v View) string { return v.PlanTitle }},
		{Placeholder{"plan version", "预案版本"}, func(v View) string { return v.PlanVersion }},
		{Placeholder{"unit", "单位"}, func(v View) string { return v.Unit }},
		{Placeholder{"incident hotline", "事件热线"}, func(v View) string { return v.IncidentHotline }},
		{Placeholder{"customer hotline", "客服电话"}, func(v View) string { return v.CustomerHotline }},
		{Placeholder{"now", "当前时间"}, func(v View) string { return v.Now }},
		{Placeholder{"today", "日期"}, func(v View) string { return v.Today }},
		{Placeholder{"year", "年份"}, func(v View) string { return v.Year }},
	}
}

func tasks(in []TaskView) string {
	return lines(in, func(t TaskView) []string { return []string{t.Text, t.StateName, t.By, t.At, t.Note} })
}

// lines writes a list with one line for each entry, without its empty parts.
func lines[T any](in []T, parts func(T) []string) string {
	var out []string
	for _, t := range in {
		out = append(out, strings.Join(only(parts(t), func(s string) bool { return s != "" }), "  "))
	}
	return strings.Join(out, "\n")
}
