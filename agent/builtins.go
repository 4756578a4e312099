package agent

import (
	"cmp"
	"io/fs"
	"path/filepath"
	"time"

	"xunjian/agent/access"
	"xunjian/agent/api"
	"xunjian/agent/config"
	"xunjian/agent/console"
	"xunjian/alerting/incident"
	"xunjian/alerting/inspection"
	"xunjian/alerting/notify"
	"xunjian/alerting/notify/policy"
	"xunjian/checks"
	"xunjian/checks/backup"
	"xunjian/checks/database"
	"xunjian/checks/devices"
	"xunjian/checks/external"
	"xunjian/checks/host"
	"xunjian/checks/logs"
	"xunjian/checks/logs/archive"
	"xunjian/checks/logs/syslog"
	"xunjian/checks/network"
	"xunjian/checks/network/peers"
	"xunjian/checks/platform"
	"xunjian/checks/reserve"
	"xunjian/checks/security/integrity"
	"xunjian/checks/self"
	"xunjian/rules"
)

// inspected lists every check that looks at something outside of the agent: a
// new check is one file and one line here. xunjian inspect runs these, with dir
// "": what they would keep between runs is not kept then.
func inspected(cfg *config.Config, dir string, read *logs.Room, keeper devices.Keeper) ([]checks.Check, error) {
	all := host.Checks(cfg.Checks.Host)
	outside, err := external.Checks(cfg.Checks.External)
	if err != nil {
		return nil, err
	}
	all = append(all, read.Checks()...)
	all = append(all, database.Checks(cfg.Checks.Database)...)
	all = append(all, devices.Checks(cfg.Checks.Devices, keeper)...)
	all = append(all, network.Checks(cfg.Checks.Network, cfg.Host)...)
	all = append(all, platform.Checks(cfg.Checks.Platform, platform.Options{Once: dir == "", Procfs: cfg.Checks.Host.Procfs})...)
	all = append(all, backup.Checks(cfg.Checks.Backup, backup.Parts{Dir: within(dir, "backup"), Zone: cfg.Location()})...)
	p, err := cfg.LoadPlan()
	if err != nil {
		return nil, err
	}
	ready := reserve.NewCheck(cfg.Checks.Reserve, config.Needs(p), cfg.Location(), time.Now)
	return enabled(cfg, append(append(all, outside...), ready)), nil
}

// builtins lists every check of the running agent: what xunjian inspect sees,
// the jobs that report to it, and the agent itself.
func (a *Agent) builtins(cfg *config.Config) ([]checks.Check, error) {
	read, err := a.logRoom(cfg)
	if err != nil {
		return nil, err
	}
	list, err := inspected(cfg, cfg.Data, read, trapKeeper{a.archive})
	if err != nil {
		return nil, err
	}
	own := self.Checks(cfg.Checks.Self, self.Parts{
		DataDir: cfg.Data, Metrics: a.registry, Runner: a.runner.Stats, Conflicts: a.metrics.Conflicts, Notices: a.noticesState,
	})
	received, err := syslog.NewCheck(cfg.Checks.Logs.Syslog, syslog.Parts{Archive: a.archive, Zone: cfg.Location(), Workday: cfg.Workdays().Working})
	if err != nil {
		return nil, err
	}
	own = append(own, a.jobs, a.lessons(), integrity.NewCheck(cfg.Checks.Security.Integrity, a.integrity), archive.NewCheck(a.archive, cfg.Location()), received)
	return append(list, enabled(cfg, own)...), nil
}

// within is a folder in dir; "" if nothing is kept.
func within(dir, name string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, name)
}

func enabled(cfg *config.Config, all []checks.Check) []checks.Check {
	var out []checks.Check
	for _, c := range all {
		if cfg.Checks.Enabled(c.Name()) {
			out = append(out, c)
		}
	}
	return out
}

// messages lists the texts of every room.
func messages() []fs.FS {
	return []fs.FS{looksMessages, checks.Messages, incident.Messages, inspection.Messages, notify.Messages, policy.Messages, access.Messages, api.Messages, console.Messages}
}

func judgeOptions(cfg *config.Config) rules.JudgeOptions {
	return rules.JudgeOptions{Files: cfg.Rules.Files, ExternalLabels: cfg.Rules.ExternalLabels}
}

// lan is what the agents see of each other, where this one has peers.
func (a *Agent) lan() (peers.View, bool) {
	p, ok := a.runner.Lookup("peers").(*peers.Check)
	if !ok {
		return peers.View{}, false
	}
	return p.View(), true
}

func compareNames(a, b string) int { return cmp.Compare(a, b) }
