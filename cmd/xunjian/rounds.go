package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/alerting/inspection"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) roundsCommand() *cobra.Command {
	g := c.group("rounds", "rounds", c.listRoundsNow)
	c.section(g, "look", c.roundsListCommand(), c.command("rounds.show", "show ID", c.showRound), c.roundsFileCommand(), c.command("rounds.forms", "forms", c.listForms))
	c.section(g, "handle",
		c.command("rounds.start", "start FORM", c.startRound), c.command("rounds.judge", "judge ID", c.judgeRound),
		c.roundsAnswerCommand(), c.command("rounds.warn", "warn ID ITEM", c.warnRound), c.roundsSignCommand())
	return g
}

func (c *cli) listRoundsNow(ctx context.Context, _ []string) error {
	return c.listRounds(ctx, "", false, 50)
}

func (c *cli) roundsListCommand() *cobra.Command {
	var form string
	var open bool
	var limit int
	cmd := c.command("rounds.list", "list", func(ctx context.Context, _ []string) error {
		return c.listRounds(ctx, form, open, limit)
	})
	f := cmd.Flags()
	f.StringVar(&form, "form", "", c.t("flag.form", nil))
	f.BoolVar(&open, "open", false, c.t("flag.open", nil))
	f.IntVar(&limit, "limit", 50, c.t("flag.limit", nil))
	return cmd
}

func (c *cli) listRounds(ctx context.Context, form string, open bool, limit int) error {
	list, err := c.client().Rounds(ctx, form, open, limit)
	if err != nil {
		return err
	}
	return c.show(list, func() {
		if len(list.Rounds) == 0 {
			c.none("rounds")
			return
		}
		t := term.NewTable(c.columns("id", "verdict", "opened", "*title", "*remark")...)
		for _, r := range list.Rounds {
			t.Row(cell(r.ID), roundVerdict(r.Verdict, r.VerdictName), cell(clock(api.Moment{Time: r.Opened})), cell(r.Title), cell(c.roundState(r)))
		}
		t.Write(c.out)
	})
}

// roundState says what a round waits for.
func (c *cli) roundState(r inspection.RoundView) string {
	switch {
	case r.Reviewer != nil:
		return r.Inspector.By + " / " + r.Reviewer.By
	case r.Inspector != nil:
		return r.Inspector.By
	case r.Done:
		return "–"
	}
	return c.t("rounds.waits", map[string]any{"overdue": r.Overdue, "by": r.SignBy})
}

// roundMarks show a verdict where there is no colour.
var roundMarks = map[inspection.Verdict]string{
	inspection.Normal: "ok", inspection.Attention: "attention", inspection.Abnormal: "abnormal",
	inspection.Unknown: "unknown", inspection.NotInspected: "unknown", inspection.NotApplicable: "not_applicable",
}

func roundVerdict(v inspection.Verdict, name string) term.Cell {
	k := verdicts[roundMarks[v]]
	return term.Cell{Text: k.mark + " " + name, Style: k.style}
}

func (c *cli) showRound(ctx context.Context, args []string) error {
	return c.shownRound(c.client().Round(ctx, args[0]))
}

func (c *cli) startRound(ctx context.Context, args []string) error {
	return c.shownRound(c.client().StartRound(ctx, args[0]))
}

func (c *cli) judgeRound(ctx context.Context, args []string) error {
	return c.shownRound(c.client().ChangeRound(ctx, args[0], "judge", nil))
}

func (c *cli) warnRound(ctx context.Context, args []string) error {
	return c.shownRound(c.client().ChangeRound(ctx, args[0], "warning", api.WarnItem{Item: args[1]}))
}

func (c *cli) roundsAnswerCommand() *cobra.Command {
	var note string
	var files []string
	cmd := c.command("rounds.answer", "answer ID ITEM VERDICT", func(ctx context.Context, args []string) error {
		in := api.AnswerItem{Item: args[1], Verdict: args[2], Note: note}
		for _, name := range files {
			body, err := readAttachment(name)
			if err != nil {
				return err
			}
			in.Files = append(in.Files, inspection.File{Name: filepath.Base(name), Body: body})
		}
		return c.shownRound(c.client().ChangeRound(ctx, args[0], "answer", in))
	})
	cmd.Flags().StringArrayVar(&files, "attach", nil, c.t("flag.attach", nil))
	cmd.Flags().StringVar(&note, "note", "", c.t("flag.note", nil))
	return cmd
}

