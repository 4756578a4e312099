package console

import (
	"time"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

// playbook is what the plan says to do, with the progress of each step.
type playbook struct {
	ID, Code, Title, Trigger, Article string
	Steps                             []stepView
	// Duties are demanded whatever the scenario, Later only at graver levels.
	Duties, Later []stepView
	// Done and All count the steps of the main line.
	Done, All int
}

// branchView is the part that holds for one cause or decision.
type branchView struct {
	When string
	// Suggested says that the evidence points here, and why; Chosen that a
	// person decided so.
	Suggested string
	Chosen    string
	Steps     []stepView
	ID, URL   string // to post to; empty: not now, or not this person
	Version   int
}

// stepView is what to do, by whom, by when, and how far it is.
type stepView struct {
	ID, Do            string
	Responsible       []post
	Assisting         []post
	Within            time.Duration
	Due               string
	Overdue           bool
	From              string // level from which on it is to be done
	NotYet            bool   // that level is not reached
	Working           bool   // begun, not finished
	State             string // open, done, skipped
	By, Note, To      string
	At                moment
	Seen              []string // what the agent saw for it by itself
	Branches          []branchView
	URL               string // to post to; empty: not now, or not this person
	Version           int
	Error, NoteFilled string // of a form that was refused
}

// post is a role with the people who hold it.
type post struct {
	Name           string
	Vacant, Anyone bool
	People         []person
}

type person struct{ Name, Phone, Mail string }

// binder joins the plan's steps with people and with an incident's progress.
type binder struct {
	*request
	incident *incident.Incident // nil: the plan alone
	form     actForm
	after    map[string][]plan.Branch
}

// playbook says a scenario; i is nil for the plan alone.
func (r *request) playbook(sc plan.Scenario, i *incident.Incident, form actForm) *playbook {
	b := binder{request: r, incident: i, form: form, after: map[string][]plan.Branch{}}
	for _, br := range sc.Branches {
		b.after[br.After] = append(b.after[br.After], br)
	}
	lang := r.say.Lang()
	out := &playbook{
		ID: sc.ID, Code: sc.Code, Title: sc.Title.In(lang), Trigger: sc.Trigger.In(lang),
		Article: sc.Article, Steps: b.steps(sc.Steps), All: len(sc.Steps),
	}
	for _, st := range out.Steps {
		if st.State != stepOpen {
			out.Done++
		}
	}
	// An incident's own duties have a part of their own, with their progress.
	b.after = nil
	for _, d := range r.c.opt.Desk.Plan().Duties {
		st := b.step(d)
		st.URL = ""
		switch {
		case i != nil && st.NotYet:
			out.Later = append(out.Later, st)
		case i == nil:
			out.Duties = append(out.Duties, st)
		}
	}
	return out
}

const stepOpen = "open"

func (b binder) steps(list []plan.Step) []stepView {
	out := make([]stepView, 0, len(list))
	for _, st := range list {
		v := b.step(st)
		branches := b.after[st.ID]
		// Each branch stands once, whatever the plan says.
		delete(b.after, st.ID)
		for _, br := range branches {
			v.Branches = append(v.Branches, b.branch(br))
		}
		out = append(out, v)
	}
	return out
}

func (b binder) branch(br plan.Branch) branchView {
	v := branchView{ID: br.ID, When: br.When.In(b.say.Lang())}
	if i := b.incident; i != nil {
		if env, err := b.c.opt.Desk.Env(b.Context(), *i); err == nil {
			for _, s := range i.Suggest(env) {
				if s.Branch == br.ID {
					v.Suggested = b.Tm(s.Why.Code, s.Why.Args)
				}
			}
		}
		if ch := i.Branches[br.After]; ch.Branch == br.ID {
			v.Chosen = b.Ta("console.branch.chosen", "by", ch.By, "at", ch.At)
		} else if b.who.Role.Allows(operator) && !i.Ended() {
			v.URL, v.Version = "/incidents/"+i.ID+"/branch", i.Version
		}
	}
	v.Steps = b.steps(br.Steps)
	return v
}

func (b binder) step(st plan.Step) stepView {
	v := stepView{
		ID: st.ID, Do: st.Do.In(b.say.Lang()), State: stepOpen,
		Responsible: b.posts(st.Responsible), Assisting: b.posts(st.Assisting), Within: st.Within,
	}
	if st.FromLevel != "" {
		v.From = b.level(st.FromLevel).Word
	}
	if b.incident != nil {
		b.progress(&v, st, *b.incident)
	}
	return v
}

// progress says how far a step of an incident is.
func (b binder) progress(v *stepView, st plan.Step, i incident.Incident) {
	v.NotYet = st.FromLevel != "" && st.FromLevel.Graver(i.Level)
	if p, ok := i.Steps[st.ID]; ok {
		v.State, v.By, v.To, v.At, v.Note = p.State, p.By, p.To, b.moment(p.At, b.now), p.Note
	}
	for _, l := range i.Looks {
		for _, line := range l.Lines {
			if l.Step == st.ID {
				v.Seen = append(v.Seen, cut(b.Tm(line.Code, line.Args), 400))
			}
		}
	}
	v.Working = v.State == "started" || v.State == "handed_over"
	for _, d := range i.Deadlines(incident.Env{Plan: b.c.opt.Desk.Plan(), Now: b.now}) {
		if d.ID == "step/"+st.ID && d.Met.IsZero() {
			state := d.State(b.now)
			v.Overdue, v.Due = state == "overdue" || state == "missed", b.due(d.Due)
		}
	}
	if b.who.Role.Allows(operator) && !i.Ended() {
		v.URL, v.Version = "/incidents/"+i.ID+"/step", i.Version
	}
	if b.form.Action == "step" && b.form.Values["step"] == st.ID {
		v.Error, v.NoteFilled = b.form.Error, b.form.Values["note"]
	}
}

func (b binder) due(at time.Time) string {
	if d := at.Sub(b.now).Truncate(time.Second); d > 0 {
		return b.Ta("console.step.due", "at", b.short(at, b.now), "left", d)
	}
	return b.Ta("console.step.overdue", "at", b.short(at, b.now), "late", b.now.Sub(at).Truncate(time.Second))
}

func (b binder) posts(roles []string) []post {
	out := make([]post, 0, len(roles))
	for _, id := range roles {
		out = append(out, b.post(id))
	}
	return out
}

// post finds who holds a role, or one of its parts.
func (b binder) post(id string) post {
	p, roster := b.c.opt.Desk.Plan(), b.c.opt.Desk.Roster()
	out := post{Name: id}
	if role, ok := p.Role(id); ok {
		out.Name, out.Anyone = role.Name.In(b.say.Lang()), role.Anyone
	}
	seen := map[string]bool{}
	for _, member := range p.Members(id) {
		for _, h := range roster.Holders(member) {
			if !seen[h.ID] {
				seen[h.ID] = true
				out.People = append(out.People, person{h.Name, h.Phone, h.Mail})
			}
		}
	}
	out.Vacant = len(out.People) == 0 && !out.Anyone
	return out
}
