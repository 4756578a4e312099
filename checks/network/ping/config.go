package ping

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"time"
	"unicode/utf8"
)

// Config says who is pinged, and how. Start from Default.
type Config struct {
	// Gateways pings the routers of the default routes, as they are found at each look.
	Gateways bool `yaml:"gateways"`
	// Resolvers pings the DNS servers of /etc/resolv.conf.
	Resolvers bool `yaml:"resolvers"`
	// Targets are others; at most MaxTargets.
	Targets []TargetConfig `yaml:"targets"`
	// Count of packets that each is sent at each look, and Wait, how long the
	// answer to the last is waited for; 1 to 20, and 100 ms to 3 s.
	Count int           `yaml:"count"`
	Wait  time.Duration `yaml:"wait"`
	// Size of the data in a packet, 24 to 1400 bytes.
	Size int `yaml:"size"`
	// MTUEvery is how often the greatest packet that gets to a target or a peer
	// is looked for; 0 never, else at least 1 minute.
	MTUEvery time.Duration `yaml:"mtu_every"`

	// Rootfs is where / of the machine is found; the agent sets it.
	Rootfs string `yaml:"-"`
}

// TargetConfig is a machine to ping.
type TargetConfig struct {
	// Name by which it is shown.
	Name string `yaml:"name"`
	// Address is an IP address or a host name.
	Address string `yaml:"address"`
	// IP is 4 or 6 for the version that a host name is looked up in; 0 takes
	// what it has.
	IP int `yaml:"ip"`
	// System is the business system that depends on it.
	System string `yaml:"system"`
}

// MaxTargets bounds the configured targets: more cannot be pinged within an
// interval without a burst.
const MaxTargets = 1000

// Default pings gateways and DNS servers.
func Default() Config {
	return Config{
		Gateways: true, Resolvers: true, Count: 4, Wait: time.Second, Size: 56, MTUEvery: 10 * time.Minute, Rootfs: "/",
	}
}

var (
	// A name whose last part is a number is a mistyped address.
	numeric = regexp.MustCompile(`(^|\.)[0-9]+\.?$`)
	// The length is counted apart: to repeat classes as wide as these 63 times takes
	// an expression of megabytes.
	targetName = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}._ -]*$`)
	hostName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?)*\.?$`)
)

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Count < 1 || c.Count > 20 {
		add("count: %d is out of range, 1 to 20", c.Count)
	}
	if c.Wait < 100*time.Millisecond || c.Wait > 3*time.Second {
		add("wait: %v is out of range, 100ms to 3s", c.Wait)
	}
	if c.Size < MinSize || c.Size > 1400 {
		add("size: %d is out of range, %d to 1400 bytes", c.Size, MinSize)
	}
	if c.MTUEvery != 0 && (c.MTUEvery < time.Minute || c.MTUEvery > 24*time.Hour) {
		add("mtu_every: %v is out of range, 1m to 24h, or 0 to leave it out", c.MTUEvery)
	}
	if len(c.Targets) > MaxTargets {
		add("targets: %d are too many, at most %d", len(c.Targets), MaxTargets)
	}
	seen := map[string]bool{}
	for i, t := range c.Targets {
		key := fmt.Sprintf("targets[%d]", i)
		switch {
		case utf8.RuneCountInString(t.Name) > 64 || !targetName.MatchString(t.Name):
			add("%s.name: %q is no name; use letters, digits, space, '.', '_' and '-', at most 64, a letter or digit first", key, t.Name)
		case seen[t.Name]:
			add("%s.name: %s stands twice", key, t.Name)
		}
		seen[t.Name] = true
		t.validate(key, add)
	}
	return errors.Join(errs...)
}

func (t TargetConfig) validate(key string, add func(string, ...any)) {
	if t.IP != 0 && t.IP != 4 && t.IP != 6 {
		add("%s.ip: %d is no version; allowed: 4, 6, or leave it out", key, t.IP)
	}
	a, err := netip.ParseAddr(t.Address)
	switch {
	case err != nil && (len(t.Address) > 253 || !hostName.MatchString(t.Address) || numeric.MatchString(t.Address)):
		add("%s.address: %q is neither an IP address nor a host name", key, t.Address)
	case err != nil:
	case a.IsUnspecified() || a.IsMulticast():
		add("%s.address: %s is not the address of one machine", key, t.Address)
	case t.IP == 4 && !a.Unmap().Is4() || t.IP == 6 && !a.Is6():
		add("%s.ip: %d does not fit the address %s", key, t.IP, t.Address)
	}
}
