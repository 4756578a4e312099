package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"xunjian/alerting/inspection"
	"xunjian/alerting/report/bulletin"
)

// composer puts facts into words.
type composer struct {
	f    Facts
	w    *wording
	say  inspection.Speaker
	view inspection.RoundView
	zone *time.Location
	doc  *bulletin.Document
}

// Compose writes the report in the language of say.
func Compose(f Facts, say inspection.Speaker, zone *time.Location) *bulletin.Document {
	w := words[say.Lang()]
	if w == nil {
		w = words["zh-CN"]
	}
	c := composer{f: f, w: w, say: say, view: f.Round.Shown(say, f.Made), zone: zone}
	title := fmt.Sprintf(w.report, c.view.Title)
	c.doc = &bulletin.Document{
		Lang: say.Lang(), Title: title, Verdict: toneOf(c.view.Verdict), Made: f.Made.In(zone),
		Footer: fmt.Sprintf(w.footer, f.Host, strings.TrimSpace(f.ID+" "+c.clock(f.Made))),
		Number: func(page, pages int) string { return fmt.Sprintf(w.number, page, pages) },
	}
	if unit := f.Unit.In(say.Lang()); unit != "" {
		c.lead(w.unit, unit)
	}
	c.lead(w.host, f.Host)
	c.lead(w.period, c.clock(f.From), c.clock(f.To))
	c.lead(w.made, c.clock(f.Made))
	if a := f.Round.Form.Article; a != "" {
		c.lead(w.article, a)
	}
	c.summary()
	c.items()
	if !f.Once {
		c.forecasts()
		c.logs()
		c.incidents()
		c.systems()
		c.lessons()
		c.gaps()
	}
	c.signatures()
	c.doc.Fields = c.fields()
	return c.doc
}

func (c *composer) lead(format string, args ...any) {
	c.doc.Lead = append(c.doc.Lead, fmt.Sprintf(format, args...))
}

func (c *composer) add(parts ...bulletin.Part) { c.doc.Parts = append(c.doc.Parts, parts...) }

func (c *composer) head(s string) { c.add(bulletin.Heading{Text: s}) }

func (c *composer) text(tone bulletin.Tone, format string, args ...any) {
	c.add(bulletin.Text{Text: fmt.Sprintf(format, args...), Tone: tone})
}

func (c *composer) clock(t time.Time) string {
	if t.IsZero() {
		return c.w.none
	}
	return t.In(c.zone).Format("2006-01-02 15:04")
}

func (c *composer) span(d time.Duration) string {
	if d <= 0 {
		return c.w.none
	}
	return c.value("seconds", d.Round(time.Second).Seconds())
}

func (c *composer) value(unit string, v float64) string {
	return c.say.T("round.value."+unit, map[string]any{"value": v})
}

func toneOf(v inspection.Verdict) bulletin.Tone {
	switch v {
	case inspection.Normal:
		return bulletin.Good
	case inspection.Attention, inspection.Unknown:
		return bulletin.Warn
	case inspection.Abnormal, inspection.NotInspected:
		return bulletin.Bad
	}
	return bulletin.Dim
}

