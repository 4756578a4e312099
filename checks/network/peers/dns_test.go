//go:build linux

package peers

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"xunjian/checks/network/nettest"
)

// nameServer starts a dnsmasq that knows these records, and returns what asks it
// and what ends it.
func nameServer(t *testing.T, records ...string) (n names, stop func()) {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := c.LocalAddr().String()
	c.Close()
	_, port, _ := net.SplitHostPort(at)
	cmd := exec.Command("dnsmasq", append([]string{"--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--user=root", "--port=" + port,
		"--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts", "--local=/example.org/", "--host-record=there.example.org,192.0.2.1"}, records...)...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("start dnsmasq: %v", err)
	}
	ended := false
	stop = func() {
		if !ended {
			ended = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(stop)
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, at)
	}}
	nettest.Until(t, "dnsmasq answers", func() bool {
		found, err := r.LookupNetIP(t.Context(), "ip4", "there.example.org.")
		return err == nil && len(found) == 1
	})
	return r, stop
}

func listed(m membership) string {
	var out []string
	for _, o := range m.others {
		at := o.addr.String()
		if o.err != nil {
			at = "no address"
		}
		out = append(out, o.name+" "+at)
	}
	return m.self + ": " + strings.Join(out, ", ")
}

// Who the agents are, as a real name server says it.
func TestMembersByDNS(t *testing.T) {
	n, stop := nameServer(t,
		"--host-record=peers.example.org,192.0.2.11,2001:db8::11", "--host-record=peers.example.org,192.0.2.12,2001:db8::12", "--host-record=peers.example.org,192.0.2.21",
		"--host-record=six.example.org,2001:db8::11", "--host-record=six.example.org,2001:db8::12",
		"--host-record=web1.example.org,192.0.2.11", "--host-record=web2.example.org,192.0.2.12", "--host-record=db1.example.org,192.0.2.21",
		"--srv-host=_xunjian._udp.example.org,web1.example.org,9633", "--srv-host=_xunjian._udp.example.org,web2.example.org,9634",
		"--srv-host=_xunjian._udp.example.org,db1.example.org,9633", "--srv-host=_xunjian._udp.example.org,gone.example.org,9633",
		"--srv-host=_alone._udp.example.org,web1.example.org,9633",
	)
	own := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("2001:db8::11")}
	for dns, want := range map[string]string{
		"peers.example.org":         "192.0.2.11: 192.0.2.12 192.0.2.12:9633, 192.0.2.21 192.0.2.21:9633", // with both versions, IPv4
		"six.example.org":           "2001:db8::11: 2001:db8::12 [2001:db8::12]:9633",
		"_xunjian._udp.example.org": "web1: db1 192.0.2.21:9633, gone no address, web2 192.0.2.12:9634",
		"_alone._udp.example.org":   "no peer but this agent itself (web1)",
		"nobody.example.org":        "look up the peers: lookup nobody.example.org",
		"_nobody._udp.example.org":  "look up the peers: lookup _nobody._udp.example.org",
	} {
		cfg := Config{Listen: "0.0.0.0:9633", DNS: dns}
		m, err := cfg.members(t.Context(), n, "server.example.org", own)
		got := listed(m)
		if err != nil {
			got, _, _ = strings.Cut(err.Error(), " on ") // which server the machine has otherwise
		}
		if got != want {
			t.Errorf("%s: %s\nwant %s", dns, got, want)
		}
	}

	// A server that asks nobody knows still who they were.
	w := newWatch(Config{Listen: "0.0.0.0:9633", KeyFile: keyFile(t, string(testKey)), DNS: "_xunjian._udp.example.org"}, "server")
	now := time.Now()
	w.names, w.own, w.now = n, func() []netip.Addr { return own }, func() time.Time { return now }
	if err := w.refresh(t.Context()); err != nil || w.trouble != nil {
		t.Fatal(err, w.trouble)
	}
	stop()
	now = now.Add(membersFor + time.Second)
	if err := w.refresh(t.Context()); err != nil || w.trouble == nil || len(w.peers) != 3 {
		t.Errorf("without a name server: %v, trouble %v, %d peers", err, w.trouble, len(w.peers))
	}
}

func byAddress(t *testing.T) {
	foundByDNS(t, "peers.example.org", func(i int) string { return fmt.Sprintf("10.79.0.%d", i+1) })
}

func bySRV(t *testing.T) {
	foundByDNS(t, "_xunjian._udp.example.org", func(i int) string { return string(rune('a' + i)) })
}

// foundByDNS holds that three agents find each other by a name server, as the
// names given, and tell of the one that goes.
func foundByDNS(t *testing.T, dns string, as func(i int) string) {
	s := prepareSite(t, "a", "b", "c")
	s.dns = dns
	s.resolver, _ = nameServer(t,
		"--host-record=peers.example.org,10.79.0.1", "--host-record=peers.example.org,10.79.0.2", "--host-record=peers.example.org,10.79.0.3",
		"--host-record=a.example.org,10.79.0.1", "--host-record=b.example.org,10.79.0.2", "--host-record=c.example.org,10.79.0.3",
		"--srv-host=_xunjian._udp.example.org,a.example.org,9633", "--srv-host=_xunjian._udp.example.org,b.example.org,9633", "--srv-host=_xunjian._udp.example.org,c.example.org,9633",
	)
	s.startAll()
	s.until(quiet(s.names...))
	nettest.Until(t, "b knows all and who speaks", func() bool {
		s.result("b")
		v := s.agents["b"].check.View()
		return v.Self == as(1) && slices.Equal(v.Members, []string{as(0), as(1), as(2)}) && v.Speaker == as(0)
	})
	s.agents["c"].machine.IP("link", "set", "eth0", "down")
	s.until(map[string]string{"a": as(2) + " SERVER_DOWN", "b": as(2) + " server_down"})
}
