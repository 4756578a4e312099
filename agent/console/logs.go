package console

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/checks/logs/access"
	"xunjian/checks/logs/novelty"
	"xunjian/checks/logs/pattern"
	"xunjian/checks/logs/review"
)

// Logs is what the console needs of the review of logs.
type Logs interface {
	// Overview is what was seen of every log.
	Overview(review.Filter) review.Overview
	// Access is what is known of the records of web servers.
	Access(ctx context.Context) (access.Report, error)
	// Novelty is which kinds of lines logs have.
	Novelty(ctx context.Context) (novelty.Report, error)
}

type logsPage struct {
	Hours, Source, Verdict, Group string
	Spans, Sources                []option
	Verdicts, Groups              []option
	// Sum says how much there is of everything, each with the way to it.
	Sum      []countLink
	Events   []logEvent
	Logs     []logRow
	Patterns []patternRow
	// Since is from when on lines are counted, if that is later than what was
	// asked for.
	Since     moment
	Forgotten bool
	// Faults are parts that could not be asked.
	Faults []string
}

// countLink is a count with the way to what was counted.
type countLink struct {
	State       state
	Count, What string
	URL         string
}

// logEvent is what several lines meant together, or what happened to a log.
type logEvent struct {
	State         state
	Subject, Text string
	First, Last   moment
	Count         int
	Evidence      string
}

// logRow is one log that is read.
type logRow struct {
	Name, Error            string
	Lines, Bytes           string
	Last                   moment
	Rotations, Gaps, Empty uint64
	Silent                 bool
	State                  state
	Counts                 []countLink
	Behind                 int64
	Files                  []fileRow
}

// fileRow is how far a file was read.
type fileRow struct {
	Path         string
	Offset, Size int64
}

// patternRow is one kind of line within the time looked at.
type patternRow struct {
	Name, Title, Code, Group string
	State                    state
	Count                    string
	Sources                  []countLink
	Bars                     []bar
	Lines                    []review.Seen
	URL                      string
}

// bar is one stretch of time in a drawing that is 100 high, with the way to its
// lines.
type bar struct {
	X, Y, Height int
	Text, URL    string
}

var logSpans = []int{1, 6, 24, 72, 192}

// logFilter reads what of the review is looked at.
func (r *request) logFilter() (review.Filter, error) {
	q := r.URL.Query()
	f := review.Filter{Source: q.Get("source"), Group: q.Get("group"), Hours: number(q.Get("hours"), 24, 1, review.MaxHours)}
	if v := q.Get("verdict"); v != "" {
		if err := f.Verdict.UnmarshalText([]byte(v)); err != nil {
			return f, errNotFound
		}
	}
	return f, nil
}

func showLogs(r *request) error {
	f, err := r.logFilter()
	if err != nil {
		return err
	}
	o := r.c.opt.Logs.Overview(f)
	page := logsPage{Hours: strconv.Itoa(f.Hours), Source: f.Source, Verdict: r.URL.Query().Get("verdict"), Group: f.Group, Forgotten: o.Forgotten}
	if o.Since.After(o.From) {
		page.Since = r.moment(o.Since, r.now)
	}
	way := lineSpan{o.From, f}
	groups := map[string]bool{}
	for _, s := range o.Sources {
		page.Sources = append(page.Sources, option{s.Source, s.Source, s.Source == f.Source})
		if f.Source == "" || f.Source == s.Source {
			page.Logs = append(page.Logs, r.logRow(s, way))
		}
	}
	counts := map[checks.Verdict]uint64{}
	for _, p := range o.Patterns {
		groups[p.Group] = true
		counts[p.Verdict] += p.Count
		page.Patterns = append(page.Patterns, r.patternRow(p, way))
	}
	for _, e := range o.Events {
		page.Events = append(page.Events, r.logEvent(e))
	}
	page.Sum = r.verdictCounts(counts, way)
	r.addRecords(&page)
	for _, h := range logSpans {
		page.Spans = append(page.Spans, option{strconv.Itoa(h), r.Ta("console.logs.hours", "n", h), h == f.Hours})
	}
	for _, v := range []checks.Verdict{checks.Attention, checks.Abnormal} {
		page.Verdicts = append(page.Verdicts, option{v.String(), r.T("console.verdict." + v.String()), v == f.Verdict})
	}
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		page.Groups = append(page.Groups, option{g, g, g == f.Group})
	}
	return r.showLive("logs", r.T("console.nav.logs"), page)
}

// lineSpan is the time and the choice that a way to lines carries on.
type lineSpan struct {
	from   time.Time
	filter review.Filter
}

// to is the address of a page of lines since then, with more parameters by name
// and value.
func (w lineSpan) to(path string, pairs ...string) string {
	own := []string{"from", strconv.FormatInt(w.from.Unix(), 10), "source", w.filter.Source, "group", w.filter.Group}
	return path + "?" + query(append(own, pairs...)...)
}

