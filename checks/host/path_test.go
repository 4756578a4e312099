//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// A real way out, built cable by cable in networks of our own: an interface, a
// gateway, and behind it a real DNS server. At each stage the first link that
// is missing is the one that is named.
func TestPathReal(t *testing.T) {
	if !inNamespaces(t, unix.CLONE_NEWNET) {
		return
	}
	cfg := Default()
	cfg.Sysfs, cfg.Rootfs = t.TempDir(), t.TempDir()
	mountAt(t, "sysfs", cfg.Sysfs, "sysfs", "") // the one outside shows the network outside
	resolv := func(text string) { put(t, cfg.Rootfs, "etc/resolv.conf", text) }
	resolv("search example.org\nnameserver 203.0.113.53\n")
	ip := func(args ...string) { t.Helper(); command(t, "ip", args...) }
	far := farSide(t)
	gateway := func(args ...string) {
		t.Helper()
		command(t, "nsenter", append([]string{"-t", strconv.Itoa(far), "-n", "ip"}, args...)...)
	}
	ip("link", "set", "lo", "up")
	gateway("link", "set", "lo", "up")

	breaksAt(t, cfg, InterfaceNone, "")
	cfg.Network.Required = []string{"xj0"}
	breaksAt(t, cfg, InterfaceMissing, "xj0")
	cfg.Network.Required = nil

	ip("link", "add", "xj0", "type", "veth", "peer", "name", "xj1")
	ip("link", "set", "xj1", "netns", strconv.Itoa(far))
	ip("addr", "add", "198.51.100.2/24", "dev", "xj0")
	breaksAt(t, cfg, InterfaceOff, "xj0")
	ip("link", "set", "xj0", "up")
	breaksAt(t, cfg, InterfaceNoCarrier, "xj0")
	gateway("link", "set", "xj1", "up")
	p := breaksAt(t, cfg, RouteNone, "")
	sees(t, p, PathLink{Sight: InterfaceLinked, Name: "xj0"})
	sees(t, p, PathLink{Sight: AddressPresent, Name: "198.51.100.2/24", Device: "xj0"})
	if l := ofKind(p, ResolverUnreachable); !strings.Contains(l.Error, "network is unreachable") {
		t.Errorf("a server without a way to it: %+v", p)
	}
	sees(t, p, PathLink{Sight: NameUntried, Name: "example.org."})

	ip("route", "add", "default", "via", "198.51.100.1")
	p = breaksAt(t, cfg, GatewaySilent, "198.51.100.1")
	sees(t, p, PathLink{Sight: RouteDefault, Name: "198.51.100.1", Device: "xj0"})
	gateway("addr", "add", "198.51.100.1/24", "dev", "xj1")
	gateway("addr", "add", "203.0.113.53/32", "dev", "lo")
	p = breaksAt(t, cfg, ResolverRefused, "203.0.113.53")
	sees(t, p, PathLink{Sight: GatewayAnswers, Name: "198.51.100.1", Device: "xj0"})

	resolver(t, far)
	p = settledPath(t, cfg, func(p Path) bool { _, _, broken := p.Broken(); return !broken })
	sees(t, p, PathLink{Sight: NameResolves, Name: "example.org."})
	if l := ofKind(p, ResolverAnswers); l.Name != "203.0.113.53" || l.Took <= 0 || l.Took > 1 {
		t.Errorf("%+v", l)
	}
	if l, unclear := p.Unclear(); unclear {
		t.Errorf("all is well, but %+v", l)
	}

	// One server that swallows what it gets, one that is no server, and one
	// that knows nothing of the world.
	gateway("route", "add", "blackhole", "203.0.113.99/32")
	resolv("nameserver 203.0.113.99\nnameserver 203.0.113.53\nnameserver dns.example.org\n")
	p = breaksAt(t, cfg, ResolverInvalid, "dns.example.org")
	sees(t, p, PathLink{Sight: ResolverSilent, Name: "203.0.113.99"})
	sees(t, p, PathLink{Sight: NameUnknown, Name: "."})

	ip("addr", "flush", "dev", "xj0")
	cfg.Network.Required = []string{"xj0"}
	breaksAt(t, cfg, AddressNone, "")
	ip("addr", "add", "169.254.7.7/16", "dev", "xj0")
	breaksAt(t, cfg, AddressLinkLocal, "169.254.7.7/16")
}

// farSide starts a process that keeps a network of its own.
func farSide(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNET}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	return cmd.Process.Pid
}

