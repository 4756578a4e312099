package reports

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/inspection"
	"xunjian/alerting/plan"
)

// Facts are what a report tells, in no language: they are what is filed, and
// every form and language of the report is made of them.
type Facts struct {
	// Once: it is of one look without an agent, which knows no history.
	Once bool `json:"once,omitempty"`
	// ID of the report as filed; empty for one that was made to be looked at.
	ID    string           `json:"id,omitempty"`
	Host  string           `json:"host"`
	Unit  plan.Text        `json:"unit"`
	Made  time.Time        `json:"made"`
	From  time.Time        `json:"from"`
	To    time.Time        `json:"to"`
	Round inspection.Round `json:"round"`
	// Before are the figures of the periods before this one, the latest first;
	// one of which nothing is known is nil.
	Before []map[string]float64 `json:"before"`
	Charts []Chart              `json:"charts"`
	// Measured is the share of the period in which the agent looked, 0 to 1;
	// Gaps are the stretches in which it did not.
	Measured  float64    `json:"measured"`
	Gaps      []Span     `json:"gaps"`
	Incidents []Incident `json:"incidents"`
	Missed    []Missed   `json:"deadlines_missed"`
	Systems   []System   `json:"systems"`
	Lessons   []Lesson   `json:"lessons"`
	// Logs are what logs and guarded files came to; nil where nobody was asked.
	Logs *LogFacts `json:"logs,omitempty"`
}

type (
	// Span is a stretch of time.
	Span struct{ From, To time.Time }
	// Chart is the course of something over the period.
	Chart struct {
		Item  string        `json:"item"`
		Chart string        `json:"chart"`
		Step  time.Duration `json:"step_ns"`
		Lines []Line        `json:"lines"`
	}
	// Line is one of a chart: Unix seconds and values.
	Line struct {
		Subject string       `json:"subject"`
		Points  [][2]float64 `json:"points"`
	}
	// Incident is what the report says of one, of a warning or of a drill.
	Incident struct {
		ID       string     `json:"id"`
		Title    plan.Text  `json:"title"`
		Code     string     `json:"code"`
		Level    plan.Level `json:"level"`
		State    string     `json:"state"`
		Drill    bool       `json:"drill,omitempty"`
		Warning  bool       `json:"warning,omitempty"`
		System   string     `json:"system,omitempty"`
		Opened   time.Time  `json:"opened"`
		Acked    time.Time  `json:"acknowledged,omitzero"`
		Ended    time.Time  `json:"ended,omitzero"`
		Since    time.Time  `json:"outage_since"`
		Assignee string     `json:"assignee,omitempty"`
		// Lost is how long the outage lasted, up to the end of the period.
		Lost time.Duration `json:"lost_ns"`
		// Kept and Missed count its deadlines.
		Kept   int `json:"deadlines_kept"`
		Missed int `json:"deadlines_missed"`
	}
	// Missed is a deadline that was not kept.
	Missed struct {
		Incident string    `json:"incident"`
		What     plan.Text `json:"what"`
		Due      time.Time `json:"due"`
		Met      time.Time `json:"met,omitzero"`
		Article  string    `json:"article,omitempty"`
	}
	// System is how long one was there.
	System struct {
		Name string          `json:"name"`
		Kind plan.SystemKind `json:"kind"`
		// Lost is the time of its outages within the period, overlaps counted
		// once; Unknown the time outside of them that nobody looked.
		Lost      time.Duration `json:"lost_ns"`
		Unknown   time.Duration `json:"unknown_ns"`
		Incidents int           `json:"incidents"`
		// Probed is the same as its probes saw it; nil where it has none.
		Probed *Probed `json:"probed,omitempty"`
	}
	// Lesson is a measure that an investigation asked for and that is not done.
	Lesson struct {
		Incident string    `json:"incident"`
		Text     string    `json:"text"`
		Owner    string    `json:"owner"`
		Due      time.Time `json:"due"`
	}
)

// Availability is the share of the known time in which the system was there; ok
// is false where nothing is known.
func (s System) Availability(period time.Duration) (share float64, ok bool) {
	known := period - s.Unknown
	if known <= 0 {
		return 0, false
	}
	return 1 - float64(s.Lost)/float64(known), true
}

const (
	// periodsBefore is how many periods the trend looks back.
	periodsBefore = 4
	// pointsOfChart is how many points a line has at most.
	pointsOfChart = 420
	maxIncidents  = 1000
)

// gather makes the facts of a round.
func (r *Reports) gather(ctx context.Context, round inspection.Round) (Facts, error) {
	f := Facts{
		Host: r.opt.Host, Unit: r.opt.Unit, Made: r.opt.Now().UTC().Truncate(time.Millisecond), From: round.From, To: round.To, Round: round,
		Gaps: []Span{}, Incidents: []Incident{}, Missed: []Missed{}, Systems: []System{}, Lessons: []Lesson{}, Charts: []Chart{},
	}
	for _, step := range []func(context.Context, *Facts) error{r.gaps, r.charts, r.trend, r.incidents, r.probed, r.logs} {
		if err := step(ctx, &f); err != nil {
			return f, fmt.Errorf("facts of the report: %w", err)
		}
	}
	return f, nil
}

