package console

import (
	"slices"
	"strings"
	"time"

	"xunjian/alerting/incident"
	"xunjian/alerting/report"
)

// responseView is what is due, what was done and what is suggested.
type responseView struct {
	Deadlines []deadlineView
	Duties    []dutyView
	Looks     []lookView
	Calls     []callView
	Entries   []itemView
	Headings  []headingView
	Lessons   []itemView
	// Missing is what keeps it from being closed; After that it has ended.
	Missing  []string
	After    bool
	Estimate moment
	Decided  bool
	// URL and Version are for the forms; an empty URL: not this person.
	URL     string
	Version int
	Reasons []reasonView
	Error   string // of a form of this part that was refused
}

// reasonView says where something comes from.
type reasonView struct {
	Text, Article, Law string
	At                 moment
}

type deadlineView struct {
	What, State, Word, Due, Reminded, Article string
	Met                                       moment
	Roles                                     []post
}

type dutyView struct {
	ID, Do, Law, Article, Due string
	Paper                     string // where its document is
	Late                      bool
	State, Word               string
	By, To, Via, Note         string
	At                        moment
	Roles                     []post
}

type lookView struct {
	What  string
	Lines []string
}

type callView struct {
	Who, Text, By string
	At, Due       moment
}

type itemView struct {
	N                   int
	Text, Sub, By, Note string
	At                  moment
	Late, Done          bool
}

type headingView struct {
	ID, Title, Text, By string
	At                  moment
}

// response describes the response to an incident.
func (r *request) response(i incident.Incident, events []incident.Event, form actForm) (*responseView, error) {
	env, err := r.c.opt.Desk.Env(r.Context(), i)
	if err != nil {
		return nil, err
	}
	b := binder{request: r, incident: &i}
	v := &responseView{After: i.Ended(), Estimate: r.moment(i.Estimate, r.now), Decided: i.Decided}
	if r.who.Role.Allows(operator) {
		v.URL, v.Version = "/incidents/"+i.ID+"/", i.Version
	}
	if form.Action != "step" && slices.Contains(besides, form.Action) {
		v.Error = form.Error
	}
	b.deadlines(v, env)
	b.duties(v, env)
	for _, l := range i.Looks {
		look := lookView{What: r.or("console.look."+l.Look, l.Look)}
		for _, line := range l.Lines {
			look.Lines = append(look.Lines, cut(r.Tm(line.Code, line.Args), 400))
		}
		v.Looks = append(v.Looks, look)
	}
	for _, c := range i.Reports {
		who := strings.Join(nonEmpty(c.Caller, c.Phone, c.Bidder, c.Project), " · ")
		v.Calls = append(v.Calls, callView{who, c.Text, c.By, r.moment(c.At, r.now), r.moment(c.Due, r.now)})
	}
	b.aftermath(v, env)
	for _, x := range incident.Explain(i, events, env, r.say.Lang()) {
		v.Reasons = append(v.Reasons, reasonView{r.Tm(x.Why.Code, x.Why.Args), x.Article, x.Law.In(r.say.Lang()), r.moment(x.At, r.now)})
	}
	return v, nil
}

func nonEmpty(list ...string) []string {
	var out []string
	for _, s := range list {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

func (b binder) deadlines(v *responseView, env incident.Env) {
	sc, _ := env.Plan.Scenario(b.incident.Scenario)
	for _, d := range b.incident.Deadlines(env) {
		state := d.State(env.Now)
		if state == "void" {
			continue
		}
		row := deadlineView{
			What:  b.Ta("deadline.name", "what", incident.DeadlineName(d.ID, env.Plan, sc, b.say.Lang())),
			State: state, Word: b.T("console.deadline." + state), Met: b.moment(d.Met, b.now), Article: d.Article, Roles: b.posts(d.Responsible),
		}
		if d.Open() {
			row.Due = b.due(d.Due)
		} else {
			row.Due = b.short(d.Due, b.now)
		}
		if m, ok := b.incident.Reminders[d.ID]; ok && m.From.Equal(d.From) {
			row.Reminded = b.Ta("console.deadline.reminded", "n", m.N+1)
		}
		v.Deadlines = append(v.Deadlines, row)
	}
}

func (b binder) duties(v *responseView, env incident.Env) {
	for _, d := range b.incident.DueDuties(env) {
		row := dutyView{
			ID: d.ID, Do: d.Do.In(b.say.Lang()), Law: d.Law.In(b.say.Lang()), Article: d.Article, State: d.Done.State,
			By: d.Done.By, To: strings.Join(d.Done.To, ", "), Via: d.Done.Via, Note: d.Done.Note,
			At: b.moment(d.Done.At, b.now), Roles: b.posts(d.Responsible),
		}
		if row.State == "" {
			row.State = stepOpen
		}
		row.Word = b.T("console.duty." + row.State)
		if kind, ok := report.ForStep(d.ID); ok {
			row.Paper = "/incidents/" + b.incident.ID + "/documents/" + string(kind)
		}
		if d.Within > 0 && row.State == stepOpen {
			at := d.Since.Add(d.Within)
			row.Due, row.Late = b.due(at), at.Before(b.now)
		}
		v.Duties = append(v.Duties, row)
	}
}

func (b binder) aftermath(v *responseView, env incident.Env) {
	i := b.incident
	for _, e := range i.Entries {
		v.Entries = append(v.Entries, itemView{N: e.N, Text: e.What, Sub: e.Project, By: e.DoneBy, Note: e.Note, At: b.moment(e.DoneAt, b.now), Done: !e.DoneAt.IsZero()})
	}
	for _, l := range i.Lessons {
		sub := l.Owner + " · " + l.Due.In(b.zone).Format(time.DateOnly)
		v.Lessons = append(v.Lessons, itemView{
			N: l.N, Text: l.Text, Sub: sub, By: l.DoneBy, Note: l.Note, At: b.moment(l.DoneAt, b.now),
			Done: !l.DoneAt.IsZero(), Late: l.DoneAt.IsZero() && l.Due.Before(b.now),
		})
	}
	if !i.Ended() || i.State == incident.Gone || i.State == incident.NoIncident {
		return
	}
	for _, h := range env.Plan.Investigation {
		w := i.Investigation[h.ID]
		v.Headings = append(v.Headings, headingView{h.ID, h.Title.In(b.say.Lang()), w.Text, w.By, b.moment(w.At, b.now)})
	}
	if i.State == incident.Done {
		for _, id := range i.Missing(env) {
			v.Missing = append(v.Missing, b.missing(id, env))
		}
	}
}

// missing names what is still to be done before an incident is closed.
func (b binder) missing(id string, env incident.Env) string {
	kind, rest, ok := strings.Cut(id, "/")
	if ok && kind == "investigation" {
		for _, h := range env.Plan.Investigation {
			if h.ID == rest {
				return h.Title.In(b.say.Lang())
			}
		}
	}
	if ok {
		return rest
	}
	return cut(incident.DeadlineName("duty/"+id, env.Plan, env.Plan.Scenarios[0], b.say.Lang()), 60)
}
