package reports

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"xunjian/alerting/inspection"
	"xunjian/alerting/plan"
	"xunjian/alerting/report/bulletin"
)

// Logs knows what the review of logs and the guard of files came to.
type Logs interface {
	LogFacts(ctx context.Context, from, to time.Time) LogFacts
}

type (
	// LogFacts are what logs and guarded files came to within a period. What was
	// not read is in it as well: a report must not take silence for good.
	LogFacts struct {
		// Since is from when on lines are counted by hour, Attackers from when on
		// clients that attack are remembered: what was before is not in here.
		Since     time.Time `json:"since"`
		Attackers time.Time `json:"attackers_since"`
		// Forgotten: more happened than can be remembered.
		Forgotten bool         `json:"forgotten,omitempty"`
		Sources   []LogSource  `json:"sources"`
		Patterns  []LogPattern `json:"patterns"`
		Events    []LogEvent   `json:"events"`
		Attacks   []LogAttack  `json:"attacks"`
		Templates []LogKind    `json:"templates"`
		// Learning are logs of which nothing counts as new yet.
		Learning []string `json:"learning"`
		// Guarded is how many folders are guarded; Files are changes in them that
		// nobody has approved.
		Guarded   int            `json:"guarded"`
		Files     []LogEvent     `json:"files"`
		Approvals []FileApproval `json:"approvals"`
		// Faults are what could not be asked, and why.
		Faults []string `json:"faults,omitempty"`
	}
	// LogSource is one log within the period.
	LogSource struct {
		Name  string `json:"name"`
		Error string `json:"error,omitempty"`
		// Silent: no line has come for far longer than usual.
		Silent bool      `json:"silent,omitempty"`
		Last   time.Time `json:"last_line,omitzero"`
		// Lines were read within the hours of the period, Behind bytes were still
		// to be read; Unparsed lines of an access log fit no format, and Unjudged
		// odd requests nobody looked at.
		Lines    uint64  `json:"lines"`
		Behind   int64   `json:"behind,omitempty"`
		Unparsed float64 `json:"unparsed,omitempty"`
		Unjudged float64 `json:"unjudged,omitempty"`
	}
	// LogPattern is a kind of line that is known.
	LogPattern struct {
		Name    string            `json:"name"`
		Title   plan.Text         `json:"title"`
		Verdict string            `json:"verdict"` // ok, attention or abnormal
		Code    string            `json:"code,omitempty"`
		Count   uint64            `json:"count"`
		Sources map[string]uint64 `json:"sources"`
	}
	// LogEvent is a finding of something that happened: its code with arguments.
	LogEvent struct {
		Code    string         `json:"code"`
		Args    map[string]any `json:"args"`
		Subject string         `json:"subject"`
		Verdict string         `json:"verdict"`
		First   time.Time      `json:"first"`
		Last    time.Time      `json:"last"`
		Count   int            `json:"count,omitempty"`
		Line    string         `json:"line,omitempty"`
	}
	// LogAttack is one client that attacked.
	LogAttack struct {
		Source   string    `json:"source"`
		Client   string    `json:"client"`
		Classes  []string  `json:"classes"`
		Count    uint64    `json:"count"`
		Answered uint64    `json:"answered"`
		Last     time.Time `json:"last"`
		Line     string    `json:"line"` // what was tried, decoded
	}
	// LogKind is a kind of line that was new, or suddenly frequent.
	LogKind struct {
		Source string    `json:"source"`
		Text   string    `json:"text"`
		Burst  bool      `json:"burst,omitempty"`
		At     time.Time `json:"at"`
		Count  uint64    `json:"count"`
	}
	// FileApproval is what a person took as right.
	FileApproval struct {
		At     time.Time `json:"at"`
		By     string    `json:"by"`
		Reason string    `json:"reason"`
		Count  int       `json:"count"`
	}
)

// mostLogRows bounds each table about logs; the rest is counted.
const mostLogRows = 40

// logs takes in what logs and guarded files came to, and how much of access
// records nobody looked at.
func (r *Reports) logs(ctx context.Context, f *Facts) error {
	if r.opt.Logs == nil {
		return nil
	}
	l := r.opt.Logs.LogFacts(ctx, f.From, f.To)
	period := max(1, int(f.To.Sub(f.From).Seconds()))
	for name, into := range map[string]func(*LogSource) *float64{
		"xunjian_access_unparsed_lines_total":    func(s *LogSource) *float64 { return &s.Unparsed },
		"xunjian_access_unjudged_requests_total": func(s *LogSource) *float64 { return &s.Unjudged },
	} {
		list, err := r.opt.Engine.Query(ctx, fmt.Sprintf("sum by (source) (increase(%s[%ds]))", name, period), f.To)
		if err != nil {
			return err
		}
		for _, s := range list {
			if n := slices.IndexFunc(l.Sources, func(o LogSource) bool { return o.Name == s.Labels["source"] }); n >= 0 {
				*into(&l.Sources[n]) = s.Value
			}
		}
	}
	f.Logs = &l
	return nil
}

