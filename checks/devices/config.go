// Package devices asks network devices and uninterruptible power supplies by
// SNMP how they are, and takes the traps that they send. It only reads: no
// request of it changes anything on a device.
package devices

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/checks"
	"xunjian/checks/credential"
)

// Config of the devices.
type Config struct {
	// SNMP are the devices that are asked.
	SNMP []Device `yaml:"snmp"`
	// Profiles are files of the operator's own device profiles; one of the same
	// id takes the place of a shipped one.
	Profiles []string `yaml:"profiles"`
	Traps    Traps    `yaml:"traps"`
}

// Login is how a device knows the agent.
type Login struct {
	// Version is 2c or 3; empty: 2c.
	Version string `yaml:"version"`
	// CommunityFile holds the community of 2c.
	CommunityFile string `yaml:"community_file"`
	// The rest is for version 3.
	User    `yaml:",inline"`
	Context string `yaml:"context"`
}

// User is a user of version 3 (USM). Auth is the protocol of authentication:
// md5, sha, sha224, sha256, sha384, sha512; Priv that of encryption: des, aes,
// aes192, aes256, aes192c, aes256c. Without Priv nothing is encrypted, without
// Auth nobody is known.
type User struct {
	Name             string `yaml:"user"`
	Auth             string `yaml:"auth"`
	AuthPasswordFile string `yaml:"auth_password_file"`
	Priv             string `yaml:"priv"`
	PrivPasswordFile string `yaml:"priv_password_file"`
}

// Device is one that is asked.
type Device struct {
	Name string `yaml:"name"`
	// Address is a host or host:port; the port is 161 where none is given.
	Address string `yaml:"address"`
	Login   `yaml:",inline"`
	// Profile is the id of a device profile; empty: by its sysObjectID.
	Profile string `yaml:"profile"`
	// System is the business system that hangs on the device.
	System string `yaml:"system"`
	// Interval between two looks, 10 s to 1 h; default 1 min.
	Interval time.Duration `yaml:"interval"`
	// Interfaces and Exclude select interfaces by their name, as regular
	// expressions; by default all are seen but loopbacks and those of no use.
	Interfaces string `yaml:"interfaces"`
	Exclude    string `yaml:"exclude"`
}

// Traps is where traps are taken in.
type Traps struct {
	// Listen is an UDP address like :162; empty: none are taken in.
	Listen string `yaml:"listen"`
	// CommunityFiles hold the communities that are believed; one community a
	// file.
	CommunityFiles []string `yaml:"community_files"`
	// Users are believed by version 3.
	Users []User `yaml:"users"`
}

// Default is a configuration without devices.
func Default() Config { return Config{} }

const (
	defaultInterval = time.Minute
	leastInterval   = 10 * time.Second
	mostInterval    = time.Hour
	defaultExclude  = `^(lo|lo0|Loopback\d*|Null\d*|NULL\d*|InLoopBack\d*|VLAN-.*|unrouted.*)$`
)

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string {
	var out []*string
	user := func(u *User) { out = append(out, &u.AuthPasswordFile, &u.PrivPasswordFile) }
	for i := range c.SNMP {
		out = append(out, &c.SNMP[i].CommunityFile)
		user(&c.SNMP[i].User)
	}
	for i := range c.Profiles {
		out = append(out, &c.Profiles[i])
	}
	for i := range c.Traps.CommunityFiles {
		out = append(out, &c.Traps.CommunityFiles[i])
	}
	for i := range c.Traps.Users {
		user(&c.Traps.Users[i])
	}
	return slices.DeleteFunc(out, func(p *string) bool { return !credential.Relative(*p) })
}

// Systems are the business systems that devices name, by the path of the key.
func (c Config) Systems() map[string]string {
	out := map[string]string{}
	for i, d := range c.SNMP {
		if d.System != "" {
			out[fmt.Sprintf("snmp[%d].system", i)] = d.System
		}
	}
	return out
}

type mistakes []error

func (m *mistakes) add(format string, args ...any) { *m = append(*m, fmt.Errorf(format, args...)) }

