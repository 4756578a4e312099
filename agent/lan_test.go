//go:build linux

package agent_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"xunjian/checks/network/nettest"
	"xunjian/rules"
)

// lanSite is a LAN of servers, machines of their own on one switch, each with
// the whole agent.
type lanSite struct {
	t       *testing.T
	servers map[string]*lanServer
	names   []string
}

type lanServer struct {
	*process
	machine *nettest.Machine
	address string
}

// lanConfig watches peers every second and nothing that costs. The rules are
// the default ones, which wait less.
const lanConfig = `
checks:
  disable: [access, backup, certificates, conntrack, cpu, databases, device, disk, ecc, files, filesystem, integrity, jobs, lessons, log_novelty, logs, logs_archive, memory, network, plugin, ports, pressure, probe, processes, raid, reserve, sockets, sql, syslog, system, temperature, textfile, timesync, traffic, traps, units, uptime]
  schedule:
    peers: {interval: 2s, timeout: 1s}
    ping: {interval: 5s, timeout: 4s}
  network:
    peers:
      name: %s
      listen: 0.0.0.0:9633
      key_file: %s
      interval: 1s
      list:
%s
rules:
  files: [network.yml]
`

// newLANSite starts the agents and waits until all see all.
func newLANSite(t *testing.T, names ...string) *lanSite {
	t.Helper()
	s := &lanSite{t: t, names: names, servers: map[string]*lanServer{}}
	n := nettest.New(t)
	sw := n.Switch("sw")
	var list strings.Builder
	for i, name := range names {
		v := &lanServer{machine: n.Machine(name), address: fmt.Sprintf("10.81.0.%d", i+1)}
		v.machine.Plug(sw, v.address+"/24")
		s.servers[name] = v
		fmt.Fprintf(&list, "        - {name: %s, address: %s}\n", name, v.address)
	}
	rule, err := fs.ReadFile(rules.Default, "default/network.yml")
	must(t, err)
	quick := strings.NewReplacer("for: 10s", "for: 2s", "for: 15s", "for: 3s", "for: 1m", "for: 3s", "for: 3m", "for: 2s").Replace(string(rule))
	key := filepath.Join(t.TempDir(), "peers.key")
	must(t, os.WriteFile(key, []byte("the key of all agents of this LAN\n"), 0o600))
	for name := range s.servers {
		data := t.TempDir()
		must(t, os.WriteFile(filepath.Join(data, "network.yml"), []byte(quick), 0o600))
		must(t, os.WriteFile(filepath.Join(data, "xunjian.yaml"), fmt.Appendf(nil, lanConfig, name, key, list.String()), 0o600))
		s.start(name, data)
	}
	for _, v := range s.servers {
		v.process.ready(t)
	}
	s.until("all to see all", names, func(v lanView) bool {
		return v.Quorum && v.Speaker == names[0] && v.fates() == "" && len(v.Pairs) == len(names)*(len(names)-1)
	})
	return s
}

// lossTold is the rule of ways that lose.
const lossTold = "NetworkPeersLoss"

// start runs the agent of a server, in its machine.
func (s *lanSite) start(name, data string) {
	v := s.servers[name]
	begin := func(cmd *exec.Cmd) (err error) {
		v.machine.Inside(func() { err = cmd.Start() })
		return err
	}
	v.process = startWith(s.t, begin, data, "--config", filepath.Join(data, "xunjian.yaml"))
}

// lanView is what an agent's API says of the LAN.
type lanView struct {
	Time    time.Time
	Quorum  bool
	Speaker string
	Members []struct{ Name, State string }
	Pairs   []struct {
		Observer, Peer, Sight string
		Loss                  float64 `json:"loss_ratio"`
	}
}

// fates are those of the servers that are not well.
func (v lanView) fates() string {
	var out []string
	for _, m := range v.Members {
		if m.State != "ok" {
			out = append(out, m.Name+" "+m.State)
		}
	}
	return strings.Join(out, ", ")
}

func (s *lanSite) view(name string) (v lanView) {
	s.t.Helper()
	s.servers[name].get(s.t, "/api/v1/network", &v)
	return v
}

// until waits until something holds of what each of the agents sees.
func (s *lanSite) until(what string, of []string, holds func(lanView) bool) {
	s.t.Helper()
	for _, name := range of {
		var v lanView
		waited := waitFor(s.t, 30*time.Second, fmt.Sprintf("%s (%s)", what, name), func() bool {
			v = s.view(name)
			return holds(v)
		})
		s.t.Logf("%s: %s, after %v: %s; %s speaks", name, what, waited.Round(time.Millisecond), v.fates(), v.Speaker)
	}
}

// goOn waits until each of the agents has looked several times more: time
// enough for each to say by itself what one of them has said.
func (s *lanSite) goOn(of []string) {
	s.t.Helper()
	from := map[string]time.Time{}
	for _, name := range of {
		from[name] = s.view(name).Time
	}
	for _, name := range of {
		waitFor(s.t, 30*time.Second, "further looks of "+name, func() bool { return s.view(name).Time.Sub(from[name]) > 4*time.Second })
	}
}