// blind reports whether something of the logs of the period was not read, or is
// not known any more.
func (l *LogFacts) blind(from time.Time) bool {
	return len(l.Sources) == 0 || len(l.Faults) > 0 || l.Forgotten || l.Since.After(from.Add(time.Hour)) ||
		slices.ContainsFunc(l.Sources, func(s LogSource) bool {
			return s.Error != "" || s.Silent || s.Lines < 1 || s.Behind > 0 || s.Unparsed >= 1 || s.Unjudged >= 1
		}) || slices.ContainsFunc(l.Events, func(e LogEvent) bool {
		return slices.Contains([]string{"logs.gap", "logs.emptied", "logs.rewritten"}, e.Code)
	})
}

// logs tells of logs and files.
func (c *composer) logs() {
	l := c.f.Logs
	if l == nil {
		return
	}
	c.head(c.w.logs)
	blind := l.blind(c.f.From)
	for _, why := range l.Faults {
		c.text(bulletin.Bad, c.w.logFault, why)
	}
	if l.Since.After(c.f.From.Add(time.Hour)) {
		c.text(bulletin.Warn, c.w.logSince, c.clock(l.Since))
	}
	if l.Forgotten {
		c.text(bulletin.Warn, "%s", c.w.logForgotten)
	}
	c.logSources(l)
	c.logPatterns(l, blind)
	c.logEvents(c.w.logEvents, c.w.noLogEvents, l.Events, blind)
	c.logAttacks(l, blind)
	c.logKinds(l)
	c.logFiles(l)
}

func (c *composer) logFiles(l *LogFacts) {
	if l.Guarded == 0 {
		c.add(bulletin.Heading{Text: c.w.logFiles, Minor: true})
		c.text(bulletin.Warn, "%s", c.w.noGuard)
		return
	}
	c.logEvents(c.w.logFiles, c.w.noLogFiles, l.Files, len(l.Faults) > 0)
	for _, a := range l.Approvals {
		c.text(bulletin.Plain, c.w.logApproved, c.clock(a.At), a.By, a.Count, a.Reason)
	}
}

// nothingOf says that there is nothing of a kind; as good only if all was read.
func (c *composer) nothingOf(format string, blind bool) {
	if blind {
		c.text(bulletin.Warn, "%s", format+c.w.logBlind)
		return
	}
	c.text(bulletin.Good, "%s", format+c.w.stop)
}

// rows adds a table, or what of it has room.
func (c *composer) rows(t bulletin.Table) {
	more := len(t.Rows) - mostLogRows
	if more > 0 {
		t.Rows = t.Rows[:mostLogRows]
	}
	c.add(t)
	if more > 0 {
		c.text(bulletin.Dim, c.w.logMore, more)
	}
}

func (c *composer) logSources(l *LogFacts) {
	if len(l.Sources) == 0 {
		c.text(bulletin.Bad, "%s", c.w.noLogs)
		return
	}
	t := bulletin.Table{Name: c.w.logs, Columns: []bulletin.Column{{Title: c.w.logSource, Share: 2}, {Title: c.w.logLines, Share: 1.4, Right: true}, {Title: c.w.logLast, Share: 2}, {Title: c.w.logState, Share: 4}}}
	for _, s := range l.Sources {
		state := bulletin.Cell{Text: c.w.logWhole, Tone: bulletin.Good}
		var lacks []string
		if s.Error != "" {
			lacks = append(lacks, fmt.Sprintf(c.w.logUnread, s.Error))
		}
		if s.Silent {
			lacks = append(lacks, c.w.logSilent)
		}
		if s.Lines < 1 {
			lacks = append(lacks, c.w.logNone)
		}
		if s.Behind > 0 {
			lacks = append(lacks, fmt.Sprintf(c.w.logBehind, c.value("bytes", float64(s.Behind))))
		}
		if s.Unparsed >= 1 {
			lacks = append(lacks, fmt.Sprintf(c.w.logUnparsed, s.Unparsed))
		}
		if s.Unjudged >= 1 {
			lacks = append(lacks, fmt.Sprintf(c.w.logUnjudged, s.Unjudged))
		}
		if len(lacks) > 0 {
			state = bulletin.Cell{Text: strings.Join(lacks, c.w.joint), Tone: bulletin.Warn}
		}
		if s.Error != "" {
			state.Tone = bulletin.Bad
		}
		t.Rows = append(t.Rows, []bulletin.Cell{{Text: s.Name}, {Text: fmt.Sprint(s.Lines), Value: s.Lines}, {Text: c.clock(s.Last)}, state})
	}
	c.rows(t)
}

// toneWord is a finding's verdict in words and colour.
func (c *composer) toneWord(verdict string) bulletin.Cell {
	v := map[string]inspection.Verdict{"ok": inspection.Normal, "attention": inspection.Attention, "abnormal": inspection.Abnormal}[verdict]
	if v == "" {
		v = inspection.Unknown
	}
	return bulletin.Cell{Text: inspection.Word(c.say, v), Tone: toneOf(v)}
}

