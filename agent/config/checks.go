package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"xunjian/alerting/plan"
	"xunjian/alerting/yamlfile"
	"xunjian/checks"
	"xunjian/checks/backup"
	"xunjian/checks/database"
	"xunjian/checks/devices"
	"xunjian/checks/external"
	"xunjian/checks/host"
	"xunjian/checks/network"
	"xunjian/checks/platform"
	"xunjian/checks/reserve"
	"xunjian/checks/security/integrity"
	"xunjian/checks/self"
)

// Checks says what is looked at, and how often.
type Checks struct {
	// Disable names the checks that do not run; "plugin" names all plugins.
	Disable []string `yaml:"disable"`
	// Schedule gives checks another rhythm than their own, by name.
	Schedule map[string]checks.Schedule `yaml:"schedule"`

	Host     host.Config     `yaml:"host"`
	External external.Config `yaml:"external"`
	// Database are the databases that the platform stands on.
	Database database.Config `yaml:"database"`
	// Network is the network around this machine, and the other agents in it.
	Network network.Config `yaml:"network"`
	// Devices are switches, firewalls, UPS that are asked by SNMP.
	Devices devices.Config `yaml:"devices"`
	// Platform are the doors by which people come in.
	Platform platform.Config `yaml:"platform"`
	// Backup are the backups that there should be.
	Backup backup.Config `yaml:"backup"`
	// Reserve is what is ready of what the plan wants to have ready.
	Reserve reserve.Config `yaml:"reserve"`
	// Security is what guards this machine against people.
	Security Security    `yaml:"security"`
	Self     self.Config `yaml:"self"`
	Logs     Logs        `yaml:"logs"`
}

// Security is what guards this machine against people.
type Security struct {
	// Integrity are the files that nobody changes without saying so.
	Integrity integrity.Config `yaml:"integrity"`
}

func defaultChecks() Checks {
	return Checks{
		Host: host.Default(), External: external.Default(), Database: database.Default(), Network: network.Default(), Devices: devices.Default(), Platform: platform.Default(), Reserve: reserve.Default(), Self: self.Default(),
		Logs: defaultLogs(), Backup: backup.Default(),
		Security: Security{Integrity: integrity.Default()},
	}
}

// Lessons is the check of what investigations asked for.
const Lessons = "lessons"

// Needs are what the plan wants to have ready, as the check of it takes them.
func Needs(p *plan.Plan) []reserve.Need {
	out := make([]reserve.Need, len(p.Preparedness))
	for n, need := range p.Preparedness {
		out[n] = reserve.Need{ID: need.ID, ZH: need.What.ZH, EN: need.What.EN, Contract: need.Kind == plan.NeedContract}
	}
	return out
}

// Scenarios are those of a plan, as the platform's doors take them.
func Scenarios(p *plan.Plan) []string {
	out := make([]string, len(p.Scenarios))
	for n, s := range p.Scenarios {
		out[n] = s.ID
	}
	return out
}

// paths are the fields that hold paths.
func (c *Checks) paths() []*string {
	out := []*string{&c.External.Textfile.Dir}
	for i := range c.External.Jobs {
		out = append(out, &c.External.Jobs[i].TokenFile)
	}
	out = append(out, c.Backup.Paths()...)
	return slices.Concat(out, c.Database.Paths(), c.Network.Paths(), c.Devices.Paths(), c.Logs.Paths(), c.Logs.Syslog.Paths(), c.Platform.Paths(), c.Security.Integrity.Files())
}

// systems are the business systems that checks name, by the key that does.
func (c Checks) systems() map[string]string {
	out := map[string]string{}
	for key, name := range c.Database.Systems() {
		out["database."+key] = name
	}
	for key, name := range c.Network.Systems() {
		out["network."+key] = name
	}
	for key, name := range c.Devices.Systems() {
		out["devices."+key] = name
	}
	for key, name := range c.Platform.Systems() {
		out["platform."+key] = name
	}
	for key, name := range c.Backup.Systems() {
		out["backup."+key] = name
	}
	return out
}

// Enabled reports whether the check is to run.
func (c Checks) Enabled(name string) bool {
	return !slices.Contains(c.Disable, name) && !slices.Contains(c.Disable, family(name))
}

// family is the part of a check's name before its instance.
func family(name string) string {
	f, _, _ := strings.Cut(name, "/")
	return f
}

// Rhythm returns a check's own schedule with what the configuration says of it
// put over it.
func (c Checks) Rhythm(name string, own checks.Schedule) checks.Schedule {
	for _, key := range []string{family(name), name} {
		s := c.Schedule[key]
		if s.Interval > 0 {
			own.Interval = s.Interval
		}
		if s.Timeout > 0 {
			own.Timeout = s.Timeout
		}
		if s.SeriesLimit > 0 {
			own.SeriesLimit = s.SeriesLimit
		}
	}
	return own
}

