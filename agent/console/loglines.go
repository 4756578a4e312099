package console

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs/access"
	"xunjian/checks/logs/archive"
	"xunjian/checks/logs/novelty"
	"xunjian/checks/logs/review"
)

// logLinesPage are the lines behind a count.
type logLinesPage struct {
	Title string
	// Of says what was chosen, Back where the count stands.
	Of       []string
	Back     string
	BackText string
	// Kind is the template that the lines are of, if they are of one.
	Kind string
	// Samples are lines that are remembered beside the archive.
	Samples []string
	// Note says what of such lines is kept.
	Note    string
	Lines   []lineRow
	Older   string
	Partial bool
	Damaged int
}

type lineRow struct {
	Said         moment
	Source, Text string
	Fields       []label
}

const linesPage = 100

// lineTime reads which time of the lines is looked at: Unix seconds in from and
// to, else the last hours.
func (r *request) lineTime() (from, to time.Time) {
	q := r.URL.Query()
	if sec, err := strconv.ParseInt(q.Get("from"), 10, 64); err == nil && sec > 0 && sec < 1<<35 {
		from = time.Unix(sec, 0)
	} else {
		from = r.now.Add(-time.Duration(number(q.Get("hours"), 24, 1, review.MaxHours)) * time.Hour)
	}
	if sec, err := strconv.ParseInt(q.Get("to"), 10, 64); err == nil && sec > 0 && sec < 1<<35 {
		to = time.Unix(sec, 0)
	}
	return from, to
}

// showPatternLines shows the lines of a pattern.
func showPatternLines(r *request) error {
	name := r.PathValue("pattern")
	page := logLinesPage{Title: visible(cut(name, 100)), Back: "/logs", BackText: r.T("console.nav.logs"), Of: []string{visible(cut(name, 100))}, Note: r.T("console.logs.kept_patterns")}
	for _, p := range r.c.opt.Logs.Overview(review.Filter{Hours: review.MaxHours}).Patterns {
		if p.Name == name {
			page.Title = r.logTitle(p.Title)
		}
	}
	return r.logLines(page, archive.Query{Event: name})
}

// showVerdictLines shows the lines of all patterns that mean the same.
func showVerdictLines(r *request) error {
	f, err := r.logFilter()
	if err != nil || f.Verdict == checks.Unknown {
		return errNotFound
	}
	from, to := r.lineTime()
	f.From, f.To = from, to
	page := logLinesPage{Title: r.T("console.logs.lines") + ": " + r.T("console.verdict."+f.Verdict.String()), Back: "/logs", BackText: r.T("console.nav.logs"), Note: r.T("console.logs.kept_patterns")}
	if f.Group != "" {
		page.Of = append(page.Of, visible(cut(f.Group, 100)))
	}
	var names []string
	for _, p := range r.c.opt.Logs.Overview(f).Patterns {
		if p.Verdict == f.Verdict {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return r.show("loglines", page.Title, page)
	}
	return r.logLines(page, archive.Query{Events: names})
}

// showAttackLines shows the requests that were attacks: of one client, of one
// class.
func showAttackLines(r *request) error {
	q := r.URL.Query()
	page := logLinesPage{Title: r.T("console.access.attacks"), Back: "/logs/access", BackText: r.T("console.nav.access"), Note: r.T("console.access.kept")}
	want := archive.Query{Event: access.AttackEvent, Fields: map[string]string{}}
	for _, name := range []string{access.FieldClient, access.FieldClass, access.FieldOutcome} {
		if v := q.Get(name); v != "" {
			want.Fields[name] = v
			page.Of = append(page.Of, visible(cut(v, 100)))
		}
	}
	return r.logLines(page, want)
}

// showTemplateLines shows the lines of one kind.
func showTemplateLines(r *request) error {
	id, source := r.PathValue("id"), r.URL.Query().Get("source")
	known, err := r.c.opt.Logs.Novelty(r.Context())
	if err != nil {
		return err
	}
	for _, s := range known.Sources {
		for _, t := range s.Templates {
			if t.ID == id && s.Source == source {
				page := logLinesPage{
					Title: r.T("console.templates.one"), Kind: visible(cut(t.Text(), 400)), Back: "/logs/templates", BackText: r.T("console.nav.templates"), Note: r.T("console.templates.kept"),
				}
				for _, line := range t.Samples {
					page.Samples = append(page.Samples, visible(line))
				}
				return r.logLines(page, archive.Query{Event: novelty.NewEvent, Fields: map[string]string{novelty.FieldTemplate: id}})
			}
		}
	}
	return errNotFound
}

// logLines finds lines of files in the archive. What devices sent is not among
// them: that may hold what was typed there, and needs another role.
func (r *request) logLines(page logLinesPage, q archive.Query) error {
	v := r.URL.Query()
	from, to := r.lineTime()
	q.Kind, q.Source, q.Limit = "file", v.Get("source"), linesPage
	// A line cannot have come before the time that it says, but for a clock that
	// is a little ahead.
	q.From, q.SaidFrom, q.SaidTo = from.Add(-time.Hour), from, to
	q.Before, _ = strconv.ParseUint(v.Get("before"), 10, 64)
	if q.Source != "" {
		page.Of = append(page.Of, visible(cut(q.Source, 100)))
	}
	end := to
	if end.IsZero() {
		end = r.now
	}
	page.Of = append(page.Of, r.say.Clock(from)+" – "+r.say.Clock(end))
	ctx, cancel := context.WithTimeout(r.Context(), linesWithin)
	defer cancel()
	got, err := r.c.opt.Lines.Search(ctx, q)
	if err != nil {
		return err
	}
	page.Partial, page.Damaged = got.Partial, got.Damaged
	for _, l := range got.Records {
		page.Lines = append(page.Lines, r.lineRow(l))
	}
	if got.Next > 0 {
		next := url.Values{}
		maps.Copy(next, v)
		next.Set("before", strconv.FormatUint(got.Next, 10))
		next.Set("from", strconv.FormatInt(from.Unix(), 10))
		page.Older = r.URL.EscapedPath() + "?" + next.Encode()
	}
	return r.show("loglines", page.Title, page)
}

func (r *request) lineRow(l archive.Record) lineRow {
	row := lineRow{Said: r.moment(l.Said, r.now), Source: l.Source, Text: visible(cut(strings.TrimRight(l.Text, "\r\n"), 4000))}
	if l.Said.IsZero() {
		row.Said = r.moment(l.Received, r.now)
	}
	for _, f := range slices.Sorted(maps.Keys(l.Fields)) {
		row.Fields = append(row.Fields, label{f, visible(cut(l.Fields[f], 120))})
	}
	return row
}
