package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) incidentTimelineCommand() *cobra.Command {
	cmd := c.command("incidents.timeline", "timeline ID", func(ctx context.Context, args []string) error {
		t, err := c.client().Timeline(ctx, args[0])
		if err != nil {
			return err
		}
		return c.show(t, func() { c.printEvents(t.Events) })
	})
	cmd.ValidArgsFunction = c.completeIncidents
	return cmd
}

func (c *cli) printEvents(list []api.Event) {
	t := term.NewTable(c.columns(">version", "time", "*actor", "***event")...)
	for _, e := range list {
		t.Row(cell(strconv.Itoa(e.Version)), cell(clock(e.At)), cell(c.actor(e.Actor)), cell(e.Text))
	}
	t.Write(c.out)
}

// actor names who made an event, and what kind of who.
func (c *cli) actor(a api.Actor) string {
	return c.t("actor."+a.Kind, map[string]any{"name": a.Name, "via": a.Via})
}
