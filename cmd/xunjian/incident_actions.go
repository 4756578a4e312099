package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

// incidentActions are the commands that change an incident.
func (c *cli) incidentActions() []*cobra.Command {
	var note, to string
	var decided bool
	withNote := func(cmd *cobra.Command, flag string) *cobra.Command {
		cmd.Flags().StringVarP(&note, flag, "m", "", c.t("flag.action_"+flag, nil))
		return cmd
	}
	withTo := func(cmd *cobra.Command) *cobra.Command {
		cmd.Flags().StringVar(&to, "to", "", c.t("flag.step_to", nil))
		return cmd
	}
	withDecided := func(cmd *cobra.Command) *cobra.Command {
		cmd.Flags().BoolVar(&decided, "decided", false, c.t("flag.decided", nil))
		return cmd
	}
	return []*cobra.Command{
		c.actionCommand("ack", "ack ID NOTE", func(args []string, v int) any {
			return api.Acknowledge{Note: args[1], Version: v}
		}),
		c.actionCommand("comment", "comment ID TEXT", func(args []string, v int) any {
			return api.Comment{Text: args[1], Version: v}
		}),
		withNote(c.actionCommand("assign", "assign ID PERSON", func(args []string, v int) any {
			return api.Assign{To: args[1], Note: note, Version: v}
		}), "note"),
		withDecided(c.actionCommand("level", "level ID LEVEL REASON", func(args []string, v int) any {
			return api.SetLevel{Level: args[1], Reason: args[2], Decided: decided, Version: v}
		})),
		withTo(withNote(c.actionCommand("step", "step ID STEP STATE", func(args []string, v int) any {
			return api.SetStep{Step: args[1], State: args[2], To: to, Note: note, Version: v}
		}), "note")),
		c.actionCommand("resolve", "resolve ID [NOTE]", func(args []string, v int) any {
			return api.Resolve{Note: optional(args, 1), Version: v}
		}),
		c.actionCommand("reopen", "reopen ID REASON", func(args []string, v int) any {
			return api.Reopen{Reason: args[1], Version: v}
		}),
		c.actionCommand("false-alarm", "false-alarm ID REASON", func(args []string, v int) any {
			return api.FalseAlarm{Reason: args[1], Version: v}
		}),
	}
}

func optional(args []string, n int) string {
	if n < len(args) {
		return args[n]
	}
	return ""
}

// actionCommand is a command that carries out what body makes of its
// arguments.
func (c *cli) actionCommand(name, use string, body func(args []string, version int) any) *cobra.Command {
	var seen int
	cmd := c.command("incidents."+name, use, func(ctx context.Context, args []string) error {
		i, err := c.client().Do(ctx, args[0], body(args, seen))
		if err != nil {
			return err
		}
		return c.show(i, func() { c.printOutcome(i) })
	})
	cmd.Flags().IntVar(&seen, "if-version", 0, c.t("flag.if-version", nil))
	cmd.ValidArgsFunction = c.completeIncidents
	return cmd
}

// printOutcome says in one line what an incident has become.
func (c *cli) printOutcome(i api.Incident) {
	state := c.state(i.State)
	c.out.Line("%s  %s  %s", c.out.Paint(term.Bold, i.ID), c.out.Paint(state.Style, state.Text),
		c.t("incidents.outcome", map[string]any{"level": i.Level, "version": i.Version, "assignee": term.Safe(i.Assignee)}))
}

func (c *cli) incidentOpenCommand() *cobra.Command {
	var r api.Report
	var call api.AddReport
	since, due := when{now: time.Now()}, when{now: time.Now()}
	cmd := c.command("incidents.open", "open CODE TITLE", func(ctx context.Context, args []string) error {
		r.Title, r.Since = args[1], api.Moment{Time: since.Time}
		// The situations of Art. 15 have no code: a scenario stands for it.
		if r.Code = args[0]; r.Code == "-" {
			r.Code = ""
		}
		if call.Caller != "" {
			call.Text, call.Due = args[1], api.Moment{Time: due.Time}
			r.Call = &call
		}
		i, err := c.client().Open(ctx, r)
		if err != nil {
			return err
		}
		return c.show(i, func() { c.printOutcome(i) })
	})
	c.callFlags(cmd, &call, &due)
	f := cmd.Flags()
	f.StringVar(&call.Caller, "caller", "", c.t("flag.caller", nil))
	f.StringVar(&r.Key, "key", "", c.t("flag.key", nil))
	f.StringVar(&r.Scenario, "scenario", "", c.t("flag.scenario", nil))
	f.StringVar(&r.System, "system", "", c.t("flag.system", nil))
	f.Var(&since, "since", c.t("flag.since", nil))
	return cmd
}

func (c *cli) incidentVerifyCommand() *cobra.Command {
	return c.command("incidents.verify", "verify", func(ctx context.Context, _ []string) error {
		v, err := c.client().Verify(ctx)
		if err != nil {
			return err
		}
		if err := c.show(v, func() { c.printVerification(v) }); err != nil {
			return err
		}
		if !v.Whole {
			return &fault{status: exitFailure}
		}
		return nil
	})
}

func (c *cli) printVerification(v api.Verification) {
	args := map[string]any{"events": v.Events, "incidents": v.Incidents, "blobs": v.Blobs, "head": v.Head, "faults": len(v.Faults)}
	if v.Whole {
		c.out.Line("%s", c.out.Paint(term.Green, c.t("incidents.whole", args)))
		return
	}
	c.out.Line("%s", c.out.Paint(term.RedBold, c.t("incidents.broken", args)))
	for _, f := range v.Faults {
		c.out.Indented("  ", f, term.Plain)
	}
}
