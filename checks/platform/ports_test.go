//go:build linux

package platform

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"xunjian/checks"
	"xunjian/checks/checktest"
)

// opened listens on a port of this machine.
func opened(t *testing.T, address string) (*net.TCPListener, int) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener), l.Addr().(*net.TCPAddr).Port
}

func ports(t *testing.T, c *portsCheck) *checks.Output {
	t.Helper()
	if err := (Config{Ports: c.cfg}).Validate(); err != nil {
		t.Fatal(err)
	}
	out := checks.NewOutput(0)
	if err := c.Run(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestPortsOfThisMachine opens and closes real ports.
func TestPortsOfThisMachine(t *testing.T) {
	self, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimSpace(string(self))
	wanted, port := opened(t, "127.0.0.1:0")
	six, port6 := opened(t, "[::]:0")
	c := newPorts(Ports{Listen: []Listener{
		{Port: port, Address: "127.0.0.1", Process: name, System: "portal"}, {Port: port6, Address: "192.0.2.7"}, {Port: port, Process: "nginx"},
	}}, "/proc")
	out := ports(t, c)
	codes := func() string {
		var all []string
		for _, f := range out.Findings() {
			all = append(all, f.Code)
		}
		return strings.Join(all, " ")
	}
	if got := codes(); got != "port.listening port.listening port.other_process" {
		t.Errorf("it says %s: %+v", got, out.Findings())
	}
	if f := out.Findings()[2]; f.Args["other"] != name || f.Verdict != checks.Abnormal {
		t.Errorf("who holds it instead: %+v", f)
	}
	if v, ok := figure(out, "xunjian_port_listening", "portal"); !ok || v != 1 {
		t.Errorf("the figure is %v %v", v, ok)
	}
	wanted.Close()
	six.Close()
	out = ports(t, c)
	if got := codes(); got != "port.missing port.missing port.missing" {
		t.Errorf("after they were closed it says %s", got)
	}
	if v, ok := figure(out, "xunjian_port_listening", "portal"); !ok || v != 0 {
		t.Errorf("the figure is %v %v", v, ok)
	}

	// A port that should not be open.
	_, bad := opened(t, "127.0.0.1:0")
	c = newPorts(Ports{Forbidden: []Port{{Port: bad}}}, "/proc")
	out = ports(t, c)
	f, ok := finding(out, "port.unexpected")
	if !ok || f.Verdict != checks.Abnormal || f.Args["process"] != name || f.Args["pid"] != os.Getpid() || f.Subject != "tcp 127.0.0.1:"+strconv.Itoa(bad) {
		t.Errorf("it says %+v", out.Findings())
	}
	if v, ok := figure(out, "xunjian_port_unexpected", name); !ok || v != 1 {
		t.Errorf("the figure is %v %v", v, ok)
	}
	// Only what is listed: the loopback does not count, unless it shall.
	list, err := listening("/proc")
	if err != nil {
		t.Fatal(err)
	}
	only := Ports{Only: true}
	for _, s := range list {
		if int(s.addr.Port()) != bad {
			only.Ignore = append(only.Ignore, Port{Port: int(s.addr.Port()), Protocol: s.protocol})
		}
	}
	out = ports(t, newPorts(only, "/proc"))
	if f, ok := finding(out, "port.unexpected"); ok && f.Args["port"] == bad {
		t.Errorf("the loopback counts: %+v", f)
	}
	only.Loopback = true
	out = ports(t, newPorts(only, "/proc"))
	if f, ok := finding(out, "port.unexpected"); !ok || f.Args["port"] != bad {
		t.Errorf("it says %+v", out.Findings())
	}
}

// TestPortsOfAFixture reads what kernels print, and cannot see who holds it.
func TestPortsOfAFixture(t *testing.T) {
	dir := t.TempDir()
	heading := "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	for name, text := range map[string]string{
		"net/tcp": heading + "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1001 1\n" +
			"   1: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1002 1\n" +
			"   2: 0100007F:D431 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 1003 1\n",
		"net/tcp6": heading + "   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1004 1\n",
		"net/udp": heading + " 1: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1005 2\n" +
			" 2: 00000000:9C40 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1006 2\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	list, err := listening(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range list {
		got = append(got, s.protocol+" "+s.addr.String())
	}
	if want := "tcp 127.0.0.1:8080, tcp 0.0.0.0:443, tcp [::]:22, udp 0.0.0.0:53"; strings.Join(got, ", ") != want {
		t.Errorf("it reads %s, want %s", strings.Join(got, ", "), want)
	}
	cfg := Ports{Listen: []Listener{{Port: 443, Process: "nginx"}, {Port: 53, Protocol: "udp", Address: "192.0.2.53"}}, Only: true, Ignore: []Port{{Port: 22, Address: "192.0.2.1"}}}
	out := ports(t, newPorts(cfg, dir))
	if f, ok := finding(out, "port.owner_unknown"); !ok || f.Verdict != checks.Unknown {
		t.Errorf("a holder that cannot be seen: %+v", out.Findings())
	}
	if _, ok := finding(out, "port.none_unexpected"); !ok {
		t.Errorf("it says %+v", out.Findings())
	}
	if _, err := listening(filepath.Join(dir, "none")); err == nil {
		t.Error("no file at all is no error")
	}
	checktest.Conform(t, func() checks.Check { return newPorts(cfg, dir) }, checktest.Broken(func() checks.Check { return newPorts(cfg, filepath.Join(dir, "none")) }))
}

func TestParseAddress(t *testing.T) {
	for word, want := range map[string]string{
		"0100007F:0050": "127.0.0.1:80", "0000000000000000FFFF00000100007F:01BB": "127.0.0.1:443", "B80D01200000000000000000010000FF:0001": "[2001:db8::ff00:1]:1",
	} {
		got, err := parseAddress(word)
		if err != nil || got != netip.MustParseAddrPort(want) {
			t.Errorf("%s is %v, %v; want %s", word, got, err, want)
		}
	}
	for _, bad := range []string{"", "0100007F", "xx:1", "0100007F:10000", "01:0050"} {
		if got, err := parseAddress(bad); err == nil {
			t.Errorf("%q is taken for %v", bad, got)
		}
	}
}
