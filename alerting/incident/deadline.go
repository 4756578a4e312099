package incident

import (
	"slices"
	"time"

	"xunjian/alerting/plan"
)

// Deadline is something that has to be done by a moment. Deadlines derive from
// incident and plan; only their reminders are events.
type Deadline struct {
	// ID is "acknowledge", "triage", "step/…", "duty/…" or "statutory/…".
	ID string `json:"id"`
	// Subject is the id of the step or duty.
	Subject string    `json:"subject,omitempty"`
	From    time.Time `json:"from"`
	Due     time.Time `json:"due"`
	// Met is when it was done; zero while it is not.
	Met time.Time `json:"met,omitzero"`
	// Void is when it ceased to matter, the incident having ended before.
	Void        time.Time `json:"void,omitzero"`
	Responsible []string  `json:"responsible"` // roles
	Assisting   []string  `json:"assisting,omitempty"`
	Article     string    `json:"article,omitempty"`
}

// Open reports whether it is still to be met.
func (d Deadline) Open() bool { return d.Met.IsZero() && d.Void.IsZero() }

// State at now: open, overdue, kept, missed or void. What ended before it was
// due is void; what ended after, undone, is missed.
func (d Deadline) State(now time.Time) string {
	switch {
	case !d.Met.IsZero() && d.Met.After(d.Due):
		return "missed"
	case !d.Met.IsZero():
		return "kept"
	case !d.Void.IsZero() && d.Void.After(d.Due):
		return "missed"
	case !d.Void.IsZero():
		return "void"
	case now.After(d.Due):
		return "overdue"
	}
	return "open"
}

// Deadlines returns every deadline that the plan has set so far, sorted by the
// moment they are due.
func (i Incident) Deadlines(env Env) []Deadline {
	if i.State == NoIncident || i.State == Gone {
		return nil
	}
	out := i.responseDeadlines(env.Plan)
	if i.State != Watched {
		out = append(out, i.stepDeadlines(env.Plan)...)
		out = append(out, i.dutyDeadlines(env)...)
	}
	slices.SortStableFunc(out, func(a, b Deadline) int { return a.Due.Compare(b.Due) })
	return out
}

// responseDeadlines are to take it in hand, and to say what it is (Art. 8).
func (i Incident) responseDeadlines(p *plan.Plan) []Deadline {
	first := Responders(p, i.Scenario)
	var out []Deadline
	if within := p.Response.Acknowledge[i.Level]; within > 0 && i.State != Watched {
		out = append(out, Deadline{
			ID: "acknowledge", From: i.AckFrom, Due: i.AckFrom.Add(within), Met: i.AckedAt,
			Responsible: first, Article: p.Response.Article,
		})
	}
	if p.Triage.Within > 0 {
		out = append(out, Deadline{
			ID: "triage", From: i.OpenedAt, Due: i.OpenedAt.Add(p.Triage.Within), Met: i.TriagedAt,
			Responsible: first, Article: p.Triage.Article,
		})
	}
	return i.voided(out)
}

func (i Incident) stepDeadlines(p *plan.Plan) []Deadline {
	sc, _ := p.Scenario(i.Scenario)
	var out []Deadline
	for _, s := range i.Playbook(p) {
		if s.Within == 0 || !s.Active {
			continue
		}
		from := i.OpenedAt
		if s.From == "branch" && !s.Chosen.IsZero() {
			from = s.Chosen
		}
		d := Deadline{
			ID: "step/" + s.ID, Subject: s.ID, From: from, Due: from.Add(s.Within),
			Responsible: s.Responsible, Assisting: s.Assisting, Article: sc.Article,
		}
		if s.Finished() {
			d.Met = s.Progress.At
		}
		out = append(out, d)
	}
	return i.voided(out)
}

// dutyDeadlines are those of duties with a time limit and of the law. They
// outlive the fault.
func (i Incident) dutyDeadlines(env Env) []Deadline {
	var out []Deadline
	for _, d := range i.DueDuties(env) {
		if d.Within == 0 {
			continue
		}
		id := "duty/" + d.ID
		if d.Law.ZH != "" {
			id = "statutory/" + d.ID
		}
		out = append(out, Deadline{
			ID: id, Subject: d.ID, From: d.Since, Due: d.Since.Add(d.Within), Met: d.Done.At,
			Responsible: d.Responsible, Assisting: d.Assisting, Article: d.Article,
		})
	}
	return out
}

// voided ends the deadlines that are open when the incident is over.
func (i Incident) voided(list []Deadline) []Deadline {
	if !i.Ended() {
		return list
	}
	for n := range list {
		if list[n].Met.IsZero() {
			list[n].Void = i.EndedAt
		}
	}
	return list
}

// patience is how many reminders keep the plan's pace; later ones come every
// hour at most, or a forgotten incident would fill its own timeline.
const patience = 12

// Moment is when the nth reminder of a deadline is due.
func (d Deadline) Moment(n int, r plan.Response) time.Time {
	switch {
	case n == 0:
		return d.Due.Add(-r.RemindBefore)
	case n <= patience:
		return d.Due.Add(time.Duration(n-1) * r.Every)
	}
	return d.Due.Add((patience-1)*r.Every + time.Duration(n-patience)*max(r.Every, time.Hour))
}

// Audience are the roles that hear the nth reminder: those responsible before
// and at the deadline, those who assist after it, then up the line.
func (d Deadline) Audience(n int, r plan.Response) []string {
	out := slices.Clone(d.Responsible)
	if n >= 2 {
		out = append(out, d.Assisting...)
	}
	if up := n - 3; up >= 0 && len(r.Escalate) > 0 {
		out = append(out, r.Escalate[min(up, len(r.Escalate)-1)])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// nextReminder returns the number of the reminder of d that comes next.
func (i Incident) nextReminder(d Deadline, r plan.Response) (n int, ok bool) {
	if !d.Open() || r.Every == 0 {
		return 0, false
	}
	if last, ok := i.Reminders[d.ID]; ok && last.From.Equal(d.From) {
		return last.N + 1, true
	}
	if r.RemindBefore > 0 && d.Due.Add(-r.RemindBefore).After(d.From) {
		return 0, true
	}
	return 1, true
}

// remind reminds those of every deadline that is near or past: once for each
// moment, and after a pause once for all that were missed.
func (t *turn) remind() {
	r := t.env.Plan.Response
	for _, d := range t.i.Deadlines(t.env) {
		n, ok := t.i.nextReminder(d, r)
		if !ok || t.env.Now.Before(d.Moment(n, r)) {
			continue
		}
		for !t.env.Now.Before(d.Moment(n+1, r)) {
			n++
		}
		t.add(Reminded{Deadline: d.ID, From: d.From, Due: d.Due, N: n, To: d.Audience(n, r)})
	}
}
