package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

// responseActions are the commands of the response and of what comes
// afterwards (Art. 7, 8, 18).
func (c *cli) responseActions() []*cobra.Command {
	return []*cobra.Command{
		c.incidentResponseCommand(), c.explainCommand(), c.documentCommand(), c.triageCommand(), c.estimateCommand(),
		c.actionCommand("branch", "branch ID BRANCH [REASON]", func(args []string, v int) any {
			return api.ChooseBranch{Branch: args[1], Reason: optional(args, 2), Version: v}
		}),
		c.reportCommand(), c.dutyCommand(),
		c.actionCommand("analyse", "analyse ID TEXT", func(args []string, v int) any {
			return api.Analyse{Text: args[1], Watch: true, Version: v}
		}),
		c.actionCommand("promote", "promote ID CODE REASON", func(args []string, v int) any {
			return api.Promote{Code: args[1], Reason: args[2], Version: v}
		}),
		c.actionCommand("dismiss", "dismiss ID REASON", func(args []string, v int) any {
			return api.Dismiss{Reason: args[1], Version: v}
		}),
		c.actionCommand("entry", "entry ID WHAT [PROJECT]", func(args []string, v int) any {
			return api.AddEntry{What: args[1], Project: optional(args, 2), Version: v}
		}),
		c.actionCommand("entry-done", "entry-done ID N [NOTE]", func(args []string, v int) any {
			return api.CompleteEntry{Entry: number(args[1]), Note: optional(args, 2), Version: v}
		}),
		c.actionCommand("investigate", "investigate ID HEADING TEXT", func(args []string, v int) any {
			return api.Investigate{Heading: args[1], Text: args[2], Version: v}
		}),
		c.lessonCommand(),
		c.actionCommand("lesson-done", "lesson-done ID N [NOTE]", func(args []string, v int) any {
			return api.CompleteLesson{Lesson: number(args[1]), Note: optional(args, 2), Version: v}
		}),
		c.actionCommand("close", "close ID [NOTE]", func(args []string, v int) any {
			return api.Close{Note: optional(args, 1), Version: v}
		}),
	}
}

// number reads a number; what is none is 0, which no list has.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

func (c *cli) triageCommand() *cobra.Command {
	var b api.SetTriage
	cmd := c.actionCommand("triage", "triage ID [NOTE]", func(args []string, v int) any {
		b.Note, b.Version = optional(args, 1), v
		return b
	})
	f := cmd.Flags()
	f.StringVar(&b.Code, "code", "", c.t("flag.new_code", nil))
	f.StringVar(&b.Scenario, "scenario", "", c.t("flag.scenario", nil))
	f.StringVar(&b.Cause, "cause", "", c.t("flag.cause", nil))
	return cmd
}

// estimateCommand takes a moment, or how long from now: 90m, 3h.
func (c *cli) estimateCommand() *cobra.Command {
	var seen int
	cmd := c.command("incidents.estimate", "estimate ID WHEN [NOTE]", func(ctx context.Context, args []string) error {
		at, err := restoredAt(args[1], time.Now())
		if err != nil {
			return err
		}
		i, err := c.client().Do(ctx, args[0], api.SetEstimate{Restored: api.Moment{Time: at}, Note: optional(args, 2), Version: seen})
		if err != nil {
			return err
		}
		return c.show(i, func() { c.printOutcome(i) })
	})
	cmd.Flags().IntVar(&seen, "if-version", 0, c.t("flag.if-version", nil))
	cmd.ValidArgsFunction = c.completeIncidents
	return cmd
}

func restoredAt(s string, now time.Time) (time.Time, error) {
	if ahead, err := time.ParseDuration(s); err == nil {
		return now.Add(ahead), nil
	}
	return parseWhen(s, now, time.Local)
}

func (c *cli) reportCommand() *cobra.Command {
	var b api.AddReport
	due := when{now: time.Now()}
	cmd := c.actionCommand("report", "report ID CALLER TEXT", func(args []string, v int) any {
		b.Caller, b.Text, b.Due, b.Version = args[1], args[2], api.Moment{Time: due.Time}, v
		return b
	})
	c.callFlags(cmd, &b, &due)
	return cmd
}

func (c *cli) callFlags(cmd *cobra.Command, b *api.AddReport, due *when) {
	f := cmd.Flags()
	f.StringVar(&b.Phone, "phone", "", c.t("flag.phone", nil))
	f.StringVar(&b.Project, "project", "", c.t("flag.project", nil))
	f.StringVar(&b.Bidder, "bidder", "", c.t("flag.bidder", nil))
	f.Var(due, "bids-due", c.t("flag.bids-due", nil))
}

func (c *cli) dutyCommand() *cobra.Command {
	var b api.SetDuty
	cmd := c.actionCommand("duty", "duty ID DUTY STATE", func(args []string, v int) any {
		b.Duty, b.State, b.Version = args[1], args[2], v
		return b
	})
	f := cmd.Flags()
	f.StringSliceVar(&b.To, "to", nil, c.t("flag.duty_to", nil))
	f.StringVar(&b.Via, "via", "", c.t("flag.via", nil))
	f.StringVarP(&b.Note, "note", "m", "", c.t("flag.action_note", nil))
	return cmd
}

