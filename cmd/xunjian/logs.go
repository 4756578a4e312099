package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"xunjian/agent/config"
	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/checks/logs/review"
	"xunjian/checks/logs/tail"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) logsCommand() *cobra.Command {
	return c.group("logs", "logs", nil, c.logsSearchCommand(), c.logsVerifyCommand(), c.logsScanCommand())
}

// logsScanCommand reviews files without an agent.
func (c *cli) logsScanCommand() *cobra.Command {
	var file, kind, encoding string
	var lines int
	cmd := c.command("logs.scan", "scan FILE...", func(ctx context.Context, args []string) error {
		return c.scanLogs(ctx, args, file, kind, encoding, lines)
	})
	cmd.Annotations = map[string]string{annotationFailure: "inspect"}
	cmd.Flags().StringVar(&file, "config", "", c.t("flag.config", nil))
	cmd.Flags().StringVar(&kind, "kind", "", c.t("flag.logs_kind", nil))
	cmd.Flags().StringVar(&encoding, "encoding", "auto", c.t("flag.logs_encoding", nil))
	cmd.Flags().IntVar(&lines, "lines", 1, c.t("flag.logs_lines", nil))
	cmd.MarkFlagFilename("config", "yaml", "yml")
	return cmd
}

func (c *cli) scanLogs(ctx context.Context, names []string, file, kind, encoding string, lines int) error {
	if err := c.oneOf("--encoding", encoding, "auto", "utf-8", "gb18030"); err != nil {
		return err
	}
	cfg := config.Defaults()
	zone := cfg.Location()
	if file != "" {
		loaded, err := c.loadConfig(file)
		if err != nil {
			return err
		}
		cfg, zone = loaded, loaded.Location()
	}
	catalog, err := text.Load(zone, checks.Messages, messages)
	if err != nil {
		return err
	}
	progress := c.err.Progress()
	got, err := review.Scan(ctx, names, review.ScanOptions{
		Config: cfg.Checks.Logs.Review, Kind: kind, Encoding: tail.Encoding(encoding), Zone: zone, Stdin: c.in,
		Progress: func(done, total int64, name string) {
			progress.Show(c.scanProgress(done, total, name), done == total)
		},
	})
	progress.Clear()
	if err != nil {
		return err
	}
	if err := c.show(got, func() { c.printScan(got, catalog.For(c.say.Lang()), lines) }); err != nil {
		return err
	}
	if got.Worst.Code() == exitOK {
		return nil
	}
	return &fault{status: got.Worst.Code()}
}

// scanProgress is a bar with how much of all files is done.
func (c *cli) scanProgress(done, total int64, name string) string {
	const width = 30
	full := width
	percent := 100
	if total > 0 {
		full, percent = int(done*width/total), int(done*100/total)
	}
	bar := strings.Repeat("█", full) + strings.Repeat("░", width-full)
	return fmt.Sprintf("%s %3d%%  %s", bar, percent, term.Safe(name))
}

func (c *cli) printScan(got review.Summary, say *text.Printer, lines int) {
	for _, f := range got.Files {
		if f.Error != "" {
			c.out.Line("%s  %s  %s", c.verdict("unknown").Text, term.Safe(f.Name), term.Safe(f.Error))
		}
	}
	if len(got.Patterns) > 0 {
		t := term.NewTable(c.columns("verdict", "code", ">lines", "*what")...)
		for _, p := range got.Patterns {
			title := p.Title.EN
			if c.say.Lang() == text.ZH {
				title = p.Title.ZH
			}
			t.Row(c.verdict(p.Verdict.String()), cell(p.Code), cell(fmt.Sprint(p.Count)), term.Cell{Lead: p.Name, Text: title, Style: textStyle(p.Verdict.String())})
			for _, l := range p.Lines[max(0, len(p.Lines)-max(0, lines)):] {
				t.Row(term.Cell{}, term.Cell{}, term.Cell{}, term.Cell{Text: l.Text, Style: term.Dim})
			}
		}
		t.Write(c.out)
	}
	c.printScanFindings(got, say)
	c.out.Indented("", "\n"+c.t("logs.scan.summary", map[string]any{
		"files": len(got.Files), "lines": got.Lines, "mb": fmt.Sprintf("%.1f", float64(got.Bytes)/1e6), "took": got.Took.Seconds(),
	}), verdicts[got.Worst.String()].style)
}

// printScanFindings prints what several lines mean together.
func (c *cli) printScanFindings(got review.Summary, say *text.Printer) {
	t := term.NewTable(c.columns("verdict", "*finding")...)
	any := false
	for _, f := range got.Findings {
		if f.Code == "logs.event" {
			continue // stands in the table of lines
		}
		any = true
		v := f.Verdict.String()
		t.Row(c.verdict(v), term.Cell{Lead: f.Subject, Text: say.T(f.Code, f.Args), Style: textStyle(v)})
	}
	if any {
		c.out.Line("")
		t.Write(c.out)
	}
}