func (c *composer) summary() {
	c.head(c.w.summary)
	c.text(c.doc.Verdict, c.w.overall, c.view.VerdictName)
	var counts []string
	total := 0
	for _, v := range slices.Backward(inspection.Verdicts) {
		if n := c.view.Counts[v]; n > 0 {
			counts = append(counts, fmt.Sprintf("%s %d", inspection.Word(c.say, v), n))
			total += n
		}
	}
	c.text(bulletin.Plain, c.w.counts, total, strings.Join(counts, c.w.joint))
	period := c.f.To.Sub(c.f.From)
	switch {
	case c.f.Once:
		c.text(bulletin.Warn, "%s", c.w.once)
	case c.f.Measured <= 0:
		c.text(bulletin.Bad, "%s", c.w.noMeasured)
	case len(c.f.Gaps) > 0:
		c.text(bulletin.Warn, c.w.measured, c.value("ratio", c.f.Measured), c.span(time.Duration((1-c.f.Measured)*float64(period))))
	default:
		c.text(bulletin.Plain, "%s", c.w.allMeasured)
	}
	if c.view.Late {
		c.text(bulletin.Warn, c.w.late, c.view.Missed)
	}
	c.add(bulletin.Heading{Text: c.w.needs, Minor: true})
	rows := c.needs()
	if len(rows) == 0 {
		c.text(bulletin.Good, "%s", c.w.nothing)
		return
	}
	c.add(bulletin.Table{Name: c.w.needs, Columns: []bulletin.Column{
		{Title: c.w.what, Share: 2.2}, {Title: c.w.why, Share: 3.4}, {Title: c.w.todo, Share: 3.4}, {Title: c.w.byWhen, Share: 1.8},
	}, Rows: rows})
}

// needs are what waits for somebody: items, incidents, measures.
func (c *composer) needs() [][]bulletin.Cell {
	var rows [][]bulletin.Cell
	by := ""
	if !c.view.Done && !c.view.SignBy.IsZero() {
		by = c.clock(c.view.SignBy)
	}
	for _, v := range slices.Backward(inspection.Verdicts) {
		for _, g := range c.view.Groups {
			for _, i := range g.Items {
				if i.Verdict != v || v.Settled() {
					continue
				}
				todo := i.IfFails
				if i.Verdict == inspection.NotInspected && i.Question != "" {
					todo = i.Question
				}
				rows = append(rows, []bulletin.Cell{
					{Text: i.Title + "\n" + i.VerdictName, Tone: toneOf(v)}, {Text: c.grounds(i, 3)}, {Text: todo}, {Text: strings.TrimSpace(by + " " + i.Incident)},
				})
			}
		}
	}
	for _, i := range c.f.Incidents {
		if i.Ended.IsZero() && !i.Drill {
			rows = append(rows, []bulletin.Cell{
				{Text: i.ID, Tone: bulletin.Bad}, {Text: i.Title.In(c.say.Lang())}, {Text: c.w.open + " " + string(i.Level)}, {Text: i.Assignee},
			})
		}
	}
	for _, l := range c.f.Lessons {
		if l.Due.Before(c.f.To.Add(7 * 24 * time.Hour)) {
			rows = append(rows, []bulletin.Cell{{Text: c.w.lessons, Tone: bulletin.Warn}, {Text: l.Incident}, {Text: l.Text}, {Text: c.clock(l.Due) + " " + l.Owner}})
		}
	}
	return rows
}

// grounds are the reasons and figures of an item, the first few or, with 0,
// all of them.
func (c *composer) grounds(i inspection.ItemView, most int) string {
	var out []string
	for _, why := range i.Reasons {
		about := strings.TrimSpace(why.Check + " " + why.Subject)
		if about != "" {
			about += ": "
		}
		out = append(out, about+why.Text)
	}
	for _, v := range i.Values {
		if most == 0 || !v.Verdict.Settled() {
			out = append(out, strings.TrimSpace(v.Title+" "+v.Subject)+": "+v.Text)
		}
	}
	if most > 0 && len(out) > most {
		out = append(out[:most], "…")
	}
	if i.By != "" {
		out = append(out, fmt.Sprintf(c.w.person, i.By, c.clock(i.At)))
	}
	if i.Note != "" {
		out = append(out, i.Note)
	}
	for _, a := range i.Files {
		out = append(out, fmt.Sprintf(c.w.attached, a.Name, c.value("bytes", float64(a.Bytes)), a.SHA256[:16]))
	}
	return strings.Join(out, "\n")
}

