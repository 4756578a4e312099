//go:build linux

// Package nettest builds networks for tests: machines are network namespaces,
// switches are bridges, cables are pairs of veth. It needs root and ip(8); the
// machines are gone when the test is.
package nettest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Patience is how long a test waits for the kernel and for others, on a machine
// that has much else to do.
const Patience = 60 * time.Second

// Net is a network of machines.
type Net struct {
	t      testing.TB
	prefix string
	count  int
}

// New returns a network without machines.
func New(t testing.TB) *Net {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("needs root to make network namespaces")
	}
	var b [3]byte
	rand.Read(b[:])
	return &Net{t: t, prefix: "xj" + hex.EncodeToString(b[:])}
}

// Machine is a network namespace.
type Machine struct {
	net *Net
	// Name of the namespace, unique on this computer.
	Name string
}

// Machine makes a machine with nothing but its loopback.
func (n *Net) Machine(name string) *Machine {
	n.t.Helper()
	m := &Machine{n, n.prefix + name}
	Run(n.t, "ip", "netns", "add", m.Name)
	n.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", m.Name).Run() })
	m.IP("link", "set", "lo", "up")
	return m
}

// Cable connects two machines; each gets an interface of the given name.
func (n *Net) Cable(a *Machine, ifA string, b *Machine, ifB string) {
	n.t.Helper()
	n.count++
	left, right := fmt.Sprintf("%sl%d", n.prefix, n.count), fmt.Sprintf("%sr%d", n.prefix, n.count)
	Run(n.t, "ip", "link", "add", left, "netns", a.Name, "type", "veth", "peer", "name", right, "netns", b.Name)
	a.IP("link", "set", left, "name", ifA)
	b.IP("link", "set", right, "name", ifB)
	a.IP("link", "set", ifA, "up")
	b.IP("link", "set", ifB, "up")
}

// Switch makes a machine with a bridge.
func (n *Net) Switch(name string) *Machine {
	n.t.Helper()
	m := n.Machine(name)
	m.IP("link", "add", "br0", "type", "bridge")
	m.IP("link", "set", "br0", "up")
	return m
}

// Plug connects a machine to a switch, as eth0 with the addresses given.
func (m *Machine) Plug(sw *Machine, addresses ...string) {
	m.net.t.Helper()
	port := "p" + strings.TrimPrefix(m.Name, m.net.prefix)
	m.net.Cable(m, "eth0", sw, port)
	sw.IP("link", "set", port, "master", "br0")
	for _, a := range addresses {
		m.Address("eth0", a)
	}
}

// Address gives an interface an address; one of IPv6 can be used at once.
func (m *Machine) Address(device, address string) {
	m.net.t.Helper()
	args := []string{"addr", "add", address, "dev", device}
	if strings.Contains(address, ":") {
		args = append(args, "nodad")
	}
	m.IP(args...)
}

// IP runs ip(8) there.
func (m *Machine) IP(args ...string) {
	m.net.t.Helper()
	Run(m.net.t, append([]string{"ip", "-n", m.Name}, args...)...)
}

// Run runs a program there and returns what it says.
func (m *Machine) Run(args ...string) string {
	m.net.t.Helper()
	return Run(m.net.t, append([]string{"ip", "netns", "exec", m.Name}, args...)...)
}

// Filter sets the rules of a chain of nft(8) there, in place of what was set
// before: "input" or "output"; none removes it.
func (m *Machine) Filter(chain string, rules ...string) {
	m.net.t.Helper()
	table := "table inet xj" + chain
	script := table + "\ndelete " + table + "\n"
	if len(rules) > 0 {
		script += fmt.Sprintf("%s { chain %s { type filter hook %s priority 0; %s; }\n}\n", table, chain, chain, strings.Join(rules, "; "))
	}
	m.Run("nft", script)
}

// Doubt makes the machine ask again after its neighbours on an interface within
// seconds, not within the minute of life.
func (m *Machine) Doubt(device string) {
	m.net.t.Helper()
	m.Run("sh", "-c", "for v in 4 6; do cd /proc/sys/net/ipv$v/neigh/"+device+"; echo 4000 >base_reachable_time_ms; echo 1 >delay_first_probe_time; echo 250 >retrans_time_ms; done")
}

// Inside runs f on a thread that is in the machine: sockets opened by f itself,
// not by goroutines that it starts, are the machine's.
func (m *Machine) Inside(f func()) {
	m.net.t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		fd, err := unix.Open("/run/netns/"+m.Name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			err = unix.Setns(fd, unix.CLONE_NEWNET)
			unix.Close(fd)
		}
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		m.net.t.Fatalf("enter %s: %v", m.Name, err)
	}
}

// Together runs tests at the same time, however few processors there are: tests
// of networks mostly wait.
func Together(t *testing.T, tests map[string]func(*testing.T)) {
	t.Helper()
	var g sync.WaitGroup
	for name, test := range tests {
		g.Go(func() { t.Run(name, test) })
	}
	g.Wait()
}

// Run runs a program and returns what it says; the test ends if it fails.
func Run(t testing.TB, args ...string) string {
	t.Helper()
	said, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, said)
	}
	return string(said)
}

// Until waits for something to come true.
func Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", Patience, what)
		}
	}
}
