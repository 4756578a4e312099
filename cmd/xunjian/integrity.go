package main

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) integrityCommand() *cobra.Command {
	g := c.group("integrity", "integrity", c.showIntegrity)
	c.section(g, "look", c.command("integrity.show", "show [PATH]", c.showIntegrity))
	c.section(g, "handle", c.approveIntegrityCommand())
	return g
}

// showIntegrity lists what is guarded and what changed; of one file, it shows
// what changed in it.
func (c *cli) showIntegrity(ctx context.Context, args []string) error {
	all, err := c.client().Integrity(ctx)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return c.show(all, func() { c.printIntegrity(all) })
	}
	for _, one := range all.Changes {
		if one.Path != absolute(args[0]) {
			continue
		}
		d, err := c.client().FileDiff(ctx, one.ID)
		if err != nil {
			return err
		}
		return c.show(d, func() { c.printFileDiff(d) })
	}
	return c.usage("no_change_of", map[string]any{"path": args[0]})
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func (c *cli) printIntegrity(r api.IntegrityReport) {
	if len(r.Trees) == 0 {
		c.none("guarded")
		return
	}
	t := term.NewTable(c.columns("**path", "*type", ">files", "*baseline", "walked")...)
	for _, one := range r.Trees {
		state := term.Cell{Text: c.t("integrity.proposed", nil), Style: term.Yellow}
		switch {
		case one.Error != "":
			state.Text = one.Error
		case !one.Complete:
			state.Text = c.t("integrity.learning", nil)
		case one.Approved != nil:
			state = cell(c.t("integrity.approved", map[string]any{"by": one.Approved.By, "at": clock(one.Approved.At)}))
		}
		t.Row(cell(one.Path), cell(one.Type), cell(c.t("integrity.files", map[string]any{"n": one.Files})), state, cell(clock(one.Walked)))
	}
	t.Write(c.out)
	c.out.Line("")
	if r.Total == 0 {
		c.none("file_changes")
		return
	}
	t = term.NewTable(c.columns("**path", "***text", "since")...)
	for _, one := range r.Changes {
		t.Row(cell(one.Path), cell(one.Text), cell(clock(one.Since)))
	}
	t.Write(c.out)
	if more := r.Total - len(r.Changes); more > 0 {
		c.out.Line("%s", c.t("integrity.more", map[string]any{"n": more}))
	}
}

func (c *cli) printFileDiff(d api.FileDiff) {
	c.out.Line("%s", term.Safe(d.Change.Path))
	c.out.Line("%s", term.Safe(d.Change.Text))
	c.printFacts(c.t("integrity.before", nil), d.Change.Before)
	c.printFacts(c.t("integrity.after", nil), d.Change.After)
	if d.Diff == "" {
		c.out.Line("%s", c.t("integrity.no_diff", nil))
	}
	for line := range strings.Lines(d.Diff) {
		line = term.Safe(strings.TrimSuffix(line, "\n"))
		switch {
		case strings.HasPrefix(line, "+"):
			line = c.out.Paint(term.Green, line)
		case strings.HasPrefix(line, "-"):
			line = c.out.Paint(term.Red, line)
		}
		c.out.Line("%s", line)
	}
}

func (c *cli) printFacts(side string, f *api.FileFacts) {
	if f != nil {
		c.out.Line("%s %s", side, term.Safe(strings.Join([]string{f.Mode, f.Owner, f.SHA256, f.Attributes}, " ")))
	}
}

func (c *cli) approveIntegrityCommand() *cobra.Command {
	why, all := "", false
	cmd := c.command("integrity.approve", "approve [PATH...]", func(ctx context.Context, args []string) error {
		if why == "" {
			return c.usage("no_reason", nil)
		}
		if all == (len(args) > 0) {
			return c.usage("paths_or_all", nil)
		}
		return c.approve(ctx, why, all, args)
	})
	cmd.Flags().StringVar(&why, "reason", "", c.t("flag.approve_reason", nil))
	cmd.MarkFlagRequired("reason")
	cmd.Flags().BoolVar(&all, "all", false, c.t("flag.approve_all", nil))
	return cmd
}

// approve approves what stands in the report of this moment: a whole folder by
// its baseline, a file by its change. With all, every folder; webshells stay.
func (c *cli) approve(ctx context.Context, why string, all bool, paths []string) error {
	r, err := c.client().Integrity(ctx)
	if err != nil {
		return err
	}
	in := api.ApproveChanges{Reason: why}
	byPath := map[string]string{}
	for _, t := range r.Trees {
		byPath[t.Path] = t.ID
		if all {
			in.IDs = append(in.IDs, t.ID)
		}
	}
	for _, one := range r.Changes {
		byPath[one.Path] = one.ID
	}
	for _, p := range paths {
		id, ok := byPath[absolute(p)]
		if !ok {
			return c.usage("no_change_of", map[string]any{"path": p})
		}
		in.IDs = append(in.IDs, id)
	}
	a, err := c.client().ApproveChanges(ctx, in)
	if err != nil {
		return err
	}
	return c.show(a, func() { c.out.Line("%s", c.t("integrity.done", map[string]any{"n": a.Count, "by": a.By})) })
}
