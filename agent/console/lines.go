package console

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"xunjian/checks/logs/access"
	"xunjian/checks/logs/archive"
	"xunjian/checks/logs/novelty"
)

// Lines is what the console needs of *archive.Archive.
type Lines interface {
	Search(ctx context.Context, q archive.Query) (archive.Page, error)
}

// lineEvents are what lines can be understood as, for the choice of one.
var lineEvents = []string{
	"login", "login-failed", "logout", "config-changed", "privilege-changed", "link-down", "link-up", "attack", "attack-blocked",
	"device-restarted", "ha-switch", "hardware-fault", access.AttackEvent, novelty.NewEvent,
	// Of traps.
	"authentication-failure", "cold-start", "warm-start", "ups-on-battery", "ups-alarm", "ups-alarm-over",
}

type searchPage struct {
	From, To, Source, Text string
	Regexp                 bool
	Events, Severities     []option
	Lines                  []foundLine
	Error                  string
	// Older is where the next page is, empty if there is none.
	Older   string
	Partial bool
	Damaged int
}

type foundLine struct {
	Received, Said         moment
	Source, Severity, Text string
	Event, Host            string
	Fields                 []label
}

const (
	linesPath   = "/logs/search"
	linesAtOnce = 100
	// linesWithin is after how long a search says how far it came.
	linesWithin = 8 * time.Second
)

// searchLines finds kept lines of logs.
func searchLines(r *request) error {
	page, q := r.lineQuery()
	status := 200
	if page.Error != "" {
		status = 400
	} else {
		ctx, cancel := context.WithTimeout(r.Context(), linesWithin)
		defer cancel()
		found, err := r.c.opt.Lines.Search(ctx, q)
		if err != nil {
			return err
		}
		page.Partial, page.Damaged = found.Partial, found.Damaged
		for _, rec := range found.Records {
			page.Lines = append(page.Lines, r.foundLine(rec))
		}
		if found.Next > 0 {
			v := r.URL.Query()
			v.Set("before", fmt.Sprint(found.Next))
			page.Older = linesPath + "?" + v.Encode()
		}
	}
	return r.render(status, "lines", r.T("console.nav.lines"), page)
}

// lineQuery reads what is looked for.
func (r *request) lineQuery() (searchPage, archive.Query) {
	v := r.URL.Query()
	page := searchPage{From: v.Get("from"), To: v.Get("to"), Source: v.Get("source"), Text: v.Get("text"), Regexp: v.Get("regexp") != ""}
	q := archive.Query{Source: page.Source, Event: v.Get("event"), Limit: linesAtOnce, Before: uint64(number(v.Get("before"), 0, 0, 1<<53-1))}
	q.From, _ = r.minute(page.From)
	q.To, _ = r.minute(page.To)
	q.Severity, _ = archive.ParseSeverity(v.Get("severity"))
	switch {
	case len(page.Text) > 1000:
		page.Error = r.T("console.lines.too_long")
	case page.Regexp && page.Text != "":
		re, err := regexp.Compile(page.Text)
		if err != nil {
			page.Error = r.say.T("console.lines.bad_regexp", map[string]any{"error": err.Error()})
		}
		q.Regexp = re
	default:
		q.Text = page.Text
	}
	page.Events = []option{{"", r.T("console.lines.any"), q.Event == ""}}
	for _, e := range lineEvents {
		page.Events = append(page.Events, option{e, r.T("console.line." + e), q.Event == e})
	}
	page.Severities = []option{{"", r.T("console.lines.any"), q.Severity == 0}}
	for _, s := range archive.SeverityNames() {
		page.Severities = append(page.Severities, option{s, r.T("console.severity." + s), q.Severity.String() == s})
	}
	return page, q
}

func (r *request) foundLine(rec archive.Record) foundLine {
	row := foundLine{
		Received: r.moment(rec.Received, r.now), Source: visible(cut(rec.Source, 120)), Severity: rec.Severity.String(), Host: visible(cut(rec.Host, 80)),
		Text: visible(cut(rec.Text, 4000)), Fields: labelsOf(rec.Fields),
	}
	for n := range row.Fields {
		row.Fields[n].Value = visible(row.Fields[n].Value)
	}
	if !rec.Said.IsZero() && rec.Said.Sub(rec.Received).Abs() > time.Minute {
		row.Said = r.moment(rec.Said, r.now)
	}
	if row.Severity != "" {
		row.Severity = r.T("console.severity." + row.Severity)
	}
	if rec.Event != "" {
		row.Event = r.or("console.line."+rec.Event, rec.Event)
	}
	return row
}

// visible shows what a line may use to look like something else: control
// characters by their names, a newline as ⏎, and what turns the direction of
// reading as a mark. Names need no font that has pictures of them.
func visible(s string) string {
	if strings.IndexFunc(s, func(c rune) bool { return c < 0x20 || hidden(c) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == '\n':
			b.WriteRune('⏎')
		case c == '\t':
			b.WriteRune(' ')
		case c == '\r':
			b.WriteString("‹CR›")
		case c == 0x1b:
			b.WriteString("‹ESC›")
		case c < 0x20 || hidden(c):
			fmt.Fprintf(&b, "‹U+%04X›", c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// hidden tells characters that show nothing and change how the rest shows.
func hidden(c rune) bool {
	return c >= 0x7f && c < 0xa0 || c >= 0x200b && c <= 0x200f || c >= 0x2028 && c <= 0x202e || c >= 0x2060 && c <= 0x206f || c == 0xfeff
}
