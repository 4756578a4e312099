package platform

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"xunjian/checks"
)

var (
	descListening = checks.NewDesc("xunjian_port_listening", checks.Gauge,
		"Whether a port that must be open is, and held by the program that it should be.", "protocol", "address", "port", "process", "system")
	descUnexpected = checks.NewDesc("xunjian_port_unexpected", checks.Gauge,
		"A port that is open and should not be: 1 while it is.", "protocol", "address", "port", "process")
	descOpenPorts = checks.NewDesc("xunjian_ports_open", checks.Gauge, "Ports that something listens on.", "protocol")
)

// socket is one that listens.
type socket struct {
	protocol string // tcp or udp
	addr     netip.AddrPort
	inode    uint64
	// process is the program's name and pid its number; empty where nobody was
	// asked, or where it could not be told.
	process string
	pid     int
}

// portsCheck holds what listens against what should.
type portsCheck struct {
	cfg    Ports
	procfs string
	owners owners
}

func newPorts(cfg Ports, procfs string) *portsCheck {
	return &portsCheck{cfg: cfg, procfs: procfs, owners: owners{procfs: procfs, known: map[uint64]owner{}}}
}

func (*portsCheck) Name() string { return "ports" }

func (*portsCheck) Schedule() checks.Schedule {
	return checks.Schedule{Interval: 10 * time.Second, Timeout: 6 * time.Second}
}

func (c *portsCheck) Identity() string { return fmt.Sprintf("%+v%s", c.cfg, c.procfs) }

func (c *portsCheck) Run(ctx context.Context, out *checks.Output) error {
	if len(c.cfg.Listen)+len(c.cfg.Forbidden) == 0 && !c.cfg.Only {
		return fmt.Errorf("nothing is said of ports: %w", checks.ErrNotApplicable)
	}
	list, err := listening(c.procfs)
	if err != nil {
		return err
	}
	if err := c.name(ctx, list); err != nil {
		return err
	}
	count := map[string]int{"tcp": 0, "udp": 0}
	for _, s := range list {
		count[s.protocol]++
	}
	for protocol, n := range count {
		out.Set(descOpenPorts, float64(n), protocol)
	}
	for _, l := range c.cfg.Listen {
		c.wanted(out, l, list)
	}
	c.unwanted(out, list)
	return nil
}

// name finds the programs of the sockets where that matters.
func (c *portsCheck) name(ctx context.Context, list []socket) error {
	var asked []*socket
	for i, s := range list {
		expected := slices.ContainsFunc(c.cfg.Listen, func(l Listener) bool { return l.Process != "" && l.fits(s) })
		if expected || c.isUnwanted(s) {
			asked = append(asked, &list[i])
		}
	}
	return c.owners.find(ctx, asked)
}

func (l Listener) port() Port { return Port{l.Address, l.Port, cmp.Or(l.Protocol, "tcp")} }

func (l Listener) protocol() string { return l.port().Protocol }

func (l Listener) fits(s socket) bool { return l.port().fits(s) }

// fits reports whether s is the port. A listener on all addresses fits each.
func (l Port) fits(s socket) bool {
	if cmp.Or(l.Protocol, "tcp") != s.protocol || l.Port != int(s.addr.Port()) {
		return false
	}
	if l.Address == "" {
		return true
	}
	want, err := netip.ParseAddr(l.Address)
	if err != nil {
		return false
	}
	have := s.addr.Addr()
	switch {
	case want.Unmap() == have.Unmap():
		return true
	case have.IsUnspecified():
		// :: takes IPv4 too, unless it was told not to, which /proc does not say.
		return have.Is6() || want.Unmap().Is4()
	}
	return false
}

// wanted says of one that must be open whether it is.
func (c *portsCheck) wanted(out *checks.Output, l Listener, list []socket) {
	port := strconv.Itoa(l.Port)
	subject := l.protocol() + " " + port
	if l.Address != "" {
		subject = l.protocol() + " " + netip.AddrPortFrom(netip.MustParseAddr(l.Address), uint16(l.Port)).String()
	}
	f := checks.Finding{Subject: subject, Code: "port.missing", Verdict: checks.Abnormal, Args: map[string]any{"process": l.Process, "other": ""}}
	for _, s := range list {
		if !l.fits(s) {
			continue
		}
		switch {
		case l.Process == "" || s.process == comm(l.Process):
			f.Code, f.Verdict = "port.listening", checks.OK
		case s.process == "" && f.Code != "port.listening":
			f.Code, f.Verdict = "port.owner_unknown", checks.Unknown
		case f.Code == "port.missing":
			f.Code, f.Args["other"] = "port.other_process", s.process
		}
		if f.Verdict == checks.OK {
			f.Args["process"] = s.process
			break
		}
	}
	out.Find(f)
	if f.Verdict != checks.Unknown {
		out.Set(descListening, truth(f.Verdict == checks.OK), l.protocol(), l.Address, port, l.Process, l.System)
	}
}

// comm is how much of a program's name the kernel keeps.
func comm(name string) string { return name[:min(len(name), 15)] }

// unwanted says what is open and should not be.
func (c *portsCheck) unwanted(out *checks.Output, list []socket) {
	some := false
	seen := map[string]bool{}
	for _, s := range list {
		if !c.isUnwanted(s) {
			continue
		}
		some = true
		address, port := s.addr.Addr().String(), strconv.Itoa(int(s.addr.Port()))
		subject := s.protocol + " " + s.addr.String()
		if key := subject + s.process; seen[key] {
			continue // several processes of one program share it
		} else {
			seen[key] = true
		}
		out.Find(checks.Finding{Subject: subject, Code: "port.unexpected", Verdict: checks.Abnormal, Args: map[string]any{
			"process": s.process, "pid": s.pid, "port": int(s.addr.Port()), "address": address, "protocol": s.protocol,
		}})
		out.Set(descUnexpected, 1, s.protocol, address, port, s.process)
	}
	if !some && (c.cfg.Only || len(c.cfg.Forbidden) > 0) {
		out.Find(checks.Finding{Code: "port.none_unexpected", Verdict: checks.OK, Args: map[string]any{"open": len(list)}})
	}
}

func (c *portsCheck) isUnwanted(s socket) bool {
	stands := func(list []Port) bool {
		return slices.ContainsFunc(list, func(p Port) bool { return p.fits(s) })
	}
	if stands(c.cfg.Forbidden) {
		return true
	}
	if !c.cfg.Only || !c.cfg.Loopback && s.addr.Addr().Unmap().IsLoopback() {
		return false
	}
	return !stands(c.cfg.Ignore) && !slices.ContainsFunc(c.cfg.Listen, func(l Listener) bool { return l.fits(s) })
}
