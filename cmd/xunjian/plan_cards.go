package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"xunjian/alerting/report/cards"
)

func (c *cli) planCardsCommand() *cobra.Command {
	var file, from string
	cmd := c.command("plan.cards", "cards [SCENARIO]", func(ctx context.Context, args []string) error {
		return c.printCards(ctx, args, file, from)
	})
	f := cmd.Flags()
	f.StringVar(&file, "file", "xunjian-cards.pdf", c.t("flag.cards_file", nil))
	f.StringVar(&from, "plan", "", c.t("flag.cards_plan", nil))
	cmd.MarkFlagFilename("file", "pdf")
	cmd.MarkFlagFilename("plan", "yaml", "yml")
	cmd.ValidArgsFunction = c.completeScenarios
	return cmd
}

// printCards writes the playbooks as cards: those of the running agent with the
// people of its roster, or of a plan file, without any agent, with blanks.
func (c *cli) printCards(ctx context.Context, scenarios []string, file, from string) error {
	var body []byte
	var err error
	if from == "" {
		body, err = c.client().Cards(ctx, scenarios)
	} else {
		p, fault := c.loadPlan(from)
		if fault != nil {
			return fault
		}
		body, err = cards.Print(cards.Input{Plan: p, Lang: c.say.Lang(), Scenarios: scenarios, Made: time.Now()})
	}
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, body, 0o600); err != nil {
		return fmt.Errorf("write the cards: %w", err)
	}
	answer := struct {
		File  string `json:"file"`
		Pages int    `json:"pages"`
		Bytes int    `json:"bytes"`
	}{file, bytes.Count(body, []byte("/Type /Page\n")), len(body)}
	return c.show(answer, func() { c.out.Line("%s", c.t("plan.printed", map[string]any{"file": file, "pages": answer.Pages})) })
}
