package main

import (
	"context"

	"github.com/spf13/cobra"

	"xunjian/cmd/xunjian/term"
)

// explainCommand says which article, input and rule led to what.
func (c *cli) explainCommand() *cobra.Command {
	cmd := c.command("incidents.explain", "explain ID", func(ctx context.Context, args []string) error {
		e, err := c.client().Explain(ctx, args[0])
		if err != nil {
			return err
		}
		return c.show(e, func() {
			t := term.NewTable(c.columns("time", "about", "*what", "basis")...)
			for _, r := range e.Reasons {
				basis := r.Law
				if r.Article != "" {
					basis = c.t("incidents.article", map[string]any{"article": r.Article})
				}
				t.Row(cell(clock(r.At)), cell(r.About), cell(r.Text), cell(basis))
			}
			t.Write(c.out)
		})
	})
	cmd.ValidArgsFunction = c.completeIncidents
	return cmd
}

// documentCommand prints a document that the plan demands.
func (c *cli) documentCommand() *cobra.Command {
	cmd := c.command("incidents.document", "document ID KIND", func(ctx context.Context, args []string) error {
		p, err := c.client().Paper(ctx, args[0], args[1])
		if err != nil {
			return err
		}
		return c.show(p, func() { c.out.Line("%s", p.Text) })
	})
	cmd.ValidArgsFunction = c.completeIncidents
	return cmd
}
