package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"xunjian/checks/logs/archive"
	"xunjian/cmd/xunjian/term"
)

// exitDamaged is the status where kept lines are not what was written.
const exitDamaged = 3

// annotationExits marks a command whose exit statuses are its own.
const annotationExits = "exits"

// logsVerifyCommand reads the archive itself: it works without an agent, beside
// one, and on a copy.
func (c *cli) logsVerifyCommand() *cobra.Command {
	cmd := c.command("logs.verify", "verify [FOLDER]", func(ctx context.Context, args []string) error {
		folder := filepath.Join(c.data, "logs")
		if len(args) > 0 {
			folder = args[0]
		}
		return c.verifyLogs(ctx, folder)
	})
	cmd.Annotations = map[string]string{annotationExits: "verify"}
	return cmd
}

func (c *cli) verifyLogs(ctx context.Context, folder string) error {
	progress := c.err.Progress()
	begun := time.Now()
	got, err := archive.VerifyFolder(ctx, folder, func(done, total int64) {
		progress.Show(c.scanProgress(done, total, folder), done == total)
	})
	progress.Clear()
	if err != nil {
		return c.unreadable(folder, err)
	}
	if err := c.show(got, func() { c.printVerified(got, time.Since(begun)) }); err != nil {
		return err
	}
	if len(got.Damage) > 0 {
		return &fault{status: exitDamaged}
	}
	return nil
}

func (c *cli) printVerified(got archive.Verified, took time.Duration) {
	at := func(t time.Time) string { return t.Local().Format(time.DateTime) }
	if len(got.Damage) > 0 {
		t := term.NewTable(c.columns("file", ">byte", "damage", ">lines", "from", "until")...)
		why := map[archive.Why]string{
			archive.Unreadable: c.t("logs.verify.unreadable", nil), archive.Changed: c.t("logs.verify.changed", nil), archive.Missing: c.t("logs.verify.missing", nil),
		}
		for _, d := range got.Damage {
			lines := "?"
			if d.Lines > 0 {
				lines = fmt.Sprint(d.Lines)
			}
			t.Row(cell(d.File), cell(fmt.Sprint(d.At)), cell(cmp.Or(why[d.Why], string(d.Why))), cell(lines), cell(at(d.From)), cell(at(d.To)))
		}
		t.Write(c.out)
		c.out.Line("")
	}
	if got.Blocks == 0 && len(got.Damage) == 0 {
		c.none("lines")
		return
	}
	c.out.Line("%s", c.t("logs.verify.summary", map[string]any{
		"files": got.Files, "blocks": got.Blocks, "lines": got.Lines, "bytes": got.Bytes, "from": at(got.From), "to": at(got.To), "took": took.Seconds(),
		"damage": len(got.Damage) + got.More,
	}))
}
