package console

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/checks/logs/access"
)

// accessPage are the records of web servers.
type accessPage struct {
	Sources []option
	Source  string
	Sites   []siteView
	Spans   []spanLink
}

// siteView is what is known of one access log.
type siteView struct {
	Source   string
	Since    moment
	Requests string
	Bytes    string
	State    state
	// Notes say what was not understood or not looked at.
	Notes     []string
	Statuses  []statusRow
	Latency   []latencyRow
	Charts    []lazyChart
	Attacks   []attackRow
	Attackers []attackerRow
	News      []newPage
	Logins    []visitRow
	Scraping  []visitRow
	Clients   []hitRow
	Paths     []hitRow
	// LinesURL leads to all attacks on this log.
	LinesURL string
}

// statusRow is how many answers of each class a server gave: all of them, and
// those of each server behind.
type statusRow struct {
	Name   string
	Counts [6]string
	Share  string // of those 5xx
}

type latencyRow struct{ Name, Value string }

// attackRow is one class of attacks.
type attackRow struct {
	Class             string
	Answered, Refused string
	URL               string
	State             state
}

// attackerRow is one client that attacked.
type attackerRow struct {
	Client, Classes string
	Count, Answered string
	First, Last     moment
	State           state
	Samples         []attackSample
	URL             string
}

// attackSample is one request as it was meant: decoded, with what gave it away.
type attackSample struct {
	At                    moment
	Class, Method, Target string
	Status                int
	Agent, Rule, Data     string
}

type newPage struct {
	Path, Client string
	At           moment
	Status       int
}

type visitRow struct {
	Client, Page, Count, Refused string
}

type hitRow struct{ Key, Count string }

func showAccess(r *request) error {
	got, err := r.c.opt.Logs.Access(r.Context())
	if err != nil {
		return err
	}
	s := spanOf(r.URL.Query().Get("range"), "24h")
	page := accessPage{Source: r.URL.Query().Get("source")}
	for _, one := range got.Sites {
		page.Sources = append(page.Sources, option{one.Source, one.Source, one.Source == page.Source})
		if page.Source == "" || page.Source == one.Source {
			page.Sites = append(page.Sites, r.siteView(one, s))
		}
	}
	for _, other := range spans() {
		page.Spans = append(page.Spans, spanLink{other.ID, "/logs/access?" + query("source", page.Source, "range", other.ID), r.T("console.range." + other.ID), other == s})
	}
	return r.show("access", r.T("console.nav.access"), page)
}

func (r *request) siteView(s access.SiteReport, over span) siteView {
	v := siteView{
		Source: s.Source, Since: r.moment(s.Since, r.now), Requests: text.Number(float64(s.Requests)), Bytes: text.Bytes(float64(s.Bytes)),
		Statuses: []statusRow{statusesOf(r.T("console.access.all"), s.Classes)}, Charts: r.accessCharts(s, over), State: r.logState(checks.OK),
		LinesURL: attackLines(s.Source),
	}
	switch {
	case s.Unparsed > s.Requests:
		v.State = r.logState(checks.Unknown)
	case slices.ContainsFunc(s.Attackers, func(k access.Attacker) bool { return k.Answered > 0 }):
		v.State = r.logState(checks.Abnormal)
	case len(s.Attackers) > 0 || len(s.News) > 0:
		v.State = r.logState(checks.Attention)
	}
	if s.Unparsed > 0 {
		v.Notes = append(v.Notes, r.Ta("console.access.unparsed", "n", s.Unparsed))
	}
	if s.Unjudged > 0 {
		v.Notes = append(v.Notes, r.Ta("console.access.unjudged", "n", s.Unjudged))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Upstreams)) {
		v.Statuses = append(v.Statuses, statusesOf(visible(name), s.Upstreams[name]))
	}
	if s.Median >= 0 {
		for _, p := range []struct {
			name string
			v    float64
		}{{"50 %", s.Median}, {"95 %", s.P95}, {"99 %", s.P99}} {
			v.Latency = append(v.Latency, latencyRow{p.name, r.took(time.Duration(p.v * float64(time.Second)))})
		}
	}
	r.addAttacks(&v, s)
	for _, n := range slices.Backward(s.News) {
		v.News = append(v.News, newPage{visible(n.Path), visible(n.Client), r.moment(n.At, r.now), n.Status})
	}
	v.Logins, v.Scraping = visitRows(s.Logins), visitRows(s.Scraping)
	v.Clients, v.Paths = hitRows(s.Clients), hitRows(s.Paths)
	return v
}

