//go:build linux

package host

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

func TestDefaultIsValid(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}

// Every mistake is told, each by its key.
func TestValidate(t *testing.T) {
	for _, c := range []struct {
		want string
		make func(*Config)
	}{
		{`procfs: "proc" is not an absolute path`, func(c *Config) { c.Procfs = "proc" }},
		{`sysfs: "" is not an absolute path`, func(c *Config) { c.Sysfs = "" }},
		{`rootfs: "./x" is not an absolute path`, func(c *Config) { c.Rootfs = "./x" }},
		{"filesystem.ignored_mounts: error parsing regexp: missing closing ): `(`", func(c *Config) { c.Filesystem.IgnoredMounts = "(" }},
		{"filesystem.ignored_types: error parsing regexp: missing argument to repetition operator: `*`", func(c *Config) { c.Filesystem.IgnoredTypes = "*" }},
		{"filesystem.timeout: 0s is out of range, 100ms to 8s", func(c *Config) { c.Filesystem.Timeout = 0 }},
		{"filesystem.timeout: 1m0s is out of range, 100ms to 8s", func(c *Config) { c.Filesystem.Timeout = time.Minute }},
		{"disk.ignored_devices: error parsing regexp: missing closing ]: `[`", func(c *Config) { c.Disk.IgnoredDevices = "[" }},
		{"network.ignored_devices: error parsing regexp: missing closing ]: `[`", func(c *Config) { c.Network.IgnoredDevices = "[" }},
		{"network.required[1]: is empty, give a name", func(c *Config) { c.Network.Required = []string{"eth0", ""} }},
		{"processes.top: 51 is out of range, 0 to 50", func(c *Config) { c.Processes.Top = 51 }},
		{"processes.max_zombies: -1 is negative", func(c *Config) { c.Processes.MaxZombies = -1 }},
		{"processes.required[0]: give name, command or both", func(c *Config) { c.Processes.Required = []RequiredProcess{{Min: 1}} }},
		{"processes.required[0].command: error parsing regexp: missing closing ): `(`", func(c *Config) { c.Processes.Required = []RequiredProcess{{Command: "("}} }},
		{"processes.required[1].min: -2 is negative, 0 means 1", func(c *Config) {
			c.Processes.Required = []RequiredProcess{{Name: "a"}, {Name: "b", Min: -2}}
		}},
		{"uptime.reboot_window: -1s is negative, 0 turns it off", func(c *Config) { c.Uptime.RebootWindow = -time.Second }},
		{"temperature.ignored_sensors: error parsing regexp: missing closing ]: `[`", func(c *Config) { c.Temperature.IgnoredSensors = "[" }},
		{"units.ignored: error parsing regexp: missing closing ]: `[`", func(c *Config) { c.Units.Ignored = "[" }},
		{"units.required[0]: is empty, give a name", func(c *Config) { c.Units.Required = []string{""} }},
	} {
		cfg := Default()
		c.make(&cfg)
		if err := cfg.Validate(); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	both := Default()
	both.Processes.Top, both.Processes.MaxZombies = -1, -1
	if err := both.Validate(); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("two mistakes: %v", err)
	}
}

func TestChecksRefusesInvalid(t *testing.T) {
	defer func() {
		if r := recover(); r == nil {
			t.Error("no panic")
		}
	}()
	Checks(Config{})
}

func TestConfigFromYAML(t *testing.T) {
	cfg := Default()
	text := `
filesystem:
  ignored_mounts: ^/mnt
  timeout: 500ms
network:
  required: [bond0]
processes:
  required:
    - name: nginx
    - command: java .*platform\.jar
      min: 2
uptime: {reboot_window: 1h}
units: {required: [chronyd.service]}
`
	if err := yaml.UnmarshalWithOptions([]byte(text), &cfg, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	if cfg.Filesystem.Timeout != 500*time.Millisecond || cfg.Uptime.RebootWindow != time.Hour || cfg.Procfs != "/proc" ||
		!slices.Equal(cfg.Network.Required, []string{"bond0"}) ||
		!slices.Equal(cfg.Processes.Required, []RequiredProcess{{Name: "nginx"}, {Command: `java .*platform\.jar`, Min: 2}}) {
		t.Errorf("%+v", cfg)
	}
}

// The names of the checks are part of the metrics, the API and the operators'
// configuration: they stay.
func TestCheckNames(t *testing.T) {
	var got []string
	for _, c := range Checks(Default()) {
		got = append(got, c.Name())
	}
	want := []string{"system", "uptime", "timesync", "cpu", "memory", "pressure", "filesystem", "disk", "processes", "network",
		"sockets", "conntrack", "files", "units", "temperature", "raid", "ecc"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestEmptyPatternMatchesNothing(t *testing.T) {
	for _, s := range []string{"", "a", "\n"} {
		if pattern("").MatchString(s) {
			t.Errorf("matches %q", s)
		}
	}
}
