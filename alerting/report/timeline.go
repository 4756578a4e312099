package report

import (
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/text"
)

// timeline says the events, and takes from them what only they know.
func (g gatherer) timeline(f *Facts) {
	var i incident.Incident
	for _, e := range g.s.Events {
		i = i.Apply(e)
		l := g.line(e, i)
		f.Timeline = append(f.Timeline, l)
		switch d := e.Data.(type) {
		case incident.Acknowledged:
			f.AckNote = d.Note
		case incident.LevelChanged:
			f.Levels = append(f.Levels, LevelChange{e.At, d.From, d.To, l.Who, g.coded(d.Reason)})
		case incident.Resolved, incident.FalseAlarm, incident.Dismissed:
			f.EndNote = l.Note
		case incident.Reopened:
			f.EndNote = ""
		}
	}
}

// line says one event; i is the incident after it, since words of a playbook
// are those of the playbook of that moment.
func (g gatherer) line(e incident.Event, i incident.Incident) Line {
	l := Line{At: e.At}
	if e.Actor.Kind == "person" {
		l.Who = e.Actor.Name
	}
	sc, _ := g.s.Plan.Scenario(i.Scenario)
	if id, zh, ok := incident.Sentence(e.Data, g.s.Plan, sc, text.ZH); ok {
		_, en, _ := incident.Sentence(e.Data, g.s.Plan, sc, text.EN)
		l.What = g.say(id, zh, en)
		return l
	}
	id, args := "report."+e.Data.Kind(), map[string]any{}
	switch d := e.Data.(type) {
	case incident.Opened:
		args["id"], args["level"] = e.Incident, string(d.Level)
	case incident.AlertJoined:
		args["rule"] = d.Rule
	case incident.AlertEnded:
		args["rule"] = i.Alerts[d.Alert].Rule
	case incident.AlertLost:
		args["rule"] = i.Alerts[d.Alert].Rule
	case incident.Acknowledged:
		l.Note = d.Note
	case incident.Commented:
		l.Note = d.Text
	case incident.Assigned:
		l.Note, args["to"] = d.Note, d.To
	case incident.LevelChanged:
		l.Note = g.words(d.Reason)
		args["from"], args["to"] = string(d.From), string(d.To)
	case incident.StepChanged:
		l.Note = d.Note
		l.What = g.stepLine(d, sc)
		return l
	case incident.Resolved:
		l.Note = g.words(d.Note)
	case incident.Reopened:
		l.Note = g.words(d.Reason)
	case incident.FalseAlarm:
		l.Note = d.Reason
	}
	l.What = g.say(id, args, args)
	return l
}

func (g gatherer) stepLine(d incident.StepChanged, sc plan.Scenario) plan.Text {
	st, _, ok := sc.StepOf(d.Step)
	if !ok {
		st.Do = plan.Text{ZH: d.Step, EN: d.Step}
	}
	return g.say("report.step_"+d.State, map[string]any{"step": st.Do.ZH, "to": d.To}, map[string]any{"step": st.Do.EN, "to": d.To})
}
