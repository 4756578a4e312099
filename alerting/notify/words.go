package notify

import (
	"embed"
	"fmt"
	"net/url"
	"strings"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/notify/channel"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
	"xunjian/alerting/text"
)

// Messages says the kinds of notices.
//
//go:embed messages/*.yaml
var Messages embed.FS

// Words turns notices into messages.
type Words struct {
	Catalog *text.Catalog
	// Plan is the one that an incident goes by.
	Plan func(incident.Incident) *plan.Plan
	// Roster is the one in force now.
	Roster func() roster.Roster
	// Answer makes the end of a link by which a person acknowledges; nil: there
	// are none.
	Answer func(incident, person string, at time.Time) string
	// Console is where people reach the console; empty: nobody was told.
	Console string
}

// Message says a notice in its language: what happened, how grave, since
// when, and what to do first.
func (w *Words) Message(n alerting.Notice, events []incident.Event) (Message, error) {
	if n.Version < 1 || n.Version > len(events) {
		return Message{}, fmt.Errorf("notice %s tells of version %d, the timeline has %d", n.Key, n.Version, len(events))
	}
	// As it was then: a late notice tells what happened, not what came after.
	i := incident.Fold(events[:n.Version])
	e := events[n.Version-1]
	plan := w.Plan(i)
	p := w.Catalog.For(n.Lang)
	args := map[string]any{
		"id": i.ID, "code": i.Code, "level": string(i.Level), "title": i.Title.In(n.Lang), "host": i.Host,
		"since": p.Clock(i.OutageSince), "at": p.Clock(e.At), "actor": e.Actor.Name, "note": w.note(p, e.Data),
		"category": "", "step": "", "who": "",
	}
	if c, ok := plan.Category(i.Code); ok {
		args["category"] = c.Name.In(n.Lang)
	}
	if sc, ok := plan.Scenario(i.Scenario); ok && len(sc.Steps) > 0 {
		args["step"] = sc.Steps[0].Do.In(n.Lang)
		args["who"] = w.who(p, plan, n.Lang, sc.Steps[0])
	}
	if id, said, ok := incident.Sentence(e.Data, plan, scenarioOf(plan, i), n.Lang); ok {
		args["note"] = p.T(id, said)
	}
	// Labels, log lines and notes are anybody's: the lines of a message are ours.
	for k, v := range args {
		if said, ok := v.(string); ok {
			args[k] = channel.OneLine(said)
		}
	}
	kind := n.Kind
	if o, ok := e.Data.(incident.Opened); ok && o.Warning != nil {
		kind = "warned"
	}
	mark := ""
	if i.Drill {
		mark = p.T("notice.drill", nil)
	}
	m := Message{
		Key: n.Key, Recipient: n.Recipient, Lang: n.Lang, Kind: n.Kind, At: e.At, Incident: w.Brief(i),
		Subject:  channel.OneLine(mark + p.T("notice.subject."+kind, args)),
		Text:     mark + p.T("notice.text."+kind, args),
		Facts:    w.facts(p, i, args),
		LinkText: p.T("notice.link", nil),
	}
	if w.Console != "" {
		m.Link = strings.TrimSuffix(w.Console, "/") + "/incidents/" + url.PathEscape(i.ID)
	}
	for _, one := range w.Roster().People {
		if one.ID == n.Recipient {
			m.Person, m.To = one, strings.TrimSpace(one.Name+" "+one.Phone)
			if w.Answer != nil && w.Console != "" && i.State == incident.Open {
				m.Answer, m.AnswerText = strings.TrimSuffix(w.Console, "/")+"/answer/"+w.Answer(i.ID, one.ID, e.At), p.T("notice.answer", nil)
			}
		}
	}
	if m.Person.ID == "" {
		m.Concerned = alerting.AudienceOf(plan, w.Roster(), i, e.Data).People
	}
	return m, nil
}

// Brief is what channels may know of an incident.
func (w *Words) Brief(i incident.Incident) channel.Incident {
	return channel.Incident{
		ID: i.ID, State: string(i.State), Key: i.Key, Code: i.Code, Scenario: i.Scenario, System: i.System, Host: i.Host,
		Level: i.Level, Title: i.Title, Drill: i.Drill, Over: i.Ended(), Since: i.OutageSince, Opened: i.OpenedAt, Ended: i.EndedAt,
	}
}

// facts are what a reader wants to know of the incident at a glance, as it was
// when the event happened.
func (w *Words) facts(p *text.Printer, i incident.Incident, args map[string]any) []Fact {
	var out []Fact
	add := func(name, value string) {
		if value = channel.OneLine(value); value != "" {
			out = append(out, Fact{Name: p.T("notice.fact."+name, nil), Value: value})
		}
	}
	add("incident", i.ID)
	add("category", strings.TrimSpace(i.Code+" "+fmt.Sprint(args["category"])))
	if i.Level != "" {
		add("level", p.T("notice.level", args))
	}
	add("host", i.Host)
	add("system", i.System)
	if !i.OutageSince.IsZero() {
		add("since", fmt.Sprint(args["since"]))
	}
	if i.State == incident.Acked {
		add("acknowledged", i.AckedBy)
	}
	return out
}

func scenarioOf(p *plan.Plan, i incident.Incident) plan.Scenario {
	sc, _ := p.Scenario(i.Scenario)
	return sc
}

// note is what a person or the clock said with the event.
func (w *Words) note(p *text.Printer, d incident.Data) string {
	var s string
	switch d := d.(type) {
	case incident.Acknowledged:
		s = d.Note
	case incident.Resolved:
		s = d.Note
	case incident.Reopened:
		s = d.Reason
	case incident.FalseAlarm:
		s = d.Reason
	case incident.LevelChanged:
		s = d.Reason
	}
	if s != "" && p.Has(s) {
		return p.T(s, nil)
	}
	return s
}

// who names the people of a step's responsible roles, or the roles where
// nobody holds them.
func (w *Words) who(p *text.Printer, in *plan.Plan, lang string, s plan.Step) string {
	sep, out := p.T("notice.and", nil), ""
	add := func(s string) {
		if out != "" {
			out += sep
		}
		out += s
	}
	for _, id := range s.Responsible {
		name := id
		if r, ok := in.Role(id); ok {
			name = r.Name.In(lang)
		}
		holders := w.Roster().Holders(id)
		if len(holders) == 0 {
			add(name)
		}
		for _, h := range holders {
			add(fmt.Sprintf("%s %s", h.Name, h.Phone))
		}
	}
	return out
}
