package console

import (
	"cmp"
	"errors"
	"math"
	"net/http"
	"slices"
	"time"

	"xunjian/alerting/inspection"
	"xunjian/rules"
)

// chartUnits are the chart's words for the units of forms.
var chartUnits = map[string]string{"ratio": "ratio", "bytes": "bytes", "bytes_per_second": "bytes/s", "seconds": "seconds"}

// roundCharts are the charts of an item: as the form has them, else its figures
// are not drawn.
func (r *request) roundCharts(x inspection.Round, item string) []lazyChart {
	i, _ := x.Form.Item(item)
	var out []lazyChart
	for _, f := range i.Charts {
		out = append(out, lazyChart{f.Title.In(r.say.Lang()), chartUnits[f.Unit], "/rounds/" + x.ID + "/chart?" + query("item", item, "chart", f.ID)})
	}
	return out
}

// roundChart answers the numbers of a chart of a round: over its period and,
// while nobody has signed it, up to now. Its limits are lines of their own.
func roundChart(r *request) error {
	x, _, err := r.c.opt.Rounds.Get(r.Context(), r.PathValue("id"))
	if errors.Is(err, inspection.ErrNotFound) {
		return errNotFound
	}
	if err != nil {
		return err
	}
	i, _ := x.Form.Item(r.URL.Query().Get("item"))
	n := slices.IndexFunc(i.Charts, func(f inspection.Figure) bool { return f.ID == r.URL.Query().Get("chart") })
	if n < 0 {
		return errNotFound
	}
	fig, to := i.Charts[n], x.To
	if x.Inspector == nil && !x.Done() {
		to = r.now
	}
	leave, err := r.enter()
	if err != nil {
		return err
	}
	defer leave()
	step := max(15*time.Second, (to.Sub(x.From) / chartPoints).Truncate(time.Second))
	series, err := r.c.opt.Rules.QueryRange(r.Context(), fig.Over(x.Form.Period, step), x.From, to, step)
	if err != nil {
		if r.Context().Err() != nil {
			return r.Context().Err()
		}
		f := failing(http.StatusUnprocessableEntity, "query")
		f.Args = map[string]any{"why": cut(err.Error(), 500)}
		return r.json(f.Status, map[string]string{"error": r.sayFailure(f)})
	}
	c := lines(subjects(series, fig.Subject))
	c.Unit, c.From, c.To = chartUnits[fig.Unit], x.From.Unix(), to.Unix()
	for word, l := range map[string]*inspection.Limit{"attention": fig.Attention, "abnormal": fig.Abnormal} {
		if v := l.Line(); !math.IsNaN(v) {
			c.Limits = append(c.Limits, chartLimit{r.T("console.round.limit." + word), word, v})
		}
	}
	slices.SortFunc(c.Limits, func(a, b chartLimit) int { return cmp.Compare(b.Kind, a.Kind) })
	return r.json(http.StatusOK, c)
}

// subjects leaves of each series only the labels that tell it from the others,
// where the form says which.
func subjects(series []rules.Series, names []string) []rules.Series {
	if len(names) == 0 {
		return series
	}
	out := slices.Clone(series)
	for n := range out {
		labels := map[string]string{}
		for _, name := range names {
			labels[name] = out[n].Labels[name]
		}
		out[n].Labels = labels
	}
	return out
}
