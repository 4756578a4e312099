package main

import (
	"context"

	"github.com/spf13/cobra"
)

func (c *cli) completionCommand(root *cobra.Command) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	cmd := c.command("completion", "completion SHELL", func(_ context.Context, args []string) error {
		switch args[0] {
		case "bash":
			return root.GenBashCompletionV2(c.out, true)
		case "zsh":
			return root.GenZshCompletion(c.out)
		case "fish":
			return root.GenFishCompletion(c.out, true)
		case "powershell":
			return root.GenPowerShellCompletionWithDesc(c.out)
		}
		return c.oneOf("SHELL", args[0], shells...)
	})
	cmd.ValidArgs = shells
	return cmd
}
