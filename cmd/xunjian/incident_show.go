package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) incidentShowCommand() *cobra.Command {
	cmd := c.command("incidents.show", "show ID", func(ctx context.Context, args []string) error {
		i, err := c.client().Incident(ctx, args[0])
		if err != nil {
			return err
		}
		return c.show(i, func() { c.printIncident(i) })
	})
	cmd.ValidArgsFunction = c.completeIncidents
	return cmd
}

func (c *cli) printIncident(i api.IncidentDetail) {
	c.out.Indented("", i.ID+"  "+term.Safe(i.Title.Text), term.Bold)
	t := term.NewTable(term.Column{}, term.Column{Flex: 1})
	row := func(id string, value term.Cell) {
		if value.Text != "" {
			t.Row(term.Cell{Text: c.t("column."+id, nil), Style: term.Dim}, value)
		}
	}
	row("state", c.state(i.State))
	row("level", c.level(i.Level))
	row("code", cell(strings.TrimSpace(i.Code+" "+i.Category.Text)))
	row("system", cell(i.System))
	row("host", cell(i.Host))
	row("outage", cell(c.t("incidents.outage", map[string]any{"since": clock(i.OutageSince), "until": clock(i.OutageUntil), "lasted": i.OutageSeconds})))
	row("opened", cell(clock(i.OpenedAt)))
	if i.AcknowledgedBy != "" {
		row("acknowledged", cell(clock(i.AcknowledgedAt)+"  "+i.AcknowledgedBy))
	}
	row("assignee", cell(i.Assignee))
	row("ended", cell(clock(i.EndedAt)))
	if i.Next != nil {
		row("next", term.Cell{Text: i.Next.Text, Style: term.Yellow})
	}
	row("version", cell(fmt.Sprint(i.Version)))
	t.Write(c.out)
	c.printIncidentAlerts(i.Alerts)
	if i.Playbook != nil {
		c.printPlaybook(*i.Playbook)
	}
	c.printDuties(i.Duties)
	for _, e := range i.Evidence {
		c.out.Line("\n%s", c.t("incidents.evidence_line", map[string]any{"id": e.ID, "bytes": e.Bytes, "incident": i.ID}))
	}
}

func (c *cli) printIncidentAlerts(list []api.IncidentAlert) {
	if len(list) == 0 {
		return
	}
	c.heading("incidents.alerts", nil)
	t := term.NewTable(c.columns("state", "rule", "since", "*summary")...).Margin("  ")
	for _, a := range list {
		t.Row(c.state(a.State), cell(a.Rule), cell(clock(a.Since)), cell(a.Summary))
	}
	t.Write(c.out)
}

func (c *cli) heading(id string, args map[string]any) {
	c.out.Line("\n%s", c.out.Paint(term.Bold, c.t(id, args)))
}

func (c *cli) printPlaybook(p api.Playbook) {
	c.heading("incidents.playbook", map[string]any{"title": p.Title.Text, "article": p.Article})
	c.printSteps(p.Steps)
	for _, b := range p.Branches {
		tone := term.Cyan
		if b.Chosen {
			tone = term.Green
		}
		c.out.Indented("  ", c.t("incidents.branch_line", map[string]any{
			"id": b.ID, "when": term.Safe(b.When.Text), "after": b.After, "suggested": b.Suggested, "chosen": b.Chosen,
		}), tone)
		c.printSteps(b.Steps)
	}
}

func (c *cli) printDuties(list []api.Step) {
	var now []api.Step
	for _, s := range list {
		if s.Applies {
			now = append(now, s)
		}
	}
	if len(now) > 0 {
		c.heading("incidents.duties", nil)
		c.printSteps(now)
	}
}

// stepMarks are the boxes of a check list.
var stepMarks = map[string]string{"open": "☐", "started": "◧", "handed_over": "◨", "done": "☑", "skipped": "☒"}

// printSteps prints steps as a check list: what, who, until when.
func (c *cli) printSteps(list []api.Step) {
	for _, s := range list {
		style := map[string]term.Style{"done": term.Green, "skipped": term.Dim}[s.State]
		if !s.Applies {
			style = term.Dim
		}
		c.out.Line("  %s %s", c.out.Paint(style, stepMarks[s.State]), c.out.Paint(term.Bold, s.ID))
		c.out.Indented("    ", term.Safe(s.Do.Text), style)
		c.out.Indented("    ", c.stepLine(s), term.Dim)
		by := map[string]any{"time": clock(s.Deadline)}
		switch {
		case s.State != "open" || s.Deadline.IsZero():
		case s.Overdue:
			c.out.Indented("    ", c.t("incidents.overdue", by), term.RedBold)
		default:
			c.out.Indented("    ", c.t("incidents.deadline", by), term.Yellow)
		}
	}
}

// stepLine says who a step is for, and who did it.
func (c *cli) stepLine(s api.Step) string {
	line := c.posts(s.Responsible)
	if len(s.Assisting) > 0 {
		line += c.t("incidents.assisted_by", map[string]any{"posts": c.posts(s.Assisting)})
	}
	if !s.Applies {
		line += c.t("incidents.from_level", map[string]any{"level": s.FromLevel})
	}
	if s.State != "open" {
		line += c.t("incidents.step_by", map[string]any{"by": s.By, "time": clock(s.At), "note": s.Note})
	}
	return term.Safe(line)
}

// posts names roles with the people who hold them.
func (c *cli) posts(list []api.Post) string {
	var out []string
	for _, p := range list {
		out = append(out, p.Name.Text+c.holders(p))
	}
	return strings.Join(out, c.t("comma", nil))
}

func (c *cli) holders(p api.Post) string {
	if p.Anyone {
		return ""
	}
	if p.Vacant {
		return c.t("incidents.vacant", nil)
	}
	var names []string
	for _, h := range p.People {
		names = append(names, strings.TrimSpace(h.Name+" "+h.Phone))
	}
	return c.t("incidents.holders", map[string]any{"names": strings.Join(names, c.t("comma", nil))})
}