var instance = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Validate returns every mistake, joined, each beginning with the key.
func (c Config) Validate() error {
	var m mistakes
	profiles, err := loadProfiles(c.Profiles)
	if err != nil {
		m.add("profiles: %w", err)
	}
	seen := map[string]bool{}
	for i, d := range c.SNMP {
		at := fmt.Sprintf("snmp[%d].", i)
		switch {
		case !instance.MatchString(d.Name):
			m.add("%sname: %q is no name; use letters, digits, '.', '_' and '-', at most 64, a letter or digit first", at, d.Name)
		case seen[d.Name]:
			m.add("%sname: %s stands twice", at, d.Name)
		}
		seen[d.Name] = true
		if _, _, err := d.target(); err != nil {
			m.add("%saddress: %w", at, err)
		}
		d.validate(at, &m)
		if d.Profile != "" && profiles != nil && profiles.byID(d.Profile) == nil {
			m.add("%sprofile: unknown profile %q; allowed: %s", at, d.Profile, strings.Join(profiles.ids(), ", "))
		}
		if d.Interval != 0 && (d.Interval < leastInterval || d.Interval > mostInterval) {
			m.add("%sinterval: %v is out of range; allowed: 10s to 1h", at, d.Interval)
		}
		for key, re := range map[string]string{"interfaces": d.Interfaces, "exclude": d.Exclude} {
			if _, err := regexp.Compile(re); err != nil {
				m.add("%s%s: %q is no regular expression: %w", at, key, re, err)
			}
		}
	}
	c.Traps.validate(&m)
	slices.SortFunc(m, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(m...)
}

// target splits the address.
func (d Device) target() (host string, port uint16, err error) {
	host, text, err := net.SplitHostPort(d.Address)
	if err != nil {
		host, text = strings.Trim(d.Address, "[]"), "161"
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if _, ip := netip.ParseAddr(host); err != nil || n == 0 || ip != nil && !hostName.MatchString(host) {
		return "", 0, fmt.Errorf("%q is not an address; allowed: a host or host:port, like 192.0.2.1 or core.example.org:161", d.Address)
	}
	return host, uint16(n), nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*\.?$`)

func (t Traps) validate(m *mistakes) {
	if t.Listen == "" {
		if len(t.CommunityFiles)+len(t.Users) > 0 {
			m.add("traps.listen: is missing; give an address like :162, or leave traps out")
		}
		return
	}
	if _, port, err := net.SplitHostPort(t.Listen); err != nil {
		m.add("traps.listen: %q is not an address; allowed: like :162 or 192.0.2.9:162", t.Listen)
	} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		m.add("traps.listen: port %q is not a number from 0 to 65535", port)
	}
	if len(t.CommunityFiles)+len(t.Users) == 0 {
		m.add("traps: nobody would be believed; give community_files or users")
	}
	for i, f := range t.CommunityFiles {
		if _, err := credential.Read(f); err != nil {
			m.add("traps.community_files[%d]: %w", i, err)
		}
	}
	for i, u := range t.Users {
		u.validate(fmt.Sprintf("traps.users[%d].", i), m)
	}
}

func (l Login) validate(at string, m *mistakes) {
	switch l.Version {
	case "", "2c":
		l.validate2c(at, m)
	case "3":
		if l.CommunityFile != "" {
			m.add("%scommunity_file: is for version 2c only; leave it out", at)
		}
		l.User.validate(at, m)
	default:
		m.add("%sversion: unknown version %q; allowed: 2c, 3", at, l.Version)
	}
}

func (l Login) validate2c(at string, m *mistakes) {
	if l.CommunityFile == "" {
		m.add("%scommunity_file: is missing; name a file with the community as its only line", at)
	} else if _, err := credential.Read(l.CommunityFile); err != nil {
		m.add("%scommunity_file: %w", at, err)
	}
	for key, v := range map[string]string{"user": l.Name, "auth": l.Auth, "auth_password_file": l.AuthPasswordFile, "priv": l.Priv, "priv_password_file": l.PrivPasswordFile, "context": l.Context} {
		if v != "" {
			m.add("%s%s: is for version 3 only; give version: 3 or leave it out", at, key)
		}
	}
}

// leastPassword is what USM asks of a pass phrase (RFC 3414, 11.2).
const leastPassword = 8

func (u User) validate(at string, m *mistakes) {
	if u.Name == "" || len(u.Name) > 32 {
		m.add("%suser: %q is no user; allowed: 1 to 32 bytes", at, u.Name)
	}
	secret := func(key, protocol, file, of string) {
		switch {
		case protocol == "" && file != "":
			m.add("%s%s: stands alone; give %s too, or neither", at, key, of)
		case protocol != "" && file == "":
			m.add("%s%s: is missing; name a file with the pass phrase as its only line", at, key)
		case file != "":
			if s, err := credential.Read(file); err != nil {
				m.add("%s%s: %w", at, key, err)
			} else if len(s) < leastPassword {
				m.add("%s%s: the pass phrase has %d bytes; SNMPv3 wants at least %d", at, key, len(s), leastPassword)
			}
		}
	}
	if _, ok := authProtocols[u.Auth]; u.Auth != "" && !ok {
		m.add("%sauth: unknown protocol %q; allowed: md5, sha, sha224, sha256, sha384, sha512", at, u.Auth)
	}
	if _, ok := privProtocols[u.Priv]; u.Priv != "" && !ok {
		m.add("%spriv: unknown protocol %q; allowed: des, aes, aes192, aes256, aes192c, aes256c", at, u.Priv)
	}
	if u.Priv != "" && u.Auth == "" {
		m.add("%spriv: needs auth: encryption without authentication does not exist in SNMPv3", at)
	}
	secret("auth_password_file", u.Auth, u.AuthPasswordFile, "auth")
	secret("priv_password_file", u.Priv, u.PrivPasswordFile, "priv")
}

// Checks returns one check for each device, and the one of traps. The
// configuration has to be valid; what cannot be read any more is told by the
// checks. Traps go to k, if that is not nil.
func Checks(c Config, k Keeper) []checks.Check {
	if len(c.SNMP) == 0 && c.Traps.Listen == "" {
		return nil
	}
	profiles, err := loadProfiles(c.Profiles)
	if err != nil {
		profiles, _ = loadProfiles(nil) // told by Validate
	}
	var out []checks.Check
	for _, d := range c.SNMP {
		out = append(out, newAsk(d, profiles))
	}
	if c.Traps.Listen != "" {
		out = append(out, newTraps(c.Traps, c.SNMP, profiles, k))
	}
	return out
}
