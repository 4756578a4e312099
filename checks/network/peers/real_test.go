//go:build linux

package peers

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/checktest"
	"xunjian/checks/network/nettest"
	"xunjian/checks/network/ping"
)

// site is a LAN of servers, each with its agent.
type site struct {
	t      *testing.T
	net    *nettest.Net
	sw     *nettest.Machine
	key    string
	list   []Member
	names  []string
	agents map[string]*agent
	// dns finds the agents in place of the list, by a name that resolver knows.
	dns      string
	resolver names
}

type agent struct {
	machine *nettest.Machine
	address netip.Addr
	check   *Check
	stop    func() // freezes nothing, ends the agent
}

func newSite(t *testing.T, names ...string) *site {
	t.Helper()
	s := prepareSite(t, names...)
	s.startAll()
	return s
}

// prepareSite plugs the servers together; no agent runs yet.
func prepareSite(t *testing.T, names ...string) *site {
	t.Helper()
	n := nettest.New(t)
	s := &site{t: t, net: n, sw: n.Switch("sw"), names: names, agents: map[string]*agent{}, key: keyFile(t, string(testKey))}
	for i, name := range names {
		m, address := n.Machine(name), fmt.Sprintf("10.79.0.%d", i+1)
		m.Plug(s.sw, address+"/24")
		s.list = append(s.list, Member{name, address})
		s.agents[name] = &agent{machine: m, address: netip.MustParseAddr(address)}
	}
	return s
}

func (s *site) startAll() {
	t := s.t
	for _, name := range s.names {
		s.start(name, s.key)
	}
	t.Cleanup(func() {
		for _, a := range s.agents {
			a.stop()
		}
	})
}

func keyFile(t *testing.T, key string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "peers.key")
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// start starts the agent of a server.
func (s *site) start(name, key string) {
	cfg := Config{Name: name, Listen: "0.0.0.0:9633", KeyFile: key, List: s.list, Interval: time.Second, Misses: 2}
	a := s.agents[name]
	if s.dns != "" {
		cfg.Name, cfg.List, cfg.DNS = "", nil, s.dns
	}
	a.check = within(a.machine, cfg)
	if inner := a.check.watch; s.dns != "" {
		a.check.watch = func() *watch {
			w := inner()
			w.names, w.own = s.resolver, func() []netip.Addr { return []netip.Addr{a.address} }
			return w
		}
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan error, 1)
	go func(c *Check) { done <- c.Serve(ctx, func() {}) }(a.check)
	a.stop = func() {
		if cancel(); done != nil {
			if err := <-done; err != nil {
				s.t.Errorf("agent %s: %v", name, err)
			}
			done = nil
		}
	}
}

// within makes a check whose sockets are in a machine.
func within(m *nettest.Machine, cfg Config) *Check {
	c := NewCheck(cfg, cfg.Name)
	open := c.listen
	c.listen = func(ctx context.Context, address string) (conn *net.UDPConn, err error) {
		m.Inside(func() { conn, err = open(ctx, address) })
		return conn, err
	}
	c.watch = func() *watch {
		w := newWatch(cfg, cfg.Name)
		echo := w.ping
		w.ping = func(ctx context.Context, a netip.Addr, o ping.Round) (r ping.Answer, err error) {
			m.Inside(func() { r, err = echo(ctx, a, o) })
			return r, err
		}
		w.gateway = func(ctx context.Context) (there *bool) {
			m.Inside(func() { there = w.lookGateway(ctx) })
			return there
		}
		return w
	}
	return c
}

func (s *site) result(name string) checks.Result {
	return checks.RunOnce(s.t.Context(), s.agents[name].check, time.Now())
}

