package main

import (
	"context"

	"xunjian/alerting/plan"
	"xunjian/cmd/xunjian/term"
)

// diffPlans says what changed from one plan to another; like diff, it ends with
// 1 where they differ.
func (c *cli) diffPlans(_ context.Context, args []string) error {
	plans := [2]*plan.Plan{}
	for n := range plans {
		file := defaultPlan
		if n < len(args) {
			file = args[n]
		}
		var err error
		if plans[n], err = c.loadPlan(file); err != nil {
			return err
		}
	}
	if len(args) == 1 { // from the shipped plan to one's own
		plans[0], plans[1] = plans[1], plans[0]
	}
	changes := plan.Diff(plans[0], plans[1])
	if changes == nil {
		changes = []plan.Change{}
	}
	if err := c.show(changes, func() { c.printChanges(changes) }); err != nil {
		return err
	}
	if len(changes) > 0 {
		return &fault{status: exitFailure}
	}
	return nil
}

func (c *cli) printChanges(changes []plan.Change) {
	if len(changes) == 0 {
		c.none("changes")
		return
	}
	styles := map[plan.ChangeKind]term.Style{plan.Added: term.Green, plan.Removed: term.Red, plan.Changed: term.Yellow, plan.Moved: term.Cyan}
	marks := map[plan.ChangeKind]string{plan.Added: "+", plan.Removed: "-", plan.Changed: "~", plan.Moved: "↕"}
	lang := c.say.Lang()
	for _, x := range changes {
		c.out.Line("%s %s", c.out.Paint(styles[x.Kind], marks[x.Kind]), term.Safe(x.Path))
		if where := x.Where.In(lang); where != "" {
			c.out.Indented("    ", term.Safe(where), term.Dim)
		}
		if old := x.Old.In(lang); old != "" && x.Kind != plan.Moved {
			c.out.Indented("    ", "- "+term.Safe(old), term.Red)
		}
		if next := x.New.In(lang); next != "" && x.Kind != plan.Moved {
			c.out.Indented("    ", "+ "+term.Safe(next), term.Green)
		}
	}
}
