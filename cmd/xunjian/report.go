package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

// paperFlags say in what form a report is wanted, and where.
type paperFlags struct{ format, file string }

func (p *paperFlags) add(c *cli, cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.format, "format", "", c.t("flag.report_format", nil))
	f.StringVar(&p.file, "file", "", c.t("flag.report_file", nil))
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]cobra.Completion{"html", "pdf", "xlsx", "docx", "json", "text"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.MarkFlagFilename("file", "html", "pdf", "xlsx", "docx", "json", "txt")
}

// settle takes the format from the file's name where none is given, and the
// other way round.
func (p paperFlags) settle(name string) paperFlags {
	if p.format == "" {
		p.format = strings.TrimPrefix(strings.ToLower(filepath.Ext(p.file)), ".")
		switch p.format {
		case "htm", "", "-":
			p.format = "html"
		case "txt":
			p.format = "text"
		}
	}
	if p.file == "" {
		p.file = name + "." + strings.Replace(p.format, "text", "txt", 1)
	}
	return p
}

func (c *cli) paperCommand() *cobra.Command {
	form, from, to, paper := "weekly", when{now: time.Now()}, when{now: time.Now()}, paperFlags{}
	look := func(ctx context.Context, format string) ([]byte, error) {
		return c.client().LookReport(ctx, form, format, from.Time, to.Time)
	}
	period := func(cmd *cobra.Command) *cobra.Command {
		f := cmd.Flags()
		f.StringVar(&form, "form", form, c.t("flag.report_form", nil))
		f.Var(&from, "from", c.t("flag.report_from", nil))
		f.Var(&to, "to", c.t("flag.report_to", nil))
		return cmd
	}
	g := c.group("report", "report", func(ctx context.Context, _ []string) error {
		p := paper.settle("xunjian-" + form)
		body, err := look(ctx, p.format)
		if err != nil {
			return err
		}
		return c.writeReport(p, body)
	})
	paper.add(c, period(g))
	c.section(g, "look", c.reportListCommand(), c.reportShowCommand(), period(c.command("report.preview", "preview", func(ctx context.Context, _ []string) error {
		body, err := look(ctx, "html")
		if err != nil {
			return err
		}
		return c.previewReport(ctx, body)
	})))
	c.section(g, "handle", c.command("report.send", "send ID [PERSON]", c.sendReport))
	return g
}

func (c *cli) reportListCommand() *cobra.Command {
	var form string
	var limit int
	cmd := c.command("report.list", "list", func(ctx context.Context, _ []string) error {
		list, err := c.client().Reports(ctx, form, limit)
		if err != nil {
			return err
		}
		return c.show(list, func() {
			if len(list.Reports) == 0 {
				c.none("reports")
				return
			}
			t := term.NewTable(c.columns("id", "verdict", "made", "form", "*period")...)
			for _, r := range list.Reports {
				t.Row(cell(r.ID), roundVerdict(r.Verdict, r.VerdictName), cell(clock(api.Moment{Time: r.Made})), cell(r.Form),
					cell(r.From.Format("2006-01-02")+" ~ "+r.To.Format("2006-01-02")))
			}
			t.Write(c.out)
		})
	})
	cmd.Flags().StringVar(&form, "form", "", c.t("flag.form", nil))
	cmd.Flags().IntVar(&limit, "limit", 50, c.t("flag.limit", nil))
	return cmd
}

func (c *cli) reportShowCommand() *cobra.Command {
	var paper paperFlags
	cmd := c.command("report.show", "show ID", func(ctx context.Context, args []string) error {
		p := paper.settle(args[0])
		body, err := c.client().Report(ctx, args[0], p.format)
		if err != nil {
			return err
		}
		return c.writeReport(p, body)
	})
	paper.add(c, cmd)
	return cmd
}

func (c *cli) sendReport(ctx context.Context, args []string) error {
	n, err := c.client().SendReport(ctx, args[0], strings.Join(args[1:], ""))
	if err != nil {
		return err
	}
	return c.show(n, func() { c.out.Line("%s", c.t("report.queued", map[string]any{"mails": n.Mails})) })
}

// writeReport writes a report to its file, or to standard output for "-".
func (c *cli) writeReport(p paperFlags, body []byte) error {
	if p.file == "-" {
		_, err := c.out.Write(body)
		return err
	}
	if err := os.WriteFile(p.file, body, 0o600); err != nil {
		return fmt.Errorf("write it: %w", err)
	}
	answer := struct {
		File  string `json:"file"`
		Bytes int    `json:"bytes"`
	}{p.file, len(body)}
	return c.show(answer, func() {
		c.out.Line("%s", c.t("report.written", map[string]any{"file": p.file, "bytes": len(body)}))
	})
}

// previewReport opens a report in the browser of the desktop.
func (c *cli) previewReport(ctx context.Context, body []byte) error {
	f, err := os.CreateTemp("", "xunjian-report-*.html")
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if _, err = f.Write(body); err == nil {
		err = f.Close()
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	open := map[string][]string{"darwin": {"open"}, "windows": {"rundll32", "url.dll,FileProtocolHandler"}}[runtime.GOOS]
	if open == nil {
		open = []string{"xdg-open"}
	}
	opened := exec.CommandContext(ctx, open[0], append(open[1:], f.Name())...).Run() == nil
	answer := struct {
		File   string `json:"file"`
		Opened bool   `json:"opened"`
	}{f.Name(), opened}
	return c.show(answer, func() {
		c.out.Line("%s", c.t("report.previewed", map[string]any{"file": f.Name(), "opened": opened}))
	})
}