// told is what these agents tell people: the incidents in their stores, the
// oldest first, and the warnings that hold. A busy machine loses questions of
// its own: whether that is told is asked for apart.
func (s *lanSite) told(of []string) []string {
	s.t.Helper()
	var out []string
	for _, name := range of {
		var list struct{ Incidents []lanIncident }
		s.servers[name].get(s.t, "/api/v1/incidents?limit=100", &list)
		for _, i := range slices.Backward(list.Incidents) {
			out = append(out, name+": "+i.String())
		}
		for _, al := range s.alerts(name) {
			if al.Kind == "warning" && al.State != "pending" && al.Rule != lossTold {
				out = append(out, strings.TrimSpace(fmt.Sprintf("%s: %s warning %s %s %s", name, al.Code, al.State, al.Rule, al.Labels["peer"])))
			}
		}
	}
	return out
}

type lanAlert struct {
	Rule, Kind, Code, State string
	Labels                  map[string]string
}

func (s *lanSite) alerts(name string) []lanAlert {
	s.t.Helper()
	var list struct{ Alerts []lanAlert }
	s.servers[name].get(s.t, "/api/v1/alerts", &list)
	return list.Alerts
}

type lanIncident struct {
	Code, Level, State string
	Alerts             []struct{ Labels map[string]string }
}

func (i lanIncident) String() string {
	var about []string
	for _, a := range i.Alerts {
		about = append(about, a.Labels["alertname"]+" "+a.Labels["peer"])
	}
	slices.Sort(about)
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s", i.Code, i.Level, i.State, strings.Join(slices.Compact(about), "+")))
}

// wants waits until the stores of these agents hold exactly what is wanted.
func (s *lanSite) wants(of []string, want ...string) {
	s.t.Helper()
	var got []string
	defer func() {
		if s.t.Failed() {
			s.t.Logf("the stores of %v hold:\n%s\nwanted:\n%s", of, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}()
	waitFor(s.t, 40*time.Second, fmt.Sprintf("%q", want), func() bool {
		got = s.told(of)
		return slices.Equal(got, want)
	})
}

// TestLANOfAgents: five whole agents on a LAN. What befalls their servers is
// told once, by the right code, whoever sees it; and it ends when it is over.
func TestLANOfAgents(t *testing.T) {
	t.Parallel() // it mostly waits
	s := newLANSite(t, "a", "b", "c", "d", "e")
	a, b, d, e := s.servers["a"], s.servers["b"], s.servers["d"], s.servers["e"]

	// One server dies, and the agent of another hangs.
	e.machine.IP("link", "set", "eth0", "down")
	e.kill()
	must(t, d.cmd.Process.Signal(syscall.SIGSTOP))
	t.Cleanup(func() { d.cmd.Process.Signal(syscall.SIGCONT) })
	left := []string{"a", "b", "c"}
	s.until("to see who is down", left, func(v lanView) bool { return v.fates() == "d agent_down, e server_down" && v.Speaker == "a" })
	s.wants(left, "a: E01 IV open NetworkServerDown e", "a: F00 warning firing NetworkAgentDown d")
	s.goOn(left)
	s.wants(left, "a: E01 IV open NetworkServerDown e", "a: F00 warning firing NetworkAgentDown d")

	// Both are back.
	must(t, d.cmd.Process.Signal(syscall.SIGCONT))
	e.machine.IP("link", "set", "eth0", "up")
	s.start("e", e.data)
	e.process.ready(t)
	s.until("to be well again", s.names, well)
	s.wants(s.names, "a: E01 IV resolved NetworkServerDown e")

	// One is cut from half of the others; the way between two others loses.
	cut := func(m *nettest.Machine, rules ...string) {
		m.Filter("input", rules...)
	}
	cut(a.machine, "ip saddr "+e.address+" drop")
	cut(b.machine, "ip saddr "+e.address+" drop", "ip saddr "+a.address+" numgen inc mod 10 < 3 drop")
	s.until("to see the cut", []string{"c", "d"}, func(v lanView) bool { return v.fates() == "a cut, b cut, e cut" && v.Speaker == "c" })
	both := []string{"a: E01 IV resolved NetworkServerDown e", "c: D01 IV open NetworkCut"}
	s.wants(s.names, both...)
	s.loss()
	s.goOn(s.names)
	s.wants(s.names, both...)

	cut(a.machine)
	cut(b.machine)
	s.until("to be well at last", s.names, well)
	s.wants(s.names, "a: E01 IV resolved NetworkServerDown e", "c: D01 IV resolved NetworkCut")
}

// well is a LAN where all see all, told of by the first.
func well(v lanView) bool { return v.fates() == "" && v.Speaker == "a" }

// loss waits until c, who speaks, tells that the way between a and b loses, and
// holds that nobody else does.
func (s *lanSite) loss() {
	s.t.Helper()
	waitFor(s.t, 30*time.Second, "word of the loss", func() bool { return s.tellsLoss("c") })
	for _, name := range s.names {
		if name != "c" && s.tellsLoss(name) {
			s.t.Errorf("%s tells of the loss too", name)
		}
	}
	type finding struct{ Subject, Code, Text string }
	waitFor(s.t, 30*time.Second, "d to find which way loses", func() bool {
		var check struct{ Findings []finding }
		s.servers["d"].get(s.t, "/api/v1/checks/peers?lang=en", &check)
		return slices.ContainsFunc(check.Findings, func(f finding) bool {
			return f.Code == "peers.loses" && f.Subject == "a – b" && strings.Contains(f.Text, "c reports it")
		})
	})
}

func (s *lanSite) tellsLoss(name string) bool {
	return slices.ContainsFunc(s.alerts(name), func(a lanAlert) bool { return a.Rule == lossTold && a.State == "firing" })
}
