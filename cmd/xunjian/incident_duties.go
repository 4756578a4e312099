package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) incidentResponseCommand() *cobra.Command {
	cmd := c.command("incidents.response", "response ID", func(ctx context.Context, args []string) error {
		r, err := c.client().Response(ctx, args[0])
		if err != nil {
			return err
		}
		return c.show(r, func() { c.printResponse(r) })
	})
	cmd.ValidArgsFunction = c.completeIncidents
	return cmd
}

// printResponse shows what is due, what was done and what is suggested.
func (c *cli) printResponse(r api.Response) {
	c.out.Line("%s", c.out.Paint(term.Bold, r.Incident))
	if !r.Estimate.IsZero() {
		c.out.Line("%s", c.t("incidents.estimate_line", map[string]any{"time": clock(r.Estimate)}))
	}
	for _, s := range r.Suggested {
		c.out.Indented("", term.Safe(c.t("incidents.suggested", map[string]any{"when": s.When.Text, "reason": s.Reason, "branch": s.Branch})), term.Cyan)
	}
	for _, b := range r.Branches {
		c.out.Indented("", term.Safe(c.t("incidents.decided", map[string]any{"when": b.When.Text, "branch": b.Branch, "by": b.By, "reason": b.Reason})), term.Plain)
	}
	if len(r.Deadlines) > 0 {
		c.heading("incidents.deadlines", nil)
		t := term.NewTable(c.columns("state", "due", "**task", "*who")...).Margin("  ")
		for _, d := range r.Deadlines {
			t.Row(c.state(todo(d.State)), cell(clock(d.Due)), cell(d.Text), cell(c.posts(d.Responsible)))
		}
		t.Write(c.out)
	}
	if len(r.Duties) > 0 {
		c.heading("incidents.duties", nil)
		t := term.NewTable(c.columns("state", "id", "**task", "*who")...).Margin("  ")
		for _, d := range r.Duties {
			t.Row(c.state(todo(d.State)), cell(d.ID), cell(d.Do.Text), cell(c.posts(d.Responsible)))
		}
		t.Write(c.out)
	}
	for _, l := range r.Looks {
		c.heading("incidents.looked", map[string]any{"look": l.Look, "step": l.Step})
		for _, line := range l.Lines {
			c.out.Indented("  ", term.Safe(line), term.Plain)
		}
	}
	c.printCalls(r.Reports)
	c.printAfterwards(r)
}

// todo tells what is still to be done from an incident that nobody has taken in
// hand: both are open.
func todo(state string) string {
	if state == "open" {
		return "todo"
	}
	return state
}

// printCalls prints who called, and what they said.
func (c *cli) printCalls(list []api.Call) {
	if len(list) == 0 {
		return
	}
	c.heading("incidents.calls", nil)
	t := term.NewTable(c.columns("time", "*caller", "**said")...).Margin("  ")
	for _, call := range list {
		t.Row(cell(clock(call.At)), cell(words(call.Caller, call.Phone, call.Bidder, call.Project)), cell(call.Text))
	}
	t.Write(c.out)
}

// printAfterwards prints what has to be done before an incident is closed.
func (c *cli) printAfterwards(r api.Response) {
	if len(r.Entries)+len(r.Lessons)+len(r.Investigation)+len(r.Missing) > 0 {
		c.heading("incidents.afterwards", nil)
	}
	t := term.NewTable(term.Column{}, term.Column{}, term.Column{Flex: 1}).Margin("  ")
	for _, e := range r.Entries {
		item(t, e.DoneBy, "entry "+strconv.Itoa(e.Entry), e.What, e.Project, e.DoneBy)
	}
	for _, h := range r.Investigation {
		item(t, h.Text, h.Heading, h.Title.Text, h.Text)
	}
	for _, l := range r.Lessons {
		item(t, l.DoneBy, "lesson "+strconv.Itoa(l.Lesson), l.Text, l.Owner, clock(l.Due), l.DoneBy)
	}
	t.Write(c.out)
	if len(r.Missing) > 0 {
		c.out.Indented("  ", c.t("incidents.missing", map[string]any{"what": strings.Join(r.Missing, ", ")}), term.Yellow)
	}
}

// words joins those that are not empty.
func words(list ...string) string {
	var out []string
	for _, w := range list {
		if w != "" {
			out = append(out, w)
		}
	}
	return strings.Join(out, "  ")
}

// item is one row of a list that is worked off; done is empty until it is.
func item(t *term.Table, done, id string, says ...string) {
	mark, style := stepMarks["open"], term.Plain
	if done != "" {
		mark, style = stepMarks["done"], term.Green
	}
	t.Row(term.Cell{Text: mark, Style: style}, cell(id), term.Cell{Text: words(says...), Style: style})
}
