package host

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"time"
)

// Config of the host checks. Start from Default.
type Config struct {
	// Procfs, Sysfs and Rootfs are where /proc, /sys and / of the machine are
	// found; other than the defaults in a container that sees its host.
	Procfs string `yaml:"procfs"`
	Sysfs  string `yaml:"sysfs"`
	Rootfs string `yaml:"rootfs"`
	// State is the folder where the uptime check remembers the boot it saw
	// last; empty: it judges by the uptime alone. The agent sets it.
	State string `yaml:"-"`

	Filesystem  FilesystemConfig  `yaml:"filesystem"`
	Disk        DiskConfig        `yaml:"disk"`
	Network     NetworkConfig     `yaml:"network"`
	Processes   ProcessesConfig   `yaml:"processes"`
	Uptime      UptimeConfig      `yaml:"uptime"`
	Temperature TemperatureConfig `yaml:"temperature"`
	Units       UnitsConfig       `yaml:"units"`
}

// FilesystemConfig says which mounts are looked at.
type FilesystemConfig struct {
	// IgnoredMounts and IgnoredTypes are regexps of mount points and
	// filesystem types that are left out; empty leaves out none.
	IgnoredMounts string `yaml:"ignored_mounts"`
	IgnoredTypes  string `yaml:"ignored_types"`
	// Timeout after which a mount counts as hung; 100ms to 8s.
	Timeout time.Duration `yaml:"timeout"`
}

// DiskConfig says which block devices are looked at.
type DiskConfig struct {
	// IgnoredDevices is a regexp of device names that are left out.
	IgnoredDevices string `yaml:"ignored_devices"`
}

// NetworkConfig says which interfaces are looked at.
type NetworkConfig struct {
	// IgnoredDevices is a regexp of interface names that are left out.
	IgnoredDevices string `yaml:"ignored_devices"`
	// Required names the interfaces that must exist and have a carrier.
	Required []string `yaml:"required"`
}

// ProcessesConfig says which processes must run and how many are named.
type ProcessesConfig struct {
	// Top is how many processes are named by CPU and by memory; 0 to 50.
	Top int `yaml:"top"`
	// MaxZombies is how many dead processes nobody waited for are tolerated.
	MaxZombies int `yaml:"max_zombies"`
	// Required are the processes that must run.
	Required []RequiredProcess `yaml:"required"`
}

// RequiredProcess is a process that must run. One of Name and Command is
// given, or both, which must then both fit.
type RequiredProcess struct {
	// Name is the name of the program as the kernel shows it in
	// /proc/PID/comm: at most 15 bytes count.
	Name string `yaml:"name"`
	// Command is a regexp looked for in the command line, its arguments
	// joined by single spaces.
	Command string `yaml:"command"`
	// Min is how many must run; 0 means 1.
	Min int `yaml:"min"`
}

// UptimeConfig says how a reboot is reported.
type UptimeConfig struct {
	// RebootWindow is how long a reboot that nobody ordered stays a finding;
	// 0 turns it off.
	RebootWindow time.Duration `yaml:"reboot_window"`
}

// TemperatureConfig says which sensors are looked at.
type TemperatureConfig struct {
	// IgnoredSensors is a regexp of "chip;sensor", as in
	// "platform_coretemp_0;temp1"; of zones "thermal_zone0;acpitz".
	IgnoredSensors string `yaml:"ignored_sensors"`
}

// UnitsConfig says which systemd units are looked at.
type UnitsConfig struct {
	// Ignored is a regexp that a whole unit name must fit to be left out.
	Ignored string `yaml:"ignored"`
	// Required names the units that must be active.
	Required []string `yaml:"required"`
}

// Default returns the Config that suits a server.
func Default() Config {
	return Config{
		Procfs: "/proc",
		Sysfs:  "/sys",
		Rootfs: "/",
		Filesystem: FilesystemConfig{
			IgnoredMounts: `^/(dev|proc|run/credentials/.+|run/user/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)`,
			IgnoredTypes: `^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|efivarfs|erofs|fuse\.(gvfsd-fuse|lxcfs|portal)|fusectl|` +
				`hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$`,
			Timeout: 3 * time.Second,
		},
		Disk:      DiskConfig{IgnoredDevices: `^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$`},
		Network:   NetworkConfig{IgnoredDevices: `^(veth|cali|lxc|vnet)`},
		Processes: ProcessesConfig{Top: 5, MaxZombies: 10},
		Uptime:    UptimeConfig{RebootWindow: 15 * time.Minute},
		Units:     UnitsConfig{Ignored: `.+\.(automount|device|mount|scope|slice)`},
	}
}

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error {
	var m mistakes
	m.folder("procfs", c.Procfs)
	m.folder("sysfs", c.Sysfs)
	m.folder("rootfs", c.Rootfs)
	m.regexp("filesystem.ignored_mounts", c.Filesystem.IgnoredMounts)
	m.regexp("filesystem.ignored_types", c.Filesystem.IgnoredTypes)
	if t := c.Filesystem.Timeout; t < 100*time.Millisecond || t > 8*time.Second {
		m.add("filesystem.timeout: %v is out of range, 100ms to 8s", t)
	}
	m.regexp("disk.ignored_devices", c.Disk.IgnoredDevices)
	m.regexp("network.ignored_devices", c.Network.IgnoredDevices)
	m.names("network.required", c.Network.Required)
	c.Processes.validate(&m)
	if c.Uptime.RebootWindow < 0 {
		m.add("uptime.reboot_window: %v is negative, 0 turns it off", c.Uptime.RebootWindow)
	}
	m.regexp("temperature.ignored_sensors", c.Temperature.IgnoredSensors)
	m.regexp("units.ignored", c.Units.Ignored)
	m.names("units.required", c.Units.Required)
	return errors.Join(m...)
}

func (c ProcessesConfig) validate(m *mistakes) {
	if c.Top < 0 || c.Top > 50 {
		m.add("processes.top: %d is out of range, 0 to 50", c.Top)
	}
	if c.MaxZombies < 0 {
		m.add("processes.max_zombies: %d is negative", c.MaxZombies)
	}
	for i, r := range c.Required {
		key := fmt.Sprintf("processes.required[%d]", i)
		if r.Name == "" && r.Command == "" {
			m.add("%s: give name, command or both", key)
		}
		m.regexp(key+".command", r.Command)
		if r.Min < 0 {
			m.add("%s.min: %d is negative, 0 means 1", key, r.Min)
		}
	}
}

// mistakes collects what is wrong with a Config.
type mistakes []error

func (m *mistakes) add(format string, args ...any) { *m = append(*m, fmt.Errorf(format, args...)) }

func (m *mistakes) folder(key, path string) {
	if !filepath.IsAbs(path) && path != "/" && path != Default().Procfs && path != Default().Sysfs {
		m.add("%s: %q is not an absolute path", key, path)
	}
}

func (m *mistakes) regexp(key, expr string) {
	if _, err := regexp.Compile(expr); err != nil {
		m.add("%s: %w", key, err)
	}
}

func (m *mistakes) names(key string, names []string) {
	for i, name := range names {
		if name == "" {
			m.add("%s[%d]: is empty, give a name", key, i)
		}
	}
}
