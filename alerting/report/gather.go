package report

import (
	"strings"
	"time"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
	"xunjian/alerting/text"
)

// Sources are what Facts are gathered from: an incident with its timeline and
// its own plan, and what the operator says of himself.
type Sources struct {
	Incident incident.Incident
	Events   []incident.Event
	Plan     *plan.Plan
	Roster   roster.Roster
	Operator plan.OperatorKind

	Unit            plan.Text
	Place           string
	IncidentHotline []string
	CustomerHotline string

	Now time.Time
}

// Gather makes the facts of an incident.
func (t *Texts) Gather(s Sources) Facts {
	i, p := s.Incident, s.Plan
	sc, _ := p.Scenario(i.Scenario)
	level, _ := p.LevelDef(i.Level)
	category, _ := p.Category(i.Code)
	f := Facts{
		ID: i.ID, Code: i.Code, Category: category.Name, Second: second(category.Standard), Scenario: sc.Title,
		Level: i.Level, LevelName: level.Name, System: i.System, Kind: i.SystemKind,
		Host: i.Host, Place: s.Place, Drill: i.Drill, Title: unended(i.Title), Cause: i.Cause, State: string(i.State),
		Since: i.OutageSince, Until: restored(i), Opened: i.OpenedAt, Ended: i.EndedAt,
		FirstAck: i.FirstAckAt, Acked: i.AckedAt, AckedBy: i.AckedBy, Assignee: i.Assignee,
		Estimate: i.Estimate, EstimateAt: i.EstimateAt,
		PlanTitle: p.Title, PlanVersion: i.PlanVersion,
		Unit: s.Unit, IncidentHotline: s.IncidentHotline, CustomerHotline: s.CustomerHotline,
		Now: s.Now, Zone: t.zone,
	}
	g := gatherer{texts: t, s: s, scenario: sc, env: incident.Env{Plan: p, Now: s.Now, Operator: s.Operator}}
	g.people(&f)
	g.steps(&f)
	g.duties(&f)
	g.afterwards(&f)
	g.timeline(&f)
	return f
}

// restored is when the fault was over: measured, or, where nothing measures it,
// when a person said so by resolving it.
func restored(i incident.Incident) time.Time {
	if i.OutageUntil.IsZero() && len(i.Alerts) == 0 && (i.State == incident.Done || i.State == incident.IsClosed) {
		return i.EndedAt
	}
	return i.OutageUntil
}

// unended takes the full stop off a title: it stands inside sentences.
func unended(t plan.Text) plan.Text {
	return plan.Text{ZH: strings.TrimRight(t.ZH, "。. "), EN: strings.TrimRight(t.EN, "。. ")}
}

// second names a category of the standard with its number there.
func second(c *plan.Coding) plan.Text {
	if c == nil {
		return plan.Text{}
	}
	return plan.Text{ZH: c.Name.ZH + "（" + c.Code + "）", EN: c.Name.EN + " (" + c.Code + ")"}
}

type gatherer struct {
	texts    *Texts
	s        Sources
	scenario plan.Scenario
	env      incident.Env
}

func (g gatherer) people(f *Facts) {
	for _, r := range g.s.Plan.Roles {
		f.Roles = append(f.Roles, Role{r.ID, r.Name})
		for _, who := range g.s.Roster.Holders(r.ID) {
			f.People = append(f.People, Holder{r.ID, who.Name, who.Phone, who.Mail})
		}
	}
	for _, id := range g.s.Incident.Participants {
		name := id
		for _, p := range g.s.Roster.People {
			if p.ID == id {
				name = p.Name
			}
		}
		f.Participants = append(f.Participants, name)
	}
}

