// Package syslog takes in what network and security devices say: over UDP, TCP
// and TLS, in the dialects of their makes. Every line is kept or counted as
// dropped; who logged in, what was changed and which attack was blocked is
// counted by device, so that rules can judge it.
//
// A source is told by its transport address, never by what its text claims.
package syslog

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"xunjian/checks/credential"
	"xunjian/checks/logs/syslog/dialect"
	"xunjian/checks/logs/syslog/message"
)

// Config says where is listened, and to whom. Start from Default.
type Config struct {
	// UDP, TCP and TLS are addresses to listen on, like ":514" or
	// "10.1.1.2:6514"; empty: not at all.
	UDP string `yaml:"udp"`
	TCP string `yaml:"tcp"`
	TLS string `yaml:"tls"`
	// Certificate is what the TLS listener shows; with ca_file, senders have to
	// show one that it signed.
	Certificate credential.TLS `yaml:"certificate"`
	// Allowed are the networks from which messages are taken beside those of
	// the sources; others are counted as refused.
	Allowed []string `yaml:"allowed"`
	// Sources are the devices that are expected: at most 200.
	Sources []Source `yaml:"sources"`
	// Dialects are files of the operator's own dialects; patterns.
	Dialects []string `yaml:"dialects"`
	// WorkHours are when configurations are changed as a rule, like
	// "08:30-17:30"; at other times and on days off a change is told.
	WorkHours string `yaml:"work_hours"`
	// MemoryBytes bounds what waits to be read: 1 MiB to 1 GiB.
	MemoryBytes int64 `yaml:"memory_bytes"`
	// MaxConnections bounds the senders over TCP and TLS together: 1 to 10000.
	MaxConnections int `yaml:"max_connections"`
}

// Source is a device, or several that count as one.
type Source struct {
	Name string `yaml:"name"`
	// Addresses from which it sends: addresses or networks.
	Addresses []string `yaml:"addresses"`
	// Dialect is how it writes; empty: told by each line.
	Dialect string `yaml:"dialect"`
	// Zone is that of the times it writes without one; empty: the agent's.
	Zone string `yaml:"zone"`
	// Encoding is auto (default), utf-8 or gbk.
	Encoding message.Encoding `yaml:"encoding"`
	// SilentAfter is how long it may say nothing: 1m to 720h; 0: 24h; negative:
	// as long as it likes.
	SilentAfter time.Duration `yaml:"silent_after"`
}

// Bounds of Config.
const (
	maxNamed       = 200
	minMemory      = 1 << 20
	maxMemory      = 1 << 30
	maxConnections = 10_000
	minSilence     = time.Minute
	maxSilence     = 30 * 24 * time.Hour
	defaultSilence = 24 * time.Hour
)

// Default returns the Config of an agent that listens to nobody.
func Default() Config {
	return Config{
		Allowed:   []string{"127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10"},
		WorkHours: "08:30-18:00", MemoryBytes: 32 << 20, MaxConnections: 256,
	}
}

// On reports whether there is anything to listen on.
func (c Config) On() bool { return c.UDP != "" || c.TCP != "" || c.TLS != "" }

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string {
	out := c.Certificate.Paths()
	for i := range c.Dialects {
		out = append(out, &c.Dialects[i])
	}
	return out
}

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error {
	var m mistakes
	for _, l := range []struct{ key, at string }{{"udp", c.UDP}, {"tcp", c.TCP}, {"tls", c.TLS}} {
		if l.at == "" {
			continue
		}
		if _, port, err := net.SplitHostPort(l.at); err != nil || port == "" {
			m.add(l.key, "%q is no address to listen on; allowed: like \":514\" or \"10.1.1.2:514\"", l.at)
		}
	}
	if c.TLS != "" && c.Certificate.CertFile == "" {
		m.add("certificate.cert_file", "is missing; a TLS listener shows a certificate")
	}
	m.under("certificate", c.Certificate.Validate())
	for n, network := range c.Allowed {
		if _, err := prefix(network); err != nil {
			m.add(fmt.Sprintf("allowed[%d]", n), "%v", err)
		}
	}
	if _, err := parseHours(c.WorkHours); err != nil {
		m.add("work_hours", "%v", err)
	}
	if c.MemoryBytes < minMemory || c.MemoryBytes > maxMemory {
		m.add("memory_bytes", "%d is out of range; allowed: %d (1 MiB) to %d (1 GiB)", c.MemoryBytes, minMemory, maxMemory)
	}
	if c.MaxConnections < 1 || c.MaxConnections > maxConnections {
		m.add("max_connections", "%d is out of range; allowed: 1 to %d", c.MaxConnections, maxConnections)
	}
	set, err := dialect.Load(c.Dialects...)
	if err != nil {
		m.add("dialects", "%v", err)
	}
	c.validateSources(&m, set)
	return errors.Join(m...)
}

