package console

import (
	"slices"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

// eventRow is one event, said.
type eventRow struct {
	Version int
	Kind    string
	At      moment
	Actor   string
	Via     string
	Text    string
	// Words are what a person wrote, kept apart from our own sentence.
	Words string
	// Person is set when a person made the event.
	Person bool
}

// timeline says the events of one incident, newest first or oldest first.
func (r *request) timeline(events []incident.Event, oldest bool) []eventRow {
	t := teller{request: r, rules: map[string]string{}}
	out := make([]eventRow, 0, len(events))
	for _, e := range events {
		out = append(out, t.row(e))
	}
	if !oldest {
		slices.Reverse(out)
	}
	return out
}

// teller says the events of one incident, in order.
type teller struct {
	*request
	scenario plan.Scenario
	rules    map[string]string // alert key → rule, as far as told
}

func (t *teller) row(e incident.Event) eventRow {
	kind := e.Data.Kind()
	args, said := t.args(e.Data)
	id := "incident.event." + kind
	if own, sentence, ok := incident.Sentence(e.Data, t.c.opt.Desk.Plan(), t.scenario, t.say.Lang()); ok {
		id, args, said = own, sentence, ""
	}
	if e.Actor.Kind != "person" {
		// What machines give as a reason is ours to say, in either language.
		id, args, said = t.byMachine(id, e, args, said)
	}
	switch said {
	case incident.ReasonEstimate, incident.ReasonClock, incident.ReasonAgain, incident.NoteAuto:
		said = t.T(said)
	}
	return eventRow{
		Version: e.Version, Kind: kind, At: t.moment(e.At, t.now), Person: e.Actor.Kind == "person",
		Actor: e.Actor.Name, Via: t.or("console.via."+e.Actor.Via, e.Actor.Via), Words: said, Text: t.Tm(id, args),
	}
}

// byMachine says what a rule or the clock did.
func (t *teller) byMachine(id string, e incident.Event, args map[string]any, said string) (string, map[string]any, string) {
	switch d := e.Data.(type) {
	case incident.LevelChanged:
		return id + "_by_clock", args, ""
	case incident.Resolved:
		if d.Note == incident.NoteAuto {
			return id + "_auto", nil, ""
		}
	case incident.Reopened:
		return id + "_auto", map[string]any{"rule": e.Actor.Name}, ""
	}
	return id, args, said
}

// args are what the sentence of an event needs; said is what stands beside it:
// a person's words, or what an alert says.
func (t *teller) args(data incident.Data) (args map[string]any, said string) {
	switch d := data.(type) {
	case incident.Opened:
		t.scenario, _ = t.c.opt.Desk.Plan().Scenario(d.Scenario)
		return map[string]any{"code": d.Code, "level": t.level(d.Level).Word}, cut(d.Title.In(t.say.Lang()), 500)
	case incident.AlertJoined:
		t.rules[d.Alert] = d.Rule
		return map[string]any{"rule": d.Rule}, cut(t.annotation("summary", "", d.Annotations), 500)
	case incident.AlertEnded:
		return map[string]any{"rule": t.rules[d.Alert]}, ""
	case incident.AlertLost:
		return map[string]any{"rule": t.rules[d.Alert]}, ""
	case incident.Triaged:
		t.scenario, _ = t.c.opt.Desk.Plan().Scenario(d.Scenario)
	case incident.Promoted:
		t.scenario, _ = t.c.opt.Desk.Plan().Scenario(d.Scenario)
	case incident.EvidenceTaken:
		return map[string]any{"bytes": d.Bytes, "late": d.Late}, ""
	case incident.Flapping:
		return map[string]any{"ends": d.Ends, "hold": d.Hold}, ""
	}
	return t.humanArgs(data)
}

// humanArgs are those of the events that carry a person's words.
func (t *teller) humanArgs(data incident.Data) (args map[string]any, said string) {
	switch d := data.(type) {
	case incident.Acknowledged:
		return nil, d.Note
	case incident.Commented:
		return nil, d.Text
	case incident.Assigned:
		return map[string]any{"to": d.To}, d.Note
	case incident.LevelChanged:
		return map[string]any{"from": t.level(d.From).Word, "to": t.level(d.To).Word}, d.Reason
	case incident.StepChanged:
		return map[string]any{"state": d.State, "to": d.To, "step": t.step(d.Step)}, d.Note
	case incident.Resolved:
		return nil, d.Note
	case incident.Reopened:
		return nil, d.Reason
	case incident.FalseAlarm:
		return nil, d.Reason
	}
	return nil, ""
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
