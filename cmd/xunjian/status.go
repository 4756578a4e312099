package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) statusCommand() *cobra.Command {
	return c.command("status", "status", func(ctx context.Context, _ []string) error {
		st, err := c.client().Status(ctx)
		if err != nil {
			return err
		}
		return c.show(st, func() { c.printStatus(st) })
	})
}

func (c *cli) printStatus(st api.Status) {
	t := term.NewTable(term.Column{}, term.Column{Flex: 1})
	row := func(id string, value term.Cell) {
		t.Row(term.Cell{Text: c.t("status."+id, nil), Style: term.Bold}, value)
	}
	row("agent", cell(c.t("status.agent_value", map[string]any{
		"version": st.Version, "host": st.Host, "since": clock(st.Started), "uptime": st.UptimeSeconds,
	})))
	row("console", cell(st.Console))
	row("metrics", cell(st.Metrics))
	row("data", cell(st.DataDir))
	row("config", c.configCell(st.Config))
	row("plan", cell(st.Plan.ID+" "+st.Plan.Version))
	row("checks", term.Cell{Text: c.counts(st.Checks.Counts), Style: verdicts[st.Checks.Worst].style})
	row("alerts", cell(c.t("status.alerts_value", map[string]any{
		"firing": st.Alerts.Firing, "pending": st.Alerts.Pending, "lost": st.Alerts.Lost,
	})))
	row("incidents", cell(c.t("status.incidents_value", map[string]any{
		"open": st.Incidents.Open, "acknowledged": st.Incidents.Acknowledged,
	})))
	row("rules", cell(c.t("status.rules_value", map[string]any{
		"total": st.Rules.Total, "failing": st.Rules.Failing, "blind": st.Rules.Blind,
	})))
	row("series", cell(c.t("status.series_value", map[string]any{
		"series": st.Series.Series, "disk": st.Series.DiskBytes, "memory": st.Series.InMemory,
	})))
	row("you", cell(fmt.Sprintf("%s (%s)", st.You.Name, st.You.Role)))
	t.Write(c.out)
}

func (c *cli) configCell(s api.ConfigStatus) term.Cell {
	file := s.File
	if file == "" {
		file = c.t("status.defaults", nil)
	}
	if s.Error != "" {
		return term.Cell{Text: c.t("status.config_error", map[string]any{"file": file, "error": s.Error}), Style: term.RedBold}
	}
	return cell(file)
}
