// Package host looks at the machine itself: processor, memory, filesystems,
// disks, processes, network, clock, hardware and units, under the metric names,
// labels and units of node_exporter, so that rules and dashboards written for
// that one work here unchanged.
//
// A check says what it measured and what is a plain fact (a mount that does not
// answer, a failed unit, a degraded array). When a figure is too high is for
// the rules to say, not for the checks.
//
// On Linux everything is read straight from /proc and /sys into buffers that
// are used again, which costs a fraction of what a general library does. On
// other systems gopsutil gives what it can, and the rest is not applicable.
//
// TopProcesses, Sockets, Mounts and KernelLog are for evidence: they answer
// once, bounded, and never longer than their context.
package host

import (
	"fmt"
	"regexp"
	"time"

	"xunjian/checks"
)

// Checks returns every check of the host that this system knows, whether or
// not this machine has something for it to look at. It panics if cfg is not
// valid: call Config.Validate before.
func Checks(cfg Config) []checks.Check {
	if err := cfg.Validate(); err != nil {
		panic("host: " + err.Error())
	}
	return list(cfg)
}

// slow is the rhythm of checks whose sights change rarely or cost more.
const slow = 30 * time.Second

// missing says which file or folder a check would need to look at.
func missing(what string) error {
	return fmt.Errorf("%w: no %s", checks.ErrNotApplicable, what)
}

// pattern compiles a regexp of the configuration. An empty one matches nothing.
func pattern(expr string) *regexp.Regexp {
	if expr == "" {
		return regexp.MustCompile(`[^\s\S]`)
	}
	return regexp.MustCompile(expr)
}

// configured is the part of a check that tells how it is configured, so that a
// reload that changes nothing for it leaves it alone, with what it remembers
// and with the probes it has under way.
type configured struct{ identity string }

// Identity implements checks.Identified.
func (c *configured) Identity() string { return c.identity }

func (c *configured) configure(parts []any) { c.identity = fmt.Sprintf("%+v", parts) }

// made returns c, which looks at what parts of the Config say.
func made[C interface {
	checks.Check
	configure(parts []any)
}](c C, parts ...any) checks.Check {
	c.configure(parts)
	return c
}
