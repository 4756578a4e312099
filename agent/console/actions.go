package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

// action is what people can do with an incident.
type action struct {
	name   string
	fields []string
	// can says whether the incident's state allows it.
	can     func(incident.Incident) bool
	command func(*request) incident.Command
	// steady is set where what machines did meanwhile cannot make it wrong:
	// only what people did then counts as a conflict.
	steady bool
}

func running(i incident.Incident) bool { return !i.Ended() && i.State != incident.Watched }

func always(incident.Incident) bool { return true }

// inPlace is for actions whose forms stand beside what they are about.
func inPlace(incident.Incident) bool { return false }

// actions lists them in the order they are shown.
func actions() []action {
	return slices.Concat([]action{
		{"acknowledge", []string{"note"}, func(i incident.Incident) bool {
			return i.State == incident.Open || i.State == incident.Acked && !i.AckUntil.IsZero()
		},
			func(r *request) incident.Command { return incident.Acknowledge{Note: r.field("note")} }, true},
		{"comment", []string{"text"}, always,
			func(r *request) incident.Command { return incident.Comment{Text: r.field("text")} }, true},
		{"assign", []string{"to", "note"}, func(i incident.Incident) bool { return !i.Ended() },
			func(r *request) incident.Command {
				return incident.Assign{To: r.field("to"), Note: r.field("note")}
			}, true},
	}, responseActions(), []action{
		{"resolve", []string{"note"}, running,
			func(r *request) incident.Command { return incident.Resolve{Note: r.field("note")} }, false},
		{"false-alarm", []string{"reason"}, running,
			func(r *request) incident.Command { return incident.MarkFalseAlarm{Reason: r.field("reason")} }, false},
		{"reopen", []string{"reason"}, func(i incident.Incident) bool { return i.Ended() && i.State != incident.Gone },
			func(r *request) incident.Command { return incident.Reopen{Reason: r.field("reason")} }, false},
		{"step", []string{"step", "state", "to", "note"}, inPlace,
			func(r *request) incident.Command {
				return incident.SetStep{Step: r.field("step"), State: r.field("state"), To: r.field("to"), Note: r.field("note")}
			}, true},
	}, aftermathActions())
}

func findAction(name string) (action, bool) {
	list := actions()
	n := slices.IndexFunc(list, func(a action) bool { return a.name == name })
	if n < 0 {
		return action{}, false
	}
	return list[n], true
}

// actForm is a form that was posted and refused.
type actForm struct {
	Action, Error string
	Values        map[string]string
}

// actView is an action's form.
type actView struct {
	Name, URL string
	Fields    []fieldView
	Open      bool // shown unfolded
	Error     string
}

// fieldView is one field of a form.
type fieldView struct {
	Name, ID, Value string
	Required        bool
	Options         []option // a choice
	Hints           []string // a line with suggestions
	Line            bool     // a line without
	Check           bool     // yes or no
	Moment, Day     bool     // a time, a date
}

type option struct {
	Value, Label string
	Chosen       bool
}

// acts are the forms for what may be done with an incident now.
func (r *request) acts(i incident.Incident, form actForm) []actView {
	var out []actView
	for _, a := range actions() {
		// Who has it in hand says so again when half of it has passed.
		if !a.can(i) || a.name == "acknowledge" && i.State == incident.Acked && !i.Renewable(r.now) {
			continue
		}
		v := actView{Name: a.name, URL: "/incidents/" + i.ID + "/" + a.name, Open: a.name == "acknowledge" && i.State == incident.Open}
		values := map[string]string{}
		if form.Action == a.name {
			v.Open, v.Error, values = true, form.Error, form.Values
		}
		for _, name := range a.fields {
			v.Fields = append(v.Fields, r.fieldView(a.name, name, i, values[name]))
		}
		out = append(out, v)
	}
	return out
}

