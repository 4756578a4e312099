package peers

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// member is an agent with the address it is asked at.
type member struct {
	name string
	addr netip.AddrPort
	// err says why it has no address now.
	err error
}

// names is what looks names up.
type names interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// membership is who the agents are: this one by its name, and the others.
type membership struct {
	self   string
	others []member
}

// members finds out who the agents are. host is this machine's name, own are its
// addresses.
func (c Config) members(ctx context.Context, n names, host string, own []netip.Addr) (membership, error) {
	m := membership{self: cmp.Or(c.Name, shortName(host))}
	var all []member
	var err error
	switch {
	case strings.HasPrefix(c.DNS, "_"):
		all, err = c.bySRV(ctx, n)
	case c.DNS != "":
		all, err = c.byAddress(ctx, n)
	default:
		all = c.byList(ctx, n)
	}
	if err != nil {
		return m, err
	}
	if c.DNS != "" {
		// Who this one is among them, only its addresses can tell.
		for _, o := range all {
			if slices.Contains(own, o.addr.Addr()) {
				m.self = o.name
			}
		}
	}
	for _, o := range all {
		if o.name != m.self && len(m.others) < MaxMembers-1 {
			m.others = append(m.others, o)
		}
	}
	if len(m.others) == 0 {
		return m, fmt.Errorf("no peer but this agent itself (%s)", m.self)
	}
	return m, nil
}

func shortName(host string) string {
	name, _, _ := strings.Cut(host, ".")
	if name = name[:min(len(name), maxName)]; memberName.MatchString(name) {
		return name
	}
	return "agent"
}

func (c Config) byList(ctx context.Context, n names) []member {
	out := make([]member, len(c.List))
	for i, l := range c.List {
		out[i].name = l.Name
		host, port, err := c.split(l.Address)
		if err == nil {
			var a netip.Addr
			a, err = resolve(ctx, n, host)
			out[i].addr = netip.AddrPortFrom(a, port)
		}
		out[i].err = err
	}
	return out
}

func resolve(ctx context.Context, n names, host string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap(), nil
	}
	found, err := n.LookupNetIP(ctx, "ip", host)
	if err != nil || len(found) == 0 {
		return netip.Addr{}, fmt.Errorf("look up %s: %w", host, err)
	}
	slices.SortFunc(found, func(a, b netip.Addr) int { return a.Unmap().Compare(b.Unmap()) })
	return found[0].Unmap(), nil
}

// byAddress takes each address of the name for an agent; those of IPv4 if there
// are any, so that a server with both counts once.
func (c Config) byAddress(ctx context.Context, n names) ([]member, error) {
	found, err := n.LookupNetIP(ctx, "ip", c.DNS)
	if err != nil {
		return nil, fmt.Errorf("look up the peers: %w", err)
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	if slices.ContainsFunc(found, netip.Addr.Is4) {
		found = slices.DeleteFunc(found, netip.Addr.Is6)
	}
	slices.SortFunc(found, netip.Addr.Compare)
	_, port, err := c.split("localhost")
	if err != nil {
		return nil, err
	}
	var out []member
	for _, a := range slices.Compact(found) {
		out = append(out, member{name: a.WithZone("").String(), addr: netip.AddrPortFrom(a, port)})
	}
	return out, nil
}

// bySRV takes each SRV record for an agent, named by the first part of its host.
func (c Config) bySRV(ctx context.Context, n names) ([]member, error) {
	_, records, err := n.LookupSRV(ctx, "", "", c.DNS)
	if err != nil {
		return nil, fmt.Errorf("look up the peers: %w", err)
	}
	var out []member
	for _, r := range records {
		m := member{name: shortName(r.Target)}
		a, err := resolve(ctx, n, strings.TrimSuffix(r.Target, "."))
		m.addr, m.err = netip.AddrPortFrom(a, r.Port), err
		if !slices.ContainsFunc(out, func(o member) bool { return o.name == m.name }) {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

// ownAddresses are those of this machine's interfaces.
func ownAddresses() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Addr().Unmap())
		}
	}
	return out
}