// gaps finds when nothing was measured.
func (r *Reports) gaps(ctx context.Context, f *Facts) error {
	step := max(f.To.Sub(f.From)/5000, 30*time.Second).Truncate(time.Second)
	list, err := r.opt.Engine.QueryRange(ctx, `count(count_over_time(xunjian_check_verdict[`+strconv.Itoa(int(step.Seconds()))+`s]))`, f.From, f.To, step)
	if err != nil {
		return err
	}
	var at []time.Time
	if len(list) > 0 {
		for _, p := range list[0].Points {
			at = append(at, moment(p[0]))
		}
	}
	last, missing := f.From, time.Duration(0)
	for _, t := range append(at, f.To) {
		if t.Sub(last) > 2*step+time.Minute {
			f.Gaps = append(f.Gaps, Span{last, t})
			missing += t.Sub(last)
		}
		last = t
	}
	if period := f.To.Sub(f.From); period > 0 {
		f.Measured = 1 - float64(missing)/float64(period)
	}
	return nil
}

func moment(sec float64) time.Time {
	whole, frac := math.Modf(sec)
	return time.Unix(int64(whole), int64(frac*1e9)).UTC()
}

func (r *Reports) charts(ctx context.Context, f *Facts) error {
	period := f.To.Sub(f.From)
	step := max(period/pointsOfChart, 15*time.Second).Round(time.Second)
	for _, g := range f.Round.Form.Groups {
		for _, i := range g.Items {
			for _, c := range i.Charts {
				list, err := r.opt.Engine.QueryRange(ctx, c.Over(period, max(step, 5*time.Minute)), f.From, f.To, step)
				if err != nil {
					return fmt.Errorf("chart %s: %w", c.ID, err)
				}
				chart := Chart{Item: i.ID, Chart: c.ID, Step: step, Lines: []Line{}}
				for _, s := range list {
					l := Line{Subject: subject(s.Labels, c.Subject)}
					for _, p := range s.Points {
						if !math.IsNaN(p[1]) && !math.IsInf(p[1], 0) {
							l.Points = append(l.Points, p)
						}
					}
					if len(l.Points) > 0 {
						chart.Lines = append(chart.Lines, l)
					}
				}
				if len(chart.Lines) == 0 && c.Optional {
					continue
				}
				// The weightiest first: a picture holds few.
				slices.SortStableFunc(chart.Lines, func(a, b Line) int { return cmp.Compare(peak(b), peak(a)) })
				f.Charts = append(f.Charts, chart)
			}
		}
	}
	return nil
}

func peak(l Line) float64 {
	out := math.Inf(-1)
	for _, p := range l.Points {
		out = max(out, p[1])
	}
	return out
}

func subject(labels map[string]string, names []string) string {
	var out []string
	for _, n := range names {
		if v := labels[n]; v != "" {
			out = append(out, v)
		}
	}
	return strings.Join(out, " ")
}

// figureKey is a figure of an item and what it is said of.
func figureKey(item, figure, subject string) string { return item + "\x00" + figure + "\x00" + subject }

// trend takes the figures of earlier periods from the rounds of then; where
// there was none, from the history as far as it reaches.
func (r *Reports) trend(ctx context.Context, f *Facts) error {
	period := f.Round.Form.Period
	made, err := r.opt.Rounds.Find(ctx, inspection.Query{Form: f.Round.Form.ID, From: f.To.Add(-(periodsBefore + 1) * period), To: f.To, Limit: 500})
	if err != nil {
		return err
	}
	since := r.opt.Engine.Since()
	for n := 1; n <= periodsBefore; n++ {
		at := f.To.Add(-time.Duration(n) * period)
		var best *inspection.Round
		for k := range made {
			if off := made[k].To.Sub(at).Abs(); made[k].ID != f.Round.ID && made[k].Form.Version == f.Round.Form.Version &&
				off < period/2 && (best == nil || off < best.To.Sub(at).Abs()) {
				best = &made[k]
			}
		}
		values := map[string]float64{}
		switch {
		case best != nil:
			for _, o := range best.Outcomes {
				for _, v := range o.Values {
					values[figureKey(o.Item, v.Figure, v.Subject)] = v.Value
				}
			}
		case !since.IsZero() && !since.After(at.Add(-period)):
			if err := r.measure(ctx, f.Round.Form, at, values); err != nil {
				return err
			}
		}
		if len(values) == 0 {
			values = nil
		}
		f.Before = append(f.Before, values)
	}
	return nil
}