func (r *request) fieldView(act, name string, i incident.Incident, value string) fieldView {
	f := fieldView{Name: name, ID: act + "-" + name, Value: value, Required: true}
	switch {
	case name == "level":
		for _, id := range plan.Levels {
			f.Options = append(f.Options, option{string(id), r.level(id).Word, string(id) == value || value == "" && id == i.Level})
		}
	case name == "to" || name == "owner":
		f.Hints = r.names()
	case name == "scenario":
		f.Options = r.scenarios(i.Scenario, value)
	case name == "decided" || name == "watch":
		f.Check, f.Required = true, false
	case name == "restored" || name == "bids_due":
		f.Moment, f.Required = true, name == "restored"
	case name == "due":
		f.Day = true
	case oneLine[name]:
		f.Line, f.Required = true, name == "caller"
	case act == "assign":
		f.Required, f.Line = false, true
	case act == "triage" || act == "estimate" || act == "close":
		f.Required = false
	case act == "resolve":
		f.Required = len(i.Alerts) > 0 && !i.Quiet()
	}
	return f
}

// names are people that work can be given to: those on the roster.
func (r *request) names() []string {
	var out []string
	for _, p := range r.c.opt.Desk.Roster().People {
		out = append(out, p.Name)
	}
	return out
}

// act carries out what a person wants done with an incident.
func act(r *request) error {
	a, ok := findAction(r.PathValue("action"))
	if !ok {
		return errNotFound
	}
	id := r.PathValue("id")
	seen, err := strconv.Atoi(r.field("version"))
	if err != nil || seen < 1 {
		return errBadForm
	}
	form := actForm{Action: a.name, Values: map[string]string{}}
	for _, name := range a.fields {
		form.Values[name] = r.field(name)
	}
	err = r.carryOut(id, seen, a, a.command(r))
	if errors.Is(err, alerting.ErrConflict) {
		return r.conflict(id, seen, a, form)
	}
	if f, ok := refusalOf(err); ok {
		form.Error = r.sayFailure(f)
		return r.incidentPage(f.Status, form)
	}
	if err != nil {
		return err
	}
	r.flash("console.done." + a.name)
	return r.redirect("/incidents/" + id)
}

// carryOut gives the command to the Desk. For a steady action, events that no
// person made do not count as a change: during an incident alerts come and go
// all the time, and nobody must lose a race against them.
func (r *request) carryOut(id string, seen int, a action, cmd incident.Command) error {
	for range 5 {
		_, err := r.c.opt.Desk.Do(r.Context(), id, seen, r.actor(), cmd)
		if !errors.Is(err, alerting.ErrConflict) || !a.steady {
			return err
		}
		now, moved, lerr := r.since(r.Context(), id, seen)
		if lerr != nil {
			return lerr
		}
		if moved {
			return err
		}
		seen = now
	}
	return alerting.ErrConflict
}

// since returns the version of now, and whether a person changed the incident
// after the version seen.
func (r *request) since(ctx context.Context, id string, seen int) (now int, moved bool, err error) {
	i, events, err := r.c.opt.Desk.Get(ctx, id)
	if err != nil {
		return 0, false, err
	}
	for _, e := range events {
		moved = moved || e.Version > seen && e.Actor.Kind == "person" && e.Data.Kind() != "commented"
	}
	return i.Version, moved, nil
}

// conflictPage shows what others did meanwhile, and keeps what was written.
type conflictPage struct {
	incidentRow
	Changes []eventRow
	Act     actView
	Version int
	// Possible is set while the action still makes sense.
	Possible bool
	Hidden   map[string]string
}

func (r *request) conflict(id string, seen int, a action, form actForm) error {
	i, events, err := r.c.opt.Desk.Get(r.Context(), id)
	if err != nil {
		return err
	}
	page := conflictPage{incidentRow: r.incidentRow(i), Version: i.Version, Possible: a.can(i), Hidden: map[string]string{}}
	for _, row := range r.timeline(events, true) {
		if row.Version > seen {
			page.Changes = append(page.Changes, row)
		}
	}
	page.Act = actView{Name: a.name, URL: "/incidents/" + id + "/" + a.name}
	for _, name := range a.fields {
		if a.name == "step" && name != "note" {
			page.Hidden[name] = form.Values[name]
			continue
		}
		page.Act.Fields = append(page.Act.Fields, r.fieldView(a.name, name, i, form.Values[name]))
	}
	if a.name == "step" {
		page.Possible = !i.Ended()
	}
	return r.render(http.StatusConflict, "conflict", r.T("console.conflict.title"), page)
}
