package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"xunjian/alerting/yamlfile"
	"xunjian/checks"
	"xunjian/checks/host"
)

// Checks says what is looked at, and how often.
type Checks struct {
	// Disable names the checks that do not run; the word before a "/" names
	// all its instances.
	Disable []string `yaml:"disable"`
	// Schedule gives checks another rhythm than their own, by name.
	Schedule map[string]Rhythm `yaml:"schedule"`

	Host host.Config `yaml:"host"`
}

// Rhythm of a check; what is not set stays the check's own.
type Rhythm struct {
	// Interval between two runs; 1s to 24h.
	Interval time.Duration `yaml:"interval"`
	// Timeout after which a run counts as hung; 100ms or more and shorter than
	// the interval.
	Timeout time.Duration `yaml:"timeout"`
}

func defaultChecks() Checks {
	return Checks{Host: host.Default()}
}

// paths are the fields that hold paths.
func (c *Checks) paths() []*string { return nil }

// Enabled reports whether the check is to run.
func (c Checks) Enabled(name string) bool {
	family, _, _ := strings.Cut(name, "/")
	return !slices.Contains(c.Disable, name) && !slices.Contains(c.Disable, family)
}

// Rhythm returns a check's own schedule with what the configuration says of it
// put over it.
func (c Checks) Rhythm(name string, own checks.Schedule) checks.Schedule {
	family, _, _ := strings.Cut(name, "/")
	for _, key := range []string{family, name} {
		r := c.Schedule[key]
		if r.Interval > 0 {
			own.Interval = r.Interval
		}
		if r.Timeout > 0 {
			own.Timeout = r.Timeout
		}
	}
	return own
}

const (
	minInterval = time.Second
	maxInterval = 24 * time.Hour
	minTimeout  = 100 * time.Millisecond
)

func (c Checks) validate() error {
	var m mistakes
	if err := c.Host.Validate(); err != nil {
		m.join("host", err)
		c.Host = host.Default() // to know the names of the checks
	}
	known := c.known()
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range c.Disable {
		path := fmt.Sprintf("disable[%d]", i)
		m.checkName(path, name, names)
		if slices.Contains(c.Disable[:i], name) {
			m.add(path, "%q stands twice in this list", name)
		}
	}
	for name, r := range c.Schedule {
		path := yamlfile.Join("schedule", name)
		if m.checkName(path, name, names) {
			m.rhythm(path, r, c.Rhythm(name, known[name]))
		}
	}
	return errors.Join(m...)
}

// known returns the checks that can be named, with their own schedules.
func (c Checks) known() map[string]checks.Schedule {
	out := map[string]checks.Schedule{}
	for _, check := range host.Checks(c.Host) {
		own := checks.Schedule{Interval: checks.DefaultInterval, Timeout: checks.DefaultTimeout}
		if s, ok := check.(checks.Scheduled); ok {
			if every := s.Schedule(); every.Interval > 0 {
				own.Interval = every.Interval
			}
			if every := s.Schedule(); every.Timeout > 0 {
				own.Timeout = every.Timeout
			}
		}
		out[check.Name()] = own
	}
	return out
}

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

// rhythm checks what is set, and that the whole comes out right.
func (m *mistakes) rhythm(path string, set Rhythm, whole checks.Schedule) {
	switch {
	case set.Interval == 0 && set.Timeout == 0:
		m.add(path, "sets neither interval nor timeout; give one of them, or leave it out")
	case whole.Interval < minInterval || whole.Interval > maxInterval:
		m.add(path+".interval", "%s is out of range; allowed: 1s to 24h", yamlfile.FormatDuration(whole.Interval))
	case whole.Timeout < minTimeout:
		m.add(path+".timeout", "%s is too short; allowed: 100ms or more", yamlfile.FormatDuration(whole.Timeout))
	case whole.Timeout >= whole.Interval:
		m.add(path, "timeout %s is not shorter than interval %s; allowed: a timeout below the interval",
			yamlfile.FormatDuration(whole.Timeout), yamlfile.FormatDuration(whole.Interval))
	}
}
