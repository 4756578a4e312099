// Package answers carries out what people ask for where a notice reached them:
// in a chat, by a link in a mail. It decides nothing by itself; the desk does.
package answers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/notify/channel"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
	"xunjian/alerting/text"
)

// Desk is what is needed of *alerting.Desk.
type Desk interface {
	Do(ctx context.Context, id string, expect int, actor incident.Actor, cmd incident.Command) (incident.Incident, error)
	Get(ctx context.Context, id string) (incident.Incident, []incident.Event, error)
	Find(ctx context.Context, q alerting.Query) ([]incident.Incident, error)
	PlanOf(ctx context.Context, i incident.Incident) (*plan.Plan, error)
	Roster() roster.Roster
}

// Words is what is needed of *notify.Words.
type Words interface {
	Message(n alerting.Notice, events []incident.Event) (channel.Message, error)
	// Brief is what channels may know of an incident.
	Brief(i incident.Incident) channel.Incident
}

// Answers implements channel.Actions over a desk.
type Answers struct {
	desk    func() Desk
	words   Words
	catalog *text.Catalog
}

// New returns the Answers of a desk, in these words. The desk is asked for when
// it is needed: the channels are there before it.
func New(desk func() Desk, words Words, catalog *text.Catalog) *Answers {
	return &Answers{desk, words, catalog}
}

// mostOpen bounds what Open lists.
const mostOpen = 20

// Act carries out an action in a person's name; see channel.Actions.
func (a *Answers) Act(ctx context.Context, via string, by roster.Person, id string, act channel.Action) error {
	p := a.catalog.For(by.Reads())
	i, _, err := a.desk().Get(ctx, id)
	if errors.Is(err, alerting.ErrNotFound) {
		return &channel.Refused{Text: p.T("answer.unknown_incident", map[string]any{"id": id})}
	}
	if err != nil {
		return err
	}
	actor := incident.Actor{Kind: "person", Name: by.ID, Via: via}
	do := func(cmd incident.Command) error {
		_, err := a.desk().Do(ctx, id, 0, actor, cmd)
		return a.refused(p, err)
	}
	switch act.Do {
	case channel.Acknowledge:
		return a.acknowledge(i, act.Note, do)
	case channel.Take:
		if err := a.acknowledge(i, act.Note, do); err != nil {
			return err
		}
		if i.Assignee == by.Name {
			return nil
		}
		return do(incident.Assign{To: by.Name, Note: act.Note})
	case channel.StepDone:
		if i.Steps[act.Value].State == "done" {
			return nil
		}
		return do(incident.SetStep{Step: act.Value, State: "done", Note: act.Note})
	case channel.SetLevel:
		if i.Level == plan.Level(act.Value) {
			return nil
		}
		return do(incident.SetLevel{Level: plan.Level(act.Value), Reason: act.Note})
	case channel.Resolve:
		if i.Ended() {
			return nil
		}
		return do(incident.Resolve{Note: act.Note})
	}
	return fmt.Errorf("unknown action %q", act.Do)
}

// acknowledge is done once: two people press the button, or one does twice.
func (a *Answers) acknowledge(i incident.Incident, note string, do func(incident.Command) error) error {
	if i.State == incident.Acked {
		return nil
	}
	return do(incident.Acknowledge{Note: note})
}

// refused says a refusal of the desk to the person who asked.
func (a *Answers) refused(p *text.Printer, err error) error {
	if r := (*incident.Refusal)(nil); errors.As(err, &r) {
		return &channel.Refused{Text: p.T("incident.refused."+r.Code, r.Args)}
	}
	return err
}

// Stands says how an incident stands; see channel.Actions.
func (a *Answers) Stands(ctx context.Context, id, lang string) (channel.Standing, error) {
	i, events, err := a.desk().Get(ctx, id)
	if errors.Is(err, alerting.ErrNotFound) {
		return channel.Standing{}, channel.ErrUnknown
	}
	if err != nil {
		return channel.Standing{}, err
	}
	return a.standing(ctx, i, events, lang)
}

func (a *Answers) standing(ctx context.Context, i incident.Incident, events []incident.Event, lang string) (channel.Standing, error) {
	// The last event that there are words for says the most of how it stands.
	var m channel.Message
	err := errors.New("no event")
	for n := len(events); n > 0 && err != nil; n-- {
		kind := events[n-1].Data.Kind()
		if !a.catalog.For(lang).Has("notice.subject." + kind) {
			continue
		}
		m, err = a.words.Message(alerting.Notice{Key: i.ID + "/stands", Incident: i.ID, Version: n, Kind: kind, Lang: lang, Created: time.Now()}, events[:n])
	}
	if err != nil {
		return channel.Standing{}, fmt.Errorf("say how %s stands: %w", i.ID, err)
	}
	p := a.catalog.For(lang)
	out := channel.Standing{
		Message: m, StateName: p.T("answer.state."+string(i.State), nil), Assignee: channel.OneLine(i.Assignee), Acknowledged: i.State == incident.Acked || i.Ended(),
	}
	out.Message.Incident = a.words.Brief(i)
	in, err := a.desk().PlanOf(ctx, i)
	if err != nil {
		return channel.Standing{}, err
	}
	if i.Ended() {
		return out, nil
	}
	for _, s := range i.Playbook(in) {
		if s.Active && !s.Finished() {
			out.Next = append(out.Next, channel.Step{ID: s.ID, Title: channel.OneLine(s.Do.In(lang))})
		}
	}
	if i.Level != "" {
		out.Levels = []plan.Level{plan.LevelIV, plan.LevelIII, plan.LevelII, plan.LevelI}
	}
	return out, nil
}

// Open lists what has not ended; see channel.Actions.
func (a *Answers) Open(ctx context.Context, lang string) ([]channel.Standing, error) {
	list, err := a.desk().Find(ctx, alerting.Query{States: []incident.State{incident.Open, incident.Acked}, Limit: mostOpen})
	if err != nil {
		return nil, err
	}
	var out []channel.Standing
	for _, i := range list {
		s, err := a.Stands(ctx, i.ID, lang)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// People are those on the roster.
func (a *Answers) People() []roster.Person { return a.desk().Roster().People }
