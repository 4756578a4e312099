package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"xunjian/checks"
	"xunjian/checks/logs/access"
	"xunjian/checks/logs/novelty"
	"xunjian/checks/logs/review"
)

// Logs is what the API needs to know of the review of logs.
type Logs interface {
	// Overview is what was seen of every log.
	Overview(review.Filter) review.Overview
	// Access is what is known of the records of web servers.
	Access(ctx context.Context) (access.Report, error)
	// Novelty is which kinds of lines logs have.
	Novelty(ctx context.Context) (novelty.Report, error)
}

type (
	// AccessReport is what is known of the records of web servers.
	AccessReport struct {
		Sites []AccessSite `json:"sites"`
	}
	// AccessSite is what is known of one.
	AccessSite struct {
		Source   string `json:"source"`
		Since    Moment `json:"since"`
		Requests uint64 `json:"requests"`
		Bytes    uint64 `json:"bytes"`
		// Unparsed are lines that no format fits.
		Unparsed uint64 `json:"unparsed"`
		// ServerErrors were answered 5xx.
		ServerErrors uint64 `json:"server_errors"`
		// Statuses are the answers by the first digit of their status.
		Statuses AccessStatuses `json:"statuses"`
		// MedianSeconds, P95Seconds and P99Seconds are how long answers took; -1
		// if the log does not say.
		MedianSeconds float64 `json:"median_seconds"`
		P95Seconds    float64 `json:"p95_seconds"`
		P99Seconds    float64 `json:"p99_seconds"`
		// Upstreams are the servers behind, by name.
		Upstreams []AccessUpstream `json:"upstreams"`
		// Judged odd requests went to the rules for attacks; for Unjudged ones
		// there was no time.
		Judged    uint64           `json:"judged"`
		Unjudged  uint64           `json:"unjudged"`
		Clients   []AccessHit      `json:"clients"` // the most frequent
		Paths     []AccessHit      `json:"paths"`
		Attacks   []AccessAttacks  `json:"attacks"`
		Attackers []AccessAttacker `json:"attackers"`
		// NewPages took their first POST after the time of learning.
		NewPages []AccessNewPage `json:"new_pages"`
		// Logins are those who post most to log-in pages, Scraping those who ask
		// one page for most different things, both within five minutes.
		Logins   []AccessVisit `json:"logins"`
		Scraping []AccessVisit `json:"scraping"`
	}
	// AccessStatuses are answers by the first digit of their status.
	AccessStatuses struct {
		Unknown uint64 `json:"unknown"`
		S1xx    uint64 `json:"1xx"`
		S2xx    uint64 `json:"2xx"`
		S3xx    uint64 `json:"3xx"`
		S4xx    uint64 `json:"4xx"`
		S5xx    uint64 `json:"5xx"`
	}
	// AccessUpstream is a server behind.
	AccessUpstream struct {
		Name     string         `json:"name"`
		Statuses AccessStatuses `json:"statuses"`
	}
	// AccessAttacks are the attacks of a class, ever.
	AccessAttacks struct {
		Class string `json:"class"`
		// Answered were answered as if they had worked.
		Answered uint64 `json:"answered"`
		Refused  uint64 `json:"refused"`
	}
	// AccessNewPage is a page that had never taken a POST.
	AccessNewPage struct {
		Path   string `json:"path"`
		At     Moment `json:"at"`
		Client string `json:"client"`
		Status int    `json:"status"`
	}
	// AccessVisit is what one client did within five minutes.
	AccessVisit struct {
		Client string  `json:"client"`
		Page   string  `json:"page"` // empty for log-ins
		Count  float64 `json:"count"`
		// Refused of the log-ins were answered 401 or 403.
		Refused int `json:"refused"`
	}
	// AccessHit is one of the most frequent; Count is too high by Error at most.
	AccessHit struct {
		Key   string `json:"key"`
		Count uint64 `json:"count"`
		Error uint64 `json:"error"`
	}
	// AccessAttacker is one client that attacked within a week.
	AccessAttacker struct {
		Client  string   `json:"client"`
		First   Moment   `json:"first"`
		Last    Moment   `json:"last"`
		Count   uint64   `json:"count"`
		Classes []string `json:"classes"`
		// Answered were answered as if they had worked.
		Answered uint64         `json:"answered"`
		Samples  []AccessAttack `json:"samples"`
	}
	// AccessAttack is one request, decoded.
	AccessAttack struct {
		At     Moment `json:"at"`
		Class  string `json:"class"`
		Method string `json:"method"`
		Target string `json:"target"`
		Status int    `json:"status"`
		Agent  string `json:"agent"`
		// Rule of the Core Rule Set that saw it; 0 is one of ours.
		Rule int    `json:"rule"`
		Says string `json:"says"`
		Data string `json:"data"`
	}
	// TemplateReport is which kinds of lines logs have.
	TemplateReport struct {
		Sources []TemplateSource `json:"sources"`
	}
	// TemplateSource is one log.
	TemplateSource struct {
		Source   string `json:"source"`
		Since    Moment `json:"since"`
		Learning bool   `json:"learning"`
		Lines    uint64 `json:"lines"`
		Count    int    `json:"count"`
		// Templates are those that are news first, then the most frequent; at
		// most 200.
		Templates []LogTemplate `json:"templates"`
	}
	// LogTemplate is lines that are the same but for what varies.
	LogTemplate struct {
		// ID finds its kept lines: they have the event new-line and the field
		// template with this value.
		ID    string `json:"id"`
		Text  string `json:"text"`
		Count uint64 `json:"count"`
		First Moment `json:"first"`
		Last  Moment `json:"last"`
		// New is when it was new, Burst when it was last suddenly frequent: Highest
		// lines within an hour that usually has Usual.
		New     Moment   `json:"new,omitzero"`
		Burst   Moment   `json:"burst,omitzero"`
		Highest uint64   `json:"highest"`
		Usual   float64  `json:"usual"`
		Samples []string `json:"samples"`
	}
)

