// Package peers is how agents watch each other, since none can say of itself
// that its server is dead. Each asks the others every few seconds, and hears in
// their answers what they see themselves; so that a server which is down, an
// agent which is down and a network which is cut are told apart, and one of the
// agents speaks for all.
//
// Nothing runs on request from outside: a message can only be answered by what
// this agent sees of its peers. Each is signed with a key that the agents share.
package peers

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"time"
)

// Config says who the peers are. Start from Default; without Listen nothing is
// listened to and nobody asked.
type Config struct {
	// Name by which the others know this agent; empty takes the first part of
	// the host name.
	Name string `yaml:"name"`
	// Listen is the UDP address and port that peers are heard and asked through.
	Listen string `yaml:"listen"`
	// KeyFile holds the key that all agents share: a path, or "credential:NAME".
	KeyFile string `yaml:"key_file"`
	// List names the agents. It may name this one too, so that it can be the
	// same everywhere.
	List []Member `yaml:"list"`
	// DNS is a name whose A or AAAA records are the agents' addresses, or, if it
	// begins with "_", whose SRV records name them and their ports.
	DNS string `yaml:"dns"`
	// Interval between two questions to a peer, 1 s to 1 min.
	Interval time.Duration `yaml:"interval"`
	// Misses is how many answers in a row have to fail for a peer to count as
	// silent, 2 to 20.
	Misses int `yaml:"misses"`
}

// Member is an agent in the list.
type Member struct {
	Name string `yaml:"name"`
	// Address is a host or an IP address, with a port where it is not that of Listen.
	Address string `yaml:"address"`
}

// Bounds of what agents know of each other.
const (
	MaxMembers = 64
	maxName    = 40
	minKey     = 16
)

// Default has no peers.
func Default() Config { return Config{Interval: 2 * time.Second, Misses: 3} }

// On reports whether there are peers at all.
func (c Config) On() bool { return c.Listen != "" }

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string { return []*string{&c.KeyFile} }

var memberName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,39}$`)

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Name != "" && !memberName.MatchString(c.Name) {
		add("name: %q is no name; use letters, digits, '.', ':', '_' and '-', at most %d, a letter or digit first", c.Name, maxName)
	}
	if c.Interval < time.Second || c.Interval > time.Minute {
		add("interval: %v is out of range, 1s to 1m", c.Interval)
	}
	if c.Misses < 2 || c.Misses > 20 {
		add("misses: %d is out of range, 2 to 20", c.Misses)
	}
	if !c.On() {
		if len(c.List) > 0 || c.DNS != "" || c.KeyFile != "" {
			add(`listen: peers are named but nothing is listened to; set an address and port such as "0.0.0.0:9633"`)
		}
		return errors.Join(errs...)
	}
	if err := validListen(c.Listen); err != nil {
		add("listen: %v", err)
		c.Listen = ":9633" // so that no address lacks the port for it
	}
	if c.KeyFile == "" {
		add("key_file: is missing; name a file with the key that all agents share, at least %d characters", minKey)
	}
	c.validateMembers(add)
	return errors.Join(errs...)
}

func (c Config) validateMembers(add func(string, ...any)) {
	switch {
	case len(c.List) == 0 && c.DNS == "":
		add("list: is empty; name the peers here, or a DNS name in dns")
	case len(c.List) > 0 && c.DNS != "":
		add("dns: stands beside a list; use one of both")
	case len(c.List) > MaxMembers:
		add("list: %d are too many, at most %d", len(c.List), MaxMembers)
	}
	if c.DNS != "" && (!dnsName.MatchString(c.DNS) || numeric.MatchString(c.DNS)) {
		add("dns: %q is no name", c.DNS)
	}
	seen, at := map[string]bool{}, map[string]string{}
	for i, m := range c.List {
		switch {
		case !memberName.MatchString(m.Name):
			add("list[%d].name: %q is no name; use letters, digits, '.', ':', '_' and '-', at most %d, a letter or digit first", i, m.Name, maxName)
		case seen[m.Name]:
			add("list[%d].name: %s stands twice", i, m.Name)
		}
		seen[m.Name] = true
		host, port, err := c.split(m.Address)
		where := net.JoinHostPort(host, strconv.Itoa(int(port)))
		switch {
		case err != nil:
			add("list[%d].address: %v", i, err)
		case at[where] != "":
			add("list[%d].address: %s is that of %s too", i, m.Address, at[where])
		}
		at[where] = m.Name
	}
}

// numeric is what no name ends in: it is a mistyped address.
var numeric = regexp.MustCompile(`(^|\.)[0-9]+\.?$`)

var dnsName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?$`)

func validListen(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf(`%q is not an address and port such as "0.0.0.0:9633"`, s)
	}
	if host != "" {
		if _, err := netip.ParseAddr(host); err != nil {
			return fmt.Errorf("%q is not an IP address", host)
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q is not a port, 1 to 65535", port)
	}
	return nil
}

// split returns host and port of an address; the port is that of Listen where
// it has none.
func (c Config) split(address string) (host string, port uint16, err error) {
	_, own, _ := net.SplitHostPort(c.Listen)
	host, word := address, own
	if _, err := netip.ParseAddr(address); err != nil {
		if h, p, err := net.SplitHostPort(address); err == nil {
			host, word = h, p
		}
	}
	n, err := strconv.ParseUint(word, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("%q has no port, 1 to 65535", address)
	}
	if _, err := netip.ParseAddr(host); err != nil && (!dnsName.MatchString(host) || numeric.MatchString(host)) {
		return "", 0, fmt.Errorf("%q is neither an IP address nor a host name", host)
	}
	return host, uint16(n), nil
}
