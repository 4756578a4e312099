//go:build linux

package host

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"xunjian/checks"
)

func networkOf(cfg NetworkConfig, looks ...[]iface) *networkCheck {
	c := newNetwork(cfg)
	c.read = func([]iface) ([]iface, error) {
		l := looks[0]
		looks = looks[1:]
		return l, nil
	}
	return c
}

// fast is an interface whose link carries so many bytes a second.
func fast(n iface, speed float64) iface {
	n.samples = append(n.samples, figure{netSpeed, speed})
	return n
}

func eth(name, state string, rx, tx, errs float64) iface {
	n := iface{name: name, state: state}
	n.counters[rxBytes], n.counters[txBytes], n.counters[rxErrors] = rx, tx, errs
	return n
}

func TestTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := networkOf(Default().Network,
			[]iface{eth("eth0", "up", 1000, 100, 2), eth("lo", "unknown", 9, 9, 0), eth("eth1", "down", 0, 0, 0), eth("veth3", "up", 1, 1, 0)},
			[]iface{fast(eth("eth0", "up", 6000, 600, 12), 4000), eth("eth1", "down", 0, 0, 0)},
			[]iface{fast(eth("eth0", "up", 50, 1200, 12), -125000)},
		)
		out := run(t, c)
		if args := finding(t, out, "network.total", "eth0").Args; args["received"] != 1000.0 || len(out.Findings()) != 1 {
			t.Errorf("first look: %+v; loopback, what is down and what is ignored is not worth a line", out.Findings())
		}
		time.Sleep(5 * time.Second)
		args := finding(t, run(t, c), "network.traffic", "eth0").Args
		for key, want := range map[string]float64{"received": 1000, "sent": 100, "errors": 2, "drops": 0, "window": 5, "speed": 4000, "received_share": .25, "sent_share": .025} {
			if args[key] != want {
				t.Errorf("%s = %v, want %v", key, args[key], want)
			}
		}
		time.Sleep(time.Second)
		if args := finding(t, run(t, c), "network.traffic", "eth0").Args; args["received"] != 0.0 || args["speed"] != 0.0 || args["sent_share"] != 0.0 {
			t.Errorf("after the counters began anew, at a speed that the driver does not know: %v, want 0 rather than less", args)
		}
		if len(c.known) != 1 {
			t.Errorf("%d interfaces kept, want the one that is there", len(c.known))
		}
	})
}

// An interface that is required is looked at though it would be ignored.
func TestRequiredIsNotIgnored(t *testing.T) {
	cfg := Default().Network
	cfg.Required = []string{"veth0", "tun0"}
	out := run(t, networkOf(cfg, []iface{eth("veth0", "up", 1, 1, 0), eth("tun0", "unknown", 0, 0, 0)}))
	finding(t, out, "network.linked", "veth0")
	finding(t, out, "network.linked", "tun0") // no driver tells the link of a tunnel
	value(t, out, "node_network_up", "veth0")
}

