package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
)

// responseActions are the commands of the response (Art. 8).
func (c *cli) responseActions() []*cobra.Command {
	return []*cobra.Command{
		c.triageCommand(), c.estimateCommand(),
		c.actionCommand("branch", "branch ID BRANCH [REASON]", func(args []string, v int) any {
			return api.ChooseBranch{Branch: args[1], Reason: optional(args, 2), Version: v}
		}),
		c.reportCommand(), c.dutyCommand(),
	}
}

// warningActions are the commands of what may become an incident (Art. 7).
func (c *cli) warningActions() []*cobra.Command {
	return []*cobra.Command{
		c.actionCommand("analyse", "analyse ID TEXT", func(args []string, v int) any {
			return api.Analyse{Text: args[1], Watch: true, Version: v}
		}),
		c.actionCommand("promote", "promote ID CODE REASON", func(args []string, v int) any {
			return api.Promote{Code: args[1], Reason: args[2], Version: v}
		}),
		c.actionCommand("dismiss", "dismiss ID REASON", func(args []string, v int) any {
			return api.Dismiss{Reason: args[1], Version: v}
		}),
	}
}

// afterActions are the commands of what comes afterwards (Art. 18).
func (c *cli) afterActions() []*cobra.Command {
	return []*cobra.Command{
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
			return c.usage("bad_time", map[string]any{"value": args[1]})
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
