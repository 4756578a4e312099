package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"xunjian/alerting/text"
)

// tree builds every command.
func (c *cli) tree() *cobra.Command {
	root := c.group("xunjian", "xunjian", nil)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetHelpFunc(c.help)
	root.SetFlagErrorFunc(c.badFlag)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := c.checkGlobals(); err != nil {
			return err
		}
		return c.requiredFlags(cmd)
	}
	c.section(root, "machine", c.runCommand(), c.inspectCommand(), c.statusCommand())
	c.section(root, "work", c.incidentsCommand(), c.explainCommand(), c.roundsCommand(), c.paperCommand(), c.checksCommand(), c.alertsCommand(), c.rulesCommand(), c.logsCommand(), c.planCommand(), c.notifyCommand(), c.silencesCommand(), c.integrityCommand())
	c.section(root, "manage", c.configCommand(), c.usersCommand(), c.tokensCommand())
	c.section(root, "other", c.versionCommand(), c.completionCommand(root))
	help := c.helpCommand(root)
	help.GroupID = "other"
	root.SetHelpCommand(help)
	root.AddCommand(help)
	c.globals(root)
	return root
}

// globals are the flags that every command takes.
func (c *cli) globals(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&c.data, "data", c.data, c.t("flag.data", nil))
	f.StringVar(&c.lang, "lang", "", c.t("flag.lang", nil))
	f.StringVarP(&c.output, "output", "o", "table", c.t("flag.output", nil))
	f.BoolVar(&c.noColour, "no-color", false, c.t("flag.no-color", nil))
	f.BoolP("help", "h", false, c.t("flag.help", nil))
	root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	root.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions([]string{text.ZH, text.EN}, cobra.ShellCompDirectiveNoFileComp))
	root.MarkPersistentFlagDirname("data")
}

// checkGlobals holds before every command.
func (c *cli) checkGlobals() error {
	if c.noColour {
		c.out.Colour, c.err.Colour = false, false
	}
	if l := strings.ToLower(c.lang); l != "" && !strings.HasPrefix(l, "zh") && !strings.HasPrefix(l, "en") {
		return c.oneOf("--lang", c.lang, text.ZH, text.EN)
	}
	return c.oneOf("--output", c.output, "table", "json")
}

// requiredFlags refuses a command without a flag that it cannot do without.
func (c *cli) requiredFlags(cmd *cobra.Command) error {
	var missing error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Annotations[cobra.BashCompOneRequiredFlag] != nil && !f.Changed && missing == nil {
			missing = c.usage("missing_flag", map[string]any{"flag": "--" + f.Name})
		}
	})
	return missing
}

// section puts commands under parent; in its help they stand together, below a
// title.
func (c *cli) section(parent *cobra.Command, id string, parts ...*cobra.Command) {
	parent.AddGroup(&cobra.Group{ID: id, Title: c.t("section."+id, nil)})
	for _, cmd := range parts {
		cmd.GroupID = id
		parent.AddCommand(cmd)
	}
}

// action is what a command does with its arguments.
type action func(ctx context.Context, args []string) error

// command describes a command that does something. use is its usage line;
// its words stand in the message files under id.
func (c *cli) command(id, use string, do action) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: c.t(id+".short", nil), Long: c.long(id), Example: c.example(id),
		DisableFlagsInUseLine: true,
		Args:                  c.arguments(use),
		RunE:                  func(cmd *cobra.Command, args []string) error { return do(cmd.Context(), args) },
	}
}

// group describes a command with others under it. By itself it does what
// otherwise does; nil: it shows its help, which is no success.
func (c *cli) group(id, use string, otherwise action, parts ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{
		Use: use, Short: c.t(id+".short", nil), Long: c.long(id), Example: c.example(id),
		DisableFlagsInUseLine: true,
		Args:                  c.noStranger,
		RunE: func(cmd *cobra.Command, args []string) error {
			if otherwise != nil {
				return otherwise(cmd.Context(), args)
			}
			cmd.SetOut(c.err)
			c.help(cmd, nil)
			return &fault{status: exitUsage}
		},
	}
	g.AddCommand(parts...)
	return g
}

func (c *cli) long(id string) string { return c.optional(id + ".long") }

func (c *cli) example(id string) string { return c.optional(id + ".example") }

// optional says a message if there is one.
func (c *cli) optional(id string) string {
	if !c.say.Has("cli." + id) {
		return ""
	}
	return c.t(id, nil)
}

// noStranger refuses what is no command of a group.
func (c *cli) noStranger(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := c.usage("unknown_command", map[string]any{"word": args[0], "command": cmd.CommandPath()})
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		err.(*fault).hint = c.t("hint.did_you_mean", map[string]any{"command": cmd.CommandPath() + " " + near[0]})
	}
	return err
}

// arguments counts the arguments by the usage line: WORD is needed, [WORD] is
// not, WORD... may repeat.
func (c *cli) arguments(use string) cobra.PositionalArgs {
	least, most := 0, 0
	var missing []string
	for _, word := range strings.Fields(use)[1:] {
		switch {
		case strings.HasSuffix(word, "..."):
			least, most = least+1, 1<<30
			missing = append(missing, strings.TrimSuffix(word, "..."))
		case strings.HasPrefix(word, "["):
			most++
		default:
			least, most = least+1, most+1
			missing = append(missing, word)
		}
	}
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return c.usage("missing_argument", map[string]any{"argument": missing[len(args)], "command": cmd.CommandPath()})
		case len(args) > most:
			return c.usage("extra_argument", map[string]any{"argument": args[most], "command": cmd.CommandPath()})
		}
		return nil
	}
}