func (c *composer) items() {
	c.head(c.w.items)
	for _, g := range c.view.Groups {
		c.add(bulletin.Heading{Text: g.Title, Minor: true})
		t := bulletin.Table{Name: c.w.items, Columns: []bulletin.Column{{Title: c.w.item, Share: 2.4}, {Title: c.w.verdict, Share: 1.4}, {Title: c.w.found, Share: 6}}}
		for _, i := range g.Items {
			verdict := i.VerdictName
			if i.Before != "" {
				verdict += "\n" + fmt.Sprintf(c.w.before, i.BeforeName)
			}
			t.Rows = append(t.Rows, []bulletin.Cell{{Text: i.Title}, {Text: verdict, Tone: toneOf(i.Verdict)}, {Text: c.grounds(i, 0)}})
		}
		c.add(t)
		c.trend(g)
		for _, i := range g.Items {
			c.charts(i.ID)
		}
	}
}

// trend is a table of the figures of a group, now and before.
func (c *composer) trend(g inspection.GroupView) {
	t := bulletin.Table{Name: c.w.trends, Columns: []bulletin.Column{{Title: c.w.figure, Share: 3.4}, {Title: c.w.now, Share: 1.3, Right: true}}}
	for n := range c.f.Before {
		t.Columns = append(t.Columns, bulletin.Column{Title: fmt.Sprintf(c.w.ago, n+1), Share: 1.2, Right: true})
	}
	for _, i := range g.Items {
		for _, v := range i.Values {
			row := []bulletin.Cell{
				{Text: strings.TrimSpace(i.Title + " · " + v.Title + " " + v.Subject)},
				{Text: v.Text, Tone: toneOf(v.Verdict), Value: v.Value},
			}
			for _, before := range c.f.Before {
				cell := bulletin.Cell{Text: c.w.none, Tone: bulletin.Dim}
				if was, ok := before[figureKey(i.ID, v.Figure, v.Subject)]; ok {
					cell = bulletin.Cell{Text: c.value(v.Unit, was), Value: was}
				}
				row = append(row, cell)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	if len(t.Rows) > 0 {
		c.add(bulletin.Heading{Text: c.w.trends, Minor: true}, t)
	}
}

func (c *composer) charts(item string) {
	i, _ := c.f.Round.Form.Item(item)
	for _, ch := range c.f.Charts {
		n := slices.IndexFunc(i.Charts, func(f inspection.Figure) bool { return f.ID == ch.Chart })
		if ch.Item != item || n < 0 {
			continue
		}
		fig := i.Charts[n]
		out := bulletin.Chart{
			Title: i.Title.In(c.say.Lang()) + " · " + fig.Title.In(c.say.Lang()), From: c.f.From, To: c.f.To, Step: max(ch.Step, 2*time.Minute), Zone: c.zone,
			Gap: c.w.gap, None: c.w.noPoints, Write: func(v float64) string { return c.value(fig.Unit, v) },
		}
		for _, l := range []*inspection.Limit{fig.Attention, fig.Abnormal} {
			if l != nil && l.Above != nil {
				out.Limits = append(out.Limits, *l.Above)
			}
		}
		for _, l := range ch.Lines {
			line := bulletin.Line{Name: l.Subject}
			for _, p := range l.Points {
				line.Points = append(line.Points, bulletin.Point{At: moment(p[0]), Value: p[1]})
			}
			out.Lines = append(out.Lines, line)
		}
		c.add(out)
	}
}

// forecasts are the figures that count days: until a volume is full, until a
// certificate or contract runs out.
func (c *composer) forecasts() {
	c.head(c.w.forecasts)
	t := bulletin.Table{Name: c.w.forecasts, Columns: []bulletin.Column{{Title: c.w.item, Share: 3}, {Title: c.w.what, Share: 3}, {Title: c.w.left, Share: 2, Right: true}, {Title: c.w.byWhen, Share: 2}}}
	for _, g := range c.view.Groups {
		for _, i := range g.Items {
			for _, v := range i.Values {
				if v.Unit == "days" {
					at := c.f.To.Add(time.Duration(math.Min(v.Value, 36500) * 24 * float64(time.Hour)))
					t.Rows = append(t.Rows, []bulletin.Cell{
						{Text: i.Title}, {Text: strings.TrimSpace(v.Title + " " + v.Subject)}, {Text: v.Text, Tone: toneOf(v.Verdict), Value: v.Value}, {Text: at.In(c.zone).Format(time.DateOnly)},
					})
				}
			}
		}
	}
	if len(t.Rows) == 0 {
		c.text(bulletin.Plain, "%s", c.w.noForecast)
		return
	}
	c.add(t)
}

func (c *composer) gaps() {
	c.head(c.w.gaps)
	if len(c.f.Gaps) == 0 {
		c.text(bulletin.Good, "%s", c.w.noGaps)
		return
	}
	t := bulletin.Table{Name: c.w.gaps, Columns: []bulletin.Column{{Title: c.w.from, Share: 1}, {Title: c.w.to, Share: 1}, {Title: c.w.length, Share: 1, Right: true}}}
	for _, g := range c.f.Gaps {
		t.Rows = append(t.Rows, []bulletin.Cell{{Text: c.clock(g.From)}, {Text: c.clock(g.To)}, {Text: c.span(g.To.Sub(g.From)), Tone: bulletin.Warn, Value: g.To.Sub(g.From).Seconds()}})
	}
	c.add(t)
}

func (c *composer) signatures() {
	sign := func(as string, s *inspection.Signature) bulletin.Signature {
		if s == nil {
			return bulletin.Signature{As: as}
		}
		return bulletin.Signature{As: as, By: s.By, At: c.clock(s.At), Note: s.Note}
	}
	c.add(bulletin.Signatures{sign(c.w.inspector, c.view.Inspector), sign(c.w.reviewer, c.view.Reviewer)})
}

// fields are what an operator's own template can name.
func (c *composer) fields() map[string]string {
	who := func(s *inspection.Signature) string {
		if s == nil {
			return ""
		}
		return s.By + " " + c.clock(s.At)
	}
	out := map[string]string{
		"title": c.doc.Title, "unit": c.f.Unit.In(c.say.Lang()), "host": c.f.Host, "from": c.clock(c.f.From), "to": c.clock(c.f.To), "made": c.clock(c.f.Made),
		"report": c.f.ID, "verdict": c.view.VerdictName, "measured": c.value("ratio", c.f.Measured), "inspector": who(c.view.Inspector), "reviewer": who(c.view.Reviewer),
	}
	section, body := "", map[string][]string{}
	for _, p := range c.doc.Parts {
		switch p := p.(type) {
		case bulletin.Heading:
			section = p.Text
		case bulletin.Text:
			body[section] = append(body[section], p.Text)
		case bulletin.Table:
			for _, row := range p.Rows {
				var cells []string
				for _, cell := range row {
					if t := strings.Join(strings.Fields(cell.Text), " "); t != "" {
						cells = append(cells, t)
					}
				}
				body[section] = append(body[section], strings.Join(cells, "  "))
			}
		}
	}
	for name, section := range map[string]string{
		"summary": c.w.summary, "needs": c.w.needs, "forecasts": c.w.forecasts, "incidents": c.w.incidents, "deadlines-missed": c.w.missed,
		"systems": c.w.systems, "lessons": c.w.lessons, "drills": c.w.drills, "gaps": c.w.gaps,
		"logs": c.w.logs, "log-lines": c.w.logKnown, "log-events": c.w.logEvents, "log-attacks": c.w.logAttacks, "log-kinds": c.w.logKinds, "file-changes": c.w.logFiles,
	} {
		out[name] = strings.Join(body[section], "\n")
	}
	for _, g := range c.view.Groups {
		for _, i := range g.Items {
			out["item."+i.ID+".verdict"] = i.VerdictName
			out["item."+i.ID+".found"] = c.grounds(i, 0)
			for n := range i.Values {
				v := i.Values[n]
				name := "item." + i.ID + "." + v.Figure
				out[name] = strings.TrimSpace(strings.TrimPrefix(out[name]+"\n"+strings.TrimSpace(v.Subject+" "+v.Text), "\n"))
			}
		}
	}
	return out
}