// Real interfaces, in a network of their own: a dummy and a pair of cables'
// ends, turned on and off.
func TestRealInterfaces(t *testing.T) {
	if !inNamespaces(t, unix.CLONE_NEWNET) {
		return
	}
	cfg := Default()
	cfg.Sysfs = t.TempDir()
	mountAt(t, "sysfs", cfg.Sysfs, "sysfs", "") // the one outside shows the network outside
	cfg.Network.Required = []string{"xj0", "xj1"}
	c := linuxNetwork(cfg)

	out := run(t, c)
	if f := finding(t, out, "network.missing", "xj0"); f.Verdict != checks.Abnormal {
		t.Errorf("%+v", f)
	}
	command(t, "ip", "link", "add", "xj0", "type", "veth", "peer", "name", "xj1")
	out = run(t, c)
	if f := finding(t, out, "network.no_carrier", "xj0"); f.Verdict != checks.Abnormal || f.Args["state"] != "down" {
		t.Errorf("turned off: %+v", f)
	}
	if slices.ContainsFunc(out.Samples(), func(s checks.Sample) bool { return s.Desc == netCarrier && s.Values[0] == "xj0" }) {
		t.Error("a carrier of an interface that is turned off")
	}

	command(t, "ip", "link", "set", "xj0", "up")
	command(t, "ip", "link", "set", "xj1", "up")
	command(t, "ip", "link", "set", "xj0", "mtu", "1400")
	settle(t, c, "network.linked", "xj0")
	waitUntil(t, "the link of xj0 is not told up", func() bool { return value(t, run(t, c), "node_network_up", "xj0") == 1 })
	out = run(t, c)
	if f := finding(t, out, "network.traffic", "xj0"); f.Args["speed"] != 10e9/8 || f.Args["sent_share"].(float64) >= 1 {
		t.Errorf("%+v, want that its link carries 10 Gbit/s", f.Args)
	}
	for family, want := range map[string]float64{
		"node_network_up": 1, "node_network_carrier": 1, "node_network_mtu_bytes": 1400,
		"node_network_carrier_up_changes_total": 1, "node_network_speed_bytes": 10e9 / 8,
	} {
		if got := value(t, out, family, "xj0"); got != want {
			t.Errorf("%s = %v, want %v", family, got, want)
		}
	}

	command(t, "ip", "link", "set", "xj1", "down")
	// The carrier is told at once, the operational state by a worker of the kernel.
	out = settle(t, c, "network.no_carrier", "xj0", "state", "lowerlayerdown")
	if up, carrier := value(t, out, "node_network_up", "xj0"), value(t, out, "node_network_carrier", "xj0"); up != 0 || carrier != 0 {
		t.Errorf("the other end is off: up %v, carrier %v", up, carrier)
	}
	if got := value(t, out, "node_network_carrier_down_changes_total", "xj0"); got != 2 {
		t.Errorf("the link went %v times, want 2: it was not there at first", got)
	}
	command(t, "ip", "link", "del", "xj0")
	finding(t, run(t, c), "network.missing", "xj0")
}

// settle looks until there is a finding with these arguments (name, value, …):
// the kernel tells the state of a link a moment after it changed.
func settle(t *testing.T, c checks.Check, code, subject string, args ...any) *checks.Output {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		out := run(t, c)
		for _, f := range out.Findings() {
			if f.Code == code && f.Subject == subject && hasArgs(f, args) {
				return out
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %s of %s: %+v", code, subject, out.Findings())
		}
	}
}

func hasArgs(f checks.Finding, args []any) bool {
	for i := 0; i+1 < len(args); i += 2 {
		if f.Args[args[i].(string)] != args[i+1] {
			return false
		}
	}
	return true
}

// What changes by a person's hand is read again now and then, and with the link.
func TestFixedPropertiesAreReadAgain(t *testing.T) {
	cfg := machine(t)
	c := linuxNetwork(cfg)
	mtu := func() float64 { return value(t, run(t, c), "node_network_mtu_bytes", "eth0") }
	mtu()
	eth0 := cfg.Sysfs + "/class/net/eth0/"
	rewrite(t, eth0+"mtu", func(string) string { return "9000\n" })
	if got := mtu(); got != 1500 {
		t.Errorf("read at each look: %v", got)
	}
	rewrite(t, eth0+"carrier_changes", func(string) string { return "5\n" })
	if got := mtu(); got != 9000 {
		t.Errorf("after the link changed: %v, want 9000", got)
	}
	rewrite(t, eth0+"mtu", func(string) string { return "1400\n" })
	looks := 1
	for ; mtu() != 1400 && looks < 100; looks++ {
	}
	if looks != fixedLooks+1 {
		t.Errorf("read again after %d looks, want %d", looks, fixedLooks+1)
	}
}

