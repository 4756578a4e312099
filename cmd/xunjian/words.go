package main

import (
	"strings"
	"time"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

// clock writes a moment to the second, in the zone the agent gave it.
func clock(m api.Moment) string {
	if m.IsZero() {
		return ""
	}
	return m.Format("2006-01-02 15:04:05")
}

// span writes a number of seconds for people.
func (c *cli) span(seconds float64) string {
	return c.say.Duration(time.Duration(seconds * float64(time.Second)))
}

// verdicts are the marks and colours of verdicts; a mark tells them apart
// without colour, a word without either.
var verdicts = map[string]struct {
	mark  string
	style term.Style
}{
	"ok":             {"✓", term.Green},
	"attention":      {"!", term.Yellow},
	"abnormal":       {"✗", term.RedBold},
	"unknown":        {"?", term.Magenta},
	"not_applicable": {"–", term.Dim},
}

// verdict is the cell of a verdict.
func (c *cli) verdict(word string) term.Cell {
	v := verdicts[word]
	return term.Cell{Text: v.mark + " " + c.t("verdict."+word, nil), Style: v.style}
}

// state is the cell of an incident's, alert's or step's state.
func (c *cli) state(word string) term.Cell {
	styles := map[string]term.Style{
		"open": term.RedBold, "acknowledged": term.Yellow, "resolved": term.Green, "false_alarm": term.Dim,
		"firing": term.RedBold, "pending": term.Yellow, "lost": term.Magenta, "ended": term.Green,
		"done": term.Green, "skipped": term.Dim, "started": term.Yellow, "handed_over": term.Yellow,
		"closed": term.Green, "warning": term.Yellow, "dismissed": term.Dim,
		"overdue": term.RedBold, "missed": term.Red, "kept": term.Green, "void": term.Dim, "sent": term.Green, "waived": term.Dim,
	}
	return term.Cell{Text: c.t("state."+word, nil), Style: styles[word]}
}

// level is the cell of a level: the number and the plan's own word for it.
func (c *cli) level(word string) term.Cell {
	style := map[string]term.Style{"IV": term.Plain, "III": term.Yellow, "II": term.RedBold, "I": term.RedBold}[word]
	return term.Cell{Text: word, Style: style}
}

// cell is a plain one.
func cell(s string) term.Cell { return term.Cell{Text: s} }

// columns makes the columns of a table from ids of titles; leading "*" mark
// one that gives way when the terminal is narrow, and the more of them, the more
// room it gets; ">" marks one aligned right.
func (c *cli) columns(ids ...string) []term.Column {
	out := make([]term.Column, len(ids))
	for n, id := range ids {
		name := strings.TrimLeft(id, "*")
		id, out[n].Flex = name, len(id)-len(name)
		if name, ok := strings.CutPrefix(id, ">"); ok {
			id, out[n].Right = name, true
		}
		out[n].Title = c.t("column."+id, nil)
	}
	return out
}

// none says that a list is empty.
func (c *cli) none(id string) { c.out.Line("%s", c.t("none."+id, nil)) }