func (c *composer) logPatterns(l *LogFacts, blind bool) {
	c.add(bulletin.Heading{Text: c.w.logKnown, Minor: true})
	t := bulletin.Table{Name: c.w.logKnown, Columns: []bulletin.Column{{Title: c.w.verdict, Share: 1.3}, {Title: c.w.what, Share: 4}, {Title: c.w.logLines, Share: 1.3, Right: true}, {Title: c.w.logSource, Share: 3}}}
	kinds, lines := 0, uint64(0)
	for _, p := range l.Patterns {
		if p.Verdict == "ok" {
			kinds, lines = kinds+1, lines+p.Count
			continue
		}
		var by []string
		for _, name := range slices.Sorted(maps.Keys(p.Sources)) {
			by = append(by, fmt.Sprintf("%s %d", name, p.Sources[name]))
		}
		t.Rows = append(t.Rows, []bulletin.Cell{
			c.toneWord(p.Verdict), {Text: strings.TrimSpace(p.Title.In(c.say.Lang()) + "\n" + p.Name + "  " + p.Code)}, {Text: fmt.Sprint(p.Count), Value: p.Count}, {Text: strings.Join(by, c.w.joint)},
		})
	}
	if len(t.Rows) > 0 {
		c.rows(t)
	} else {
		c.nothingOf(c.w.noLogKnown, blind)
	}
	if lines > 0 {
		c.text(bulletin.Plain, c.w.logOrder, lines, kinds)
	}
}

// logEvents tells what happened, be it to logs or to files.
func (c *composer) logEvents(title, none string, list []LogEvent, blind bool) {
	c.add(bulletin.Heading{Text: title, Minor: true})
	if len(list) == 0 {
		c.nothingOf(none, blind)
		return
	}
	t := bulletin.Table{Name: title, Columns: []bulletin.Column{{Title: c.w.verdict, Share: 1.3}, {Title: c.w.logSubject, Share: 2}, {Title: c.w.what, Share: 5}, {Title: c.w.logWhen, Share: 2}}}
	for _, e := range list {
		what := c.say.T(e.Code, e.Args)
		if e.Line != "" {
			what += "\n" + e.Line
		}
		when := c.clock(e.Last)
		if first := c.clock(e.First); first != when {
			when = first + "\n" + when
		}
		t.Rows = append(t.Rows, []bulletin.Cell{c.toneWord(e.Verdict), {Text: e.Subject}, {Text: what}, {Text: when}})
	}
	c.rows(t)
}

func (c *composer) logAttacks(l *LogFacts, blind bool) {
	c.add(bulletin.Heading{Text: c.w.logAttacks, Minor: true})
	if l.Attackers.After(c.f.From.Add(time.Hour)) {
		c.text(bulletin.Warn, c.w.logAttackers, c.clock(l.Attackers))
	}
	if len(l.Attacks) == 0 {
		c.nothingOf(c.w.noLogAttacks, blind || l.Attackers.After(c.f.From.Add(time.Hour)))
		return
	}
	t := bulletin.Table{Name: c.w.logAttacks, Columns: []bulletin.Column{{Title: c.w.logClient, Share: 2.2}, {Title: c.w.what, Share: 4.4}, {Title: c.w.logRequests, Share: 1.2, Right: true}, {Title: c.w.logAnswered, Share: 1.4, Right: true}, {Title: c.w.logLast, Share: 1.8}}}
	for _, a := range l.Attacks {
		var classes []string
		for _, name := range a.Classes {
			classes = append(classes, c.say.T("access.class."+name, nil))
		}
		answered := bulletin.Cell{Text: fmt.Sprint(a.Answered), Value: a.Answered}
		if a.Answered > 0 {
			answered.Tone = bulletin.Bad
		}
		t.Rows = append(t.Rows, []bulletin.Cell{
			{Text: a.Client + "\n" + a.Source}, {Text: strings.Join(classes, c.w.joint) + "\n" + a.Line}, {Text: fmt.Sprint(a.Count), Value: a.Count}, answered, {Text: c.clock(a.Last)},
		})
	}
	c.rows(t)
}

func (c *composer) logKinds(l *LogFacts) {
	c.add(bulletin.Heading{Text: c.w.logKinds, Minor: true})
	if len(l.Learning) > 0 {
		c.text(bulletin.Warn, c.w.logLearning, strings.Join(l.Learning, c.w.joint))
	}
	if len(l.Templates) == 0 {
		c.nothingOf(c.w.noLogKinds, len(l.Learning) > 0 || l.blind(c.f.From))
		return
	}
	t := bulletin.Table{Name: c.w.logKinds, Columns: []bulletin.Column{{Title: c.w.logState, Share: 1.4}, {Title: c.w.logSource, Share: 1.6}, {Title: c.w.what, Share: 5}, {Title: c.w.logLines, Share: 1.2, Right: true}, {Title: c.w.logWhen, Share: 1.8}}}
	for _, k := range l.Templates {
		state := c.w.logNew
		if k.Burst {
			state = c.w.logBurst
		}
		t.Rows = append(t.Rows, []bulletin.Cell{{Text: state, Tone: bulletin.Warn}, {Text: k.Source}, {Text: k.Text}, {Text: fmt.Sprint(k.Count), Value: k.Count}, {Text: c.clock(k.At)}})
	}
	c.rows(t)
}
