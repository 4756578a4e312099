package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) alertsCommand() *cobra.Command {
	return c.group("alerts", "alerts", c.listAlerts, c.command("alerts.list", "list", c.listAlerts), c.alertLogCommand())
}

func (c *cli) listAlerts(ctx context.Context, _ []string) error {
	list, err := c.client().Alerts(ctx)
	if err != nil {
		return err
	}
	return c.show(list, func() {
		if len(list.Alerts) == 0 {
			c.none("alerts")
			return
		}
		t := term.NewTable(c.columns("state", "rule", "code", "since", "incident", "*summary")...)
		for _, a := range list.Alerts {
			t.Row(c.state(a.State), cell(a.Rule), cell(a.Code), cell(clock(a.ActiveAt)), cell(a.Incident), cell(a.Summary))
		}
		t.Write(c.out)
	})
}

func (c *cli) alertLogCommand() *cobra.Command {
	var from, to when
	var limit int
	cmd := c.command("alerts.log", "log", func(ctx context.Context, _ []string) error {
		log, err := c.client().AlertLog(ctx, from.Time, to.Time, limit)
		if err != nil {
			return err
		}
		return c.show(log, func() { c.printAlertLog(log) })
	})
	c.between(cmd, &from, &to)
	cmd.Flags().IntVar(&limit, "limit", 100, c.t("flag.limit", nil))
	return cmd
}

func (c *cli) printAlertLog(log api.AlertLog) {
	if len(log.Alerts) == 0 {
		c.none("alert_log")
		return
	}
	t := term.NewTable(c.columns("state", "rule", "since", "ended", "incident", "*summary")...)
	for _, a := range log.Alerts {
		t.Row(c.state(a.Status), cell(a.Rule), cell(clock(a.Since)), cell(clock(a.EndedAt)), cell(a.Incident), cell(a.Summary))
	}
	t.Write(c.out)
}

// between adds the flags that limit a listing to a time.
func (c *cli) between(cmd *cobra.Command, from, to *when) {
	from.now, to.now = time.Now(), time.Now()
	cmd.Flags().Var(from, "from", c.t("flag.from", nil))
	cmd.Flags().Var(to, "to", c.t("flag.to", nil))
}
