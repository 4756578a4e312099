package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"xunjian/cmd/xunjian/term"
)

// help prints what a command is for, in the reader's language.
func (c *cli) help(cmd *cobra.Command, _ []string) {
	out := c.out
	if cmd.OutOrStdout() == c.err {
		out = c.err
	}
	if c.noColour {
		out.Colour = false
	}
	say := cmd.Long
	if say == "" {
		say = cmd.Short
	}
	out.Indented("", say, term.Plain)
	c.helpUsage(out, cmd)
	c.helpCommands(out, cmd)
	c.helpFlags(out, c.t("help.flags", nil), cmd.LocalNonPersistentFlags())
	c.helpFlags(out, c.t("help.global_flags", nil), cmd.Root().PersistentFlags())
	if cmd.Runnable() && cmd.HasParent() || cmd.HasAvailableSubCommands() {
		out.Line("\n%s", out.Paint(term.Bold, c.t("help.exit", nil)))
		out.Indented("  ", c.exits(cmd), term.Plain)
	}
	if cmd.Example != "" {
		out.Line("\n%s", out.Paint(term.Bold, c.t("help.examples", nil)))
		for line := range strings.SplitSeq(strings.TrimRight(cmd.Example, "\n"), "\n") {
			out.Line("  %s", line)
		}
	}
}

func (c *cli) exits(cmd *cobra.Command) string {
	switch {
	case cmd.Annotations[annotationFailure] != "":
		return c.t("exit.inspect", nil)
	case cmd.Annotations[annotationExits] != "":
		return c.t("exit.verify", nil)
	}
	return c.t("exit.common", nil)
}

func (c *cli) helpUsage(out term.Out, cmd *cobra.Command) {
	out.Line("\n%s", out.Paint(term.Bold, c.t("help.usage", nil)))
	if cmd.HasAvailableSubCommands() {
		out.Line("  %s %s", cmd.CommandPath(), c.t("help.command_word", nil))
		return
	}
	line := cmd.UseLine()
	if cmd.HasAvailableLocalFlags() {
		line += " " + c.t("help.flags_word", nil)
	}
	out.Line("  %s", line)
}

func (c *cli) helpCommands(out term.Out, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	out.Line("\n%s", out.Paint(term.Bold, c.t("help.commands", nil)))
	sections := cmd.Groups()
	if len(sections) == 0 {
		sections = []*cobra.Group{{}}
	}
	// One table for all, so that the explanations stand in one column.
	t := term.NewTable(term.Column{}, term.Column{Flex: 1}).Margin("  ")
	for n, s := range sections {
		indent := ""
		if s.Title != "" {
			if n > 0 {
				t.Row()
			}
			t.Heading(s.Title)
			indent = "  "
		}
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && sub.GroupID == s.ID {
				t.Row(term.Cell{Text: indent + strings.TrimPrefix(sub.UseLine(), cmd.CommandPath()+" ")}, term.Cell{Text: sub.Short})
			}
		}
	}
	t.Write(out)
}

func (c *cli) helpFlags(out term.Out, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	out.Line("\n%s", out.Paint(term.Bold, title))
	t := term.NewTable(term.Column{}, term.Column{Flex: 1}).Margin("  ")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		word, usage := pflag.UnquoteUsage(f)
		name := "    --" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", --" + f.Name
		}
		if f.Value.Type() != "bool" {
			name += " " + strings.ToUpper(word)
		}
		switch f.DefValue {
		case "", "0", "false", "[]", "0s":
		default:
			usage += c.t("help.default", map[string]any{"value": f.DefValue})
		}
		t.Row(term.Cell{Text: name}, term.Cell{Text: usage})
	})
	t.Write(out)
}

func (c *cli) helpCommand(root *cobra.Command) *cobra.Command {
	cmd := c.command("help", "help [COMMAND]", nil)
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		found, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return c.usage("unknown_command", map[string]any{"word": strings.Join(args, " "), "command": root.CommandPath()})
		}
		c.help(found, nil)
		return nil
	}
	return cmd
}