func (c Checks) validate() error {
	var m mistakes
	if err := c.Host.Validate(); err != nil {
		m.join("host", err)
		c.Host = host.Default() // to know the names of the checks
	}
	m.join("external", c.External.Validate())
	if err := c.Database.Validate(); err != nil {
		m.join("database", err)
		c.Database = database.Config{Discover: c.Database.Discover}
	}
	if err := c.Platform.Validate(); err != nil {
		m.join("platform", err)
		c.Platform = platform.Default()
	}
	if err := c.Devices.Validate(); err != nil {
		m.join("devices", err)
		c.Devices = devices.Default()
	}
	if err := c.Network.Validate(); err != nil {
		m.join("network", err)
		c.Network = network.Default()
	}
	if err := c.Backup.Validate(); err != nil {
		m.join("backup", err)
		c.Backup = backup.Default()
	}
	m.join("reserve", c.Reserve.Validate())
	m.join("security.integrity", c.Security.Integrity.Validate())
	if err := c.Self.Validate(); err != nil {
		m.join("self", err)
		c.Self = self.Default()
	}
	m.join("logs", c.Logs.validate())
	known := c.known()
	watch := map[string]bool{}
	for _, check := range self.Checks(c.Self, self.Parts{}) {
		watch[check.Name()] = true
	}
	names := c.names()
	for i, name := range c.Disable {
		path := fmt.Sprintf("disable[%d]", i)
		switch {
		case !m.checkName(path, name, names):
		case watch[name]:
			m.add(path, "%s is how the agent watches itself and cannot be turned off", name)
		case slices.Contains(c.Disable[:i], name):
			m.add(path, "%q stands twice in this list", name)
		}
	}
	for name, s := range c.Schedule {
		path := yamlfile.Join("schedule", name)
		if m.checkName(path, name, names) {
			m.schedule(path, s, known[name])
		}
	}
	return errors.Join(m...)
}

// known returns the checks that can be named, with their own schedules.
func (c Checks) known() map[string]checks.Schedule {
	out := map[string]checks.Schedule{"jobs": {}, "textfile": {}, "device": {}, "traps": {}, "plugin": {}, "peers": {}, Lessons: {}}
	maps.Copy(out, c.Logs.known())
	for _, name := range c.Backup.Names() {
		out[name] = backup.Rhythm()
	}
	for _, product := range database.Products() {
		out[product] = checks.Schedule{} // all of them
	}
	for _, p := range c.External.Plugins {
		out["plugin/"+p.Name] = checks.Schedule{Interval: p.Interval, Timeout: p.Timeout}
	}
	out["probe"] = checks.Schedule{} // all of them
	for _, check := range slices.Concat(host.Checks(c.Host), database.Checks(c.Database), network.Checks(c.Network, ""), devices.Checks(c.Devices, nil), platform.Checks(c.Platform, platform.Options{}), []checks.Check{reserve.NewCheck(c.Reserve, nil, nil, nil), integrity.NewCheck(c.Security.Integrity, nil)}, self.Checks(c.Self, self.Parts{})) {
		var own checks.Schedule
		if s, ok := check.(checks.Scheduled); ok {
			own = s.Schedule()
		}
		out[check.Name()] = own
	}
	return out
}

// names are the checks that a form can name.
func (c Checks) names() []string { return slices.Sorted(maps.Keys(c.known())) }

func (m *mistakes) checkName(path, name string, names []string) bool {
	if slices.Contains(names, name) {
		return true
	}
	hint := ""
	if near := yamlfile.Near(name, names); near != "" {
		hint = "; did you mean " + near + "?"
	}
	m.add(path, "unknown check %q%s; allowed: %s", name, hint, strings.Join(names, ", "))
	return false
}

// schedule checks what is set, by itself and with the check's own interval.
func (m *mistakes) schedule(path string, set, own checks.Schedule) {
	if set == (checks.Schedule{}) {
		m.add(path, "sets nothing; allowed: interval, timeout, series_limit")
		return
	}
	if err := set.Validate(); err != nil {
		m.join(path, err)
		return
	}
	if set.Interval > 0 || set.Timeout == 0 {
		return
	}
	interval := own.Interval
	if interval == 0 {
		interval = checks.DefaultInterval
	}
	if set.Timeout >= interval {
		m.add(path+".timeout", "%s is not shorter than the check's interval of %s; give a longer interval too",
			yamlfile.FormatDuration(set.Timeout), yamlfile.FormatDuration(interval))
	}
}
