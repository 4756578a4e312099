//go:build linux

package path_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xunjian/checks/network/nettest"
	"xunjian/checks/network/path"
)

var (
	server4 = netip.MustParseAddr("10.77.3.2")
	server6 = netip.MustParseAddr("fd77:3::2")
)

// internet is a machine, two routers and a server in a row, with both versions
// of IP.
type internet struct{ client, near, far, server *nettest.Machine }

func newInternet(t *testing.T) internet {
	n := nettest.New(t)
	i := internet{n.Machine("c"), n.Machine("r1"), n.Machine("r2"), n.Machine("s")}
	n.Cable(i.client, "eth0", i.near, "lan")
	n.Cable(i.near, "wan", i.far, "lan")
	n.Cable(i.far, "wan", i.server, "eth0")
	for _, a := range []struct {
		m              *nettest.Machine
		device, v4, v6 string
	}{
		{i.client, "eth0", "10.77.1.2/24", "fd77:1::2/64"}, {i.near, "lan", "10.77.1.1/24", "fd77:1::1/64"},
		{i.near, "wan", "10.77.2.1/24", "fd77:2::1/64"}, {i.far, "lan", "10.77.2.2/24", "fd77:2::2/64"},
		{i.far, "wan", "10.77.3.1/24", "fd77:3::1/64"}, {i.server, "eth0", "10.77.3.2/24", "fd77:3::2/64"},
	} {
		a.m.Address(a.device, a.v4)
		a.m.Address(a.device, a.v6)
	}
	for _, r := range []*nettest.Machine{i.near, i.far} {
		r.Run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
	}
	i.client.IP("route", "add", "default", "via", "10.77.1.1")
	i.client.IP("-6", "route", "add", "default", "via", "fd77:1::1")
	i.near.IP("route", "add", "10.77.3.0/24", "via", "10.77.2.2")
	i.near.IP("-6", "route", "add", "fd77:3::/64", "via", "fd77:2::2")
	i.far.IP("route", "add", "10.77.1.0/24", "via", "10.77.2.1")
	i.far.IP("-6", "route", "add", "fd77:1::/64", "via", "fd77:2::1")
	i.server.IP("route", "add", "default", "via", "10.77.3.1")
	i.server.IP("-6", "route", "add", "default", "via", "fd77:3::1")
	for _, m := range []*nettest.Machine{i.client, i.near, i.far, i.server} {
		// The tests ask more in a second than people do.
		m.Run("sh", "-c", "echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit")
	}
	return i
}

func hops(tr path.Trace) string {
	var out []string
	for _, h := range tr.Hops {
		word := "*"
		if h.Addr.IsValid() {
			word = h.Addr.String()
		}
		out = append(out, strings.TrimSpace(word+" "+h.Error))
	}
	return strings.Join(out, ", ")
}

// follow follows the way until it is what is wanted: the kernel needs a moment
// for routes and neighbours.
func follow(t *testing.T, m *nettest.Machine, to netip.Addr, want string) path.Trace {
	t.Helper()
	var tr path.Trace
	var err error
	nettest.Until(t, "the way to "+to.String()+" is "+want, func() bool {
		m.Inside(func() { tr, err = path.Follow(t.Context(), to) })
		if got := hops(tr); got != want {
			t.Logf("%s (%v)", got, err)
			return false
		}
		return true
	})
	return tr
}

func TestInternet(t *testing.T) {
	nettest.Together(t, map[string]func(*testing.T){"follow": follows, "greatest": greatest, "gateways and neighbours": gatewaysAndNeighbours})
}

func follows(t *testing.T) {
	i := newInternet(t)
	for to, want := range map[netip.Addr]string{
		server4: "10.77.1.1, 10.77.2.2, 10.77.3.2",
		server6: "fd77:1::1, fd77:2::2, fd77:3::2",
	} {
		tr := follow(t, i.client, to, want)
		if !tr.Reached || tr.Hops[2].Took <= 0 {
			t.Errorf("%+v", tr)
		}
		if h, ok := tr.Broken(); ok {
			t.Errorf("broken at %v", h)
		}
	}

	// The far router passes nothing on: the way ends at it, in silence.
	i.far.Filter("forward", "drop")
	var tr path.Trace
	i.client.Inside(func() { tr, _ = path.Follow(t.Context(), server4) })
	if h, ok := tr.Broken(); !ok || h.Addr.String() != "10.77.2.2" || h.TTL != 2 {
		t.Errorf("broken at %+v, %v: %s", h, ok, hops(tr))
	}
	if text := tr.String(); strings.Count(text, "*") != 1 || !strings.Contains(text, " 2  10.77.2.2  ") {
		t.Errorf("said as %q", text)
	}
	i.far.Filter("forward")

	// The far router has no way: it says so.
	i.far.IP("link", "set", "wan", "down")
	tr = follow(t, i.client, server4, "10.77.1.1, 10.77.2.2 network is unreachable")
	if h, ok := tr.Broken(); !ok || h.Error == "" || tr.Reached {
		t.Errorf("%+v, %v", h, ok)
	}

	// No way out of the machine.
	i.client.IP("route", "del", "default")
	i.client.Inside(func() {
		if _, err := path.Follow(t.Context(), server4); err == nil {
			t.Error("no error without a route")
		}
	})
}

