package main

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) rulesCommand() *cobra.Command {
	return c.group("rules", "rules", c.listRules,
		c.command("rules.list", "list", c.listRules), c.command("rules.show", "show NAME", c.showRule),
		c.ruleTestCommand(), c.backtestCommand())
}

func (c *cli) listRules(ctx context.Context, _ []string) error {
	list, err := c.client().Rules(ctx)
	if err != nil {
		return err
	}
	return c.show(list, func() {
		t := term.NewTable(c.columns("state", "rule", "code", "for", "*means", "*remark")...)
		for _, r := range list.Rules {
			t.Row(c.ruleState(r), cell(r.Name), cell(r.Labels["code"]), cell(c.forCell(r.ForSeconds)), cell(meaning(r.Summary)), c.ruleRemark(r))
		}
		t.Write(c.out)
	})
}

// values are what a summary says of an alert; a rule has none yet.
var values = regexp.MustCompile(`\{\{.*?\}\}`)

// meaning is a rule's summary without the values.
func meaning(summary string) string { return values.ReplaceAllString(summary, "…") }

// showRule prints the rules of a name: files may have several.
func (c *cli) showRule(ctx context.Context, args []string) error {
	list, err := c.client().Rules(ctx)
	if err != nil {
		return err
	}
	list.Rules = slices.DeleteFunc(list.Rules, func(r api.Rule) bool { return r.Name != args[0] })
	if len(list.Rules) == 0 {
		return &api.Error{Code: "not_found", Status: http.StatusNotFound}
	}
	return c.show(list, func() {
		for n, r := range list.Rules {
			if n > 0 {
				c.out.Line("")
			}
			c.printRule(r)
		}
	})
}

func (c *cli) printRule(r api.Rule) {
	c.out.Line("%s", c.out.Paint(term.Bold, term.Safe(r.Name)))
	t := term.NewTable(term.Column{}, term.Column{Flex: 1})
	row := func(id string, value term.Cell) {
		if value.Text != "" {
			t.Row(term.Cell{Text: c.t("column."+id, nil), Style: term.Dim}, value)
		}
	}
	row("state", c.ruleState(r))
	row("means", cell(meaning(r.Summary)))
	row("query", cell(r.Query))
	row("for", cell(c.forCell(r.ForSeconds)))
	row("labels", cell(labelLine(r.Labels)))
	row("file", cell(r.File+"  "+r.Group))
	row("time", cell(clock(r.LastEvaluation)))
	row("remark", c.ruleRemark(r))
	t.Write(c.out)
}

func (c *cli) forCell(seconds float64) string {
	if seconds == 0 {
		return ""
	}
	return c.span(seconds)
}

func (c *cli) ruleState(r api.Rule) term.Cell {
	switch {
	case r.Type == "recording":
		return term.Cell{Text: c.t("rules.recording", nil), Style: term.Dim}
	case r.State == "":
		return term.Cell{Text: c.t("rules.quiet", nil), Style: term.Green}
	}
	return c.state(r.State)
}

// ruleRemark says why a rule guards nothing.
func (c *cli) ruleRemark(r api.Rule) term.Cell {
	switch {
	case r.Error != "":
		return term.Cell{Text: r.Error, Style: term.RedBold}
	case len(r.Blind) > 0:
		return term.Cell{Text: c.t("rules.blind", map[string]any{"metrics": strings.Join(r.Blind, ", ")}), Style: term.Magenta}
	}
	return term.Cell{}
}
