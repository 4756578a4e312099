package console

import (
	"fmt"
	"time"

	"xunjian/checks"
)

type checkPage struct {
	checkRow
	Every   time.Duration
	Success moment
	Strip   []stripCell
	// Sum says the strip in words.
	Sum    []verdictTime
	Spans  []spanLink
	Charts []lazyChart
	Past   []pastRun
}

// stripCell is a quarter of an hour in the strip of the last day.
type stripCell struct {
	Verdict state
	When    string
}

// verdictTime is for how long a check was at a verdict.
type verdictTime struct {
	Verdict state
	Time    time.Duration
}

type spanLink struct {
	ID, URL, Label string
	Chosen         bool
}

type pastRun struct {
	At       moment
	Verdict  state
	Took     string
	Error    string
	Findings []findingRow
}

const (
	maxFindings = 100
	maxPast     = 30
)

func showCheck(r *request) error {
	name := r.PathValue("name")
	runs := r.c.opt.Checks.Of(name)
	if len(runs) == 0 {
		return errNotFound
	}
	res, alerts := runs[0], r.c.opt.Rules.Alerts()
	v := r.c.opt.Verdicts(runs[:1], alerts)[name]
	s := spanOf(r.URL.Query().Get("range"), "1h")
	page := checkPage{
		checkRow: r.checkRow(res, v, alerts, maxFindings), Every: res.Every,
		Success: r.moment(res.LastSuccess, r.now),
	}
	if r.live() {
		return r.showLive("check", "", page) // the rest of the page stays
	}
	page.Charts = r.checkCharts(res, s)
	page.Strip, page.Sum = r.strip(name)
	for _, other := range spans() {
		page.Spans = append(page.Spans, spanLink{other.ID, page.URL + "?" + query("range", other.ID), r.T("console.range." + other.ID), other == s})
	}
	for _, old := range runs[:min(len(runs), maxPast)] {
		page.Past = append(page.Past, pastRun{
			r.moment(old.Time, r.now), r.verdict(old.Verdict), r.took(old.Duration), old.Error, r.findings(old.Findings, 2),
		})
	}
	return r.showLive("check", page.Title, page)
}

const (
	stripCells = 96
	stripCell1 = 15 * time.Minute
	stripStep  = 15 * time.Second
)

// noData is the word for a time of which nothing is known.
const noData = "no_data"

// strip says what a check came to over the last day, in quarters of an hour,
// each by its worst moment.
func (r *request) strip(name string) ([]stripCell, []verdictTime) {
	start := r.now.Truncate(stripCell1).Add(-(stripCells - 1) * stripCell1)
	worst := make([]string, stripCells)
	for n := range worst {
		worst[n] = noData
	}
	series, err := r.c.opt.Rules.QueryRange(r.Context(), fmt.Sprintf("xunjian_check_verdict{check=%q}", name), start, r.now, stripStep)
	if err != nil {
		r.c.opt.Logger.Error("read the verdicts of a check", "check", name, "err", err)
	}
	for _, s := range series {
		for _, p := range s.Points {
			n := int(time.Unix(int64(p[0]), 0).Sub(start) / stripCell1)
			if n >= 0 && n < stripCells {
				worst[n] = worse(worst[n], p[1])
			}
		}
	}
	return r.sayStrip(start, worst)
}

// worse returns the graver of what a cell has and a verdict's number.
func worse(have string, code float64) string {
	v := verdictOf(code)
	was := checks.NotApplicable
	if have == noData || was.UnmarshalText([]byte(have)) != nil || v.Worse(was) {
		return v.String()
	}
	return have
}

// verdictOf is the reverse of checks.Verdict.Code.
func verdictOf(code float64) checks.Verdict {
	for _, v := range []checks.Verdict{checks.OK, checks.Attention, checks.Abnormal} {
		if float64(v.Code()) == code {
			return v
		}
	}
	return checks.Unknown
}

func (r *request) sayStrip(start time.Time, worst []string) ([]stripCell, []verdictTime) {
	cells := make([]stripCell, 0, len(worst))
	times := map[string]time.Duration{}
	for n, id := range worst {
		from := start.Add(time.Duration(n) * stripCell1)
		cells = append(cells, stripCell{
			state{id, r.T("console.verdict." + id)},
			r.short(from, r.now) + " – " + from.Add(stripCell1).In(r.zone).Format("15:04"),
		})
		times[id] += stripCell1
	}
	var sum []verdictTime
	for _, id := range []string{"abnormal", "unknown", "attention", noData, "ok"} {
		if times[id] > 0 {
			sum = append(sum, verdictTime{state{id, r.T("console.verdict." + id)}, times[id]})
		}
	}
	return cells, sum
}
