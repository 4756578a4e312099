package main

import (
	"context"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) incidentsCommand() *cobra.Command {
	g := c.group("incidents", "incidents", nil)
	c.section(g, "look", c.incidentListCommand(), c.incidentShowCommand(), c.incidentTimelineCommand(),
		c.incidentEvidenceCommand(), c.incidentResponseCommand(), c.explainCommand(), c.documentCommand(), c.incidentVerifyCommand(), c.incidentWatchCommand())
	c.section(g, "enter", c.incidentOpenCommand(), c.incidentWarnCommand(), c.incidentDrillCommand())
	c.section(g, "handle", append(c.incidentActions(), c.responseActions()...)...)
	c.section(g, "warning", c.warningActions()...)
	c.section(g, "after", c.afterActions()...)
	g.RunE = func(cmd *cobra.Command, _ []string) error {
		return c.listIncidents(cmd.Context(), api.IncidentFilter{})
	}
	return g
}

func (c *cli) incidentListCommand() *cobra.Command {
	var f api.IncidentFilter
	var from, to when
	cmd := c.command("incidents.list", "list", func(ctx context.Context, _ []string) error {
		f.From, f.To = from.Time, to.Time
		return c.listIncidents(ctx, f)
	})
	flags := cmd.Flags()
	flags.StringSliceVar(&f.States, "state", nil, c.t("flag.state", nil))
	flags.StringVar(&f.Code, "code", "", c.t("flag.code", nil))
	flags.StringVarP(&f.Text, "search", "q", "", c.t("flag.search", nil))
	c.between(cmd, &from, &to)
	flags.IntVar(&f.Limit, "limit", 50, c.t("flag.limit", nil))
	flags.IntVar(&f.Offset, "offset", 0, c.t("flag.offset", nil))
	cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(
		[]string{"active", "open", "acknowledged", "resolved", "closed", "false_alarm", "warning", "dismissed"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) listIncidents(ctx context.Context, f api.IncidentFilter) error {
	list, err := c.client().Incidents(ctx, f)
	if err != nil {
		return err
	}
	return c.show(list, func() {
		if len(list.Incidents) == 0 {
			c.none("incidents")
			return
		}
		c.printIncidents(list.Incidents)
		if list.More {
			c.out.Line("\n%s", c.t("incidents.more", map[string]any{"offset": list.Offset + list.Limit}))
		}
	})
}

func (c *cli) printIncidents(list []api.Incident) {
	t := term.NewTable(c.columns("id", "level", "code", "state", "opened", ">outage", "*assignee", "***title")...)
	for _, i := range list {
		t.Row(cell(i.ID), c.level(i.Level), cell(i.Code), c.state(i.State), cell(i.OpenedAt.Format("01-02 15:04")),
			cell(c.span(i.OutageSeconds)), cell(i.Assignee), cell(i.Title.Text))
	}
	t.Write(c.out)
}

// completeIncidents offers the incidents that have not ended, or all.
func (c *cli) completeIncidents(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list, err := c.client().Incidents(cmd.Context(), api.IncidentFilter{Limit: 50})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, i := range list.Incidents {
		out = append(out, i.ID+"\t"+i.Code+" "+i.Title.Text)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