// readAttachment reads a file, but for one that the agent would not take.
func readAttachment(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the attachment: %w", err)
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, inspection.MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the attachment: %w", err)
	}
	return body, nil
}

// roundsFileCommand writes what a round keeps to a file, or to standard output.
func (c *cli) roundsFileCommand() *cobra.Command {
	var to string
	cmd := c.command("rounds.file", "file ID FILE", func(ctx context.Context, args []string) error {
		body, err := c.client().RoundFile(ctx, args[0], args[1])
		if err != nil {
			return err
		}
		return c.writeReport(paperFlags{file: to}, body)
	})
	cmd.Flags().StringVar(&to, "file", "-", c.t("flag.to_file", nil))
	return cmd
}

func (c *cli) roundsSignCommand() *cobra.Command {
	in := api.SignRound{As: inspection.Inspector}
	review := false
	cmd := c.command("rounds.sign", "sign ID", func(ctx context.Context, args []string) error {
		if review {
			in.As = inspection.Reviewer
		}
		return c.shownRound(c.client().ChangeRound(ctx, args[0], "sign", in))
	})
	cmd.Flags().StringVar(&in.Note, "note", "", c.t("flag.note", nil))
	cmd.Flags().BoolVar(&review, "review", false, c.t("flag.review", nil))
	return cmd
}

func (c *cli) shownRound(r inspection.RoundView, err error) error {
	if err != nil {
		return err
	}
	return c.show(r, func() { c.printRound(r) })
}

func (c *cli) printRound(r inspection.RoundView) {
	c.out.Line("%s  %s", c.out.Paint(term.Bold, term.Safe(r.Title)), r.ID)
	v := roundVerdict(r.Verdict, r.VerdictName)
	c.out.Line("%s  %s", c.out.Paint(v.Style, v.Text), c.t("rounds.period", map[string]any{
		"from": r.From, "to": r.To, "late": r.Late, "missed": r.Missed,
	}))
	for _, g := range r.Groups {
		c.out.Line("\n%s", c.out.Paint(term.Bold, g.Title))
		t := term.NewTable(c.columns("id", "verdict", "*what", "**finding")...).Margin("  ")
		for _, i := range g.Items {
			t.Row(cell(i.ID), roundVerdict(i.Verdict, i.VerdictName), cell(i.Title), cell(itemSays(i)))
		}
		t.Write(c.out)
	}
	c.out.Line("")
	c.printSignature(c.t("rounds.inspector", nil), r.Inspector)
	c.printSignature(c.t("rounds.reviewer", nil), r.Reviewer)
	if state := c.roundState(r); !r.Done {
		c.out.Line("\n%s", c.out.Paint(term.Yellow, state))
	}
}

func (c *cli) printSignature(as string, s *inspection.Signature) {
	if s == nil {
		c.out.Line("%s  –", as)
		return
	}
	c.out.Line("%s  %s  %s", as, term.Safe(s.By), c.out.Paint(term.Dim, term.Safe(s.Note)))
}

// itemSays is what stands behind an item's verdict, on one line.
func itemSays(i inspection.ItemView) string {
	var out []string
	for _, v := range i.Values {
		out = append(out, strings.Join(strings.Fields(v.Title+" "+v.Subject+" "+v.Text), " "))
	}
	for _, why := range i.Reasons {
		if why.Code == "round.ask" {
			out = append(out, i.Question)
			continue
		}
		about := why.Subject
		if about == "" {
			about = why.Check
		}
		out = append(out, strings.TrimSpace(about+" "+why.Text))
	}
	if i.By != "" {
		out = append(out, strings.TrimSpace(i.By+" "+i.Note))
	}
	for _, a := range i.Files {
		out = append(out, a.Name)
	}
	if i.Incident != "" {
		out = append(out, i.Incident)
	}
	return strings.Join(out, " · ")
}

func (c *cli) listForms(ctx context.Context, _ []string) error {
	list, err := c.client().Forms(ctx)
	if err != nil {
		return err
	}
	return c.show(list, func() {
		t := term.NewTable(c.columns("id", "version", "*title", ">items", "schedule")...)
		for _, f := range list.Forms {
			when := f.Schedule
			if f.BeforeOpenings {
				when = c.t("rounds.before_openings", nil)
			}
			t.Row(cell(f.ID), cell(f.Version), cell(f.Title.Text), cell(fmt.Sprint(f.Items)), cell(when))
		}
		t.Write(c.out)
	})
}