func TestNetDevBad(t *testing.T) {
	cfg := machine(t)
	rewrite(t, cfg.Procfs+"/net/dev", func(string) string { return "eth0: 1 2 3\n" })
	if err := linuxNetwork(cfg).Run(t.Context(), checks.NewOutput(0)); err == nil || !strings.Contains(err.Error(), "is not an interface") {
		t.Errorf("%v", err)
	}
}

func TestTCPShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := machine(t)
		c := newSockets(cfg.Procfs)
		if f := finding(t, run(t, c), "sockets.tcp_total", ""); f.Args["retransmitted"] != 0.002 {
			t.Errorf("since boot: %+v", f)
		}
		rewrite(t, cfg.Procfs+"/net/snmp", replace("100000 200000 400 7 88", "100000 201000 450 7 90"))
		time.Sleep(10 * time.Second)
		args := finding(t, run(t, c), "sockets.tcp", "").Args
		for key, want := range map[string]float64{"retransmitted": 0.05, "resets": 2, "listen_drops": 0, "established": 321, "time_wait": 33, "used": 512, "window": 10} {
			if !near(args[key], want) {
				t.Errorf("%s = %v, want %v", key, args[key], want)
			}
		}
	})
}

// The headings may change while we run, by a module that is loaded.
func TestNetstatHeadingsChange(t *testing.T) {
	cfg := machine(t)
	c := newSockets(cfg.Procfs)
	run(t, c)
	rewrite(t, cfg.Procfs+"/net/netstat", func(s string) string {
		return strings.NewReplacer("TcpExt: SyncookiesSent", "TcpExt: New SyncookiesSent", "TcpExt: 1 2", "TcpExt: 77 1 2").Replace(s)
	})
	if got := value(t, run(t, c), "node_netstat_TcpExt_SyncookiesSent"); got != 1 {
		t.Errorf("%v, want 1: the columns have moved", got)
	}
}

func TestSocketsWithoutIPv6(t *testing.T) {
	cfg := machine(t)
	for _, f := range []string{"snmp6", "sockstat6", "softnet_stat"} {
		os.Remove(cfg.Procfs + "/net/" + f)
	}
	out := run(t, newSockets(cfg.Procfs))
	if slices.ContainsFunc(out.Samples(), func(s checks.Sample) bool { return strings.Contains(s.Desc.Name, "6_") }) {
		t.Error("figures of a protocol that is not there")
	}
}

func TestSocketsBadFiles(t *testing.T) {
	for file, text := range map[string]string{"netstat": "TcpExt: A B\nIpExt: 1 2\n", "snmp": "no colon\n", "softnet_stat": "0000zz10 1\n"} {
		cfg := machine(t)
		rewrite(t, cfg.Procfs+"/net/"+file, func(string) string { return text })
		if err := newSockets(cfg.Procfs).Run(t.Context(), checks.NewOutput(0)); err == nil || !strings.Contains(err.Error(), "parse ") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestConntrackWithoutCounters(t *testing.T) {
	cfg := machine(t)
	c := &conntrackCheck{procfs: cfg.Procfs}
	os.Remove(cfg.Procfs + "/net/stat/nf_conntrack")
	if out := run(t, c); len(out.Samples()) != 2 {
		t.Errorf("%v", out.Samples())
	}
	os.Remove(cfg.Procfs + "/sys/net/netfilter/nf_conntrack_max")
	if err := c.Run(t.Context(), checks.NewOutput(0)); !errors.Is(err, checks.ErrNotApplicable) {
		t.Errorf("%v, want not applicable", err)
	}
}

func TestFilesBad(t *testing.T) {
	cfg := machine(t)
	rewrite(t, cfg.Procfs+"/sys/fs/file-nr", func(string) string { return "5120 0\n" })
	c := &filesCheck{path: cfg.Procfs + "/sys/fs/file-nr"}
	if err := c.Run(t.Context(), checks.NewOutput(0)); err == nil || !strings.Contains(err.Error(), "three numbers") {
		t.Errorf("%v", err)
	}
}