func (c *cli) lessonCommand() *cobra.Command {
	due := when{now: time.Now()}
	cmd := c.actionCommand("lesson", "lesson ID OWNER TEXT", func(args []string, v int) any {
		return api.AddLesson{Owner: args[1], Text: args[2], Due: api.Moment{Time: due.Time}, Version: v}
	})
	cmd.Flags().Var(&due, "due", c.t("flag.due", nil))
	cmd.MarkFlagRequired("due")
	return cmd
}

// incidentWarnCommand enters a sign that may become an incident (Art. 7).
func (c *cli) incidentWarnCommand() *cobra.Command {
	r := api.Report{}
	cmd := c.command("incidents.warn", "warn TITLE", func(ctx context.Context, args []string) error {
		r.Title = args[0]
		i, err := c.client().Open(ctx, r)
		if err != nil {
			return err
		}
		return c.show(i, func() { c.printOutcome(i) })
	})
	f := cmd.Flags()
	f.StringVar(&r.Warning, "source", "internal", c.t("flag.source", nil))
	f.BoolVar(&r.Major, "major", false, c.t("flag.major", nil))
	f.StringVar(&r.System, "system", "", c.t("flag.system", nil))
	return cmd
}

// incidentDrillCommand opens an exercise.
func (c *cli) incidentDrillCommand() *cobra.Command {
	r := api.Report{Drill: true}
	cmd := c.command("incidents.drill", "drill SCENARIO TITLE", func(ctx context.Context, args []string) error {
		r.Scenario, r.Title = args[0], args[1]
		i, err := c.client().Open(ctx, r)
		if err != nil {
			return err
		}
		return c.show(i, func() { c.printOutcome(i) })
	})
	f := cmd.Flags()
	f.StringSliceVar(&r.Participants, "people", nil, c.t("flag.people", nil))
	f.StringVar(&r.System, "system", "", c.t("flag.system", nil))
	cmd.MarkFlagRequired("people")
	return cmd
}

func (c *cli) incidentResponseCommand() *cobra.Command {
	cmd := c.command("incidents.response", "response ID", func(ctx context.Context, args []string) error {
		r, err := c.client().Response(ctx, args[0])
		if err != nil {
			return err
		}
		return c.show(r, func() { c.printResponse(r) })
	})
	cmd.ValidArgsFunction = c.completeIncidents
	return cmd
}

// printResponse shows what is due, what was done and what is suggested.
func (c *cli) printResponse(r api.Response) {
	c.heading("incidents.deadlines", nil)
	t := term.NewTable(c.columns("state", "due", "*what", "who")...).Margin("  ")
	for _, d := range r.Deadlines {
		t.Row(c.state(todo(d.State)), cell(clock(d.Due)), cell(d.Text), cell(c.posts(d.Responsible)))
	}
	t.Write(c.out)
	for _, s := range r.Suggested {
		c.out.Line("  %s", c.out.Paint(term.Cyan, c.t("incidents.suggested", map[string]any{"when": s.When.Text, "reason": s.Reason, "branch": s.Branch})))
	}
	if len(r.Duties) > 0 {
		c.heading("incidents.duties", nil)
		t := term.NewTable(c.columns("state", "id", "*what", "who")...).Margin("  ")
		for _, d := range r.Duties {
			t.Row(c.state(todo(d.State)), cell(d.ID), cell(d.Do.Text), cell(c.posts(d.Responsible)))
		}
		t.Write(c.out)
	}
	for _, l := range r.Looks {
		c.out.Line("\n%s", c.out.Paint(term.Bold, c.t("incidents.looked", map[string]any{"look": l.Look, "step": l.Step})))
		for _, line := range l.Lines {
			c.out.Indented("  ", term.Safe(line), term.Plain)
		}
	}
	c.printAfterwards(r)
}

// todo tells what is still to be done from an incident that nobody has taken in
// hand: both are open.
func todo(state string) string {
	if state == "open" {
		return "todo"
	}
	return state
}

func (c *cli) printAfterwards(r api.Response) {
	for _, call := range r.Reports {
		text := strings.TrimSpace(strings.Join([]string{call.Caller, call.Phone, call.Bidder, call.Project}, " "))
		c.out.Indented("  ", term.Safe(fmt.Sprintf("%s  %s: %s", clock(call.At), text, call.Text)), term.Plain)
	}
	if len(r.Entries)+len(r.Lessons) > 0 {
		c.heading("incidents.afterwards", nil)
	}
	for _, e := range r.Entries {
		c.item(e.Entry, e.What, e.DoneBy)
	}
	for _, l := range r.Lessons {
		c.item(l.Lesson, l.Text+"  "+l.Owner+"  "+clock(l.Due), l.DoneBy)
	}
	if len(r.Missing) > 0 {
		c.out.Line("\n%s", c.t("incidents.missing", map[string]any{"what": strings.Join(r.Missing, ", ")}))
	}
}

// item is one line of a list that is worked off.
func (c *cli) item(n int, text, doneBy string) {
	mark, style := stepMarks["open"], term.Plain
	if doneBy != "" {
		mark, style = stepMarks["done"], term.Green
	}
	c.out.Indented("  ", term.Safe(fmt.Sprintf("%s %d  %s  %s", mark, n, text, doneBy)), style)
}

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
