package report

import (
	"slices"
	"time"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
	"xunjian/alerting/text"
)

// Sources are what Facts are gathered from. What the incident's own timeline
// does not tell is given beside it.
type Sources struct {
	Incident incident.Incident
	Events   []incident.Event
	Plan     *plan.Plan
	Roster   roster.Roster

	// Branches are the cases of the playbook found to hold, by id.
	Branches []string
	// Duties is the progress of the plan's duties, by id.
	Duties   map[string]incident.Step
	Estimate time.Duration
	Second   string
	Place    string
	Calls    []Call
	Reentry  []Entry

	Unit            plan.Text
	IncidentHotline []string
	CustomerHotline string

	Now  time.Time
	Zone *time.Location
}

// Gather makes the facts of an incident.
func (t *Texts) Gather(s Sources) Facts {
	i, p := s.Incident, s.Plan
	f := Facts{
		ID: i.ID, Code: i.Code, Second: s.Second, Level: i.Level, System: i.System, Kind: i.SystemKind,
		Host: i.Host, Place: s.Place, Drill: i.Drill, Title: i.Title, Cause: i.Cause, State: string(i.State),
		Since: i.OutageSince, Until: i.OutageUntil, Opened: i.OpenedAt, Ended: i.EndedAt,
		Acked: i.AckedAt, AckedBy: i.AckedBy, Assignee: i.Assignee, Estimate: s.Estimate,
		Calls: s.Calls, Reentry: s.Reentry,
		PlanTitle: p.Title, PlanVersion: i.PlanVersion,
		Unit: s.Unit, IncidentHotline: s.IncidentHotline, CustomerHotline: s.CustomerHotline,
		Now: s.Now, Zone: s.Zone,
	}
	c, _ := p.Category(i.Code)
	f.Category = c.Name
	for _, l := range p.Levels {
		if l.ID == i.Level {
			f.LevelName = l.Name
		}
	}
	for _, r := range p.Roles {
		f.Roles = append(f.Roles, Role{r.ID, r.Name})
		for _, who := range s.Roster.Holders(r.ID) {
			f.People = append(f.People, Holder{r.ID, who.Name, who.Phone, who.Mail})
		}
	}
	sc, _ := p.Scenario(i.Scenario)
	f.Scenario = sc.Title
	g := gatherer{texts: t, s: s, scenario: sc}
	f.Steps, f.Branch = g.steps()
	for _, d := range p.Duties {
		f.Duties = g.task(f.Duties, d, s.Duties)
	}
	g.timeline(&f)
	return f
}

type gatherer struct {
	texts    *Texts
	s        Sources
	scenario plan.Scenario
}

// steps returns the steps on the way through the playbook, in reading order,
// and the case that led there. Steps of another case stand in it only if
// somebody worked on them.
func (g gatherer) steps() ([]Task, plan.Text) {
	var out []Task
	var branch plan.Text
	var follow func(steps []plan.Step)
	follow = func(steps []plan.Step) {
		for _, st := range steps {
			out = g.task(out, st, g.s.Incident.Steps)
			for _, b := range g.scenario.Branches {
				if b.After != st.ID {
					continue
				}
				if slices.Contains(g.s.Branches, b.ID) {
					branch = b.When
					follow(b.Steps)
					continue
				}
				follow(slices.DeleteFunc(slices.Clone(b.Steps), func(st plan.Step) bool {
					_, touched := g.s.Incident.Steps[st.ID]
					return !touched
				}))
			}
		}
	}
	follow(g.scenario.Steps)
	return out, branch
}

// task adds a step with its progress, unless it holds from a graver level on.
func (g gatherer) task(out []Task, st plan.Step, progress map[string]incident.Step) []Task {
	if st.FromLevel != "" && st.FromLevel.Graver(g.s.Incident.Level) {
		return out
	}
	t := Task{ID: st.ID, Text: st.Do}
	for _, r := range st.Responsible {
		role, _ := g.s.Plan.Role(r)
		t.Responsible = append(t.Responsible, role.Name)
	}
	if st.Within > 0 {
		t.Due = g.s.Incident.OpenedAt.Add(st.Within)
	}
	if p, ok := progress[st.ID]; ok {
		t.State, t.By, t.At, t.Note = p.State, p.By, p.At, p.Note
	}
	return append(out, t)
}

// timeline says the events, and takes from them what only they know.
func (g gatherer) timeline(f *Facts) {
	for _, e := range g.s.Events {
		who := ""
		if e.Actor.Kind == "person" {
			who = e.Actor.Name
		}
		l := Line{At: e.At, Who: who}
		id, args := "report."+e.Data.Kind(), map[string]any{}
		switch d := e.Data.(type) {
		case incident.Opened:
			args["id"], args["level"] = e.Incident, string(d.Level)
		case incident.AlertJoined:
			args["rule"] = d.Rule
		case incident.AlertEnded:
			args["rule"] = g.s.Incident.Alerts[d.Alert].Rule
		case incident.AlertLost:
			args["rule"] = g.s.Incident.Alerts[d.Alert].Rule
		case incident.Acknowledged:
			l.Note, f.AckNote = d.Note, d.Note
		case incident.Commented:
			l.Note = d.Text
		case incident.Assigned:
			l.Note, args["to"] = d.Note, d.To
		case incident.LevelChanged:
			args["from"], args["to"] = string(d.From), string(d.To)
			f.Levels = append(f.Levels, LevelChange{e.At, d.From, d.To, who, g.coded(d.Reason)})
			l.Note = g.words(d.Reason)
		case incident.StepChanged:
			id = "report.step_" + d.State
			l.What = g.step(id, d.Step)
			l.Note = d.Note
		case incident.Resolved:
			l.Note = g.words(d.Note)
			f.EndNote = l.Note
		case incident.Reopened:
			l.Note = g.words(d.Reason)
			f.EndNote = ""
		case incident.FalseAlarm:
			l.Note, f.EndNote = d.Reason, d.Reason
		}
		if l.What == (plan.Text{}) {
			l.What = g.say(id, args, args)
		}
		f.Timeline = append(f.Timeline, l)
	}
}

func (g gatherer) say(id string, zh, en map[string]any) plan.Text {
	return plan.Text{ZH: g.texts.catalog.For(text.ZH).T(id, zh), EN: g.texts.catalog.For(text.EN).T(id, en)}
}

// step says a message about a step of the playbook or a duty by its words.
func (g gatherer) step(message, id string) plan.Text {
	do := plan.Text{ZH: id, EN: id}
	for _, st := range append(g.scenario.AllSteps(), g.s.Plan.Duties...) {
		if st.ID == id {
			do = st.Do
			break
		}
	}
	return g.say(message, map[string]any{"step": do.ZH}, map[string]any{"step": do.EN})
}

// coded says a reason that may be a message code, in both languages.
func (g gatherer) coded(s string) plan.Text {
	if s != "" && g.texts.catalog.For(text.ZH).Has(s) {
		return g.say(s, nil, nil)
	}
	return plan.Text{ZH: s, EN: s}
}

// words returns a note that a person wrote; one that stands as a code adds
// nothing to what the line says.
func (g gatherer) words(s string) string {
	if s != "" && g.texts.catalog.For(text.ZH).Has(s) {
		return ""
	}
	return s
}