// resolver starts a DNS server in the network of the process pid; it knows
// example.org and nobody to ask.
func resolver(t *testing.T, pid int) {
	t.Helper()
	cmd := exec.Command("nsenter", "-t", strconv.Itoa(pid), "-n", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=",
		"--user=", "--no-resolv", "--no-hosts", "--listen-address=203.0.113.53", "--bind-interfaces", "--local=/example.org/", "--host-record=example.org,203.0.113.80")
	said := &strings.Builder{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if t.Failed() {
			t.Logf("the DNS server said: %s", said)
		}
	})
}

// breaksAt looks until the path breaks where it should: the kernel tells the
// state of a link a moment after it changed.
func breaksAt(t *testing.T, cfg Config, want Sight, name string) Path {
	t.Helper()
	return settledPath(t, cfg, func(p Path) bool {
		l, _, broken := p.Broken()
		return broken && l.Sight == want && l.Name == name
	})
}

func settledPath(t *testing.T, cfg Config, good func(Path) bool) Path {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		p, err := LookPath(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if good(p) {
			return p
		}
		if time.Now().After(deadline) {
			t.Fatalf("never so: %+v", p)
		}
	}
}

func sees(t *testing.T, p Path, want PathLink) {
	t.Helper()
	if !slices.Contains(p.Links, want) {
		t.Errorf("no %+v in %+v", want, p.Links)
	}
}

func ofKind(p Path, s Sight) PathLink {
	i := slices.IndexFunc(p.Links, func(l PathLink) bool { return l.Sight == s })
	if i < 0 {
		return PathLink{}
	}
	return p.Links[i]
}

// Who is told first is the link that cuts the way, not a nearer one that there
// is a way around.
func TestBroken(t *testing.T) {
	four, six := PathLink{Sight: GatewayAnswers, Name: "192.0.2.1"}, PathLink{Sight: GatewaySilent, Name: "fd00::1"}
	up, down := PathLink{Sight: InterfaceLinked, Name: "eth0"}, PathLink{Sight: InterfaceNoCarrier, Name: "eth1"}
	dns := PathLink{Sight: ResolverSilent, Name: "192.0.2.53"}
	for _, tt := range []struct {
		links       []PathLink
		want        PathLink
		cut, broken bool
	}{
		{[]PathLink{up, four}, PathLink{}, false, false},
		{[]PathLink{up, four, six}, six, false, true},
		{[]PathLink{up, down, six}, six, true, true},
		{[]PathLink{down, six}, down, true, true},
		{[]PathLink{up, down, four, six, dns}, dns, true, true},
	} {
		if got, cut, broken := (Path{tt.links}).Broken(); got != tt.want || cut != tt.cut || broken != tt.broken {
			t.Errorf("of %v: %v, cut %v, broken %v", tt.links, got, cut, broken)
		}
	}
}

