package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"

	"github.com/spf13/cobra"

	"xunjian/agent"
	"xunjian/agent/api"
	"xunjian/agent/config"
	"xunjian/cmd/xunjian/term"
)

func (c *cli) runCommand() *cobra.Command {
	var file, console, metrics string
	cmd := c.command("run", "run", nil)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		load := func() (*config.Config, error) {
			cfg, err := c.loadConfig(file)
			if err != nil {
				return nil, err
			}
			// A flag goes before the file, the environment does not.
			if cmd.Flags().Changed("data") || cfg.Path == "" {
				cfg.Data = c.data
			}
			if console != "" {
				cfg.Console.Listen = console
			}
			if metrics != "" {
				cfg.Metrics.Listen = metrics
			}
			return cfg, nil
		}
		return c.run(cmd.Context(), load)
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", c.t("flag.config", nil))
	f.StringVar(&console, "console", "", c.t("flag.console", nil))
	f.StringVar(&metrics, "metrics", "", c.t("flag.metrics", nil))
	cmd.MarkFlagFilename("config", "yaml", "yml")
	return cmd
}

// run starts the agent and works until it is told to stop; SIGHUP makes it
// read its configuration again.
func (c *cli) run(ctx context.Context, load func() (*config.Config, error)) error {
	// The agent's heap is small: collecting it at half the usual growth costs
	// some milliseconds a minute, and the machine has its memory back.
	if c.getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	cfg, err := load()
	if err != nil {
		return err
	}
	logger, err := c.logger(cfg.Log)
	if err != nil {
		return err
	}
	// Before anything that takes time: unheard, the signal would end the process.
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, reloadSignals...)
	defer signal.Stop(hup)
	a, err := agent.New(ctx, cfg, agent.Options{Version: programVersion(), Logger: logger, Announce: c.announce})
	if err != nil {
		return c.notStarted(ctx, cfg.Data, err)
	}
	go reloadOnSignal(ctx, hup, a)
	return a.Run(ctx)
}

// notStarted says why there is no agent: most often there is one already.
func (c *cli) notStarted(ctx context.Context, data string, err error) error {
	c.data = data
	if _, there := c.client().Status(ctx); errors.Is(there, api.ErrUnreachable) {
		return err
	}
	at := map[string]any{"data": data}
	return &fault{status: exitFailure, message: c.t("error.already_running", at), hint: c.t("hint.already_running", at)}
}

func reloadOnSignal(ctx context.Context, hup <-chan os.Signal, a *agent.Agent) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			// What is wrong with it is in the log and in xunjian status.
			_ = a.Reload(ctx)
		}
	}
}

// announce says where the agent is to be found, and the first login.
func (c *cli) announce(a agent.Announcement) {
	c.out.Line("%s", c.out.Paint(term.Bold, c.t("run.ready", map[string]any{"version": programVersion()})))
	t := term.NewTable(term.Column{}, term.Column{}).Margin("  ")
	t.Row(cell(c.t("run.console", nil)), cell(a.Console))
	t.Row(cell(c.t("run.metrics", nil)), cell(a.Metrics))
	t.Row(cell(c.t("run.data", nil)), cell(a.Data))
	var kept string
	if a.FirstPassword != "" && asService() {
		kept = c.keepFirstPassword(a)
	}
	if a.FirstPassword != "" {
		t.Row(cell(c.t("run.first_login", nil)), term.Cell{Text: a.FirstLogin, Style: term.Bold})
		if kept == "" {
			t.Row(cell(c.t("run.first_password", nil)), term.Cell{Text: a.FirstPassword, Style: term.Bold})
		} else {
			t.Row(cell(c.t("run.first_password", nil)), cell(c.t("run.password_file", map[string]any{"file": kept})))
		}
	}
	t.Write(c.out)
	if a.FirstPassword != "" && kept == "" {
		c.out.Indented("  ", c.t("run.password_once", nil), term.Yellow)
	}
	if !asService() {
		c.out.Line("%s", c.out.Paint(term.Dim, c.t("run.stop", nil)))
	}
}

// asService reports whether output goes to systemd's journal, which more people
// read than may log in.
func asService() bool { return os.Getenv("JOURNAL_STREAM") != "" }

// keepFirstPassword writes the first password where only the agent's own user
// and root read it, and returns the file; "" if that failed.
func (c *cli) keepFirstPassword(a agent.Announcement) string {
	path := filepath.Join(a.Data, "first-password")
	if err := os.WriteFile(path, []byte(a.FirstPassword+"\n"), 0o600); err != nil {
		return ""
	}
	return path
}

// logger writes what the agent says of itself to standard error.
func (c *cli) logger(cfg config.Log) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		return nil, err
	}
	opt := &slog.HandlerOptions{Level: level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(c.err, opt)), nil
	}
	return slog.New(slog.NewTextHandler(c.err, opt)), nil
}