// told is what one agent says: what is not ok, and in capitals what it tells
// people.
func (s *site) told(name string) string {
	res := s.result(name)
	if res.Error != "" {
		return res.Error
	}
	var out []string
	for _, f := range res.Findings {
		word := strings.TrimPrefix(f.Code, "peers.")
		switch {
		case f.Verdict == checks.OK, word == "loses": // a busy machine loses some
			continue
		case f.Verdict == checks.Abnormal:
			word = strings.ToUpper(word)
		}
		out = append(out, strings.TrimSpace(f.Subject+" "+word))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// until waits until the agents say what is wanted, all in a row twice.
func (s *site) until(want map[string]string) {
	s.t.Helper()
	holds := 0
	var last string
	for end := time.Now().Add(nettest.Patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		good := true
		last = ""
		for _, name := range s.names {
			w, asked := want[name]
			if !asked {
				continue
			}
			got := s.told(name)
			last += fmt.Sprintf("%s: %s\n", name, got)
			good = good && got == w
		}
		if holds++; !good {
			holds = 0
		}
		if holds == 3 {
			return
		}
	}
	s.t.Fatalf("after %v the agents say:\n%swant %v", nettest.Patience, last, want)
}

func quiet(names ...string) map[string]string {
	out := map[string]string{}
	for _, n := range names {
		out[n] = ""
	}
	return out
}

// What befalls LANs, each a site of its own.
func TestSite(t *testing.T) {
	nettest.Together(t, map[string]func(*testing.T){
		"servers down": five(serversDown), "agent down": five(agentDown), "cut from half": five(cutFromHalf), "too few left": five(tooFewLeft),
		"two": two, "found by address": byAddress, "found by SRV": bySRV,
	})
}

// five is a test of five servers that begins when all see all.
func five(befalls func(*site)) func(*testing.T) {
	return func(t *testing.T) {
		s := newSite(t, "a", "b", "c", "d", "e")
		s.until(quiet(s.names...))
		for _, name := range s.names {
			nettest.Until(t, "all sights are known to "+name, func() bool {
				v := s.agents[name].check.View()
				s.result(name)
				return v.Speaker == "a" && v.Quorum && len(v.Members) == 5 && len(v.Pairs) == 20
			})
		}
		befalls(s)
	}
}

// One server goes, then the one that speaks; both come back.
func serversDown(s *site) {
	s.agents["e"].machine.IP("link", "set", "eth0", "down")
	s.until(map[string]string{"a": "e SERVER_DOWN", "b": "e server_down", "c": "e server_down", "d": "e server_down",
		"e": "ISOLATED, a unseen, b unseen, c unseen, d unseen"})
	s.agents["a"].machine.IP("link", "set", "eth0", "down")
	s.until(map[string]string{"b": "a SERVER_DOWN, e SERVER_DOWN", "c": "a server_down, e server_down", "d": "a server_down, e server_down"})
	s.agents["a"].machine.IP("link", "set", "eth0", "up")
	s.agents["e"].machine.IP("link", "set", "eth0", "up")
	s.until(quiet(s.names...))
}

// An agent ends, comes back with another key, then with the right one.
func agentDown(s *site) {
	s.agents["d"].stop()
	s.until(map[string]string{"a": "d AGENT_DOWN", "b": "d agent_down", "c": "d agent_down", "e": "d agent_down"})
	s.start("d", keyFile(s.t, "another key than the others have"))
	nettest.Until(s.t, "what comes with another key is counted", func() bool {
		return slices.ContainsFunc(s.result("a").Samples, func(m checks.Sample) bool {
			return m.Desc == descRejected && m.Values[0] == "key" && m.Value > 0
		})
	})
	s.until(map[string]string{"a": "d AGENT_DOWN", "b": "d agent_down"})
	s.agents["d"].stop()
	s.start("d", s.key)
	s.until(quiet(s.names...))
}

func cutFromHalf(s *site) {
	far := []string{"a", "b"}
	for _, name := range far {
		s.agents[name].machine.Filter("input", "ip saddr 10.79.0.5 drop")
		s.agents[name].machine.Filter("output", "ip daddr 10.79.0.5 drop")
	}
	s.until(map[string]string{"a": "e cut", "b": "e cut", "c": "a CUT, b CUT, e CUT", "d": "a cut, b cut, e cut", "e": "a cut, b cut"})
	for _, name := range far {
		s.agents[name].machine.Filter("input")
		s.agents[name].machine.Filter("output")
	}
	s.until(quiet(s.names...))
}

// Three of five are gone; what is left shows that, and so does one look beside
// the agents, without serving, from a port of its own.
func tooFewLeft(s *site) {
	for _, gone := range []string{"c", "d", "e"} {
		s.agents[gone].machine.IP("link", "set", "eth0", "down")
	}
	s.until(map[string]string{"a": "c CUT, d CUT, e CUT", "b": "c cut, d cut, e cut"})
	list, err := s.agents["a"].check.Evidence(s.t.Context())
	if err != nil || len(list) != 1 || len(list[0].Rows) < 8 || len(list[0].Rows[0]) != len(list[0].Columns) {
		s.t.Errorf("%+v, %v", list, err)
	}
	res := checks.RunOnce(s.t.Context(), within(s.agents["b"].machine, s.agents["b"].check.cfg), time.Now())
	codes := map[string]string{}
	for _, f := range res.Findings {
		codes[f.Subject] = f.Code
	}
	if codes["a"] != "peers.ok" || codes["c"] != "peers.cut" {
		s.t.Errorf("%v (%s)", codes, res.Error)
	}
}

// Of two, one alone cannot tell a dead server from a cut; the gateway tells it.
func two(t *testing.T) {
	s := prepareSite(t, "a", "b")
	gateway := s.net.Machine("gw")
	gateway.Plug(s.sw, "10.79.0.254/24")
	for _, a := range s.agents {
		a.machine.IP("route", "add", "default", "via", "10.79.0.254")
		a.machine.Doubt("eth0")
	}
	s.startAll()
	s.until(quiet("a", "b"))
	gateway.Filter("input", "icmp type echo-request drop") // it is on the wire all the same
	s.agents["b"].machine.IP("link", "set", "eth0", "down")
	s.until(map[string]string{"a": "b SERVER_DOWN", "b": "ISOLATED, a unseen"})
	gateway.IP("link", "set", "eth0", "down")
	s.until(map[string]string{"a": "ISOLATED, b unseen"})
	gateway.IP("link", "set", "eth0", "up")
	s.until(map[string]string{"a": "b SERVER_DOWN"})
	s.agents["b"].machine.IP("link", "set", "eth0", "up")
	s.until(quiet("a", "b"))
}

// The contract of a check, for a look without an agent that serves.
func TestConforms(t *testing.T) {
	n := nettest.New(t)
	sw, m, other := n.Switch("sw"), n.Machine("a"), n.Machine("b")
	m.Plug(sw, "10.79.0.1/24")
	other.Plug(sw, "10.79.0.2/24")
	cfg := Config{Name: "a", Listen: "0.0.0.0:9633", KeyFile: keyFile(t, string(testKey)), Interval: time.Second, Misses: 2,
		List: []Member{{"a", "10.79.0.1"}, {"b", "10.79.0.2"}, {"c", "10.79.0.3"}}}
	nokey := cfg
	nokey.KeyFile = t.TempDir() + "/none"
	checktest.Conform(t, func() checks.Check { return within(m, cfg) },
		checktest.Broken(func() checks.Check { return within(m, nokey) }), checktest.Soon(500*time.Millisecond))
}
