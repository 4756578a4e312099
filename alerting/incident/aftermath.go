package incident

import (
	"slices"
	"time"

	"xunjian/alerting/plan"
)

// DueDuty is a duty that the plan or the law demands of this incident.
type DueDuty struct {
	plan.Step
	// Law is the law that demands it; empty for the plan's own.
	Law     plan.Text
	Article string
	// Since is when it arose.
	Since time.Time
	// After marks what comes after the end (Art. 18).
	After bool
	Done  Duty
}

// DueDuties returns what is due so far: from the level that was reached
// (Art. 8), by law, and after the end (Art. 18). A level that is lowered takes
// no duty away.
func (i Incident) DueDuties(env Env) []DueDuty {
	if i.State == Watched || i.State == NoIncident || i.State == Gone {
		return nil
	}
	var out []DueDuty
	for _, s := range env.Plan.Duties {
		if since, ok := i.reachedAt(s.FromLevel); ok {
			out = append(out, DueDuty{Step: s, Article: "8", Since: since, Done: i.Duties[s.ID]})
		}
	}
	operator := env.Operator
	if operator == "" {
		operator = plan.Other
	}
	for _, s := range env.Plan.Statutory {
		if since, ok := i.reachedAt(s.FromLevel); ok {
			step := plan.Step{ID: s.ID, Do: s.Do, Responsible: s.Responsible, Within: s.Within[operator], FromLevel: s.FromLevel}
			out = append(out, DueDuty{Step: step, Law: s.Law, Since: since, Done: i.Duties[s.ID]})
		}
	}
	if i.State == Done || i.State == IsClosed {
		for _, s := range env.Plan.Aftercare {
			if _, ok := i.reachedAt(s.FromLevel); ok {
				out = append(out, DueDuty{Step: s, Article: "18", Since: i.EndedAt, After: true, Done: i.Duties[s.ID]})
			}
		}
	}
	return out
}

func (i Incident) reachedAt(l plan.Level) (time.Time, bool) {
	if l == "" {
		l = plan.LevelIV
	}
	at, ok := i.LevelAt[l]
	return at, ok
}

// Grave reports whether the incident ever reached level III: then the duties of
// Art. 8 hold and an investigation is mandatory.
func (i Incident) Grave() bool { return i.Peak.Graver(plan.LevelIV) }

// Pending reports whether the clock or people still have something to do with
// it: it goes on, or its care afterwards is mandatory and not closed.
func (i Incident) Pending() bool { return !i.Ended() || i.State == Done && i.Grave() }

// afterwards decides the commands that also an ended incident takes; ok is
// false if cmd is none of them.
func (i Incident) afterwards(cmd Command, env Env) (out []Data, ok bool, err error) {
	switch c := cmd.(type) {
	case SetDuty:
		out, err = i.setDuty(c, env)
	case SaveDocument:
		out, err = one(DocumentSaved(c))
	case AddEntry:
		out, err = one(EntryAdded{Entry: len(i.Entries) + 1, What: c.What, Project: c.Project}, Need("what", c.What), fits("project", c.Project))
	case CompleteEntry:
		if c.Entry < 1 || c.Entry > len(i.Entries) {
			return nil, true, refuse("unknown_entry", "entry", c.Entry)
		}
		if !i.Entries[c.Entry-1].DoneAt.IsZero() {
			return nil, true, nil
		}
		out, err = one(EntryDone(c), fits("note", c.Note))
	case Investigate:
		if !slices.ContainsFunc(env.Plan.Investigation, func(h plan.Heading) bool { return h.ID == c.Heading }) {
			return nil, true, refuse("unknown_heading", "heading", c.Heading)
		}
		out, err = one(Investigated(c), Need("text", c.Text))
	case AddLesson:
		out, err = one(LessonAdded{Lesson: len(i.Lessons) + 1, Text: c.Text, Owner: c.Owner, Due: c.Due.UTC().Truncate(time.Millisecond)},
			Need("text", c.Text), Need("owner", c.Owner), needTime("due", c.Due))
	case CompleteLesson:
		if c.Lesson < 1 || c.Lesson > len(i.Lessons) {
			return nil, true, refuse("unknown_lesson", "lesson", c.Lesson)
		}
		if !i.Lessons[c.Lesson-1].DoneAt.IsZero() {
			return nil, true, nil
		}
		out, err = one(LessonDone(c), fits("note", c.Note))
	case Close:
		out, err = i.close(c, env)
	default:
		return nil, false, nil
	}
	if i.State == Watched || i.State == Gone {
		return nil, true, refuse("is_warning")
	}
	return out, true, err
}

func needTime(field string, t time.Time) error {
	if t.IsZero() {
		return refuse("text_missing", "field", field)
	}
	return nil
}

// setDuty notes that a duty was done. The all-clear only goes out when all has
// been good for some time, or a person says why it goes out all the same
// (Art. 18).
func (i Incident) setDuty(c SetDuty, env Env) ([]Data, error) {
	due := i.DueDuties(env)
	n := slices.IndexFunc(due, func(d DueDuty) bool { return d.ID == c.Duty })
	if n < 0 {
		return nil, refuse("duty_not_due", "duty", c.Duty)
	}
	switch c.State {
	case "waived":
		return one(DutyChanged(c), Need("note", c.Note))
	case "sent":
	default:
		return nil, refuse("unknown_duty_state", "state", c.State)
	}
	if due[n].After && c.Duty == AllClear && c.Note == "" && !i.recovered(env) {
		return nil, refuse("not_recovered", "seconds", env.Plan.Response.Recovery.Seconds())
	}
	return one(DutyChanged(c), fits("note", c.Note), fits("via", c.Via))
}

// AllClear is the id of the duty that tells everybody that it is over.
const AllClear = "all-clear"

// recovered reports whether everything that was measured has been good for as
// long as the plan demands. What a person reported nothing measures.
func (i Incident) recovered(env Env) bool {
	return i.Quiet() && env.Now.Sub(i.OutageUntil) >= env.Plan.Response.Recovery
}

// close ends the care afterwards. From level III everything that Art. 8 and 18
// demand must be done or waived, and the investigation written.
func (i Incident) close(c Close, env Env) ([]Data, error) {
	if i.State != Done {
		return nil, refuse("not_resolved", "state", string(i.State))
	}
	if missing := i.Missing(env); len(missing) > 0 {
		return nil, refuse("not_complete", "missing", missing)
	}
	return one(Closed(c), fits("note", c.Note))
}

// Missing returns what still has to be done before the incident can be closed:
// ids of duties, "investigation/…" and "entry/…".
func (i Incident) Missing(env Env) []string {
	var out []string
	if i.Grave() {
		for _, d := range i.DueDuties(env) {
			if d.Done.State == "" {
				out = append(out, d.ID)
			}
		}
		for _, h := range env.Plan.Investigation {
			if i.Investigation[h.ID].Text == "" {
				out = append(out, "investigation/"+h.ID)
			}
		}
	}
	for _, e := range i.Entries {
		if e.DoneAt.IsZero() {
			out = append(out, "entry/"+e.What)
		}
	}
	return out
}