func greatest(t *testing.T) {
	i := newInternet(t)
	follow(t, i.client, server4, "10.77.1.1, 10.77.2.2, 10.77.3.2")
	follow(t, i.client, server6, "fd77:1::1, fd77:2::2, fd77:3::2")
	look := func(to netip.Addr) (m path.MTU, err error) {
		i.client.Inside(func() { m, err = path.Greatest(t.Context(), to) })
		return m, err
	}
	for _, to := range []netip.Addr{server4, server6} {
		if m, err := look(to); err != nil || m != (path.MTU{Bytes: 1500, Interface: 1500}) {
			t.Errorf("to %s: %+v, %v", to, m, err)
		}
	}
	// A tunnel on the way, whose routers say so.
	i.near.IP("link", "set", "wan", "mtu", "1400")
	i.far.IP("link", "set", "lan", "mtu", "1400")
	for _, to := range []netip.Addr{server4, server6} {
		if m, err := look(to); err != nil || m != (path.MTU{Bytes: 1400, Interface: 1500}) {
			t.Errorf("to %s through the tunnel: %+v, %v", to, m, err)
		}
	}
	// The same, and a firewall keeps what they say from us.
	i.client.Filter("input", "icmp code frag-needed drop", "icmpv6 type packet-too-big drop")
	if m, err := look(server4); err != nil || m != (path.MTU{Bytes: 1400, Interface: 1500, BlackHole: true}) {
		t.Errorf("black hole: %+v, %v", m, err)
	}
	// A server that says nothing at all.
	i.server.Filter("input", "udp dport 33434-33999 drop")
	if m, err := look(server4); !errors.Is(err, path.ErrSilent) {
		t.Errorf("silent: %+v, %v", m, err)
	}
}

func gatewaysAndNeighbours(t *testing.T) {
	i := newInternet(t)
	follow(t, i.client, server4, "10.77.1.1, 10.77.2.2, 10.77.3.2")
	// A second default route, worse than the first, and one with two paths.
	i.client.IP("route", "add", "default", "via", "10.77.1.9", "metric", "50")
	i.client.IP("route", "add", "default", "metric", "90", "nexthop", "via", "10.77.1.1", "nexthop", "via", "10.77.1.8")
	i.client.Inside(func() {
		list, err := path.Gateways()
		if err != nil {
			t.Error(err)
		}
		var got []string
		for _, g := range list {
			got = append(got, g.Addr.String()+" "+g.Device)
		}
		want := "10.77.1.1 eth0, 10.77.1.9 eth0, 10.77.1.8 eth0, fd77:1::1 eth0"
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("gateways %s, want %s", s, want)
		}
		n, err := path.LookUp(list[0].Addr, "eth0")
		if seen, _ := n.Seen(); err != nil || n.MAC == "" || n.State != "stale" && n.State != "delay" && !seen {
			t.Errorf("%+v, %v", n, err)
		}
		if n, err := path.LookUp(netip.MustParseAddr("10.77.1.99"), "eth0"); err != nil || n.State != "none" {
			t.Errorf("one that nobody asked for: %+v, %v", n, err)
		}
		if _, err := path.LookUp(list[0].Addr, "eth9"); err == nil {
			t.Error("no error for an interface that is not there")
		}
	})
	// Nobody has the address: asking for it fails.
	nettest.Until(t, "10.77.1.9 is failed", func() (gone bool) {
		i.client.Inside(func() {
			_, _ = path.Follow(t.Context(), netip.MustParseAddr("10.77.1.9"))
			n, _ := path.LookUp(netip.MustParseAddr("10.77.1.9"), "eth0")
			seen, known := n.Seen()
			gone = known && !seen && n.State != "none"
		})
		return gone
	})
	bare := nettest.New(t).Machine("b")
	bare.Inside(func() {
		if list, err := path.Gateways(); err != nil || len(list) != 0 {
			t.Errorf("a machine without routes: %v, %v", list, err)
		}
	})
}

func TestResolvers(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	behind := write("behind", "nameserver 192.0.2.2\nnameserver 192.0.2.1\n")
	for name, tt := range map[string]struct{ text, want string }{
		"plain":    {"# x\nsearch example.org\nnameserver 192.0.2.1\nnameserver 192.0.2.1\nnameserver 2001:db8::1\n", "192.0.2.1 2001:db8::1"},
		"stub":     {"nameserver 127.0.0.53\n", "192.0.2.2 192.0.2.1"},
		"loopback": {"nameserver 127.0.0.1\n", ""},
		"broken":   {"nameserver\nnameserver example.org\nnameserver 300.1.1.1\n", ""},
		"many":     {strings.Repeat("nameserver 192.0.2.1\n", 3) + "nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\nnameserver 10.0.0.5\nnameserver 10.0.0.6\nnameserver 10.0.0.7\nnameserver 10.0.0.8\n", "192.0.2.1 10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7"},
	} {
		list, err := path.Resolvers(write("resolv.conf", tt.text), behind)
		var got []string
		for _, a := range list {
			got = append(got, a.String())
		}
		if s := strings.Join(got, " "); err != nil || s != tt.want {
			t.Errorf("%s: %q, %v; want %q", name, s, err, tt.want)
		}
	}
	if list, err := path.Resolvers(filepath.Join(dir, "none"), behind); err != nil || list != nil {
		t.Errorf("no file: %v, %v", list, err)
	}
}