// attackLines is the way to lines of attacks on a log: of the last week, as long
// as attackers are remembered.
func attackLines(source string, pairs ...string) string {
	return "/logs/access/lines?" + query(append([]string{"source", source, "hours", "168"}, pairs...)...)
}

func (r *request) addAttacks(v *siteView, s access.SiteReport) {
	for _, a := range s.Attacks {
		row := attackRow{r.attackClass(a.Class), text.Number(float64(a.Answered)), text.Number(float64(a.Refused)), attackLines(s.Source, access.FieldClass, a.Class), r.logState(checks.Attention)}
		if a.Answered > 0 {
			row.State = r.logState(checks.Abnormal)
		}
		v.Attacks = append(v.Attacks, row)
	}
	for _, k := range s.Attackers {
		row := attackerRow{
			Client: visible(k.Client), Count: text.Number(float64(k.Count)), Answered: text.Number(float64(k.Answered)), First: r.moment(k.First, r.now), Last: r.moment(k.Last, r.now),
			State: r.logState(checks.Attention), URL: attackLines(s.Source, access.FieldClient, k.Client),
		}
		if k.Answered > 0 {
			row.State = r.logState(checks.Abnormal)
		}
		var classes []string
		for name := range strings.SplitSeq(k.Kinds(), ", ") {
			classes = append(classes, r.attackClass(name))
		}
		row.Classes = strings.Join(classes, r.T("console.access.joint"))
		for _, one := range k.Samples {
			row.Samples = append(row.Samples, attackSample{
				r.moment(one.At, r.now), r.attackClass(one.Class), visible(one.Method), visible(cut(one.Target, 400)), one.Status,
				visible(cut(one.Agent, 120)), ruleOf(one), visible(cut(one.Data, 300)),
			})
		}
		v.Attackers = append(v.Attackers, row)
	}
}

// ruleOf says which rule saw an attack; 0 is one of ours.
func ruleOf(s access.Sample) string {
	if s.Rule == 0 {
		return visible(s.Says)
	}
	return fmt.Sprintf("CRS %d %s", s.Rule, visible(s.Says))
}

func (r *request) attackClass(name string) string { return r.or("access.class."+name, name) }

func statusesOf(name string, n [6]uint64) statusRow {
	row := statusRow{Name: name}
	sum := uint64(0)
	for k, v := range n {
		row.Counts[k] = text.Number(float64(v))
		sum += v
	}
	if sum > 0 {
		row.Share = text.Percent(float64(n[5]) / float64(sum))
	}
	return row
}

func visitRows(list []access.Visit) []visitRow {
	var out []visitRow
	for _, v := range list {
		out = append(out, visitRow{visible(v.Client), visible(v.Page), text.Number(v.Count), strconv.Itoa(v.Refused)})
	}
	return out
}

func hitRows(list []access.Hitter) []hitRow {
	var out []hitRow
	for _, h := range list[:min(len(list), 10)] {
		n := text.Number(float64(h.Count))
		if h.Error > 0 {
			n = "≤ " + n // it came into the list late
		}
		out = append(out, hitRow{visible(h.Key), n})
	}
	return out
}

// accessCharts are rates by status and by server behind, and how long answers
// took.
func (r *request) accessCharts(s access.SiteReport, over span) []lazyChart {
	window := int(max(5*time.Minute, over.step()).Seconds())
	of := fmt.Sprintf("{source=%q}[%ds]", s.Source, window)
	out := []lazyChart{r.lazyChart("access_rate", "", "sum by (class) (rate(xunjian_access_responses_total"+of+"))", over)}
	if len(s.Upstreams) > 0 {
		out = append(out, r.lazyChart("access_upstream", "", "sum by (upstream, class) (rate(xunjian_access_upstream_responses_total"+of+"))", over))
	}
	if s.Median >= 0 {
		var parts []string
		for _, q := range []string{"0.5", "0.95", "0.99"} {
			parts = append(parts, fmt.Sprintf(`label_replace(histogram_quantile(%s, sum by (le) (rate(xunjian_access_response_seconds_bucket%s))), "quantile", "%s", "", "")`, q, of, q))
		}
		out = append(out, r.lazyChart("access_latency", "seconds", strings.Join(parts, " or "), over))
	}
	return append(out, r.lazyChart("access_attacks", "", fmt.Sprintf("sum by (attack, outcome) (increase(xunjian_access_attacks_total{source=%q}[%ds]))", s.Source, window), over))
}

func (r *request) lazyChart(title, unit, expr string, over span) lazyChart {
	return lazyChart{r.T("console.chart." + title), unit, "/chart?" + query("expr", expr, "range", over.ID, "unit", unit)}
}
