package console

import (
	"errors"
)

type explorePage struct {
	Expr  string
	Spans []option
	Chart *chartView
	Error string
	// Empty is set when the expression matches nothing.
	Empty    bool
	Examples []string
}

// explore evaluates a PromQL expression and draws it.
func explore(r *request) error {
	q := r.URL.Query()
	s := spanOf(q.Get("range"), "1h")
	page := explorePage{Expr: q.Get("expr"), Examples: []string{
		"node_load1",
		`1 - node_filesystem_avail_bytes / node_filesystem_size_bytes`,
		`rate(node_network_receive_bytes_total[5m])`,
		"xunjian_check_verdict > 0",
	}}
	for _, other := range spans() {
		page.Spans = append(page.Spans, option{other.ID, r.T("console.range." + other.ID), other == s})
	}
	status := 200
	if page.Expr != "" {
		series, err := r.queryRange(page.Expr, s)
		if f := (*failure)(nil); errors.As(err, &f) {
			page.Error, status = r.sayFailure(f), f.Status
		} else if err != nil {
			return err
		}
		page.Empty = err == nil && len(series) == 0
		if len(series) > 0 {
			chart := newChart(page.Expr, unitOf(page.Expr), series)
			page.Chart = &chart
		}
	}
	return r.render(status, "explore", r.T("console.nav.explore"), page)
}
