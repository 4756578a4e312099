package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
	"xunjian/rules/ruletest"
)

// ruleTestCommand runs rule tests here: they need no agent and no history.
func (c *cli) ruleTestCommand() *cobra.Command {
	return c.command("rules.test", "test FILE...", func(ctx context.Context, args []string) error {
		report, err := ruletest.Run(ctx, args)
		if err != nil {
			return err
		}
		out := api.DescribeTests(report, "")
		if err := c.show(out, func() { c.printRuleTests(out) }); err != nil {
			return err
		}
		if !out.OK {
			return &fault{status: exitFailure}
		}
		return nil
	})
}

func (c *cli) printRuleTests(r api.RuleTestReport) {
	for _, f := range r.Files {
		mark := c.verdict("ok")
		if len(f.Failures) > 0 {
			mark = c.verdict("abnormal")
		}
		c.out.Line("%s  %s", c.out.Paint(mark.Style, mark.Text), c.t("rules.tested", map[string]any{"file": f.File, "tests": f.Tests, "failures": len(f.Failures)}))
		for _, x := range f.Failures {
			c.out.Indented("    ", strings.TrimPrefix(x.Test+": "+x.Message, ": "), term.Plain)
		}
	}
}

func (c *cli) backtestCommand() *cobra.Command {
	var from, to when
	var step time.Duration
	cmd := c.command("rules.backtest", "backtest FILE...", func(ctx context.Context, args []string) error {
		in := api.BacktestRequest{From: api.Moment{Time: from.Time}, To: api.Moment{Time: to.Time}, StepSeconds: step.Seconds()}
		for _, name := range args {
			b, err := os.ReadFile(name)
			if err != nil {
				return c.unreadable(name, err)
			}
			in.Files = append(in.Files, api.RuleFile{Name: filepath.Base(name), Content: string(b)})
		}
		r, err := c.client().Backtest(ctx, in)
		if err != nil {
			return err
		}
		return c.show(r, func() { c.printBacktest(r) })
	})
	c.between(cmd, &from, &to)
	cmd.Flags().DurationVar(&step, "step", 15*time.Second, c.t("flag.step", nil))
	return cmd
}

func (c *cli) printBacktest(r api.BacktestReport) {
	c.out.Line("%s", c.t("rules.backtest_span", map[string]any{"from": clock(r.From), "to": clock(r.To), "step": r.StepSeconds}))
	for _, b := range r.Blind {
		c.out.Indented("", c.t("rules.blind_rule", map[string]any{"rule": b.Rule, "metrics": strings.Join(b.Metrics, ", ")}), term.Magenta)
	}
	if len(r.Firings) == 0 {
		c.none("firings")
		return
	}
	c.out.Line("")
	t := term.NewTable(c.columns("rule", "from", ">lasted", "*labels", "*summary")...)
	for _, f := range r.Firings {
		lasted := c.say.Duration(f.To.Sub(f.From.Time))
		if f.Open {
			lasted = c.t("rules.still", map[string]any{"lasted": lasted})
		}
		t.Row(cell(f.Rule), cell(clock(f.From)), cell(lasted), cell(labelLine(f.Labels)), cell(f.Summary))
	}
	t.Write(c.out)
	c.out.Line("\n%s", c.t("rules.fired", map[string]any{"times": len(r.Firings)}))
}
