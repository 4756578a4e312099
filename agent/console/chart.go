package console

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"xunjian/alerting/text"
	"xunjian/rules"
)

// chartLines is what a chart is drawn from: one time axis, and for each line a
// value or null at each time.
type chartLines struct {
	Unit  string       `json:"unit,omitempty"`
	Times []float64    `json:"t"` // seconds since 1970
	Names []string     `json:"names"`
	Lines [][]*float64 `json:"lines"`
	// More counts the lines that are left out.
	More int `json:"more,omitempty"`
	// Limits are drawn across.
	Limits []chartLimit `json:"limits,omitempty"`
	// From and To bound the axis; 0 leaves it to the data.
	From int64 `json:"from,omitempty"`
	To   int64 `json:"to,omitempty"`
}

// chartLimit is a value that is held against the lines.
type chartLimit struct {
	Name  string  `json:"name"`
	Kind  string  `json:"kind"` // attention or abnormal
	Value float64 `json:"value"`
}

// maxLines is how many lines people can tell apart.
const maxLines = 20

// chartView is a chart on a page with what it shows in figures, for readers
// without the picture.
type chartView struct {
	Title, Unit string
	Data        string // chartLines in JSON
	Rows        []seriesRow
	More        int
}

type seriesRow struct {
	Name, Last, Least, Greatest string
}

func newChart(title, unit string, series []rules.Series) chartView {
	c := lines(series)
	c.Unit = unit
	body, err := json.Marshal(c)
	if err != nil {
		body = []byte("{}") // cannot be: all values are finite
	}
	v := chartView{Title: title, Unit: unit, Data: string(body), More: c.More}
	for n, line := range c.Lines {
		v.Rows = append(v.Rows, figures(c.Names[n], unit, line))
	}
	return v
}

