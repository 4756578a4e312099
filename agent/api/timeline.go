package api

import (
	"encoding/json"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

// Timeline is everything that happened to an incident, in order.
type Timeline struct {
	Incident string  `json:"incident"`
	Events   []Event `json:"events"`
}

// Event is one change of an incident: who, when, what, why.
type Event struct {
	Seq      int64  `json:"seq"`
	Incident string `json:"incident"`
	Version  int    `json:"version"`
	At       Moment `json:"at"`
	Actor    Actor  `json:"actor"`
	Kind     string `json:"kind"`
	// Text says the event in the language asked for.
	Text string `json:"text"`
	// Data are exactly the bytes that are hashed.
	Data json.RawMessage `json:"data"`
	Prev string          `json:"prev"`
	Hash string          `json:"hash"`
}

// Actor is who made an event.
type Actor struct {
	Kind string `json:"kind"` // person, rule, agent
	Name string `json:"name"`
	Via  string `json:"via"`
}

func (s *server) timeline(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	id := c.PathValue("id")
	_, events, err := s.Desk.Get(c.Context(), id)
	if err != nil {
		return nil, err
	}
	out := Timeline{Incident: id, Events: make([]Event, 0, len(events))}
	t := teller{call: c, plan: s.Desk.Plan(), rules: map[string]string{}}
	for _, e := range events {
		event, err := t.event(e)
		if err != nil {
			return nil, err
		}
		out.Events = append(out.Events, event)
	}
	return out, nil
}

// teller says the events of one incident, in order.
type teller struct {
	*call
	plan     *plan.Plan
	scenario plan.Scenario
	rules    map[string]string // alert key → rule, as far as told
}

func (t *teller) event(e incident.Event) (Event, error) {
	kind, body, err := incident.EncodeData(e.Data)
	if err != nil {
		return Event{}, err
	}
	id, args := "api.event."+kind, t.args(e.Data)
	if own, said, ok := incident.Sentence(e.Data, t.plan, t.scenario, t.say.Lang()); ok {
		id, args = own, said
	}
	return Event{
		Seq: e.Seq, Incident: e.Incident, Version: e.Version, At: t.moment(e.At), Actor: Actor(e.Actor),
		Kind: kind, Text: t.say.T(id, args), Data: body, Prev: e.Prev, Hash: e.Hash,
	}, nil
}

// args are what the sentence of an event needs.
func (t *teller) args(data incident.Data) map[string]any {
	switch d := data.(type) {
	case incident.Opened:
		t.scenario, _ = t.plan.Scenario(d.Scenario)
		return map[string]any{"code": d.Code, "level": string(d.Level), "title": d.Title.In(t.say.Lang())}
	case incident.AlertJoined:
		t.rules[d.Alert] = d.Rule
		return map[string]any{"rule": d.Rule, "summary": summary(t.say.Lang(), d.Rule, d.Annotations), "value": d.Value}
	case incident.AlertEnded:
		return map[string]any{"rule": t.rules[d.Alert]}
	case incident.AlertLost:
		return map[string]any{"rule": t.rules[d.Alert]}
	case incident.Triaged:
		t.scenario, _ = t.plan.Scenario(d.Scenario)
	case incident.Promoted:
		t.scenario, _ = t.plan.Scenario(d.Scenario)
	case incident.EvidenceTaken:
		return map[string]any{"id": d.ID, "bytes": d.Bytes, "late": d.Late}
	}
	return t.humanArgs(data)
}

// humanArgs are those of the events that carry a person's words.
func (t *teller) humanArgs(data incident.Data) map[string]any {
	switch d := data.(type) {
	case incident.Acknowledged:
		return map[string]any{"note": d.Note}
	case incident.Commented:
		return map[string]any{"text": d.Text}
	case incident.Assigned:
		return map[string]any{"to": d.To, "note": d.Note}
	case incident.LevelChanged:
		return map[string]any{"from": string(d.From), "to": string(d.To), "reason": t.said(d.Reason)}
	case incident.StepChanged:
		return map[string]any{"step": t.step(d.Step), "state": d.State, "to": d.To, "note": d.Note}
	case incident.Flapping:
		return map[string]any{"ends": d.Ends, "hold": d.Hold}
	case incident.Resolved:
		return map[string]any{"note": t.said(d.Note)}
	case incident.Reopened:
		return map[string]any{"reason": t.said(d.Reason)}
	case incident.FalseAlarm:
		return map[string]any{"reason": d.Reason}
	}
	return nil
}

// said turns a message code into its sentence; a person's own words stay.
func (t *teller) said(words string) string {
	switch words {
	case incident.NoteAuto, incident.ReasonClock, incident.ReasonAgain, incident.ReasonEstimate:
		return t.say.T(words, nil)
	}
	return words
}

// step says what a step of the playbook asks for, or its id if the plan in
// force no longer has it.
func (t *teller) step(id string) string {
	for _, st := range t.scenario.AllSteps() {
		if st.ID == id {
			return st.Do.In(t.say.Lang())
		}
	}
	return id
}
