package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	xterm "golang.org/x/term"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) usersCommand() *cobra.Command {
	return c.group("users", "users", c.listUsers,
		c.command("users.list", "list", c.listUsers),
		c.addUserCommand(),
		c.command("users.passwd", "passwd NAME", c.setPassword),
		c.command("users.role", "role NAME ROLE", func(ctx context.Context, args []string) error {
			return c.changeUser(ctx, args[0], api.UserChange{Role: &args[1]})
		}),
		c.lockCommand("users.disable", "disable NAME", true),
		c.lockCommand("users.enable", "enable NAME", false),
	)
}

func (c *cli) listUsers(ctx context.Context, _ []string) error {
	list, err := c.client().Users(ctx)
	if err != nil {
		return err
	}
	return c.show(list, func() { c.printUsers(list.Users) })
}

func (c *cli) printUsers(list []api.User) {
	t := term.NewTable(c.columns("name", "role", "state", "created")...)
	for _, u := range list {
		state := term.Cell{Text: c.t("users.enabled", nil), Style: term.Green}
		if u.Disabled {
			state = term.Cell{Text: c.t("users.disabled", nil), Style: term.Dim}
		}
		t.Row(cell(u.Name), cell(u.Role), state, cell(clock(u.Created)))
	}
	t.Write(c.out)
}

func (c *cli) addUserCommand() *cobra.Command {
	var role string
	cmd := c.command("users.add", "add NAME", func(ctx context.Context, args []string) error {
		password, err := c.newPassword()
		if err != nil {
			return err
		}
		u, err := c.client().AddUser(ctx, api.NewUser{Name: args[0], Role: role, Password: password})
		if err != nil {
			return err
		}
		return c.show(u, func() { c.printUsers([]api.User{u}) })
	})
	cmd.Flags().StringVar(&role, "role", "viewer", c.t("flag.role", nil))
	c.completeRoles(cmd)
	return cmd
}

func (c *cli) completeRoles(cmd *cobra.Command) {
	cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions([]string{"viewer", "operator", "admin"}, cobra.ShellCompDirectiveNoFileComp))
}

func (c *cli) setPassword(ctx context.Context, args []string) error {
	password, err := c.newPassword()
	if err != nil {
		return err
	}
	return c.changeUser(ctx, args[0], api.UserChange{Password: &password})
}

func (c *cli) lockCommand(id, use string, disabled bool) *cobra.Command {
	return c.command(id, use, func(ctx context.Context, args []string) error {
		return c.changeUser(ctx, args[0], api.UserChange{Disabled: &disabled})
	})
}

func (c *cli) changeUser(ctx context.Context, name string, change api.UserChange) error {
	u, err := c.client().ChangeUser(ctx, name, change)
	if err != nil {
		return err
	}
	return c.show(u, func() { c.printUsers([]api.User{u}) })
}

// newPassword asks twice at a terminal, without showing what is typed;
// otherwise it reads the first line of the input. A password never is an
// argument: every user could read it in the list of processes.
func (c *cli) newPassword() (string, error) {
	f, ok := c.in.(*os.File)
	if !ok || !xterm.IsTerminal(int(f.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(c.in, 1<<16)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	first, err := c.ask(f, "users.password")
	if err != nil {
		return "", err
	}
	second, err := c.ask(f, "users.password_again")
	if err == nil && first != second {
		err = &fault{status: exitFailure, message: c.t("users.passwords_differ", nil)}
	}
	return first, err
}

func (c *cli) ask(f *os.File, id string) (string, error) {
	io.WriteString(c.err, c.t(id, nil))
	b, err := xterm.ReadPassword(int(f.Fd()))
	io.WriteString(c.err, "\n")
	return string(b), err
}
