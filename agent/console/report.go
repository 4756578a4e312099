package console

import (
	"crypto/rand"
	"slices"

	"xunjian/alerting"
	"xunjian/alerting/incident"
)

// reportPage is the form by which a person opens an incident, enters a warning
// or begins a drill.
type reportPage struct {
	// Key makes a form that is sent twice one incident.
	Key       string
	As        []option
	Scenarios []option
	Fields    map[string]string
	// People are those who could take part in a drill.
	People []option
	Called bool // the caller's part has something in it
	Error  string
	Now    string
}

// reported are what a report may be.
var reported = []string{"incident", "internal", "external", "drill"}

// called are the fields of a caller's report.
var called = []string{"caller", "phone", "project", "bidder", "bids_due"}

func showReport(r *request) error {
	q := r.URL.Query()
	return r.reportPage(200, reportPage{Key: rand.Text()}, q.Get("as"), q.Get("scenario"), nil)
}

func (r *request) reportPage(status int, page reportPage, as, scenario string, people []string) error {
	for _, v := range reported {
		page.As = append(page.As, option{v, r.T("console.report.as." + v), v == as})
	}
	page.Scenarios = r.scenarios("", scenario)
	for _, p := range r.c.opt.Desk.Roster().People {
		page.People = append(page.People, option{p.ID, p.Name, slices.Contains(people, p.ID)})
	}
	for _, name := range called {
		page.Called = page.Called || page.Fields[name] != ""
	}
	page.Now = r.now.In(r.zone).Format("2006-01-02T15:04")
	return r.render(status, "report", r.T("console.report.title"), page)
}

func sendReport(r *request) error {
	page := reportPage{Key: r.field("key"), Fields: map[string]string{}}
	for _, name := range append([]string{"title", "system", "since"}, called...) {
		page.Fields[name] = r.field(name)
	}
	as, scenario, people := r.field("as"), r.field("scenario"), r.PostForm["participants"]
	again := func(status int, why string) error {
		page.Error = why
		return r.reportPage(status, page, as, scenario, people)
	}
	in := alerting.Report{Key: page.Key, Scenario: scenario, System: page.Fields["system"], Title: page.Fields["title"]}
	switch as {
	case "internal", "external":
		in.Warning = &incident.Sign{Source: as, Major: r.field("major") != ""}
	case "drill":
		in.Drill, in.Participants = true, people
	}
	if scenario == "" && in.Warning == nil {
		return again(422, r.T("console.report.need_scenario"))
	}
	var ok bool
	if since := page.Fields["since"]; since != "" {
		if in.Since, ok = r.minute(since); !ok {
			return again(422, r.T("console.report.bad_since"))
		}
	}
	if in.Call, ok = r.call(page.Fields); !ok {
		return again(422, r.T("console.report.bad_due"))
	}
	i, err := r.c.opt.Desk.Open(r.Context(), r.actor(), in)
	if f, refused := refusalOf(err); refused {
		return again(f.Status, r.sayFailure(f))
	}
	if err != nil {
		return err
	}
	r.flash("console.done.report")
	return r.redirect("/incidents/" + i.ID)
}

// call is who called, or nil where nobody did. It fails on a deadline that is
// no time.
func (r *request) call(f map[string]string) (*incident.Reported, bool) {
	c := incident.Reported{Caller: f["caller"], Phone: f["phone"], Project: f["project"], Bidder: f["bidder"], Text: f["title"]}
	if due := f["bids_due"]; due != "" {
		at, ok := r.minute(due)
		if !ok {
			return nil, false
		}
		c.Due = at
	}
	if c == (incident.Reported{Text: f["title"]}) {
		return nil, true
	}
	return &c, true
}
