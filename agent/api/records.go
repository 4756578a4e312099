package api

import (
	"context"
	"net/http"
	"strings"

	"xunjian/checks"
	"xunjian/checks/logs/access"
	"xunjian/checks/logs/novelty"
)

// Records is what the API needs to know of access records and kinds of lines.
type Records interface {
	Access(ctx context.Context) (access.Report, error)
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
		// MedianSeconds and P95Seconds are how long answers took; -1 if the log
		// does not say.
		MedianSeconds float64 `json:"median_seconds"`
		P95Seconds    float64 `json:"p95_seconds"`
		// Judged odd requests went to the rules for attacks; for Unjudged ones
		// there was no time.
		Judged    uint64           `json:"judged"`
		Unjudged  uint64           `json:"unjudged"`
		Clients   []AccessHit      `json:"clients"` // the most frequent
		Paths     []AccessHit      `json:"paths"`
		Attackers []AccessAttacker `json:"attackers"`
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
		Text    string   `json:"text"`
		Count   uint64   `json:"count"`
		First   Moment   `json:"first"`
		Last    Moment   `json:"last"`
		New     Moment   `json:"new,omitzero"`
		Burst   Moment   `json:"burst,omitzero"`
		Samples []string `json:"samples"`
	}
)

func recordRoutes() []route {
	return []route{
		{http.MethodGet, "/logs/access", viewer, (*server).accessReport, limits{}},
		{http.MethodGet, "/logs/templates", viewer, (*server).templateReport, limits{}},
	}
}

func (s *server) accessReport(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	r, err := s.Records.Access(c.Context())
	if err != nil {
		return nil, err
	}
	out := AccessReport{Sites: []AccessSite{}}
	for _, one := range r.Sites {
		site := AccessSite{
			Source: one.Source, Since: c.moment(one.Since), Requests: one.Requests, Bytes: one.Bytes, Unparsed: one.Unparsed, ServerErrors: one.Classes[5],
			MedianSeconds: one.Median, P95Seconds: one.P95, Judged: one.Judged, Unjudged: one.Unjudged,
			Clients: accessHits(one.Clients), Paths: accessHits(one.Paths), Attackers: []AccessAttacker{},
		}
		for _, a := range one.Attackers {
			site.Attackers = append(site.Attackers, c.attacker(a))
		}
		out.Sites = append(out.Sites, site)
	}
	return out, nil
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
	r, err := s.Records.Novelty(c.Context())
	if err != nil {
		return nil, err
	}
	out := TemplateReport{Sources: []TemplateSource{}}
	for _, one := range r.Sources {
		src := TemplateSource{Source: one.Source, Since: c.moment(one.Since), Learning: one.Learning, Lines: one.Lines, Count: one.Count, Templates: []LogTemplate{}}
		for _, t := range one.Templates {
			src.Templates = append(src.Templates, LogTemplate{checks.SafeText(t.Text(), 500), t.Count, c.moment(t.First), c.moment(t.Last), c.moment(t.News), c.moment(t.Burst), words(t.Samples)})
		}
		out.Sources = append(out.Sources, src)
	}
	return out, nil
}
