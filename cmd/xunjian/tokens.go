package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"xunjian/agent/api"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) tokensCommand() *cobra.Command {
	return c.group("tokens", "tokens", c.listTokens,
		c.command("tokens.list", "list", c.listTokens), c.addTokenCommand(),
		c.command("tokens.revoke", "revoke ID", c.revokeToken))
}

func (c *cli) listTokens(ctx context.Context, _ []string) error {
	list, err := c.client().Tokens(ctx)
	if err != nil {
		return err
	}
	return c.show(list, func() {
		if len(list.Tokens) == 0 {
			c.none("tokens")
			return
		}
		t := term.NewTable(c.columns("id", "name", "owner", "role", "created", "expires", "last_used")...)
		for _, k := range list.Tokens {
			t.Row(cell(k.ID), cell(k.Name), cell(k.Owner), cell(k.Role), cell(clock(k.Created)), cell(clock(k.Expires)), cell(clock(k.LastUsed)))
		}
		t.Write(c.out)
	})
}

func (c *cli) addTokenCommand() *cobra.Command {
	var in api.NewToken
	var expires string
	cmd := c.command("tokens.add", "add NAME", func(ctx context.Context, args []string) error {
		in.Name = args[0]
		if expires != "" {
			d, err := model.ParseDuration(expires)
			if err != nil {
				return c.usage("bad_flag_value", map[string]any{"flag": "--expires", "value": expires})
			}
			in.Expires = api.Moment{Time: time.Now().Add(time.Duration(d))}
		}
		t, err := c.client().AddToken(ctx, in)
		if e := (*api.Error)(nil); errors.As(err, &e) && e.Status == http.StatusNotFound && in.Owner == "" {
			// Who speaks through the socket is no account.
			return &fault{status: exitFailure, message: e.Message, hint: c.t("hint.owner", nil)}
		}
		if err != nil {
			return err
		}
		return c.show(t, func() {
			c.out.Line("%s", c.t("tokens.made", map[string]any{"id": t.ID, "owner": t.Owner, "role": t.Role}))
			c.out.Line("%s", c.out.Paint(term.Bold, t.Secret))
		})
	})
	f := cmd.Flags()
	f.StringVar(&in.Owner, "owner", "", c.t("flag.owner", nil))
	f.StringVar(&in.Role, "role", "viewer", c.t("flag.role", nil))
	f.StringVar(&expires, "expires", "90d", c.t("flag.expires", nil))
	c.completeRoles(cmd)
	return cmd
}

func (c *cli) revokeToken(ctx context.Context, args []string) error {
	if err := c.client().RevokeToken(ctx, args[0]); err != nil {
		return err
	}
	if !c.asJSON() {
		c.out.Line("%s", c.t("tokens.revoked", map[string]any{"id": args[0]}))
	}
	return nil
}
