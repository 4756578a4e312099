package report

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/text"
)

// View is Facts in one language, as the texts see it. Every value is a finished
// string, empty if not known, so that {{if .Until}} asks what it seems to ask.
// Times are full moments (2026年11月23日16时20分), durations are in words.
type View struct {
	ID, Code, Category, Second, Scenario             string
	Level, LevelName, System, Kind, KindName         string
	Host, Place, Title, Cause, Branch                string
	State, StateName                                 string
	Drill, Over, Serious                             bool
	Overrun                                          bool
	Since, Until, Outage, Estimate, EstimatedEnd     string
	Opened, Ended, FirstAck, Acked, AckedBy          string
	AckNote, EndNote, Participants                   string
	Assignee, PlanTitle, PlanVersion, Unit           string
	IncidentHotline, CustomerHotline                 string
	Now, Today, Year                                 string
	Steps, Duties, StepsDone, DutiesDone, DutiesOpen []TaskView
	Deadlines                                        []DeadlineView
	Lessons                                          []LessonView
	Levels                                           []LevelView
	Calls                                            []CallView
	People                                           []HolderView
	Timeline                                         []LineView
	Reentry, ReentryOpen                             []EntryView
}

// TaskView is a Task as the texts see it; Text is without its full stop, so that
// a text can go on after it.
type TaskView struct {
	ID, Text, Responsible, State, StateName, By, At, Due, Note string
	Late                                                       bool
}

// DeadlineView is a Deadline as the texts see it.
type DeadlineView struct{ Name, Due, Met, State, StateName string }

// LessonView is a Lesson as the texts see it.
type LessonView struct{ Text, Owner, Due, Done string }

// LevelView is a LevelChange as the texts see it.
type LevelView struct{ At, From, To, By, Reason string }

// CallView is a Call as the texts see it.
type CallView struct{ At, Who, Phone, Bidder, Project, Text, Deadline string }

// HolderView is a Holder as the texts see it; Role is the role's name, RoleID
// its id.
type HolderView struct{ RoleID, Role, Name, Phone, Mail string }

// LineView is a Line as the texts see it.
type LineView struct{ At, Who, What, Note string }

// EntryView is an Entry as the texts see it; Done is empty while it is open.
type EntryView struct{ Project, What, By, Done string }

// viewer writes facts in one language. clean is what becomes of every text.
type viewer struct {
	lang  string
	f     Facts
	say   *text.Printer
	clean func(string) string
}

func (v viewer) in(t plan.Text) string { return v.clean(t.In(v.lang)) }

func (v viewer) list(in []string) string {
	if v.lang == text.EN {
		return v.clean(strings.Join(in, ", "))
	}
	return v.clean(strings.Join(in, "、"))
}

func (v viewer) at(t time.Time) string   { return moment(t, v.f.Zone, v.lang) }
func (v viewer) date(t time.Time) string { return date(t, v.f.Zone, v.lang) }

func (v viewer) word(id string) string { return v.say.T("report."+id, nil) }

func (v viewer) view() View {
	f, c := v.f, v.clean
	out := View{
		ID: c(f.ID), Code: c(f.Code), Category: v.in(f.Category), Second: v.in(f.Second), Scenario: v.in(f.Scenario),
		Level: c(string(f.Level)), LevelName: v.in(f.LevelName), System: c(f.System), Kind: string(f.Kind),
		Host: c(f.Host), Place: c(f.Place), Title: v.in(f.Title), Cause: c(f.Cause), Branch: v.in(f.Branch),
		State: f.State, Drill: f.Drill,
		Over:    incident.Incident{State: incident.State(f.State)}.Ended(),
		Serious: f.Level.Valid() && f.Level != plan.LevelIV,
		Since:   v.at(f.Since), Until: v.at(f.Until), Opened: v.at(f.Opened), Ended: v.at(f.Ended),
		FirstAck: v.at(f.FirstAck), Participants: v.list(f.Participants),
		Acked: v.at(f.Acked), AckedBy: c(f.AckedBy), AckNote: c(f.AckNote), EndNote: c(f.EndNote), Assignee: c(f.Assignee),
		PlanTitle: v.in(f.PlanTitle), PlanVersion: c(f.PlanVersion), Unit: v.in(f.Unit),
		IncidentHotline: v.list(f.IncidentHotline), CustomerHotline: c(f.CustomerHotline),
		Now: v.at(f.Now), Today: v.date(f.Now), Year: fmt.Sprint(f.Now.In(zone(f.Zone)).Year()),
		Steps: v.tasks(f.Steps), Duties: v.tasks(f.Duties),
	}
	if f.Kind != "" {
		out.KindName = v.word("kind." + string(f.Kind))
	}
	if f.State != "" {
		out.StateName = v.word("state." + f.State)
	}
	out.Outage = v.outage()
	v.estimate(&out)
	out.StepsDone = only(out.Steps, func(t TaskView) bool { return t.State != "" && t.State != "skipped" })
	out.DutiesDone = only(out.Duties, func(t TaskView) bool { return t.State == "sent" })
	out.DutiesOpen = only(out.Duties, func(t TaskView) bool { return t.State == "" })
	v.lists(&out)
	out.ReentryOpen = only(out.Reentry, func(e EntryView) bool { return e.Done == "" })
	return out
}