// The machine as it is has a way, and whatever it is, looking at it ends.
func TestPathOfThisMachine(t *testing.T) {
	p, err := LookPath(t.Context(), Default())
	if err != nil || len(p.Links) < 4 {
		t.Errorf("%+v, %v", p, err)
	}
	for _, l := range p.Links {
		if l.Sight == Unread {
			t.Errorf("%+v", l)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := LookPath(ctx, Default()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// What cannot be read is said, and nothing is concluded from it.
func TestPathUnread(t *testing.T) {
	cfg := Default()
	cfg.Procfs, cfg.Sysfs, cfg.Rootfs = t.TempDir(), t.TempDir(), t.TempDir()
	p, err := LookPath(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var unread []string
	for _, l := range p.Links {
		if l.Sight != Unread || l.Error == "" {
			t.Errorf("%+v", l)
		}
		unread = append(unread, l.Name)
	}
	if want := []string{"/proc/net/route", "/sys/class/net", "/etc/resolv.conf"}; !slices.Equal(unread, want) {
		t.Errorf("unread: %v, want %v", unread, want)
	}
}

func TestInterfacesOfPath(t *testing.T) {
	type iface map[string]string
	up, cut, off := iface{"flags": "0x1003", "carrier": "1"}, iface{"flags": "0x1003", "carrier": "0"}, iface{"flags": "0x1002"}
	with := func(base iface, more ...string) iface {
		out := iface{"device -> ../x": ""}
		for k, v := range base {
			out[k] = v
		}
		for _, m := range more {
			out[m] = "x"
		}
		return out
	}
	for name, tt := range map[string]struct {
		list     map[string]iface
		required []string
		want     []string
	}{
		"a spare port":       {map[string]iface{"eth0": with(up), "eth1": with(cut)}, nil, []string{"interface_linked eth0", "interface_unused eth1"}},
		"a required one":     {map[string]iface{"eth0": with(up), "eth1": with(cut)}, []string{"eth1"}, []string{"interface_linked eth0", "interface_no_carrier eth1"}},
		"the only one":       {map[string]iface{"eth0": with(cut)}, nil, []string{"interface_no_carrier eth0"}},
		"all off":            {map[string]iface{"eth0": with(off), "eth1": with(off)}, nil, []string{"interface_off eth0", "interface_off eth1"}},
		"virtual":            {map[string]iface{"eth0": with(up), "veth1": cut, "docker0": with(cut, "bridge/bridge_id"), "ifb0": off}, nil, []string{"interface_linked eth0"}},
		"part of a bond":     {map[string]iface{"bond0": with(up), "eth0": with(up, "master -> ../bond0"), "eth1": with(cut, "master -> ../bond0")}, nil, []string{"interface_linked bond0"}},
		"a bond that is cut": {map[string]iface{"bond0": with(cut), "eth0": with(cut, "master -> ../bond0")}, []string{"bond0"}, []string{"interface_no_carrier bond0", "interface_no_carrier eth0"}},
		"no carrier told":    {map[string]iface{"eth0": with(iface{"flags": "0x1003"})}, nil, []string{"unread eth0"}},
	} {
		cfg := Default()
		cfg.Sysfs = t.TempDir()
		cfg.Network.Required = tt.required
		for dev, files := range tt.list {
			for file, text := range files {
				put(t, cfg.Sysfs, "class/net/"+dev+"/"+file, text+"\n")
			}
		}
		f := &pathFinder{cfg: cfg}
		if err := f.readPorts(); err != nil {
			t.Fatal(err)
		}
		f.findPorts()
		var got []string
		for _, l := range f.links {
			got = append(got, string(l.Sight)+" "+l.Name)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestParseRoutes(t *testing.T) {
	const zero, one = "00000000000000000000000000000000", "fe800000000000000000000000000001"
	four, err := parseRoutes("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n" +
		"eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n" +
		"eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n" +
		"*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n") // unreachable
	if err != nil {
		t.Fatal(err)
	}
	six, err := parseRoutes6(zero + " 00 " + zero + " 00 " + one + " 00000400 00000001 00000000 00000003 eth0\n" +
		zero + " 00 " + zero + " 00 " + zero + " ffffffff 00000001 00000000 00200200 lo\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range append(four, six...) {
		got = append(got, fmt.Sprintf("%v via %q dev %s metric %d", r.to, r.gatewayName(), r.device, r.metric))
	}
	want := []string{
		`0.0.0.0/0 via "192.0.2.1" dev eth0 metric 100`, `192.0.2.0/24 via "" dev eth0 metric 0`,
		`::/0 via "fe80::1%eth0" dev eth0 metric 1024`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"eth0 1 2\n", "eth0 0000000x 00000000 0001 0 0 0 00FFFFFF\n"} {
		if _, err := parseRoutes(bad); err == nil {
			t.Errorf("%q is taken for a route", bad)
		}
		if _, err := parseRoutes6(bad); err == nil {
			t.Errorf("%q is taken for a route of IPv6", bad)
		}
	}
}

func TestParseResolv(t *testing.T) {
	got := parseResolv("# nameserver 192.0.2.9\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\nnameserver  x\x1b[31m\nsearch a..b\nsearch example.org corp\noptions rotate\n")
	want := servers{list: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("fe80::1%eth0")}, bad: []string{"x\uFFFD[31m"}, name: "example.org."}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if s := parseResolv("search a..b\n"); s.name != "." {
		t.Errorf("a search domain that is no name: %q", s.name)
	}
}

// The servers behind the stub of systemd-resolved are looked at, too, each once.
func TestResolversBehindTheStub(t *testing.T) {
	cfg := Default()
	cfg.Rootfs = t.TempDir()
	put(t, cfg.Rootfs, "etc/resolv.conf", "nameserver 127.0.0.53\n")
	put(t, cfg.Rootfs, "run/systemd/resolve/resolv.conf", "nameserver 192.0.2.1\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n")
	if got := fmt.Sprint((&pathFinder{cfg: cfg}).resolvers().list); got != "[127.0.0.53 192.0.2.1 192.0.2.2]" {
		t.Error(got)
	}
}

func TestNameSight(t *testing.T) {
	heard := dnsAnswer{answered: true}
	said := func(code, records int) dnsAnswer {
		return dnsAnswer{answered: true, resolved: true, code: code, records: records}
	}
	for name, tt := range map[string]struct {
		domain  string
		replies []dnsAnswer
		want    Sight
	}{
		"silence":                  {".", []dnsAnswer{{}}, NameUntried},
		"the root":                 {".", []dnsAnswer{{}, said(0, 13)}, NameResolves},
		"the root without a word":  {".", []dnsAnswer{said(0, 0)}, NameUnknown},
		"a domain without records": {"example.org.", []dnsAnswer{said(0, 0)}, NameResolves},
		"refused":                  {".", []dnsAnswer{said(5, 0)}, NameUnknown},
		"failed":                   {".", []dnsAnswer{said(2, 0)}, NameFails},
		"only of itself":           {".", []dnsAnswer{heard}, NameFails},
		"one fails, one refuses":   {".", []dnsAnswer{said(2, 0), said(5, 0)}, NameUnknown},
	} {
		if got := (servers{name: tt.domain}).nameSight(tt.replies); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// A gateway that is known from earlier is taken for good by what came through it.
func TestPassing(t *testing.T) {
	f := &pathFinder{own: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	for server, want := range map[string]Sight{"203.0.113.53": GatewayPasses, "192.0.2.53": GatewayUnsure, "127.0.0.53": GatewayUnsure} {
		got := f.passing([]PathLink{{Sight: GatewayUnsure}}, []netip.Addr{netip.MustParseAddr(server)}, []dnsAnswer{{answered: true}})
		if got[0].Sight != want {
			t.Errorf("%s answers: %s, want %s", server, got[0].Sight, want)
		}
	}
}

// Real connections of a peer in a network of its own, in and out.
func TestPeersReal(t *testing.T) {
	if !inNamespaces(t, unix.CLONE_NEWNET) {
		return
	}
	command(t, "ip", "link", "set", "lo", "up")
	command(t, "ip", "addr", "add", "198.51.100.1/32", "dev", "lo")
	command(t, "ip", "addr", "add", "2001:db8::1/128", "dev", "lo", "nodad")
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	for _, host := range []string{"198.51.100.1", "198.51.100.1", "2001:db8::1", "127.0.0.1"} {
		var conn net.Conn
		// Even without duplicate detection, a worker of the kernel puts the
		// route to an IPv6 address in place a moment after the address.
		waitUntil(t, "no connection to "+host, func() bool {
			conn, err = net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
			return err == nil
		})
		defer conn.Close()
		if conn, err = l.Accept(); err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	got, err := Peers(t.Context(), Default(), 5)
	if err != nil {
		t.Fatal(err)
	}
	// Both ends are ours here: each connection is seen going out and coming in.
	want := PeerSummary{Total: 2, Connections: 6, Peers: []Peer{{"198.51.100.1", 4, port, true}, {"2001:db8::1", 2, port, true}}}
	for i := range got.Peers {
		got.Peers[i].Incoming = true // which of two equal ends is told is not held
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPeersOfFixture(t *testing.T) {
	cfg := machine(t)
	var b strings.Builder
	b.WriteString("  sl  local_address rem_address   st\n")
	b.WriteString("   0: 00000000:01BB 00000000:0000 0A 00000000:00000000\n")
	for i := range 300 {
		fmt.Fprintf(&b, "%4d: 010200C0:01BB %02X0200C0:%04X 01 00000000:00000000\n", i, 2+i%3, 40000+i)
	}
	b.WriteString("   0: 010200C0:9C40 070200C0:1538 01 00000000:00000000\n") // to a database
	b.WriteString("   0: 010200C0:01BB 080200C0:1538 03 00000000:00000000\n") // half-open
	put(t, cfg.Procfs, "net/tcp", b.String())
	os.Remove(cfg.Procfs + "/net/tcp6")
	got, err := Peers(t.Context(), cfg, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := PeerSummary{Total: 4, Connections: 301, HalfOpen: 1, Peers: []Peer{{"192.0.2.2", 100, 443, true}, {"192.0.2.3", 100, 443, true}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err = Peers(t.Context(), cfg, 9); err != nil || got.Peers[3] != (Peer{"192.0.2.7", 1, 5432, false}) {
		t.Errorf("%+v, %v", got.Peers, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err = Peers(ctx, cfg, 2); err != nil || !got.Partial {
		t.Errorf("cut short: %+v, %v", got, err)
	}
}
