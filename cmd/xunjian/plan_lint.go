package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"xunjian/alerting/plan"
	"xunjian/alerting/planfile"
	"xunjian/cmd/xunjian/term"
	"xunjian/rules"
)

// defaultPlan is the word for the plan as shipped, in place of a file.
const defaultPlan = "default"

func (c *cli) loadPlan(file string) (*plan.Plan, error) {
	if file == defaultPlan {
		return planfile.Default(), nil
	}
	p, err := planfile.LoadFile(file)
	if err != nil {
		return nil, c.unreadable(file, err)
	}
	return p, nil
}

func (c *cli) planLintCommand() *cobra.Command {
	var files []string
	cmd := c.command("plan.lint", "lint [FILE]", func(_ context.Context, args []string) error {
		file := defaultPlan
		if len(args) > 0 {
			file = args[0]
		}
		return c.lintPlan(file, files)
	})
	cmd.Flags().StringSliceVar(&files, "rules", nil, c.t("flag.rules", nil))
	cmd.MarkFlagFilename("rules", "yml", "yaml")
	return cmd
}

// lintPlan says what carries each article of the plan, and names those that
// nothing carries.
func (c *cli) lintPlan(file string, ruleFiles []string) error {
	p, err := c.loadPlan(file)
	if err != nil {
		return err
	}
	listed, err := rules.List(ruleFiles)
	if err != nil {
		return c.unreadable(strings.Join(ruleFiles, ", "), err)
	}
	var uses []plan.Rule
	for _, r := range listed {
		if r.Code != "" || r.Scenario != "" {
			uses = append(uses, plan.Rule{Name: r.Name, Code: r.Code, Scenario: r.Scenario, Cause: r.Cause, Tested: r.Tested})
		}
	}
	l := p.Lint(uses)
	if err := c.show(l, func() { c.printLint(l) }); err != nil {
		return err
	}
	if len(l.Unserved()) > 0 {
		return &fault{status: exitFailure}
	}
	return nil
}

func (c *cli) printLint(l plan.Lint) {
	if len(l.Articles) == 0 {
		c.none("articles")
	}
	lang := c.say.Lang()
	t := term.NewTable(c.columns("article", "*title", ">in_plan", ">rules", ">tests", "*remark")...)
	for _, a := range l.Articles {
		n := map[string]int{}
		for _, s := range a.Serves {
			n[s.By]++
		}
		remark := cell(a.By.In(lang))
		if !a.Served() {
			remark = term.Cell{Text: c.t("plan.unserved", nil), Style: term.RedBold}
		}
		t.Row(cell(a.ID), cell(a.Title.In(lang)), count(n["plan"]), count(n["rule"]), count(n["test"]), remark)
	}
	if len(l.Articles) > 0 {
		t.Write(c.out)
	}
	for _, list := range []struct {
		text  string
		items []string
	}{
		{c.t("plan.by_hand", nil), l.ByHand}, {c.t("plan.idle", nil), l.Idle}, {c.t("plan.untested", nil), l.Untested},
		{c.t("plan.astray", nil), l.Astray}, {c.t("plan.mute", nil), l.Mute},
	} {
		if len(list.items) > 0 {
			c.out.Indented("", "\n"+list.text+strings.Join(list.items, ", "), term.Dim)
		}
	}
}

func count(n int) term.Cell {
	if n == 0 {
		return term.Cell{Text: "–", Style: term.Dim}
	}
	return cell(strconv.Itoa(n))
}