// lines puts series on one time axis.
func lines(series []rules.Series) chartLines {
	series = slices.Clone(series)
	series = slices.DeleteFunc(series, func(s rules.Series) bool { return len(s.Points) == 0 })
	slices.SortStableFunc(series, func(a, b rules.Series) int { return cmp.Compare(peak(b), peak(a)) })
	more := max(0, len(series)-maxLines)
	series = series[:len(series)-more]
	c := chartLines{Names: seriesNames(series), More: more, Times: axis(series), Lines: make([][]*float64, 0, len(series))}
	for _, s := range series {
		at := make(map[float64]float64, len(s.Points))
		for _, p := range s.Points {
			at[inSeconds(p[0])] = p[1]
		}
		line := make([]*float64, len(c.Times))
		for n, t := range c.Times {
			if v, ok := at[t]; ok && !math.IsNaN(v) && !math.IsInf(v, 0) {
				line[n] = &v
			}
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}

func peak(s rules.Series) float64 {
	top := math.Inf(-1)
	for _, p := range s.Points {
		top = max(top, p[1])
	}
	return top
}

// inSeconds reads a time that may be in milliseconds.
func inSeconds(t float64) float64 {
	if t > 1e11 {
		return t / 1000
	}
	return t
}

// axis merges the times of all series. Where nothing was measured for a while,
// an empty moment stands, so that the lines break instead of bridging it.
func axis(series []rules.Series) []float64 {
	set := map[float64]bool{}
	for _, s := range series {
		for _, p := range s.Points {
			set[inSeconds(p[0])] = true
		}
	}
	times := slices.Sorted(maps.Keys(set))
	step := math.Inf(1)
	for n := 1; n < len(times); n++ {
		step = min(step, times[n]-times[n-1])
	}
	out := make([]float64, 0, len(times))
	for n, t := range times {
		if n > 0 && t-times[n-1] > 2.5*step {
			out = append(out, times[n-1]+step)
		}
		out = append(out, t)
	}
	return out
}

// seriesNames names each series by the labels in which they differ.
func seriesNames(series []rules.Series) []string {
	values := map[string]map[string]bool{}
	for _, s := range series {
		for name := range s.Labels {
			if values[name] == nil {
				values[name] = map[string]bool{}
			}
		}
	}
	for name := range values {
		for _, s := range series {
			values[name][s.Labels[name]] = true
		}
	}
	out := make([]string, 0, len(series))
	for _, s := range series {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if len(values[name]) > 1 && s.Labels[name] != "" {
				parts = append(parts, cut(s.Labels[name], 60))
			}
		}
		out = append(out, cmp.Or(strings.Join(parts, " "), s.Labels["__name__"]))
	}
	return out
}

func figures(name, unit string, line []*float64) seriesRow {
	least, greatest, last := math.Inf(1), math.Inf(-1), math.NaN()
	for _, v := range line {
		if v != nil {
			least, greatest, last = min(least, *v), max(greatest, *v), *v
		}
	}
	return seriesRow{name, inUnit(unit, last), inUnit(unit, least), inUnit(unit, greatest)}
}

func inUnit(unit string, v float64) string {
	switch unit {
	case "bytes":
		return text.Bytes(v)
	case "bytes/s":
		return text.Bytes(v) + "/s"
	case "ratio":
		return text.Percent(v)
	case "seconds":
		return text.Number(v) + " s"
	}
	return text.Number(v)
}

// spans are the ranges that charts are offered for.
func spans() []span {
	return []span{
		{"1h", time.Hour}, {"6h", 6 * time.Hour}, {"24h", 24 * time.Hour},
		{"7d", 7 * 24 * time.Hour}, {"15d", 15 * 24 * time.Hour},
	}
}

type span struct {
	ID  string
	Len time.Duration
}

// spanOf returns the range of a parameter, or the one given.
func spanOf(id, def string) span {
	list := spans()
	for _, want := range []string{id, def} {
		for _, s := range list {
			if s.ID == want {
				return s
			}
		}
	}
	return list[0]
}

// chartPoints is how many points a line has at most.
const chartPoints = 360

func (s span) step() time.Duration {
	return max(15*time.Second, (s.Len / chartPoints).Truncate(time.Second))
}

// chartData answers the numbers of one chart in JSON.
func chartData(r *request) error {
	q := r.URL.Query()
	s := spanOf(q.Get("range"), "1h")
	c, err := r.chart(q.Get("expr"), s)
	if f := (*failure)(nil); errors.As(err, &f) {
		return r.json(f.Status, map[string]string{"error": r.sayFailure(f)})
	}
	if err != nil {
		return err
	}
	c.Unit = q.Get("unit")
	return r.json(http.StatusOK, c)
}

func (r *request) json(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	r.w.Header().Set("Content-Type", "application/json")
	r.w.WriteHeader(status)
	_, err = r.w.Write(body)
	return err
}

// chart evaluates an expression over a range that ends now. What is wrong with
// the expression is a failure that people can read.
func (r *request) chart(expr string, s span) (chartLines, error) {
	series, err := r.queryRange(expr, s)
	if err != nil {
		return chartLines{}, err
	}
	c := lines(series)
	c.From, c.To = r.now.Add(-s.Len).Unix(), r.now.Unix()
	return c, nil
}

func (r *request) queryRange(expr string, s span) ([]rules.Series, error) {
	if len(expr) == 0 || len(expr) > maxExpr {
		return nil, errBadForm
	}
	leave, err := r.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	series, err := r.c.opt.Rules.QueryRange(r.Context(), expr, r.now.Add(-s.Len), r.now, s.step())
	if err == nil {
		return series, nil
	}
	if r.Context().Err() != nil {
		return nil, r.Context().Err()
	}
	f := failing(http.StatusUnprocessableEntity, "query")
	f.Args = map[string]any{"why": cut(err.Error(), 500)}
	return nil, f
}

// maxExpr bounds an expression in bytes.
const maxExpr = 4096