func (r *Reports) measure(ctx context.Context, form inspection.Form, at time.Time, values map[string]float64) error {
	for _, g := range form.Groups {
		for _, i := range g.Items {
			for _, fig := range i.Figures {
				list, err := r.opt.Engine.Query(ctx, fig.Query(form.Period), at)
				if err != nil {
					return fmt.Errorf("figure %s: %w", fig.ID, err)
				}
				for _, s := range list {
					if !math.IsNaN(s.Value) && !math.IsInf(s.Value, 0) {
						values[figureKey(i.ID, fig.ID, subject(s.Labels, fig.Subject))] = s.Value
					}
				}
			}
		}
	}
	return nil
}

// incidents takes in what was open within the period, with its deadlines, and
// what it says of each system.
func (r *Reports) incidents(ctx context.Context, f *Facts) error {
	list, err := r.opt.Desk.Find(ctx, alerting.Query{To: f.To, Limit: maxIncidents})
	if err != nil {
		return err
	}
	outages := map[string][]Span{}
	count := map[string]int{}
	for _, i := range list {
		for _, l := range i.Lessons {
			if !i.Drill && (l.DoneAt.IsZero() || l.DoneAt.After(f.To)) && l.At.Before(f.To) {
				f.Lessons = append(f.Lessons, Lesson{i.ID, l.Text, l.Owner, l.Due})
			}
		}
		if !i.EndedAt.IsZero() && i.EndedAt.Before(f.From) {
			continue
		}
		env, err := r.opt.Desk.Env(ctx, i)
		if err != nil {
			return err
		}
		f.incident(i, env)
		if !i.Drill && i.State != incident.Watched && i.State != incident.Gone && i.State != incident.NoIncident {
			from := i.OutageSince
			if from.IsZero() {
				from = i.OpenedAt
			}
			until := from.Add(i.Outage(f.To))
			if from, until = later(from, f.From), earlier(until, f.To); until.After(from) {
				outages[i.System] = append(outages[i.System], Span{from, until})
				count[i.System]++
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.opt.Systems())) {
		spans := joined(outages[name])
		s := System{Name: name, Kind: r.opt.Systems()[name], Incidents: count[name]}
		for _, o := range spans {
			s.Lost += o.To.Sub(o.From)
		}
		for _, g := range f.Gaps {
			s.Unknown += g.To.Sub(g.From)
			for _, o := range spans { // an outage is known, whoever reported it
				if from, to := later(g.From, o.From), earlier(g.To, o.To); to.After(from) {
					s.Unknown -= to.Sub(from)
				}
			}
		}
		f.Systems = append(f.Systems, s)
	}
	slices.SortFunc(f.Lessons, func(a, b Lesson) int { return a.Due.Compare(b.Due) })
	slices.SortFunc(f.Incidents, func(a, b Incident) int { return a.Opened.Compare(b.Opened) })
	slices.SortFunc(f.Missed, func(a, b Missed) int { return a.Due.Compare(b.Due) })
	return nil
}

func (f *Facts) incident(i incident.Incident, env incident.Env) {
	is := Incident{
		ID: i.ID, Title: i.Title, Code: i.Code, Level: i.Level, State: string(i.State), Drill: i.Drill, Warning: i.Warning != nil && (i.State == incident.Watched || i.State == incident.Gone),
		System: i.System, Opened: i.OpenedAt, Acked: i.FirstAckAt, Ended: i.EndedAt, Since: i.OutageSince, Assignee: i.Assignee, Lost: i.Outage(f.To),
	}
	for _, d := range i.Deadlines(env) {
		switch d.State(f.To) {
		case "kept":
			is.Kept++
		case "missed", "overdue":
			is.Missed++
			if !i.Drill && !d.Due.Before(f.From) && d.Due.Before(f.To) {
				f.Missed = append(f.Missed, Missed{Incident: i.ID, What: whatIsDue(i, env.Plan, d), Due: d.Due, Met: d.Met, Article: d.Article})
			}
		}
	}
	f.Incidents = append(f.Incidents, is)
}

// whatIsDue names what a deadline is for.
func whatIsDue(i incident.Incident, p *plan.Plan, d incident.Deadline) plan.Text {
	for _, s := range i.Playbook(p) {
		if s.ID == d.Subject {
			return s.Do
		}
	}
	for _, list := range [][]plan.Step{p.Duties, p.Aftercare} {
		for _, s := range list {
			if s.ID == d.Subject {
				return s.Do
			}
		}
	}
	for _, s := range p.Statutory {
		if s.ID == d.Subject {
			return s.Do
		}
	}
	switch d.ID {
	case "acknowledge":
		return plan.Text{ZH: "确认", EN: "Acknowledge"}
	case "triage":
		return plan.Text{ZH: "研判", EN: "Triage"}
	}
	return plan.Text{ZH: d.ID, EN: d.ID}
}

// joined makes one of spans that overlap.
func joined(list []Span) []Span {
	slices.SortFunc(list, func(a, b Span) int { return a.From.Compare(b.From) })
	var out []Span
	for _, s := range list {
		if n := len(out); n > 0 && !s.From.After(out[n-1].To) {
			out[n-1].To = later(out[n-1].To, s.To)
			continue
		}
		out = append(out, s)
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
