package host

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"

	"xunjian/checks"
)

var (
	unitState     = checks.NewDesc("node_systemd_unit_state", checks.Gauge, "1 for the state the unit is in.", "name", "state", "type")
	unitsByState  = checks.NewDesc("node_systemd_units", checks.Gauge, "Units in each state.", "state")
	systemRunning = checks.NewDesc("node_systemd_system_running", checks.Gauge, "1 if systemd says that the system runs and no unit failed.")
)

var unitStates = [...]string{"active", "activating", "deactivating", "inactive", "failed"}

// unit is a unit that systemd has loaded.
type unit struct {
	name, description, load, active, sub string
	// kind is the type of a service (simple, notify, …), empty of other units.
	kind string
}

// unitsCheck looks at the units of systemd.
type unitsCheck struct {
	configured
	// booted is the folder that exists where systemd runs the machine.
	booted   string
	manager  manager
	ignored  *regexp.Regexp
	required []string
}

// manager is a systemd that can be asked.
type manager interface {
	// units lists the loaded units and tells the state of the whole.
	units(ctx context.Context, shown func(name string) bool) (list []unit, state string, err error)
}

func newUnits(cfg Config) *unitsCheck {
	root := strings.TrimRight(cfg.Rootfs, "/")
	c := &unitsCheck{
		booted:   root + "/run/systemd/system",
		manager:  &systemd{bus: root + systemBus, kinds: map[string]string{}},
		required: cfg.Units.Required,
		ignored:  pattern(""),
	}
	if cfg.Units.Ignored != "" {
		c.ignored = regexp.MustCompile("^(?:" + cfg.Units.Ignored + ")$")
	}
	return c
}

func (c *unitsCheck) Name() string { return "units" }

// Schedule is slow since systemd itself works for the answer, and makes room
// for five series a unit.
func (c *unitsCheck) Schedule() checks.Schedule {
	return checks.Schedule{Interval: slow, SeriesLimit: 5 * checks.DefaultSeriesLimit}
}

func (c *unitsCheck) Run(ctx context.Context, out *checks.Output) error {
	if _, err := os.Stat(c.booted); errors.Is(err, os.ErrNotExist) {
		return missing(c.booted + " (systemd)")
	}
	all, state, err := c.manager.units(ctx, c.shows)
	if err != nil {
		return err
	}
	out.Set(systemRunning, bit(state == "running"))
	counts := map[string]int{}
	failed := 0
	for _, u := range all {
		counts[u.active]++
		if !c.shows(u.name) || u.load != "loaded" {
			continue
		}
		for _, s := range unitStates {
			out.Set(unitState, bit(u.active == s), u.name, s, u.kind)
		}
	}
	for _, u := range all {
		if u.active == "failed" && !c.ignored.MatchString(u.name) {
			failed++
			out.Find(unitFinding(u, "units.failed", checks.Abnormal))
		}
	}
	for _, s := range unitStates {
		out.Set(unitsByState, float64(counts[s]), s)
	}
	c.findRequired(out, all)
	out.Find(checks.Finding{Code: "units.count", Verdict: checks.OK, Args: map[string]any{
		"active": counts["active"], "failed": failed, "total": len(all), "state": state,
	}})
	return nil
}

// shows reports whether a unit has series of its own.
func (c *unitsCheck) shows(name string) bool { return !c.ignored.MatchString(name) }

func unitFinding(u unit, code string, v checks.Verdict) checks.Finding {
	return checks.Finding{Subject: u.name, Code: code, Verdict: v, Args: map[string]any{
		"unit": u.name, "state": u.active, "sub": u.sub, "description": u.description,
	}}
}

// findRequired says of each required unit whether it is active. One that has
// failed has its finding already.
func (c *unitsCheck) findRequired(out *checks.Output, all []unit) {
	for _, name := range c.required {
		i := slices.IndexFunc(all, func(u unit) bool { return u.name == name })
		switch {
		case i < 0:
			out.Find(unitFinding(unit{name: name, active: "not loaded"}, "units.missing", checks.Abnormal))
		case all[i].active == "failed" && !c.ignored.MatchString(name):
		case all[i].active != "active":
			out.Find(unitFinding(all[i], "units.inactive", checks.Abnormal))
		default:
			out.Find(unitFinding(all[i], "units.active", checks.OK))
		}
	}
}
