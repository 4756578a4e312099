package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/alerting/planfile"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) planCommand() *cobra.Command {
	show := c.command("plan.show", "show [SCENARIO]", c.showPlan)
	show.ValidArgsFunction = c.completeScenarios
	return c.group("plan", "plan", c.showPlan, show,
		c.command("plan.codes", "codes", c.planCodes), c.command("plan.check", "check FILE", c.checkPlan),
		c.command("plan.diff", "diff FILE [NEW]", c.diffPlans), c.planLintCommand(), c.planCardsCommand())
}

func (c *cli) showPlan(ctx context.Context, args []string) error {
	if len(args) > 0 {
		return c.showScenario(ctx, args[0])
	}
	p, err := c.client().Plan(ctx)
	if err != nil {
		return err
	}
	return c.show(p, func() { c.printPlan(p) })
}

func (c *cli) printPlan(p api.Plan) {
	c.out.Line("%s  %s %s", c.out.Paint(term.Bold, p.Title.Text), p.ID, p.Version)
	c.heading("plan.levels", nil)
	levels := term.NewTable(c.columns("level", "name", "business", "opening")...).Margin("  ")
	for _, l := range p.Levels {
		levels.Row(c.level(l.ID), cell(l.Name.Text), cell(c.upTo(l, "business")), cell(c.upTo(l, "opening")))
	}
	levels.Write(c.out)
	c.heading("plan.scenarios", nil)
	scenarios := term.NewTable(c.columns("code", "scenario", "*title", ">steps")...).Margin("  ")
	for _, s := range p.Scenarios {
		code := s.Code
		if s.Default {
			code += " *"
		}
		scenarios.Row(cell(code), cell(s.ID), cell(s.Title.Text), cell(strconv.Itoa(s.Steps)))
	}
	scenarios.Write(c.out)
	c.out.Indented("  ", c.t("plan.default_mark", nil), term.Dim)
	c.heading("plan.roles", nil)
	roles := term.NewTable(c.columns("role", "*name", "*people")...).Margin("  ")
	for _, r := range p.Roles {
		roles.Row(cell(r.Role), cell(r.Name.Text), c.people(r.Post))
	}
	roles.Write(c.out)
}

// people is the cell of who holds a role.
func (c *cli) people(p api.Post) term.Cell {
	switch {
	case p.Anyone:
		return term.Cell{Text: c.t("plan.anyone", nil), Style: term.Dim}
	case p.Vacant:
		return term.Cell{Text: c.t("plan.vacant", nil), Style: term.Yellow}
	}
	out := ""
	for n, h := range p.People {
		if n > 0 {
			out += c.t("comma", nil)
		}
		out += h.Name
		if h.Phone != "" {
			out += " " + h.Phone
		}
	}
	return cell(out)
}

func (c *cli) upTo(l api.Level, kind string) string {
	if up, ok := l.UpToSeconds[kind]; ok {
		return c.t("plan.up_to", map[string]any{"time": up})
	}
	return c.t("plan.no_bound", nil)
}

func (c *cli) showScenario(ctx context.Context, id string) error {
	s, err := c.client().Scenario(ctx, id)
	if err != nil {
		return err
	}
	return c.show(s, func() {
		c.out.Line("%s  %s", c.out.Paint(term.Bold, strings.TrimSpace(s.Code+" "+s.Title.Text)), s.ID)
		c.out.Indented("", s.Trigger.Text, term.Plain)
		c.printPlaybook(s.Playbook)
	})
}

func (c *cli) planCodes(ctx context.Context, _ []string) error {
	p, err := c.client().Plan(ctx)
	if err != nil {
		return err
	}
	return c.show(p.Categories, func() {
		t := term.NewTable(c.columns("code", "name", "*what")...)
		for _, k := range p.Categories {
			t.Row(cell(k.Code), cell(k.Name.Text), cell(k.What.Text))
		}
		t.Write(c.out)
	})
}

// checkPlan reads a plan file without any agent.
func (c *cli) checkPlan(_ context.Context, args []string) error {
	p, err := planfile.LoadFile(args[0])
	if err != nil {
		return c.unreadable(args[0], err)
	}
	answer := struct {
		File      string `json:"file"`
		ID        string `json:"id"`
		Version   string `json:"version"`
		Scenarios int    `json:"scenarios"`
	}{args[0], p.ID, p.Version, len(p.Scenarios)}
	return c.show(answer, func() {
		c.out.Line("%s", c.t("plan.valid", map[string]any{"file": args[0], "id": p.ID, "version": p.Version, "scenarios": len(p.Scenarios)}))
	})
}

func (c *cli) completeScenarios(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	p, err := c.client().Plan(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, s := range p.Scenarios {
		out = append(out, s.ID+"\t"+s.Code+" "+s.Title.Text)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