func recordRoutes() []route {
	return []route{
		{http.MethodGet, "/logs/review", viewer, (*server).logReview, limits{}},
		{http.MethodGet, "/logs/access", viewer, (*server).accessReport, limits{}},
		{http.MethodGet, "/logs/templates", viewer, (*server).templateReport, limits{}},
	}
}

func (s *server) accessReport(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	r, err := s.Logs.Access(c.Context())
	if err != nil {
		return nil, err
	}
	out := AccessReport{Sites: []AccessSite{}}
	for _, one := range r.Sites {
		site := AccessSite{
			Source: one.Source, Since: c.moment(one.Since), Requests: one.Requests, Bytes: one.Bytes, Unparsed: one.Unparsed, ServerErrors: one.Classes[5],
			Statuses: statuses(one.Classes), MedianSeconds: one.Median, P95Seconds: one.P95, P99Seconds: one.P99, Judged: one.Judged, Unjudged: one.Unjudged,
			Clients: accessHits(one.Clients), Paths: accessHits(one.Paths), Upstreams: []AccessUpstream{}, Attacks: []AccessAttacks{}, Attackers: []AccessAttacker{},
			NewPages: []AccessNewPage{}, Logins: visits(one.Logins), Scraping: visits(one.Scraping),
		}
		for _, name := range slices.Sorted(maps.Keys(one.Upstreams)) {
			site.Upstreams = append(site.Upstreams, AccessUpstream{name, statuses(one.Upstreams[name])})
		}
		for _, a := range one.Attacks {
			site.Attacks = append(site.Attacks, AccessAttacks(a))
		}
		for _, n := range one.News {
			site.NewPages = append(site.NewPages, AccessNewPage{n.Path, c.moment(n.At), n.Client, n.Status})
		}
		for _, a := range one.Attackers {
			site.Attackers = append(site.Attackers, c.attacker(a))
		}
		out.Sites = append(out.Sites, site)
	}
	return out, nil
}

func statuses(n [6]uint64) AccessStatuses { return AccessStatuses{n[0], n[1], n[2], n[3], n[4], n[5]} }

func visits(list []access.Visit) []AccessVisit {
	out := []AccessVisit{}
	for _, v := range list {
		out = append(out, AccessVisit(v))
	}
	return out
}

func accessHits(list []access.Hitter) []AccessHit {
	out := []AccessHit{}
	for _, h := range list {
		out = append(out, AccessHit{h.Key, h.Count, h.Error})
	}
	return out
}

func (c *call) attacker(a access.Attacker) AccessAttacker {
	out := AccessAttacker{
		Client: a.Client, First: c.moment(a.First), Last: c.moment(a.Last), Count: a.Count, Classes: words(strings.Split(a.Kinds(), ", ")), Answered: a.Answered, Samples: []AccessAttack{},
	}
	for _, s := range a.Samples {
		out.Samples = append(out.Samples, AccessAttack{c.moment(s.At), s.Class, s.Method, s.Target, s.Status, s.Agent, s.Rule, s.Says, s.Data})
	}
	return out
}

func (s *server) templateReport(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	r, err := s.Logs.Novelty(c.Context())
	if err != nil {
		return nil, err
	}
	out := TemplateReport{Sources: []TemplateSource{}}
	for _, one := range r.Sources {
		src := TemplateSource{Source: one.Source, Since: c.moment(one.Since), Learning: one.Learning, Lines: one.Lines, Count: one.Count, Templates: []LogTemplate{}}
		for _, t := range one.Templates {
			src.Templates = append(src.Templates, LogTemplate{
				t.ID, checks.SafeText(t.Text(), 500), t.Count, c.moment(t.First), c.moment(t.Last), c.moment(t.News), c.moment(t.Burst), t.Highest, t.Usual, words(t.Samples),
			})
		}
		out.Sources = append(out.Sources, src)
	}
	return out, nil
}
