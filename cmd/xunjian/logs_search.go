package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) logsSearchCommand() *cobra.Command {
	var q api.LineQuery
	var from, to when
	cmd := c.command("logs.search", "search", func(ctx context.Context, _ []string) error {
		q.From, q.To = from.Time, to.Time
		page, err := c.client().SearchLines(ctx, q)
		if err != nil {
			return err
		}
		return c.show(page, func() { c.printLines(page) })
	})
	c.between(cmd, &from, &to)
	f := cmd.Flags()
	f.StringVar(&q.Source, "source", "", c.t("flag.logs.source", nil))
	f.StringVar(&q.Event, "event", "", c.t("flag.logs.event", nil))
	f.StringVar(&q.Severity, "severity", "", c.t("flag.logs.severity", nil))
	f.StringVar(&q.Text, "text", "", c.t("flag.logs.text", nil))
	f.StringVar(&q.Regexp, "regexp", "", c.t("flag.logs.regexp", nil))
	f.Int64Var(&q.Before, "before", 0, c.t("flag.logs.before", nil))
	f.IntVar(&q.Limit, "limit", 100, c.t("flag.limit", nil))
	return cmd
}

// printLines prints lines oldest first, as one reads a log.
func (c *cli) printLines(page api.LinePage) {
	if len(page.Lines) == 0 {
		c.none("lines")
	} else {
		t := term.NewTable(c.columns("time", "source", "kind", "*line")...)
		for n := len(page.Lines) - 1; n >= 0; n-- {
			l := page.Lines[n]
			t.Row(cell(clock(l.Received)), cell(l.Source), cell(l.Event), cell(strings.ReplaceAll(l.Text, "\n", "\u23ce")))
		}
		t.Write(c.out)
	}
	switch {
	case page.Partial:
		c.out.Line("%s", c.t("logs.partial", map[string]any{"next": page.Next}))
	case page.Next > 0 && len(page.Lines) > 0:
		c.out.Line("%s", c.t("logs.more", map[string]any{"next": page.Next}))
	}
	if page.Damaged > 0 {
		c.out.Line("%s", c.t("logs.damaged", map[string]any{"n": page.Damaged}))
	}
}