// estimate says when the system is likely to be back. A moment that has passed
// is not said: a notice must not promise what has already failed.
func (v viewer) estimate(out *View) {
	f := v.f
	if f.Estimate.IsZero() {
		return
	}
	if f.Estimate.After(f.EstimateAt) && !f.EstimateAt.IsZero() {
		out.Estimate = duration(f.Estimate.Sub(f.EstimateAt), v.lang)
	}
	if out.Overrun = f.Until.IsZero() && !f.Now.Before(f.Estimate); !out.Overrun {
		out.EstimatedEnd = v.at(f.Estimate)
	}
}

func (v viewer) lists(out *View) {
	c := v.clean
	for _, l := range v.f.Levels {
		out.Levels = append(out.Levels, LevelView{v.at(l.At), c(string(l.From)), c(string(l.To)), v.who(l.By), v.in(l.Reason)})
	}
	for _, l := range v.f.Calls {
		out.Calls = append(out.Calls, CallView{v.at(l.At), c(l.Who), c(l.Phone), c(l.Bidder), c(l.Project), c(l.Text), v.at(l.Deadline)})
	}
	for _, h := range v.f.People {
		out.People = append(out.People, HolderView{c(h.Role), v.role(h.Role), c(h.Name), c(h.Phone), c(h.Mail)})
	}
	for _, l := range v.f.Timeline {
		out.Timeline = append(out.Timeline, LineView{v.at(l.At), v.who(l.Who), v.in(l.What), c(l.Note)})
	}
	for _, d := range v.f.Deadlines {
		out.Deadlines = append(out.Deadlines, DeadlineView{v.in(d.Name), v.at(d.Due), v.at(d.Met), d.State, v.word("deadline." + d.State)})
	}
	for _, l := range v.f.Lessons {
		out.Lessons = append(out.Lessons, LessonView{c(l.Text), c(l.Owner), v.date(l.Due), v.date(l.Done)})
	}
	for _, e := range v.f.Reentry {
		out.Reentry = append(out.Reentry, EntryView{c(e.Project), c(e.What), c(e.By), v.at(e.Done)})
	}
}

// who names the one who acted; nobody means that the system did.
func (v viewer) who(name string) string {
	if name == "" {
		return v.word("clock")
	}
	return v.clean(name)
}

func (v viewer) tasks(in []Task) []TaskView {
	var out []TaskView
	for _, t := range in {
		var roles []string
		for _, r := range t.Responsible {
			roles = append(roles, r.In(v.lang))
		}
		state := "open"
		if t.State != "" {
			state = t.State
		}
		// What is still open is late by now, what is done by when it was done.
		at := t.At
		if t.State == "" || t.State == "started" || t.State == "handed_over" {
			at = v.f.Now
		}
		out = append(out, TaskView{
			ID: v.clean(t.ID), Text: strings.TrimRight(v.in(t.Text), "。."), Responsible: v.list(roles),
			State: t.State, StateName: v.word("task." + state), By: v.clean(t.By),
			At: v.at(t.At), Due: v.at(t.Due), Note: v.clean(t.Note),
			Late: !t.Due.IsZero() && at.After(t.Due),
		})
	}
	return out
}

// outage says how long the outage lasted in all, or has lasted by now.
func (v viewer) outage() string {
	end := v.f.Until
	if end.IsZero() {
		end = v.f.Ended
	}
	if end.IsZero() {
		end = v.f.Now
	}
	if v.f.Since.IsZero() || end.Before(v.f.Since) {
		return ""
	}
	return duration(end.Sub(v.f.Since), v.lang)
}

// role returns the name of a role, and its id in brackets if the plan in force
// has no such role: a letter with a mark to mend is better than none.
func (v viewer) role(id string) string {
	for _, r := range v.f.Roles {
		if r.ID == id {
			return v.in(r.Name)
		}
	}
	return v.clean("[" + id + "]")
}

// the names a role inside a sentence, which English writes small.
func (v viewer) the(id string) string {
	name := v.role(id)
	if v.lang != text.EN {
		return name
	}
	r, n := utf8.DecodeRuneInString(name)
	return "the " + string(unicode.ToLower(r)) + name[n:]
}

// finding returns what the investigation wrote under a heading, or a line to
// write on.
func (v viewer) finding(heading string) string {
	if s := v.clean(v.f.Findings[heading]); s != "" {
		return s
	}
	return blank
}

// holders lists the people in a role with their telephones.
func (v viewer) holders(role string) string {
	var out []string
	for _, h := range v.f.People {
		if h.Role != role {
			continue
		}
		s := h.Name
		switch {
		case h.Phone == "":
		case v.lang == text.EN:
			s += " (" + h.Phone + ")"
		default:
			s += "（" + h.Phone + "）"
		}
		out = append(out, s)
	}
	return v.list(out)
}

func only[T any](in []T, keep func(T) bool) []T {
	var out []T
	for _, t := range in {
		if keep(t) {
			out = append(out, t)
		}
	}
	return out
}
