package devices

import (
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
)

// fuzzTrap: whatever comes, the listener lives.
func fuzzTrap(t *testing.T, p *Profiles, b []byte) {
	tr := newTraps(Traps{}, nil, p, nil)
	reader := newReader(gosnmp.NewSnmpV3SecurityParametersTable(gosnmp.NewLogger(log.New(io.Discard, "", 0))))
	packet, reason := tr.read(reader, nil, b)
	if (packet == nil) == (reason == "") {
		t.Errorf("packet %v, reason %q", packet, reason)
	}
	if packet != nil {
		tr.take(packet, &net.UDPAddr{})
	}
}

func TestBadConfigurations(t *testing.T) {
	good := func() Config {
		return Config{SNMP: []Device{
			{Name: "core", Address: "192.0.2.1", Login: Login{CommunityFile: file(t, community)}},
			{Name: "edge", Address: "[2001:db8::1]:1161", Login: (&simulated{}).v3(t), Profile: "huawei", Interval: time.Minute},
		}, Traps: Traps{Listen: ":162", CommunityFiles: []string{file(t, community)}}}
	}
	if err := good().Validate(); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(own, []byte("profiles:\n  - {id: Own, match: [x], readings: [{of: cpu, oid: y}, {of: fan, oid: 1.3.6.1}, {of: speed, oid: 1.3.6.1}]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		`snmp[0].name: "core switch" is no name; use letters`:                                                           func(c *Config) { c.SNMP[0].Name = "core switch" },
		"snmp[1].name: core stands twice":                                                                               func(c *Config) { c.SNMP[1].Name = "core" },
		`snmp[0].address: "192.0.2.1:x" is not an address; allowed: a host or host:port`:                                func(c *Config) { c.SNMP[0].Address = "192.0.2.1:x" },
		`snmp[0].address: "" is not an address`:                                                                         func(c *Config) { c.SNMP[0].Address = "" },
		`snmp[0].version: unknown version "1"; allowed: 2c, 3`:                                                          func(c *Config) { c.SNMP[0].Version = "1" },
		"snmp[0].community_file: is missing":                                                                            func(c *Config) { c.SNMP[0].CommunityFile = "" },
		"snmp[0].community_file: cannot read /nonexistent: no such file or directory":                                   func(c *Config) { c.SNMP[0].CommunityFile = "/nonexistent" },
		"snmp[0].auth: is for version 3 only":                                                                           func(c *Config) { c.SNMP[0].Auth = "sha" },
		`snmp[1].auth: unknown protocol "sha1"; allowed: md5, sha`:                                                      func(c *Config) { c.SNMP[1].Auth = "sha1" },
		`snmp[1].priv: unknown protocol "3des"; allowed: des, aes`:                                                      func(c *Config) { c.SNMP[1].Priv = "3des" },
		"snmp[1].user: \"\" is no user":                                                                                 func(c *Config) { c.SNMP[1].User.Name = "" },
		"snmp[1].auth_password_file: is missing; name a file with the pass phrase":                                      func(c *Config) { c.SNMP[1].AuthPasswordFile = "" },
		"snmp[1].auth_password_file: the pass phrase has 5 bytes; SNMPv3 wants at least 8":                              func(c *Config) { c.SNMP[1].AuthPasswordFile = file(t, "short") },
		"snmp[1].priv_password_file: stands alone; give priv too, or neither":                                           func(c *Config) { c.SNMP[1].Priv = "" },
		`snmp[1].profile: unknown profile "hauwei"; allowed: cisco, generic, h3c, huawei, ruijie, ups`:                  func(c *Config) { c.SNMP[1].Profile = "hauwei" },
		"snmp[1].interval: 5s is out of range; allowed: 10s to 1h":                                                      func(c *Config) { c.SNMP[1].Interval = 5 * time.Second },
		`snmp[0].exclude: "(" is no regular expression`:                                                                 func(c *Config) { c.SNMP[0].Exclude = "(" },
		"traps: nobody would be believed; give community_files or users":                                                func(c *Config) { c.Traps.CommunityFiles = nil },
		`traps.listen: "162" is not an address; allowed: like :162`:                                                     func(c *Config) { c.Traps.Listen = "162" },
		"traps.listen: is missing; give an address like :162, or leave traps out":                                       func(c *Config) { c.Traps.Listen = "" },
		`traps.users[0].user: "" is no user; allowed: 1 to 32 bytes`:                                                    func(c *Config) { c.Traps.Users = []User{{}} },
		"profiles: cannot read /nonexistent: no such file or directory; allowed: a file with device profiles":           func(c *Config) { c.Profiles = []string{"/nonexistent"} },
		"profiles: " + own + `: profile "Own": id: "Own" is no id; allowed: lower-case letters and digits, joined by -`: func(c *Config) { c.Profiles = []string{own} },
	} {
		c := good()
		change(&c)
		err := c.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v\nwant %s", err, want)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("a secret is said: %v", err)
		}
	}
	_, err := loadProfiles([]string{own})
	for _, part := range []string{`match: "x" is no OID`, `readings[0].oid: "y" is no OID`, "readings[1].good: is missing", `readings[2].of: unknown kind "speed"; allowed: cpu, fan`} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v lacks %s", err, part)
		}
	}
}

// An operator's own profile takes the place of a shipped one, and the longest
// match holds.
func TestProfiles(t *testing.T) {
	own := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(own, []byte("profiles:\n  - {id: cisco, title: Ours, match: [1.3.6.1.4.1.9], readings: []}\n  - {id: nexus, title: Nexus, match: [1.3.6.1.4.1.9.12], readings: []}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := loadProfiles([]string{own})
	if err != nil {
		t.Fatal(err)
	}
	for oid, want := range map[string]string{"1.3.6.1.4.1.9.1.5": "Ours", ".1.3.6.1.4.1.9.12.3": "Nexus", "1.3.6.1.4.1.99": "Any device", "": "Any device", "1.3.6.1.4.1.2011.2": "Huawei VRP"} {
		if got := p.match(oid); got.Title != want {
			t.Errorf("%s is %s, want %s", oid, got.Title, want)
		}
	}
}
