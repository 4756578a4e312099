package console

import (
	"time"

	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/checks/logs/novelty"
)

// templatesPage are the kinds of lines that logs have.
type templatesPage struct {
	Sources []option
	Source  string
	Logs    []templateLog
}

// templateLog is one log.
type templateLog struct {
	Source       string
	Since        moment
	Learning     bool
	Lines, Count string
	Templates    []templateRow
	// AllURL leads to all of them, if not all are shown.
	AllURL string
}

// templateRow is lines that are the same but for what varies.
type templateRow struct {
	State       state
	Text        string
	Why         string // what makes it news
	Count       string
	First, Last moment
	Sample      string
	URL         string
}

// mostTemplates is how many of each log are shown beside those that are news,
// while no log is chosen.
const mostTemplates = 20

func showTemplates(r *request) error {
	got, err := r.c.opt.Logs.Novelty(r.Context())
	if err != nil {
		return err
	}
	page := templatesPage{Source: r.URL.Query().Get("source")}
	for _, s := range got.Sources {
		page.Sources = append(page.Sources, option{s.Source, s.Source, s.Source == page.Source})
		if page.Source == "" || page.Source == s.Source {
			page.Logs = append(page.Logs, r.templateLog(s, page.Source == s.Source))
		}
	}
	return r.show("templates", r.T("console.nav.templates"), page)
}

func (r *request) templateLog(s novelty.SourceReport, all bool) templateLog {
	v := templateLog{Source: s.Source, Since: r.moment(s.Since, r.now), Learning: s.Learning, Lines: text.Number(float64(s.Lines)), Count: text.Number(float64(s.Count))}
	for n, t := range s.Templates {
		if !all && n >= s.Fresh+mostTemplates {
			v.AllURL = "/logs/templates?" + query("source", s.Source)
			break
		}
		v.Templates = append(v.Templates, r.templateRow(s.Source, t, n < s.Fresh))
	}
	return v
}

func (r *request) templateRow(source string, t novelty.Template, fresh bool) templateRow {
	row := templateRow{
		State: state{checks.OK.String(), r.T("console.templates.usual")}, Text: visible(cut(t.Text(), 400)), Count: text.Number(float64(t.Count)),
		First: r.moment(t.First, r.now), Last: r.moment(t.Last, r.now), URL: "/logs/templates/" + t.ID + "?" + query("source", source, "hours", "192"),
	}
	if len(t.Samples) > 0 {
		row.Sample = visible(cut(t.Samples[len(t.Samples)-1], 300))
	}
	switch {
	case fresh && t.Burst.After(t.News):
		row.State = state{checks.Attention.String(), r.T("console.templates.burst")}
		row.Why = r.Ta("console.templates.why_burst", "n", t.Highest, "usual", text.Number(t.Usual), "at", r.say.Clock(t.Burst.Truncate(time.Second)))
	case fresh:
		row.State = state{checks.Attention.String(), r.T("console.templates.new")}
		row.Why = r.Ta("console.templates.why_new", "at", r.say.Clock(t.News.Truncate(time.Second)))
	}
	return row
}
