package main

import (
	"context"

	"github.com/spf13/cobra"

	"xunjian/agent/config"
)

func (c *cli) configCommand() *cobra.Command {
	return c.group("config", "config", nil,
		c.command("config.check", "check FILE", c.checkConfig),
		c.command("config.example", "example", c.exampleConfig),
		c.command("config.reload", "reload", c.reloadConfig),
	)
}

// loadConfig reads a configuration file, or takes the defaults without one.
func (c *cli) loadConfig(file string) (*config.Config, error) {
	if file == "" {
		return config.Default(), nil
	}
	cfg, err := config.Load(file)
	return cfg, c.unreadable(file, err)
}

func (c *cli) checkConfig(_ context.Context, args []string) error {
	cfg, err := c.loadConfig(args[0])
	if err != nil {
		return err
	}
	answer := struct {
		File     string   `json:"file"`
		Data     string   `json:"data"`
		Console  string   `json:"console"`
		Metrics  string   `json:"metrics"`
		Warnings []string `json:"warnings"`
	}{args[0], cfg.Data, cfg.Console.Listen, cfg.Metrics.Listen, append([]string{}, cfg.Warnings()...)}
	return c.show(answer, func() {
		for _, w := range answer.Warnings {
			c.out.Line("%s", c.t("config.warning", map[string]any{"warning": w}))
		}
		c.out.Line("%s", c.t("config.valid", map[string]any{"file": args[0]}))
	})
}

func (c *cli) exampleConfig(context.Context, []string) error {
	_, err := c.out.Write(config.Example)
	return err
}

func (c *cli) reloadConfig(ctx context.Context, _ []string) error {
	if err := c.client().Reload(ctx); err != nil {
		return err
	}
	if !c.asJSON() {
		c.out.Line("%s", c.t("config.reloaded", nil))
	}
	return nil
}
