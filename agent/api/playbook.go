package api

import (
	"slices"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
)

// Playbook is what the plan says to do, with the progress of each step.
type Playbook struct {
	Scenario string `json:"scenario"`
	Code     string `json:"code"`
	Title    Text   `json:"title"`
	Trigger  Text   `json:"trigger"`
	Article  string `json:"article"`
	Steps    []Step `json:"steps"`
	// Branches hold for one cause or one decision.
	Branches []Branch `json:"branches"`
}

// Branch is the part of a playbook that holds for one cause or decision.
type Branch struct {
	ID    string `json:"id"`
	After string `json:"after"` // id of the step that decides
	When  Text   `json:"when"`
	// Suggested says that the evidence points here; Chosen that a person
	// decided so.
	Suggested bool   `json:"suggested"`
	Chosen    bool   `json:"chosen"`
	Steps     []Step `json:"steps"`
}

// Step is what to do, by whom, by when, and how far it is.
type Step struct {
	ID          string `json:"id"`
	Do          Text   `json:"do"`
	Responsible []Post `json:"responsible"`
	Assisting   []Post `json:"assisting"`
	// WithinSeconds is the time limit from the opening; absent if none.
	WithinSeconds float64 `json:"within_seconds,omitempty"`
	Deadline      Moment  `json:"deadline,omitzero"`
	// Overdue: the deadline is over and the step neither done nor skipped.
	Overdue   bool   `json:"overdue"`
	FromLevel string `json:"from_level,omitempty"`
	// Applies is false while the incident's level is under from_level.
	Applies bool   `json:"applies"`
	State   string `json:"state"` // open, started, done, skipped, handed_over
	By      string `json:"by,omitempty"`
	To      string `json:"to,omitempty"`
	At      Moment `json:"at,omitzero"`
	Note    string `json:"note,omitempty"`
}

// Post is a role with the people who hold it, or one of its parts.
type Post struct {
	Role string `json:"role"`
	Name Text   `json:"name"`
	// Vacant says that the roster names nobody.
	Vacant bool `json:"vacant"`
	// Anyone marks a role that falls to whoever is there.
	Anyone bool     `json:"anyone"`
	People []Person `json:"people"`
}

// Person is someone who can be reached.
type Person struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Phone string `json:"phone,omitempty"`
	Mail  string `json:"mail,omitempty"`
}

func (s *server) binder(c *call) binder {
	return binder{call: c, desk: s.Desk, plan: s.Desk.Plan(), roster: s.Desk.Roster()}
}

// binder joins the plan's steps with people and with an incident's progress.
type binder struct {
	*call
	desk     Desk
	plan     *plan.Plan
	roster   roster.Roster
	incident *incident.Incident // nil: the plan alone
}

func (b binder) playbook(sc plan.Scenario) Playbook {
	out := Playbook{
		Scenario: sc.ID, Code: sc.Code, Title: b.text(sc.Title), Trigger: b.text(sc.Trigger),
		Article: sc.Article, Steps: b.steps(sc.Steps), Branches: []Branch{},
	}
	for _, br := range sc.Branches {
		out.Branches = append(out.Branches, Branch{
			ID: br.ID, After: br.After, When: b.text(br.When),
			Suggested: b.suggested(br), Chosen: b.incident != nil && b.incident.Branches[br.After].Branch == br.ID, Steps: b.steps(br.Steps),
		})
	}
	return out
}

func (b binder) suggested(br plan.Branch) bool {
	if b.incident == nil {
		return false
	}
	env, err := b.desk.Env(b.Context(), *b.incident)
	return err == nil && slices.ContainsFunc(b.incident.Suggest(env), func(s incident.Suggestion) bool { return s.Branch == br.ID })
}

func (b binder) steps(list []plan.Step) []Step {
	out := make([]Step, 0, len(list))
	for _, st := range list {
		out = append(out, b.step(st))
	}
	return out
}

func (b binder) step(st plan.Step) Step {
	out := Step{
		ID: st.ID, Do: b.text(st.Do),
		Responsible: b.posts(st.Responsible), Assisting: b.posts(st.Assisting),
		WithinSeconds: st.Within.Seconds(), FromLevel: string(st.FromLevel),
		Applies: true, State: "open",
	}
	if b.incident != nil {
		b.progress(&out, st, *b.incident)
	}
	return out
}

// progress says how far a step of an incident is.
func (b binder) progress(out *Step, st plan.Step, i incident.Incident) {
	out.Applies = st.FromLevel == "" || !st.FromLevel.Graver(i.Level)
	if p, ok := i.Steps[st.ID]; ok {
		out.State, out.By, out.To, out.At, out.Note = p.State, p.By, p.To, b.moment(p.At), p.Note
	}
	if st.Within == 0 {
		return
	}
	env := incident.Env{Plan: b.plan, Now: b.now}
	for _, d := range i.Deadlines(env) {
		if d.ID == "step/"+st.ID {
			state := d.State(b.now)
			out.Deadline, out.Overdue = b.moment(d.Due), state == "overdue" || state == "missed" && d.Met.IsZero()
		}
	}
}

func (b binder) posts(roles []string) []Post {
	out := make([]Post, 0, len(roles))
	for _, id := range roles {
		out = append(out, b.post(id))
	}
	return out
}

func (b binder) post(id string) Post {
	role, ok := b.plan.Role(id)
	if !ok {
		role.Name = plan.Text{ZH: id, EN: id}
	}
	out := Post{Role: id, Name: b.text(role.Name), People: []Person{}}
	seen := map[string]bool{}
	for _, member := range b.plan.Members(id) {
		for _, h := range b.roster.Holders(member) {
			if !seen[h.ID] {
				seen[h.ID] = true
				out.People = append(out.People, Person{ID: h.ID, Name: h.Name, Phone: h.Phone, Mail: h.Mail})
			}
		}
	}
	out.Anyone = role.Anyone
	out.Vacant = len(out.People) == 0 && !role.Anyone
	return out
}
