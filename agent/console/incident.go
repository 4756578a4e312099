package console

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"xunjian/alerting/incident"
)

// incidentPage is everything about one incident.
type incidentPage struct {
	incidentRow
	Version    int
	Host       string
	System     string
	SystemKind string
	Scenario   string
	Reason     string
	Acked      string
	Ended      moment
	// Next says what the clock will do, empty if nothing.
	Next string
	// Quiet is set when all alerts have ended but the incident has not.
	Quiet  bool
	Acts   []actView
	Alerts []memberAlert
	Play   *playbook
	// Refused is why a form was refused that is no longer shown.
	Refused string
	// Response is what is due and what was done.
	Response *responseView
	Events   []eventRow
	// Oldest is set when the timeline runs forwards.
	Oldest   bool
	Evidence []evidenceView
	Taken    int
	LiveURL  string
}

// memberAlert is what an incident knows of one of its alerts.
type memberAlert struct {
	Rule, Summary string
	State         state
	Labels        []label
	Value         float64
	Since         moment
	Times         int
}

func showIncident(r *request) error {
	return r.incidentPage(200, actForm{})
}

// incidentPage shows the incident of the path. form is what was posted and
// refused, so that nothing written is lost.
func (r *request) incidentPage(status int, form actForm) error {
	i, events, err := r.c.opt.Desk.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	page, err := r.describe(i, events, form)
	if err != nil {
		return err
	}
	page.Evidence = r.evidence(i)
	return r.render(status, "incident", i.ID+" "+cut(page.Title, 60), page)
}

// liveIncident answers with the parts of the page that change. Evidence is
// heavy and hardly ever changes: it comes along only when there is more of it
// than the page has.
func liveIncident(r *request) error {
	i, events, err := r.c.opt.Desk.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	page, err := r.describe(i, events, actForm{})
	if err != nil {
		return err
	}
	if number(r.URL.Query().Get("evidence"), 0, 0, 1<<20) != page.Taken {
		page.Evidence = r.evidence(i)
	}
	return r.execute(200, "incident", "live", r.view("", page))
}

func (r *request) describe(i incident.Incident, events []incident.Event, form actForm) (incidentPage, error) {
	p := r.c.opt.Desk.Plan()
	page := incidentPage{
		incidentRow: r.incidentRow(i), Version: i.Version, Host: i.Host, System: i.System,
		SystemKind: r.or("console.system."+string(i.SystemKind), string(i.SystemKind)),
		Reason:     r.source(events), Ended: r.moment(i.EndedAt, r.now), Next: r.next(i),
		Quiet: i.Quiet() && !i.Ended(), Oldest: r.URL.Query().Get("order") == "oldest",
		Taken: len(i.Evidence),
	}
	if i.AckedBy != "" {
		page.Acked = r.Ta("console.incident.acked", "by", i.AckedBy, "at", i.AckedAt)
	}
	if sc, ok := p.Scenario(i.Scenario); ok {
		page.Scenario = sc.Title.In(r.say.Lang())
		page.Play = r.playbook(sc, &i, form)
	}
	if r.who.Role.Allows(operator) {
		page.Acts = r.acts(i, form)
	}
	if form.Error != "" && !shown(page.Acts, form.Action) {
		page.Refused = form.Error
	}
	for _, key := range slices.SortedFunc(maps.Keys(i.Alerts), byGravity(i)) {
		page.Alerts = append(page.Alerts, r.memberAlert(i.Alerts[key]))
	}
	page.Events = r.timeline(events, page.Oldest)
	page.LiveURL = "/incidents/" + i.ID + "/live?" + query("evidence", strconv.Itoa(page.Taken), "order", r.URL.Query().Get("order"))
	var err error
	page.Response, err = r.response(i, events, form)
	return page, err
}

// shown reports whether a refused form is on the page, with its error beside it.
func shown(acts []actView, name string) bool {
	return slices.ContainsFunc(acts, func(v actView) bool { return v.Name == name }) || slices.Contains(besides, name)
}

// besides are the actions whose forms stand beside what they are about, and
// show their errors there.
var besides = []string{"step", "branch", "duty", "entry-done", "investigate", "lesson-done"}

// source says what opened the incident.
func (r *request) source(events []incident.Event) string {
	if len(events) == 0 {
		return ""
	}
	by := events[0].Actor
	if by.Kind == "person" {
		return r.Ta("console.incident.by_person", "name", by.Name)
	}
	return r.Ta("console.incident.by_rule", "name", by.Name)
}

// byGravity orders an incident's alerts: firing, lost, ended.
func byGravity(i incident.Incident) func(a, b string) int {
	order := []string{incident.AlertFiring, incident.AlertIsLost, incident.AlertIsOver}
	return func(a, b string) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, i.Alerts[a].State), slices.Index(order, i.Alerts[b].State)),
			cmp.Compare(a, b))
	}
}

func (r *request) memberAlert(a incident.Alert) memberAlert {
	return memberAlert{
		Rule: a.Rule, Summary: cut(r.annotation("summary", a.Rule, a.Annotations), 300),
		State: r.state(a.State), Labels: labelsOf(a.Labels), Value: a.Value,
		Since: r.moment(a.Since, r.now), Times: a.Times,
	}
}

// next says what the clock will do with an incident, and how soon.
func (r *request) next(i incident.Incident) string {
	left := func(at time.Time) time.Duration { return max(0, at.Sub(r.now)).Truncate(time.Second) }
	if level, at, ok := i.Rise(r.c.opt.Desk.Plan()); ok {
		return r.Ta("console.incident.rises", "at", at, "left", left(at), "level", r.level(level).Word)
	}
	if i.Ended() || i.Resolve != incident.ResolveAuto || i.HoldUntil.IsZero() {
		return ""
	}
	return r.Ta("console.incident.resolves", "at", i.HoldUntil, "left", left(i.HoldUntil))
}
