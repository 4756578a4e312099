package console

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/checks/logs/archive"
	"xunjian/checks/logs/pattern"
	"xunjian/checks/logs/review"
)

// Logs is what the console needs of the review of logs.
type Logs interface {
	Overview(review.Filter) review.Overview
	// Lines finds the kept lines of a pattern, the newest first.
	Lines(ctx context.Context, pattern, source string, from, to time.Time, before uint64, limit int) (archive.Page, error)
}

type logsPage struct {
	Hours, Source, Verdict, Group string
	Spans, Sources                []option
	Verdicts, Groups              []option
	Logs                          []logRow
	Patterns                      []patternRow
}

// logRow is one log that is read.
type logRow struct {
	Name, Error            string
	Lines, Bytes           string
	Last                   moment
	Rotations, Gaps, Empty uint64
	State                  state
}

// patternRow is one kind of line within the time looked at.
type patternRow struct {
	Name, Title, Code, Group string
	State                    state
	Count                    string
	Sources                  []sourceCount
	Bars                     []bar
	Lines                    []review.Seen
	Query                    string
}

type sourceCount struct{ Name, Count string }

// bar is one stretch of time in a drawing that is 100 high.
type bar struct {
	X, Y, Height int
	Text         string
}

var logSpans = []int{1, 6, 24, 72, 192}

func showLogs(r *request) error {
	q := r.URL.Query()
	f := review.Filter{Source: q.Get("source"), Group: q.Get("group"), Hours: number(q.Get("hours"), 24, 1, 192)}
	if v := q.Get("verdict"); v != "" {
		if err := f.Verdict.UnmarshalText([]byte(v)); err != nil {
			return errNotFound
		}
	}
	o := r.c.opt.Logs.Overview(f)
	page := logsPage{Hours: strconv.Itoa(f.Hours), Source: f.Source, Verdict: q.Get("verdict"), Group: f.Group}
	groups := map[string]bool{}
	for _, s := range o.Sources {
		page.Sources = append(page.Sources, option{s.Source, s.Source, s.Source == f.Source})
		row := logRow{Name: s.Source, Error: cut(s.Error, 200), Lines: text.Number(float64(s.Lines)), Bytes: text.Bytes(float64(s.Bytes)), Last: r.moment(s.LastLine, r.now), Rotations: s.Rotations, Gaps: s.Gaps, Empty: s.Emptied + s.Rewritten}
		row.State = r.logState(checks.OK)
		if s.Error != "" {
			row.State = r.logState(checks.Unknown)
		} else if row.Empty > 0 || row.Gaps > 0 {
			row.State = r.logState(checks.Attention)
		}
		page.Logs = append(page.Logs, row)
	}
	for _, p := range o.Patterns {
		groups[p.Group] = true
		page.Patterns = append(page.Patterns, r.patternRow(p, f))
	}
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

func (r *request) patternRow(p review.PatternSeen, f review.Filter) patternRow {
	row := patternRow{
		Name: p.Name, Title: r.logTitle(p.Title), Code: p.Code, Group: p.Group, State: r.logState(p.Verdict), Count: text.Number(float64(p.Count)),
		Lines: p.Lines[:min(len(p.Lines), 3)], Query: query("hours", strconv.Itoa(f.Hours), "source", f.Source),
	}
	for _, s := range slices.Sorted(maps.Keys(p.BySource)) {
		row.Sources = append(row.Sources, sourceCount{s, text.Number(float64(p.BySource[s]))})
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
		at := p.Starts.Add(time.Duration(n*step) * time.Hour)
		height := int(sum * 100 / highest)
		if sum > 0 {
			height = max(height, 8)
		}
		row.Bars = append(row.Bars, bar{4 * n, 100 - height, height, at.In(r.c.opt.Zone).Format("01-02 15:04") + "  " + strconv.FormatUint(sum, 10)})
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

type logLinesPage struct {
	Name, Title, Source string
	Lines               []lineRow
	Older               string
	Partial             bool
}

type lineRow struct {
	Received, Said moment
	Source, Text   string
	Fields         []label
}

const linesPage = 100

// showLogLines shows the lines behind a count.
func showLogLines(r *request) error {
	name := r.PathValue("pattern")
	q := r.URL.Query()
	hours := number(q.Get("hours"), 24, 1, 192)
	before, _ := strconv.ParseUint(q.Get("before"), 10, 64)
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	got, err := r.c.opt.Logs.Lines(ctx, name, q.Get("source"), r.now.Add(-time.Duration(hours)*time.Hour), time.Time{}, before, linesPage)
	if err != nil {
		return err
	}
	page := logLinesPage{Name: cut(name, 100), Title: cut(name, 100), Source: cut(q.Get("source"), 100), Partial: got.Partial}
	for _, p := range r.c.opt.Logs.Overview(review.Filter{Hours: 192}).Patterns {
		if p.Name == name {
			page.Title = r.logTitle(p.Title)
		}
	}
	for _, l := range got.Records {
		row := lineRow{Received: r.moment(l.Received, r.now), Said: r.moment(l.Said, r.now), Source: l.Source, Text: checks.SafeText(strings.ReplaceAll(l.Text, "\n", " "), 4096)}
		for _, f := range slices.Sorted(maps.Keys(l.Fields)) {
			row.Fields = append(row.Fields, label{f, cut(checks.SafeText(l.Fields[f], 400), 120)})
		}
		page.Lines = append(page.Lines, row)
	}
	if got.Next > 0 {
		page.Older = query("hours", strconv.Itoa(hours), "source", q.Get("source"), "before", strconv.FormatUint(got.Next, 10))
	}
	return r.show("loglines", page.Title, page)
}
