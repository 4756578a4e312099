package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"xunjian/agent"
	"xunjian/agent/api"
	"xunjian/agent/config"
	"xunjian/agent/reports"
	"xunjian/alerting/inspection"
	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/cmd/xunjian/term"
)

// exitNotInspected is the exit status of inspect when it could not look; up to
// it they are those of checks.Verdict.Code.
const exitNotInspected = 4

func (c *cli) inspectCommand() *cobra.Command {
	var file, form string
	var paper paperFlags
	cmd := c.command("inspect", "inspect", func(ctx context.Context, _ []string) error {
		return c.inspect(ctx, file, form, paper)
	})
	cmd.Flags().StringVar(&form, "form", "", c.t("flag.inspect_form", nil))
	paper.add(c, cmd)
	cmd.Annotations = map[string]string{annotationFailure: "inspect"}
	cmd.Flags().StringVar(&file, "config", "", c.t("flag.config", nil))
	cmd.MarkFlagFilename("config", "yaml", "yml")
	return cmd
}

func (c *cli) inspect(ctx context.Context, file, form string, paper paperFlags) error {
	cfg, err := c.loadConfig(file)
	if err != nil {
		return err
	}
	catalog, err := text.Load(cfg.Location(), checks.Messages, inspection.Messages, messages)
	if err != nil {
		return err
	}
	if form == "" && paper != (paperFlags{}) {
		form = "weekly"
	}
	var by inspection.Form
	if form != "" {
		if by, err = formOf(cfg, form, catalog.For(c.say.Lang())); err != nil {
			return err
		}
	}
	progress := c.err.Progress()
	in, err := agent.Inspect(ctx, cfg, func(done, total int, name string) {
		progress.Show(c.t("inspect.progress", map[string]any{"done": done, "total": total, "name": name}), done == total)
	})
	progress.Clear()
	if err != nil {
		return err
	}
	if form != "" {
		paper = paper.settle("xunjian-" + form)
		body, err := reports.Render(in.Report(ctx, cfg, by), catalog.For(c.say.Lang()), cfg.Location(), paper.format, cfg.Inspection.ReportTemplate)
		if err != nil {
			return refusedReport(err, catalog.For(c.say.Lang()))
		}
		return c.writeReport(paper, body)
	}
	seen := api.Describe(api.Look{
		Host: in.Host, Started: in.Started, Took: in.Took, Results: in.Results, Alerts: in.Alerts, Verdicts: in.Verdicts,
	}, catalog.For(c.say.Lang()), cfg.Location())
	if err := c.show(seen, func() { c.printInspection(seen) }); err != nil {
		return err
	}
	if in.Worst.Code() == exitOK {
		return nil
	}
	return &fault{status: in.Worst.Code()}
}

// formOf is a form in force under a configuration.
func formOf(cfg *config.Config, id string, say *text.Printer) (inspection.Form, error) {
	forms, err := cfg.LoadForms()
	if err != nil {
		return inspection.Form{}, err
	}
	var ids []string
	for _, f := range forms {
		if f.ID == id {
			return f, nil
		}
		ids = append(ids, f.ID)
	}
	return inspection.Form{}, refusedReport(&inspection.Refusal{Code: "unknown_form", Args: map[string]any{"form": id, "forms": strings.Join(ids, ", ")}}, say)
}

// refusedReport says in the reader's language why there is no report.
func refusedReport(err error, say *text.Printer) error {
	r := (*inspection.Refusal)(nil)
	if !errors.As(err, &r) {
		return err
	}
	return &fault{status: exitUsage, message: say.T("round.refused."+r.Code, r.Args)}
}

func (c *cli) printInspection(in api.Inspection) {
	c.out.Line("%s\n", c.out.Paint(term.Bold, c.t("inspect.title", map[string]any{"host": in.Host, "time": clock(in.Started)})))
	c.printFindings(in.Checks)
	for _, a := range in.OtherAlerts {
		if a.Kind != "watchdog" {
			c.out.Line("%s  %s  %s", c.verdict(alertVerdict(a)).Text, term.Safe(a.Rule), term.Safe(a.Summary))
		}
	}
	c.out.Indented("", "\n"+c.t("inspect.summary", map[string]any{
		"checks": len(in.Checks), "counts": c.summary(in.CheckList), "took": in.TookSeconds,
	}), verdicts[in.Worst].style)
}
