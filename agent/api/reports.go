package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"xunjian/alerting/inspection"
)

// Reports is what the API needs of *reports.Reports.
type Reports interface {
	List(ctx context.Context, form string, limit int) ([]inspection.Filed, error)
	Filed(ctx context.Context, id, format, lang string) ([]byte, error)
	Look(ctx context.Context, form string, from, to time.Time, format, lang string) ([]byte, error)
	Send(ctx context.Context, id, person string) (int, error)
}

type (
	// ReportList are the reports that are filed, newest first.
	ReportList struct {
		Reports []FiledReport `json:"reports"`
	}
	// FiledReport is one that is filed.
	FiledReport struct {
		ID    string `json:"id"`
		Round string `json:"round"`
		Form  string `json:"form"`
		// Edition is 1 as the machine made the round, 2 signed, 3 reviewed.
		Edition     int                `json:"edition"`
		Verdict     inspection.Verdict `json:"verdict"`
		VerdictName string             `json:"verdict_name"`
		Made        time.Time          `json:"made"`
		From        time.Time          `json:"from"`
		To          time.Time          `json:"to"`
	}
	// SendReport mails a report once more.
	SendReport struct {
		// Person of the roster; empty: all whom it is for.
		Person string `json:"person,omitempty"`
	}
	// Queued is how many mails wait to be sent.
	Queued struct {
		Mails int `json:"mails"`
	}
)

func reportRoutes() []route {
	heavy := limits{within: time.Minute, heavy: true}
	return []route{
		{http.MethodGet, "/report", viewer, (*server).lookReport, heavy},
		{http.MethodGet, "/reports", viewer, (*server).listReports, limits{}},
		{http.MethodGet, "/reports/{id}", viewer, (*server).filedReport, heavy},
		{http.MethodPost, "/reports/{id}/send", operator, (*server).sendReport, limits{}},
	}
}

// ReportTypes are the content types of the formats of a report.
var ReportTypes = map[string]string{
	"html": "text/html; charset=utf-8", "pdf": "application/pdf", "json": "application/json", "text": "text/plain; charset=utf-8",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}

// ReportPolicy is for reports shown by a browser: their own style and pictures,
// and nothing else.
const ReportPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"

// paperOf answers with a report.
func paperOf(name, format string, body []byte) raw {
	h := map[string]string{"Content-Security-Policy": ReportPolicy}
	if format != "html" && format != "json" && format != "text" {
		h["Content-Disposition"] = fmt.Sprintf(`attachment; filename="%s.%s"`, name, format)
	}
	return raw{kind: ReportTypes[format], body: body, header: h}
}

// format is that of a report; html where none is named.
func (p *params) format() string {
	f := p.text("format")
	if f == "" {
		return "html"
	}
	if ReportTypes[f] == "" {
		p.bad("format", "bad_format")
	}
	return f
}

func (s *server) lookReport(c *call) (any, error) {
	p := c.params()
	form, from, to, format := p.text("form"), p.time("from"), p.time("to"), p.format()
	if err := p.close(); err != nil {
		return nil, err
	}
	if form == "" {
		form = "weekly"
	}
	if to.IsZero() || to.After(c.now) {
		to = c.now
	}
	if from.IsZero() {
		from = to.Add(-7 * 24 * time.Hour)
	}
	if d := to.Sub(from); d < 10*time.Minute || d > 40*24*time.Hour {
		return nil, &inspection.Refusal{Code: "bad_period"}
	}
	body, err := s.Reports.Look(c.Context(), form, from, to, format, c.say.Lang())
	if err != nil {
		return nil, err
	}
	return paperOf("xunjian-"+form+"-"+to.In(c.zone).Format("20060102"), format, body), nil
}

func (s *server) listReports(c *call) (any, error) {
	p := c.params()
	form, limit := p.text("form"), p.number("limit", 50, 1, 1000)
	if err := p.close(); err != nil {
		return nil, err
	}
	list, err := s.Reports.List(c.Context(), form, limit)
	out := ReportList{Reports: []FiledReport{}}
	for _, f := range list {
		out.Reports = append(out.Reports, FiledReport{
			ID: f.ID, Round: f.Round, Form: f.Form, Edition: f.Edition, Verdict: f.Verdict, VerdictName: inspection.Word(c.say, f.Verdict),
			Made: f.Made.In(c.zone), From: f.From.In(c.zone), To: f.To.In(c.zone),
		})
	}
	return out, err
}

func (s *server) filedReport(c *call) (any, error) {
	p := c.params()
	format := p.format()
	if err := p.close(); err != nil {
		return nil, err
	}
	id := c.PathValue("id")
	body, err := s.Reports.Filed(c.Context(), id, format, c.say.Lang())
	if err != nil {
		return nil, err
	}
	return paperOf(id, format, body), nil
}

func (s *server) sendReport(c *call) (any, error) {
	var in SendReport
	if err := readRound(c, &in, func() []told { return []told{{"person", in.Person}} }); err != nil {
		return nil, err
	}
	n, err := s.Reports.Send(c.Context(), c.PathValue("id"), in.Person)
	return Queued{Mails: n}, err
}

// Reports lists what is filed; form may be empty.
func (c *Client) Reports(ctx context.Context, form string, limit int) (ReportList, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if form != "" {
		q.Set("form", form)
	}
	return get[ReportList](ctx, c, "/reports", q)
}

// Report returns a report that is filed, in a format.
func (c *Client) Report(ctx context.Context, id, format string) ([]byte, error) {
	return get[[]byte](ctx, c, "/reports/"+url.PathEscape(id), url.Values{"format": {format}})
}

// LookReport returns the report of a form over a period; zero times mean the
// last seven days.
func (c *Client) LookReport(ctx context.Context, form, format string, from, to time.Time) ([]byte, error) {
	q := url.Values{"form": {form}, "format": {format}}
	if !from.IsZero() {
		q.Set("from", from.Format(time.RFC3339))
	}
	if !to.IsZero() {
		q.Set("to", to.Format(time.RFC3339))
	}
	return get[[]byte](ctx, c, "/report", q)
}

// SendReport mails a report once more.
func (c *Client) SendReport(ctx context.Context, id, person string) (Queued, error) {
	return post[Queued](ctx, c, "/reports/"+url.PathEscape(id)+"/send", SendReport{Person: person})
}
