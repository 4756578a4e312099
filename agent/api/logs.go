package api

import (
	"context"
	"regexp"
	"strings"
	"time"

	"xunjian/checks/logs/archive"
)

// Lines is what the API needs of *archive.Archive.
type Lines interface {
	Search(ctx context.Context, q archive.Query) (archive.Page, error)
}

// LinePage is a page of kept lines, newest first.
type LinePage struct {
	Lines []Line `json:"lines"`
	// Next is the before of the next page; 0: there is none.
	Next int64 `json:"next"`
	// Partial says that time ran out: what was not looked at yet is on the next
	// page.
	Partial bool `json:"partial"`
	// Damaged counts blocks of lines that could not be read.
	Damaged int `json:"damaged"`
}

// Line is one kept line of a log.
type Line struct {
	Number   int64  `json:"number"`
	Received Moment `json:"received"`
	// Said is the time that the line itself claims.
	Said Moment `json:"said,omitzero"`
	// Source is where it came from, whatever its text says.
	Source   string            `json:"source"`
	Kind     string            `json:"kind"`
	Severity string            `json:"severity"`
	Host     string            `json:"host"`
	App      string            `json:"app"`
	Event    string            `json:"event"`
	Fields   map[string]string `json:"fields"`
	// Text is as it came: control characters and all.
	Text string `json:"text"`
}

const (
	maxLines  = 1000
	maxRegexp = 1000
	// searchTime is after how long a search says how far it came.
	searchTime = 8 * time.Second
	maxNumber  = 1<<53 - 1
)

func (s *server) searchLines(c *call) (any, error) {
	p := c.params()
	q := archive.Query{
		From: p.time("from"), To: p.time("to"), Source: p.text("source"), Kind: p.text("kind"), Host: p.text("host"), Event: p.text("event"),
		Text: p.text("text"), Before: uint64(p.number("before", 0, 0, maxNumber)), Limit: p.number("limit", archive.DefaultLimit, 1, maxLines),
	}
	q.Severity = p.severity("severity")
	q.Regexp = p.regexp("regexp")
	if !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To) {
		p.bad("from", "bad_range")
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(c.Context(), searchTime)
	defer cancel()
	page, err := s.Lines.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	out := LinePage{Lines: make([]Line, 0, len(page.Records)), Next: int64(page.Next), Partial: page.Partial, Damaged: page.Damaged}
	for _, r := range page.Records {
		out.Lines = append(out.Lines, c.line(r))
	}
	return out, nil
}

func (c *call) line(r archive.Record) Line {
	return Line{
		Number: int64(r.Seq), Received: c.moment(r.Received), Said: c.moment(r.Said), Source: r.Source, Kind: r.Kind, Severity: r.Severity.String(),
		Host: r.Host, App: r.App, Event: r.Event, Fields: labelSet(r.Fields), Text: r.Text,
	}
}

// severity reads a word of syslog: err, warning.
func (p *params) severity(name string) archive.Severity {
	word := p.text(name)
	if word == "" {
		return archive.NoSeverity
	}
	v, ok := archive.ParseSeverity(word)
	if !ok {
		p.bad(name, "bad_word", "value", word, "known", strings.Join(archive.SeverityNames(), ", "))
	}
	return v
}

// regexp reads a regular expression.
func (p *params) regexp(name string) *regexp.Regexp {
	expr := p.text(name)
	if expr == "" {
		return nil
	}
	if len(expr) > maxRegexp {
		p.bad(name, "parameter_too_long", "max", maxRegexp)
		return nil
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		p.bad(name, "bad_regexp", "error", err.Error())
	}
	return re
}
