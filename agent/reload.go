package agent

import (
	"context"
	"errors"
	"time"

	"xunjian/agent/api"
	"xunjian/agent/config"
	"xunjian/agent/console"
	"xunjian/alerting"
	"xunjian/checks"
)

// Reload reads the configuration file again and puts checks, their rhythm, the
// rules, plan, roster and systems in place of the present ones. It is all or
// nothing: on an error the agent goes on as before, and says so in its status.
// What is bound to the start (addresses, data folder, zone) takes effect at
// the next start.
func (a *Agent) Reload(ctx context.Context) error {
	err := a.reload(ctx)
	a.reloads.Lock()
	defer a.reloads.Unlock()
	if err != nil {
		a.reloads.fault = err.Error()
		a.log.Error("configuration refused; the old one stays in force", "err", err)
		return err
	}
	a.reloads.fault, a.reloads.at = "", time.Now()
	a.log.Info("configuration in force")
	return nil
}

func (a *Agent) reload(ctx context.Context) error {
	old := a.cfg.Load()
	cfg := old
	if old.Path != "" {
		fresh, err := config.Load(old.Path)
		if err != nil {
			return err
		}
		// Flags outrank the file, at a reload as at the start.
		fresh.Data, fresh.Console.Listen, fresh.Metrics.Listen = old.Data, old.Console.Listen, old.Metrics.Listen
		cfg = fresh
	}
	list, err := a.builtins(cfg)
	if err != nil {
		return err
	}
	basis, err := basisOf(cfg)
	if err != nil {
		return err
	}
	forms, err := cfg.LoadForms()
	if err != nil {
		return err
	}
	ways, err := a.lines(cfg)
	if err != nil {
		return err
	}
	codes, oldCodes := basis.Plan.Codes(), a.desk.Plan().Codes()
	if err := a.engine.Load(cfg.Rules.Files, codes); err != nil {
		return err
	}
	// From here on a mistake puts back what was replaced already.
	if err := a.jobs.Replace(cfg.Checks.External.Jobs); err != nil {
		return errors.Join(err, a.engine.Load(old.Rules.Files, oldCodes))
	}
	if err := a.runner.Replace(list, overrides(cfg, list)); err != nil {
		return errors.Join(err, a.engine.Load(old.Rules.Files, oldCodes), a.jobs.Replace(old.Checks.External.Jobs))
	}
	if err := a.desk.Revise(ctx, basis); err != nil {
		back, _ := a.builtins(old)
		return errors.Join(err, a.engine.Load(old.Rules.Files, oldCodes), a.jobs.Replace(old.Checks.External.Jobs), a.runner.Replace(back, overrides(old, back)))
	}
	a.rounds.Revise(forms, cfg.Workdays())
	a.outlets.Revise(ways)
	a.outbox.Revise(ways.Ways)
	a.archive.Revise(cfg.Checks.Logs.Archive)
	a.cfg.Store(cfg)
	return nil
}

// basisOf is what the desk decides by.
func basisOf(cfg *config.Config) (alerting.Basis, error) {
	p, err := cfg.LoadPlan()
	if err != nil {
		return alerting.Basis{}, err
	}
	r, err := cfg.LoadRoster(p)
	return alerting.Basis{Plan: p, Roster: r, Systems: cfg.Systems, Operator: cfg.Operator}, err
}

// overrides are the rhythms that the configuration gives to these checks.
func overrides(cfg *config.Config, list []checks.Check) map[string]checks.Schedule {
	out := map[string]checks.Schedule{}
	for _, c := range list {
		if o := cfg.Checks.Rhythm(c.Name(), checks.Schedule{}); o != (checks.Schedule{}) {
			out[c.Name()] = o
		}
	}
	return out
}

func (a *Agent) configError() string {
	a.reloads.Lock()
	defer a.reloads.Unlock()
	return a.reloads.fault
}

// about describes the running agent for the API.
func (a *Agent) about() api.About {
	a.reloads.Lock()
	defer a.reloads.Unlock()
	cfg := a.cfg.Load()
	return api.About{
		Version: a.opt.Version, Host: cfg.Host, Started: a.started,
		Console: a.first.Console, Metrics: a.first.Metrics,
		ConfigFile: cfg.Path, ConfigLoaded: a.reloads.at, ConfigError: a.reloads.fault, DataDir: cfg.Data,
	}
}

func (a *Agent) aboutConsole() console.About {
	v := a.about()
	return console.About{
		Version: v.Version, Host: v.Host, Started: v.Started, Console: v.Console, Metrics: v.Metrics,
		ConfigFile: v.ConfigFile, ConfigError: v.ConfigError, DataDir: v.DataDir,
	}
}
