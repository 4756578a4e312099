//go:build linux

package host

import (
	"os"
	"slices"
	"testing"

	"xunjian/checks"
	"xunjian/checks/checktest"
)

// Every check keeps the contract, on the machine of the fixture and on this
// one. Without its files it comes to unknown, or says that there is nothing of
// its kind.
func TestEveryCheckConforms(t *testing.T) {
	cfg := machine(t)
	cfg.Network.Required = []string{"eth0", "eth1", "eth9"}
	cfg.Processes.Required = []RequiredProcess{{Name: "dd"}, {Command: "^nginx"}}
	empty := Default()
	empty.Procfs, empty.Sysfs, empty.Rootfs = t.TempDir(), t.TempDir(), t.TempDir()
	without := []string{"pressure", "conntrack", "units", "temperature", "raid", "ecc"} // not every machine has them
	always := []string{"system", "timesync"}                                            // ask the kernel, not a file
	for _, name := range checkNames() {
		t.Run(name, func(t *testing.T) {
			of := func(cfg Config) func() checks.Check {
				return func() checks.Check { return pickCheck(t, Checks(cfg), name) }
			}
			var opts []checktest.Option
			if !slices.Contains(without, name) && !slices.Contains(always, name) {
				opts = append(opts, checktest.Broken(of(empty)))
			}
			checktest.Conform(t, of(cfg), opts...)
			checktest.Conform(t, of(Default()))
		})
	}
}

func checkNames() (names []string) {
	for _, c := range Checks(Default()) {
		names = append(names, c.Name())
	}
	return names
}

// A reload that changes nothing for a check leaves it alone; one that does
// makes it anew.
func TestIdentity(t *testing.T) {
	identities := func(cfg Config) map[string]string {
		all := map[string]string{}
		for _, c := range Checks(cfg) {
			all[c.Name()] = c.(checks.Identified).Identity()
		}
		return all
	}
	before := identities(Default())
	for what, change := range map[string]func(*Config){
		"filesystem":  func(c *Config) { c.Filesystem.IgnoredMounts = "^/mnt" },
		"disk":        func(c *Config) { c.Disk.IgnoredDevices = "^sd" },
		"network":     func(c *Config) { c.Network.Required = []string{"eth0"} },
		"processes":   func(c *Config) { c.Processes.Required = []RequiredProcess{{Name: "nginx"}} },
		"uptime":      func(c *Config) { c.Uptime.RebootWindow++ },
		"temperature": func(c *Config) { c.Temperature.IgnoredSensors = "x" },
		"units":       func(c *Config) { c.Units.Required = []string{"a.service"} },
	} {
		cfg := Default()
		change(&cfg)
		for name, identity := range identities(cfg) {
			if changed := identity != before[name]; changed != (name == what) {
				t.Errorf("a change for %s: %s changed %v", what, name, changed)
			}
		}
	}
}

// What a mount's probe breaks of is the mount's error, not the agent's end.
func TestProbeBreaks(t *testing.T) {
	m := &fakeMounts{table: mounted("/a")}
	c := m.check(1e9)
	c.usage = func(mount) (usage, error) { panic(os.ErrInvalid) }
	if f := finding(t, run(t, c), "filesystem.error", "/a"); f.Args["error"] != "the probe broke: invalid argument" {
		t.Errorf("%+v", f)
	}
}
