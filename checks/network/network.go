// Package network looks at the network around this machine: the way to others
// (ping), what goes over the wires and who sends it (traffic), and the other
// agents (peers), which see what none can say of itself: that its server is dead.
package network

import (
	"errors"
	"fmt"
	"net/netip"

	"xunjian/checks"
	"xunjian/checks/network/peers"
	"xunjian/checks/network/ping"
	"xunjian/checks/network/traffic"
)

// Config of the three. Start from Default.
type Config struct {
	Ping    ping.Config    `yaml:"ping"`
	Traffic traffic.Config `yaml:"traffic"`
	Peers   peers.Config   `yaml:"peers"`
}

// Default pings gateways and DNS servers; there are no peers.
func Default() Config {
	return Config{Ping: ping.Default(), Traffic: traffic.Default(), Peers: peers.Default()}
}

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error {
	return errors.Join(below("ping", c.Ping.Validate()), below("traffic", c.Traffic.Validate()), below("peers", c.Peers.Validate()))
}

// below puts a key before each of the mistakes that are joined in err.
func below(key string, err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, fmt.Errorf("%s.%w", key, e))
	}
	return errors.Join(out...)
}

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string { return c.Peers.Paths() }

// Systems are the business systems that targets are of, by the key that says so.
func (c Config) Systems() map[string]string {
	out := map[string]string{}
	for i, t := range c.Ping.Targets {
		if t.System != "" {
			out[fmt.Sprintf("ping.targets[%d].system", i)] = t.System
		}
	}
	return out
}

// Checks returns the checks; host is the name of this machine.
func Checks(cfg Config, host string) []checks.Check {
	var list []checks.Check
	known := func() map[string]netip.Addr { return nil }
	if cfg.Peers.On() {
		p := peers.NewCheck(cfg.Peers, host)
		list, known = append(list, p), p.Addresses
	}
	return append(list, ping.NewCheck(cfg.Ping, func() []ping.Target { return targetsOf(known()) }), traffic.NewCheck(cfg.Traffic))
}

// targetsOf makes peers targets of pings.
func targetsOf(peers map[string]netip.Addr) []ping.Target {
	var out []ping.Target
	for name, a := range peers {
		out = append(out, ping.Target{Name: name, Addr: a, Role: ping.RolePeer})
	}
	return out
}
