package incident

import (
	"strings"

	"xunjian/alerting/plan"
)

// Sentence returns the message and the arguments by which an event of the
// response, or of what comes afterwards, is said; ok is false for the others.
// p is the incident's plan, sc its playbook at that moment.
func Sentence(d Data, p *plan.Plan, sc plan.Scenario, lang string) (id string, args map[string]any, ok bool) {
	s := speaker{p, sc, lang}
	args, ok = s.response(d)
	if !ok {
		args, ok = s.aftermath(d)
	}
	return "event." + d.Kind(), args, ok
}

type speaker struct {
	plan     *plan.Plan
	scenario plan.Scenario
	lang     string
}

func (s speaker) response(d Data) (map[string]any, bool) {
	switch d := d.(type) {
	case Triaged:
		return map[string]any{"code": d.Code, "scenario": s.title(d.Scenario), "note": d.Note}, true
	case Estimated:
		return map[string]any{"restored": d.Restored, "note": d.Note}, true
	case LevelAnnounced:
		return map[string]any{"level": string(d.To), "at": d.At, "held": d.Held}, true
	case KindChanged:
		return map[string]any{"kind": string(d.To)}, true
	case AckLapsed:
		return map[string]any{"by": d.By}, true
	case Reminded:
		return map[string]any{"what": s.deadline(d.Deadline), "due": d.Due, "n": d.N, "to": s.roles(d.To)}, true
	case BranchChosen:
		b, _ := s.scenario.Branch(d.Branch)
		return map[string]any{"branch": or(b.When.In(s.lang), d.Branch), "reason": d.Reason, "by_step": d.Reason == ReasonStep}, true
	case StepLooked:
		return map[string]any{"step": s.step(d.Step), "look": d.Look, "lines": len(d.Lines)}, true
	case Reported:
		return map[string]any{"caller": d.Caller, "phone": d.Phone, "project": d.Project, "bidder": d.Bidder, "due": d.Due, "text": d.Text}, true
	case Analysed:
		return map[string]any{"text": d.Text, "watched": d.Watched}, true
	case Promoted:
		return map[string]any{"code": d.Code, "scenario": s.title(d.Scenario), "level": string(d.Level), "reason": d.Reason}, true
	case Dismissed:
		return map[string]any{"reason": d.Reason, "signed": d.Reason == ReasonSigned}, true
	}
	return nil, false
}

func (s speaker) aftermath(d Data) (map[string]any, bool) {
	switch d := d.(type) {
	case DutyChanged:
		return map[string]any{"duty": s.duty(d.Duty), "state": d.State, "to": strings.Join(d.To, ", "), "via": d.Via, "note": d.Note}, true
	case DocumentSaved:
		return map[string]any{"duty": s.duty(d.Duty), "lang": d.Lang, "bytes": d.Bytes}, true
	case EntryAdded:
		return map[string]any{"n": d.Entry, "what": d.What, "project": d.Project}, true
	case EntryDone:
		return map[string]any{"n": d.Entry, "note": d.Note}, true
	case Investigated:
		return map[string]any{"heading": s.heading(d.Heading), "text": d.Text}, true
	case LessonAdded:
		return map[string]any{"n": d.Lesson, "text": d.Text, "owner": d.Owner, "due": d.Due}, true
	case LessonDone:
		return map[string]any{"n": d.Lesson, "note": d.Note}, true
	case Closed:
		return map[string]any{"note": d.Note}, true
	}
	return nil, false
}

func (s speaker) title(id string) string {
	sc, _ := s.plan.Scenario(id)
	return or(sc.Title.In(s.lang), id)
}

func (s speaker) step(id string) string {
	st, _, _ := s.scenario.StepOf(id)
	return or(st.Do.In(s.lang), id)
}

func (s speaker) duty(id string) string {
	if st, ok := s.plan.Duty(id); ok {
		return st.Do.In(s.lang)
	}
	st, _ := s.plan.StatutoryReport(id)
	return or(st.Do.In(s.lang), id)
}

func (s speaker) heading(id string) string {
	for _, h := range s.plan.Investigation {
		if h.ID == id {
			return h.Title.In(s.lang)
		}
	}
	return id
}

// DeadlineName names a deadline: its step or duty, or "acknowledge" and
// "triage", which the message deadline.name says.
func DeadlineName(id string, p *plan.Plan, sc plan.Scenario, lang string) string {
	return speaker{p, sc, lang}.deadline(id)
}

// deadline names a deadline: its step or duty, or a word of its own that the
// message says.
func (s speaker) deadline(id string) string {
	kind, subject, _ := strings.Cut(id, "/")
	switch kind {
	case "step":
		id = s.step(subject)
	case "duty", "statutory":
		id = s.duty(subject)
	}
	// It stands inside a sentence.
	return strings.TrimRight(id, "。.")
}

func (s speaker) roles(ids []string) string {
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		r, _ := s.plan.Role(id)
		names = append(names, or(r.Name.In(s.lang), id))
	}
	if s.lang == "en" {
		return strings.Join(names, ", ")
	}
	return strings.Join(names, "、")
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