func (c Config) validateSources(m *mistakes, set *dialect.Set) {
	if len(c.Sources) > maxNamed {
		m.add("sources", "there are %d; at most %d", len(c.Sources), maxNamed)
	}
	names, taken := map[string]int{}, map[netip.Prefix]int{}
	for n, s := range c.Sources {
		at := fmt.Sprintf("sources[%d]", n)
		switch first, twice := names[s.Name]; {
		case strings.TrimSpace(s.Name) == "" || len(s.Name) > 64:
			m.add(at+".name", "is missing or too long; a name of at most 64 bytes, under which the device is known")
		case twice:
			m.add(at+".name", "%q stands twice; first at sources[%d]", s.Name, first)
		}
		names[s.Name] = n
		if len(s.Addresses) == 0 {
			m.add(at+".addresses", "are missing; where it sends from, like 10.1.1.1 or 10.1.2.0/24")
		}
		for k, address := range s.Addresses {
			p, err := prefix(address)
			if err != nil {
				m.add(fmt.Sprintf("%s.addresses[%d]", at, k), "%v", err)
				continue
			}
			if first, twice := taken[p]; twice {
				m.add(fmt.Sprintf("%s.addresses[%d]", at, k), "%s belongs to sources[%d] already", address, first)
			}
			taken[p] = n
		}
		s.validate(m, at, set)
	}
}

func (s Source) validate(m *mistakes, at string, set *dialect.Set) {
	if s.Dialect != "" && set != nil && set.Get(s.Dialect) == nil {
		m.add(at+".dialect", "%q is unknown; allowed: %s", s.Dialect, strings.Join(set.Names(), ", "))
	}
	if _, err := time.LoadLocation(s.Zone); err != nil {
		m.add(at+".zone", "%q is no time zone; allowed: like Asia/Shanghai", s.Zone)
	}
	if !slices.Contains([]message.Encoding{"", message.Auto, message.UTF8, message.GBK}, s.Encoding) {
		m.add(at+".encoding", "%q is unknown; allowed: auto, utf-8, gbk", s.Encoding)
	}
	if s.SilentAfter > 0 && (s.SilentAfter < minSilence || s.SilentAfter > maxSilence) {
		m.add(at+".silent_after", "%v is out of range; allowed: 1m to 720h, or negative for any", s.SilentAfter)
	}
}

// prefix reads an address or a network.
func prefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a network; allowed: like 10.1.1.1 or 10.1.2.0/24", s)
	}
	return p.Masked(), nil
}

// hours are the work hours of a day, in minutes after midnight.
type hours struct{ from, to int }

func parseHours(s string) (hours, error) {
	bad := fmt.Errorf("%q are no hours; allowed: like \"08:30-17:30\"", s)
	from, to, ok := strings.Cut(s, "-")
	if !ok {
		return hours{}, bad
	}
	a, err := time.Parse("15:04", strings.TrimSpace(from))
	b, err2 := time.Parse("15:04", strings.TrimSpace(to))
	if err != nil || err2 != nil || !a.Before(b) {
		return hours{}, bad
	}
	return hours{a.Hour()*60 + a.Minute(), b.Hour()*60 + b.Minute()}, nil
}

// hold reports whether a time of a working day is within.
func (h hours) hold(t time.Time) bool {
	n := t.Hour()*60 + t.Minute()
	return n >= h.from && n < h.to
}

type mistakes []error

func (m *mistakes) add(path, format string, args ...any) {
	*m = append(*m, fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
}

// under puts a key before each mistake.
func (m *mistakes) under(path string, err error) {
	if err == nil {
		return
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			m.under(path, e)
		}
		return
	}
	*m = append(*m, fmt.Errorf("%s.%w", path, err))
}
