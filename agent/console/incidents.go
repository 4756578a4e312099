package console

import (
	"slices"
	"strconv"

	"xunjian/alerting"
	"xunjian/alerting/incident"
)

type incidentsPage struct {
	States []option
	Codes  []option
	Query  string
	From   string
	To     string
	List   []incidentRow
	// Newer and Older are the addresses of the pages beside this one, empty if
	// there is none.
	Newer, Older string
	First, Last  int
	Filtered     bool
}

const incidentsPerPage = 50

// stateFilters are the choices of the list; active is short for the two states
// that have not ended.
var stateFilters = [...]string{"", "active", "open", "acknowledged", "resolved", "false_alarm"}

func listIncidents(r *request) error {
	v := r.URL.Query()
	page := incidentsPage{Query: v.Get("q"), From: v.Get("from"), To: v.Get("to")}
	q := alerting.Query{
		Code: v.Get("code"), Text: page.Query, From: r.day(page.From), To: r.day(page.To),
		Limit: incidentsPerPage + 1, Offset: number(v.Get("offset"), 0, 0, 1_000_000_000),
	}
	if !q.To.IsZero() {
		q.To = q.To.AddDate(0, 0, 1) // the day itself is meant too
	}
	st := v.Get("state")
	switch {
	case st == "active":
		q.States = []incident.State{incident.Open, incident.Acked}
	case st != "" && slices.Contains(stateFilters[:], st):
		q.States = []incident.State{incident.State(st)}
	}
	list, err := r.c.opt.Desk.Find(r.Context(), q)
	if err != nil {
		return err
	}
	r.filters(&page, st, q.Code)
	at := func(offset int) string {
		return "/incidents?" + query("state", st, "code", q.Code, "q", page.Query, "from", page.From, "to", page.To, "offset", strconv.Itoa(offset))
	}
	if len(list) > incidentsPerPage {
		list, page.Older = list[:incidentsPerPage], at(q.Offset+incidentsPerPage)
	}
	if q.Offset > 0 {
		page.Newer = at(max(0, q.Offset-incidentsPerPage))
	}
	page.First, page.Last = q.Offset+1, q.Offset+len(list)
	for _, i := range list {
		page.List = append(page.List, r.incidentRow(i))
	}
	return r.show("incidents", r.T("console.nav.incidents"), page)
}

// filters fills the choices of the form.
func (r *request) filters(page *incidentsPage, st, code string) {
	for _, id := range stateFilters {
		name := id
		if id == "" {
			name = "any"
		}
		page.States = append(page.States, option{id, r.T("console.state." + name), id == st})
	}
	page.Codes = append(page.Codes, option{"", r.T("console.incidents.any_code"), code == ""})
	for _, c := range r.c.opt.Desk.Plan().Categories {
		page.Codes = append(page.Codes, option{c.Code, c.Code + " " + c.Name.In(r.say.Lang()), c.Code == code})
	}
	page.Filtered = st != "" || code != "" || page.Query != "" || page.From != "" || page.To != ""
}
