package agent

import (
	"cmp"
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"xunjian/alerting/incident"
	"xunjian/checks/host"
)

const (
	lookKernel  = 10
	lookLogins  = 10
	lookChanges = 20
	lookFolders = 5

	accountsWithin = 7 * 24 * time.Hour
	changesWithin  = 24 * time.Hour
)

// lookPath sees where the way to other machines breaks.
func (a *Agent) lookPath(ctx context.Context) []incident.Line {
	return together(ctx, sight{"path", func(ctx context.Context) ([]incident.Line, error) {
		p, err := host.LookPath(ctx, a.cfg.Load().Checks.Host)
		if err != nil {
			return nil, err
		}
		var lines []incident.Line
		if first, cut, broken := p.Broken(); cut {
			lines = append(lines, line("look.path.breaks"), linkLine(first))
		} else if broken {
			lines = append(lines, line("look.path.partly"), linkLine(first))
		} else if first, unclear := p.Unclear(); unclear {
			lines = append(lines, line("look.path.unclear"), linkLine(first))
		} else {
			lines = append(lines, line("look.path.whole"))
		}
		lines = append(lines, line("look.path.links"))
		for _, l := range p.Links {
			lines = append(lines, linkLine(l))
		}
		return lines, nil
	}})
}

func linkLine(l host.PathLink) incident.Line {
	return line("look.path."+string(l.Sight), "name", l.Name, "device", l.Device, "took", l.Took, "error", l.Error)
}

// lookDevices sees which device fails, and since when.
func (a *Agent) lookDevices(ctx context.Context, i incident.Incident) []incident.Line {
	return together(ctx,
		sight{"alerts", func(ctx context.Context) ([]incident.Line, error) { return a.accused(ctx, i) }},
		sight{"hardware", func(context.Context) ([]incident.Line, error) {
			return a.found(false, "raid", "disk", "filesystem", "ecc", "temperature"), nil
		}},
		sight{"kernel", a.kernelWarnings},
	)
}

// deviceLabels are the labels by which an alert names a piece of hardware.
var deviceLabels = []string{"device", "disk", "mountpoint", "chip", "sensor", "zone", "controller", "csrow", "subject"}

// accused says which devices the alerts name, since when, and what to tell the
// vendor of a disk.
func (a *Agent) accused(ctx context.Context, i incident.Incident) ([]incident.Line, error) {
	disks, err := a.engine.Query(ctx, "node_disk_info", time.Now())
	var lines []incident.Line
	for _, key := range slices.Sorted(maps.Keys(i.Alerts)) {
		al := i.Alerts[key]
		var named []string
		for _, label := range deviceLabels {
			if v := al.Labels[label]; v != "" {
				named = append(named, label+" "+v)
			}
		}
		l := line("look.device", "rule", al.Rule, "device", strings.Join(named, ", "), "since", a.clock(al.Since),
			"lasted", max(0, time.Since(al.Since).Seconds()), "state", al.State)
		if len(named) == 0 {
			l.Code = "look.device_unnamed"
		}
		lines = append(lines, l)
		device := strings.TrimPrefix(cmp.Or(al.Labels["disk"], al.Labels["device"]), "/dev/")
		for _, d := range disks {
			if partOf(device, d.Labels["device"]) {
				lines = append(lines, line("look.disk", "device", d.Labels["device"], "model", d.Labels["model"], "serial", d.Labels["serial"], "wwn", d.Labels["wwn"]))
			}
		}
	}
	if len(lines) == 0 {
		lines = append(lines, line("look.device_none"))
	}
	return lines, err
}

// partOf reports whether device is the disk or a partition of it: sda1 of sda,
// nvme0n1p2 of nvme0n1.
func partOf(device, disk string) bool {
	rest, ok := strings.CutPrefix(device, disk)
	if !ok || disk == "" {
		return false
	}
	if last := disk[len(disk)-1]; last >= '0' && last <= '9' && rest != "" {
		rest, ok = strings.CutPrefix(rest, "p")
	}
	return ok && strings.Trim(rest, "0123456789") == ""
}

// kernelWarnings returns the last warnings of the kernel's log, the newest
// first.
func (a *Agent) kernelWarnings(ctx context.Context) ([]incident.Line, error) {
	const all = 5000
	log, err := host.KernelLog(ctx, all)
	if err != nil {
		return nil, err
	}
	lines := a.warnings(log)
	if len(lines) == 0 {
		lines = []incident.Line{line("look.kernel_none")}
	}
	return lines, nil
}

