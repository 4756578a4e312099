package main

import (
	"context"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) checksCommand() *cobra.Command {
	show := c.command("checks.show", "show NAME", c.showCheck)
	run := c.command("checks.run", "run NAME", c.runCheck)
	show.ValidArgsFunction, run.ValidArgsFunction = c.completeChecks, c.completeChecks
	return c.group("checks", "checks", c.listChecks, c.command("checks.list", "list", c.listChecks), show, run)
}

func (c *cli) listChecks(ctx context.Context, _ []string) error {
	list, err := c.client().Checks(ctx)
	if err != nil {
		return err
	}
	return c.show(list, func() {
		c.printFindings(list.Checks)
		c.out.Indented("", "\n"+c.summary(list), verdicts[list.Worst].style)
	})
}

func (c *cli) showCheck(ctx context.Context, args []string) error {
	k, err := c.client().Check(ctx, args[0])
	if err != nil {
		return err
	}
	return c.show(k, func() {
		c.printFindings([]api.Check{k.Check})
		c.out.Line("\n%s", c.t("checks.rhythm", map[string]any{
			"time": clock(k.Time), "took": k.DurationSeconds, "interval": k.IntervalSeconds, "timeout": k.TimeoutSeconds,
		}))
		c.printHistory(k.History)
	})
}

// printHistory prints the runs of a check whose verdict differs from the one
// before, and what they found.
func (c *cli) printHistory(runs []api.CheckRun) {
	c.out.Line("\n%s", c.out.Paint(term.Bold, c.t("checks.history", nil)))
	t := term.NewTable(c.columns("time", "verdict", ">took", "*finding")...)
	for n, r := range runs {
		if n > 0 && n+1 < len(runs) && r.Verdict == runs[n+1].Verdict {
			continue
		}
		t.Row(cell(clock(r.Time)), c.verdict(r.Verdict), cell(c.span(r.DurationSeconds)), cell(gist(r)))
	}
	t.Write(c.out)
}

// gist is the finding that a run's verdict comes from.
func gist(r api.CheckRun) string {
	switch {
	case r.Error != "":
		return r.Error
	case len(r.Findings) == 0:
		return ""
	case r.Findings[0].Subject == "":
		return r.Findings[0].Text
	}
	return r.Findings[0].Subject + ": " + r.Findings[0].Text
}

func (c *cli) runCheck(ctx context.Context, args []string) error {
	r, err := c.client().RunCheck(ctx, args[0])
	if err != nil {
		return err
	}
	return c.show(r, func() {
		c.printFindings([]api.Check{{Name: args[0], Verdict: r.Verdict, Found: r.Verdict, Error: r.Error, Findings: r.Findings, Dropped: r.Dropped}})
		c.out.Line("\n%s", c.t("checks.took", map[string]any{"took": r.DurationSeconds}))
	})
}

func (c *cli) completeChecks(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list, err := c.client().Checks(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, k := range list.Checks {
		out = append(out, k.Name)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
