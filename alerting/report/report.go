// Package report writes the documents that the plan demands, from the facts of
// one incident: reports upward, notices in the service halls, messages to
// bidders, the letter to the information centre, the investigation.
//
//	Gather(sources)            → Facts, plain values
//	Texts.Compose(kind, facts) → Document, data that a person edits
//	Document.Text, HTML, DOCX  → bytes
//	Fill(docx, values)         → the operator's own letter, filled in
//
// It is pure: no clock, disk or network. The texts are data, one file for each
// kind and language in texts/, and the operator's own replace them one by one.
package report

import "xunjian/alerting/plan"

// Kind is a kind of document. Where the plan has a duty for it, the word is the
// duty's id.
type Kind string

// The kinds.
const (
	ToLeadingGroup Kind = "report-to-leading-group"
	Upward         Kind = "report-upward"
	BusinessPosts  Kind = "tell-business-posts"
	Notices        Kind = "post-notices"
	Bidders        Kind = "notify-bidders"
	InWriting      Kind = "file-in-writing"
	Media          Kind = "speak-to-media"
	AllClear       Kind = "all-clear"
	Investigation  Kind = "investigation"
	DrillReport    Kind = "drill-report"
	Statutory      Kind = "statutory-report"
)

type kindInfo struct {
	kind Kind
	name plan.Text
	// step is what the document serves: a duty of the plan, a step of the
	// aftercare, a report that the law demands.
	step string
}

func kinds() []kindInfo {
	return []kindInfo{
		{ToLeadingGroup, plan.Text{ZH: "报应急领导小组", EN: "Report to the leading group"}, "report-to-leading-group"},
		{Upward, plan.Text{ZH: "向上级单位报告", EN: "Report to the bodies above"}, "report-upward"},
		{BusinessPosts, plan.Text{ZH: "通知各业务岗", EN: "Word to the business posts"}, "tell-business-posts"},
		{Notices, plan.Text{ZH: "服务大厅公告", EN: "Notice for the service halls"}, "post-notices"},
		{Bidders, plan.Text{ZH: "告知投标人", EN: "Message to the bidders"}, "notify-bidders"},
		{InWriting, plan.Text{ZH: "书面报备", EN: "Filing in writing"}, "file-in-writing"},
		{Media, plan.Text{ZH: "对外信息发布", EN: "Word to the media"}, "speak-to-media"},
		{AllClear, plan.Text{ZH: "故障排除通知", EN: "All-clear"}, "all-clear"},
		{Investigation, plan.Text{ZH: "调查报告", EN: "Investigation"}, "investigate"},
		{DrillReport, plan.Text{ZH: "演练报告", EN: "Drill report"}, ""},
		{Statutory, plan.Text{ZH: "网络安全事件报告（首报）", EN: "Statutory report (first)"}, "cybersecurity-report"},
	}
}

// Kinds returns every kind, in the order in which they are usually needed.
func Kinds() []Kind {
	var out []Kind
	for _, k := range kinds() {
		out = append(out, k.kind)
	}
	return out
}

// Name says what the kind is, for menus.
func (k Kind) Name() plan.Text {
	for _, info := range kinds() {
		if info.kind == k {
			return info.name
		}
	}
	return plan.Text{ZH: string(k), EN: string(k)}
}

// Known reports whether there is such a kind.
func (k Kind) Known() bool {
	for _, info := range kinds() {
		if info.kind == k {
			return true
		}
	}
	return false
}

// ForStep returns the kind of document that a duty, a step of the aftercare or
// a report by law asks for, by its id in the plan.
func ForStep(id string) (Kind, bool) {
	for _, info := range kinds() {
		if info.step == id && id != "" {
			return info.kind, true
		}
	}
	return "", false
}