// verdictCounts are the ways to the lines of patterns by what they mean.
func (r *request) verdictCounts(counts map[checks.Verdict]uint64, way lineSpan, pairs ...string) []countLink {
	var out []countLink
	for _, v := range []checks.Verdict{checks.Abnormal, checks.Attention, checks.OK} {
		if n := counts[v]; n > 0 {
			out = append(out, countLink{r.logState(v), text.Number(float64(n)), r.T("console.logs.lines_" + v.String()), way.to("/logs/lines", append(pairs, "verdict", v.String())...)})
		}
	}
	return out
}

// addRecords says how much access records and kinds of lines have to tell.
func (r *request) addRecords(page *logsPage) {
	got, err := r.c.opt.Logs.Access(r.Context())
	if err != nil {
		page.Faults = append(page.Faults, cut(err.Error(), 200))
	}
	clients, answered := 0, 0
	for _, s := range got.Sites {
		if page.Source != "" && page.Source != s.Source {
			continue
		}
		clients += len(s.Attackers)
		for _, k := range s.Attackers {
			if k.Answered > 0 {
				answered++
			}
		}
	}
	if answered > 0 {
		page.Sum = append(page.Sum, countLink{r.logState(checks.Abnormal), strconv.Itoa(answered), r.T("console.logs.answered"), "/logs/access"})
	}
	if clients > 0 {
		page.Sum = append(page.Sum, countLink{r.logState(checks.Attention), strconv.Itoa(clients), r.T("console.logs.attackers"), "/logs/access"})
	}
	kinds, err := r.c.opt.Logs.Novelty(r.Context())
	if err != nil {
		page.Faults = append(page.Faults, cut(err.Error(), 200))
	}
	fresh := 0
	for _, s := range kinds.Sources {
		if page.Source == "" || page.Source == s.Source {
			fresh += s.Fresh
		}
	}
	if fresh > 0 {
		page.Sum = append(page.Sum, countLink{r.logState(checks.Attention), strconv.Itoa(fresh), r.T("console.logs.templates"), "/logs/templates?" + query("source", page.Source)})
	}
}

func (r *request) logEvent(e review.Event) logEvent {
	f := e.Finding
	return logEvent{
		State: r.logState(f.Verdict), Subject: visible(cut(f.Subject, 120)), Text: visible(r.finding(f)), Count: e.Count,
		First: r.moment(e.First, r.now), Last: r.moment(e.Last, r.now), Evidence: f.Evidence,
	}
}

func (r *request) logRow(s review.SourceSeen, way lineSpan) logRow {
	row := logRow{
		Name: s.Source, Error: visible(cut(s.Error, 200)), Lines: text.Number(float64(s.Lines)), Bytes: text.Bytes(float64(s.Bytes)), Last: r.moment(s.LastLine, r.now),
		Rotations: s.Rotations, Gaps: s.Gaps, Empty: s.Emptied + s.Rewritten, Silent: s.Silent, Behind: s.Behind, State: r.logState(checks.OK),
	}
	way.filter.Source = s.Source
	row.Counts = r.verdictCounts(s.Counts, way)
	for _, f := range s.Places {
		row.Files = append(row.Files, fileRow{visible(cut(f.Path, 300)), f.Offset, f.Size})
	}
	switch {
	case s.Error != "":
		row.State = r.logState(checks.Unknown)
	case row.Empty > 0 || row.Gaps > 0 || s.Silent:
		row.State = r.logState(checks.Attention)
	}
	return row
}

func (r *request) patternRow(p review.PatternSeen, way lineSpan) patternRow {
	path := "/logs/" + p.Name
	row := patternRow{
		Name: p.Name, Title: r.logTitle(p.Title), Code: p.Code, Group: p.Group, State: r.logState(p.Verdict), Count: text.Number(float64(p.Count)),
		Lines: p.Lines[:min(len(p.Lines), 3)], URL: way.to(path),
	}
	for _, s := range slices.Sorted(maps.Keys(p.BySource)) {
		to := way
		to.filter.Source = s
		row.Sources = append(row.Sources, countLink{Count: text.Number(float64(p.BySource[s])), What: s, URL: to.to(path)})
	}
	step := max(1, (len(p.Hours)+47)/48)
	highest := uint64(1)
	var sums []uint64
	for n := 0; n < len(p.Hours); n += step {
		sum := uint64(0)
		for _, v := range p.Hours[n:min(n+step, len(p.Hours))] {
			sum += v
		}
		sums = append(sums, sum)
		highest = max(highest, sum)
	}
	for n, sum := range sums {
		if sum == 0 {
			continue
		}
		at := p.Starts.Add(time.Duration(n*step) * time.Hour)
		height := max(int(sum*100/highest), 8)
		to := way
		to.from = at
		row.Bars = append(row.Bars, bar{
			4 * n, 100 - height, height, at.In(r.c.opt.Zone).Format("01-02 15:04") + "  " + strconv.FormatUint(sum, 10),
			to.to(path, "to", strconv.FormatInt(at.Add(time.Duration(step)*time.Hour).Unix(), 10)),
		})
	}
	return row
}

func (r *request) logState(v checks.Verdict) state {
	return state{v.String(), r.T("console.verdict." + v.String())}
}

func (r *request) logTitle(t pattern.Title) string {
	if r.say.Lang() == text.ZH {
		return t.ZH
	}
	return t.EN
}