// steps are those on the way through the playbook, in reading order; steps of
// a case that does not hold stand in it only if somebody worked on them.
func (g gatherer) steps(f *Facts) {
	progress := map[string]incident.PlaybookStep{}
	for _, st := range g.s.Incident.Playbook(g.s.Plan) {
		progress[st.ID] = st
	}
	var zh, en []string
	var follow func(steps []plan.Step)
	follow = func(steps []plan.Step) {
		for _, st := range steps {
			now := progress[st.ID]
			if now.Active || now.Progress.State != "" {
				f.Steps = append(f.Steps, g.step(now))
			}
			for _, b := range g.scenario.Branches {
				if b.After != st.ID {
					continue
				}
				if g.s.Incident.Branches[st.ID].Branch == b.ID && now.Active {
					zh, en = append(zh, b.When.ZH), append(en, b.When.EN)
				}
				follow(b.Steps)
			}
		}
	}
	follow(g.scenario.Steps)
	f.Branch = plan.Text{ZH: strings.Join(zh, "；"), EN: strings.Join(en, "; ")}
}

func (g gatherer) step(st incident.PlaybookStep) Task {
	t := g.task(st.Step)
	t.State, t.By, t.At, t.Note = st.Progress.State, st.Progress.By, st.Progress.At, st.Progress.Note
	from := g.s.Incident.OpenedAt
	if st.From == "branch" && !st.Chosen.IsZero() {
		from = st.Chosen
	}
	if st.Within > 0 {
		t.Due = from.Add(st.Within)
	}
	return t
}

func (g gatherer) task(st plan.Step) Task {
	t := Task{ID: st.ID, Text: st.Do}
	for _, r := range st.Responsible {
		role, _ := g.s.Plan.Role(r)
		t.Responsible = append(t.Responsible, role.Name)
	}
	return t
}

// duties are those that are due so far, with the law's, and the time limits of
// the response itself; those of steps and duties stand with them.
func (g gatherer) duties(f *Facts) {
	for _, d := range g.s.Incident.DueDuties(g.env) {
		t := g.task(d.Step)
		t.State, t.By, t.At, t.Note = d.Done.State, d.Done.By, d.Done.At, d.Done.Note
		if d.Within > 0 {
			t.Due = d.Since.Add(d.Within)
		}
		f.Duties = append(f.Duties, t)
	}
	for _, d := range g.s.Incident.Deadlines(g.env) {
		if d.Subject == "" {
			what := map[string]any{"what": d.ID}
			f.Deadlines = append(f.Deadlines, Deadline{g.say("deadline.name", what, what), d.Due, d.Met, d.State(g.s.Now)})
		}
	}
}

// afterwards is what callers reported and what the aftermath brought.
func (g gatherer) afterwards(f *Facts) {
	i := g.s.Incident
	for _, c := range i.Reports {
		f.Calls = append(f.Calls, Call{At: c.At, Who: c.Caller, Phone: c.Phone, Bidder: c.Bidder, Project: c.Project, Text: c.Text, Deadline: c.Due})
	}
	for _, e := range i.Entries {
		f.Reentry = append(f.Reentry, Entry{Project: e.Project, What: e.What, By: e.DoneBy, Done: e.DoneAt})
	}
	for _, l := range i.Lessons {
		f.Lessons = append(f.Lessons, Lesson{Text: l.Text, Owner: l.Owner, Due: l.Due, Done: l.DoneAt})
	}
	for heading, w := range i.Investigation {
		if f.Findings == nil {
			f.Findings = map[string]string{}
		}
		f.Findings[heading] = w.Text
	}
}

func (g gatherer) say(id string, zh, en map[string]any) plan.Text {
	return plan.Text{ZH: g.texts.catalog.For(text.ZH).T(id, zh), EN: g.texts.catalog.For(text.EN).T(id, en)}
}

// coded says a reason that may be a message code, in both languages.
func (g gatherer) coded(s string) plan.Text {
	if g.isCode(s) {
		return g.say(s, nil, nil)
	}
	return plan.Text{ZH: s, EN: s}
}

// words returns a note that a person wrote; one that stands as a code adds
// nothing to what the line says.
func (g gatherer) words(s string) string {
	if g.isCode(s) {
		return ""
	}
	return s
}

func (g gatherer) isCode(s string) bool {
	return strings.HasPrefix(s, "incident.") && g.texts.catalog.For(text.ZH).Has(s)
}