// warnings keeps the last lines of a log that are at least warnings. A line is
// the time, the level with a colon, and what was said.
func (a *Agent) warnings(log []string) []incident.Line {
	var lines []incident.Line
	for _, l := range slices.Backward(log) {
		when, rest, _ := strings.Cut(l, " ")
		level, said, _ := strings.Cut(rest, ": ")
		at, err := time.Parse(time.RFC3339, when)
		if err != nil || !slices.Contains([]string{"emerg", "alert", "crit", "err", "warn"}, level) {
			continue
		}
		if lines = append(lines, line("look.kernel", "at", a.clock(at), "level", level, "said", said)); len(lines) == lookKernel {
			break
		}
	}
	return lines
}

// lookAccounts sees who is and was here, who may do anything, and what was
// changed.
func (a *Agent) lookAccounts(ctx context.Context, i incident.Incident) []incident.Line {
	cfg, now := a.cfg.Load().Checks.Host, time.Now()
	return together(ctx,
		sight{"sessions", func(ctx context.Context) ([]incident.Line, error) {
			list, err := host.Sessions(ctx, cfg)
			if err != nil {
				return nil, err
			}
			return a.logins("look.session", "look.session_none", list), nil
		}},
		sight{"logins", func(ctx context.Context) ([]incident.Line, error) {
			h, err := host.LastLogins(ctx, cfg, lookLogins)
			if err != nil {
				return nil, err
			}
			if h.Elsewhere != "" {
				return []incident.Line{line("look.login_elsewhere", "file", h.Elsewhere)}, nil
			}
			return a.logins("look.login", "look.login_none", h.Logins), nil
		}},
		sight{"administrators", func(ctx context.Context) ([]incident.Line, error) {
			names, err := host.Administrators(ctx, cfg)
			if err != nil {
				return nil, err
			}
			code := "look.administrators"
			if len(names) == 1 {
				code = "look.administrator"
			}
			return []incident.Line{line(code, "names", strings.Join(names, ", "), "count", len(names))}, nil
		}},
		sight{"account_files", func(ctx context.Context) ([]incident.Line, error) {
			c, err := host.AccountFiles(ctx, cfg, now.Add(-accountsWithin), lookChanges)
			return a.changes(c, err)
		}},
		sight{"keys", func(ctx context.Context) ([]incident.Line, error) {
			c, err := host.KeyFiles(ctx, cfg, now.Add(-accountsWithin), lookChanges)
			return a.changes(c, err)
		}},
		sight{"files", func(ctx context.Context) ([]incident.Line, error) {
			c, err := host.ChangedFiles(ctx, cfg, folders(i), now.Add(-changesWithin), lookChanges)
			return a.changes(c, err)
		}},
	)
}

func (a *Agent) logins(code, none string, list []host.Login) []incident.Line {
	if len(list) == 0 {
		return []incident.Line{line(none)}
	}
	var lines []incident.Line
	for _, l := range list[:min(len(list), 2*lookLogins)] {
		out := line(code, "user", l.User, "line", l.Line, "from", l.From, "at", a.clock(l.At))
		switch {
		case !l.Until.IsZero():
			out.Args["until"] = a.clock(l.Until)
		case l.Gone:
			out.Args["gone"] = "yes"
		}
		lines = append(lines, out)
	}
	if more := len(list) - len(lines); more > 0 {
		lines = append(lines, line("look.more", "count", more))
	}
	return lines
}

// changes says which files were changed, and what was not seen.
func (a *Agent) changes(c host.Changes, err error) ([]incident.Line, error) {
	if err != nil && c.Seen == 0 {
		return nil, err
	}
	lines := []incident.Line{line("look.changes", "changed", c.Total, "seen", c.Seen)}
	for _, f := range c.Files {
		lines = append(lines, line("look.change", "at", a.clock(f.At), "path", f.Path, "owner", f.Owner, "size", f.Size))
	}
	if more := c.Total - len(c.Files); more > 0 {
		lines = append(lines, line("look.more", "count", more))
	}
	if c.Unread > 0 {
		lines = append(lines, line("look.changes_unread", "count", c.Unread))
	}
	if len(c.Skipped) > 0 {
		lines = append(lines, line("look.changes_skipped", "folders", strings.Join(c.Skipped, ", ")))
	}
	return partial(lines, c.Partial), err
}

// folders are /etc and those that the alerts of an incident name. What is no
// folder of files is left out: what stands there changes all the time.
func folders(i incident.Incident) []string {
	list := []string{"/etc"}
	for _, key := range slices.Sorted(maps.Keys(i.Alerts)) {
		labels := i.Alerts[key].Labels
		for _, name := range slices.Sorted(maps.Keys(labels)) {
			folder := filepath.Clean(labels[name])
			top, _, _ := strings.Cut(strings.TrimPrefix(folder, "/"), "/")
			if folder[0] == '/' && !slices.Contains([]string{"", "dev", "proc", "sys", "run"}, top) && !slices.Contains(list, folder) && len(list) <= lookFolders {
				list = append(list, folder)
			}
		}
	}
	return list
}
