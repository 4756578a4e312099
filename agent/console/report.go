package console

import (
	"crypto/rand"

	"xunjian/alerting"
)

// reportPage is the form by which a person opens an incident.
type reportPage struct {
	// Key makes a form that is sent twice one incident.
	Key       string
	Scenarios []option
	Title     string
	System    string
	Since     string
	Error     string
	Now       string
}

func showReport(r *request) error {
	return r.reportPage(200, reportPage{Key: rand.Text()}, r.URL.Query().Get("scenario"))
}

func (r *request) reportPage(status int, page reportPage, scenario string) error {
	p, lang := r.c.opt.Desk.Plan(), r.say.Lang()
	for _, s := range p.Scenarios {
		if s.Code == "" {
			continue // situations of Art. 15 have no code to be filed under
		}
		page.Scenarios = append(page.Scenarios, option{s.ID, s.Code + " " + s.Title.In(lang), s.ID == scenario})
	}
	page.Now = r.now.In(r.zone).Format("2006-01-02T15:04")
	return r.render(status, "report", r.T("console.report.title"), page)
}

func sendReport(r *request) error {
	page := reportPage{Key: r.field("key"), Title: r.field("title"), System: r.field("system"), Since: r.field("since")}
	scenario := r.field("scenario")
	in := alerting.Report{Key: page.Key, Scenario: scenario, System: page.System, Title: page.Title}
	if sc, ok := r.c.opt.Desk.Plan().Scenario(scenario); ok {
		in.Code = sc.Code
	}
	if page.Since != "" {
		at, ok := r.minute(page.Since)
		if !ok {
			page.Error = r.T("console.report.bad_since")
			return r.reportPage(422, page, scenario)
		}
		in.Since = at
	}
	i, err := r.c.opt.Desk.Open(r.Context(), r.actor(), in)
	if f, ok := refusalOf(err); ok {
		page.Error = r.sayFailure(f)
		return r.reportPage(f.Status, page, scenario)
	}
	if err != nil {
		return err
	}
	r.flash("console.done.report")
	return r.redirect("/incidents/" + i.ID)
}
