package ping

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"xunjian/checks/network/path"
)

// Roles of a target.
const (
	RoleGateway  = "gateway"
	RoleResolver = "resolver"
	RolePeer     = "peer"
	RoleTarget   = "target"
)

// Target is a machine that is pinged.
type Target struct {
	Name   string
	Addr   netip.Addr
	Role   string
	System string
	// Device that a gateway is reached through.
	Device string
}

func (t Target) labels() []string { return []string{t.Name, t.Addr.String(), t.Role, t.System} }

// resolved is what a host name was found to be.
type resolved struct {
	addr netip.Addr
	took time.Duration
	at   time.Time
	err  error
}

// resolvedFor is how long an answer of the DNS holds; a failure is tried again
// at the next look.
const resolvedFor = time.Minute

// surroundings are what the check knows of its machine and of names.
type surroundings struct {
	gateways  func() ([]path.Gateway, error)
	resolvers func() ([]netip.Addr, error)
	peers     func() []Target
	lookup    func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

func realSurroundings(cfg Config, peers func() []Target) surroundings {
	if peers == nil {
		peers = func() []Target { return nil }
	}
	return surroundings{
		gateways: path.Gateways,
		resolvers: func() ([]netip.Addr, error) {
			return path.Resolvers(cfg.Rootfs+"/etc/resolv.conf", cfg.Rootfs+"/run/systemd/resolve/resolv.conf")
		},
		peers:  peers,
		lookup: net.DefaultResolver.LookupNetIP,
	}
}

// targets returns who is to be pinged now, and what could not be found out.
func (c *Check) targets(ctx context.Context) (list []Target, unresolved []TargetConfig, err error) {
	if c.cfg.Gateways {
		gateways, err := c.around.gateways()
		if err != nil {
			return nil, nil, err
		}
		for _, g := range gateways {
			list = append(list, Target{Name: g.Addr.String(), Addr: g.Addr, Role: RoleGateway, Device: g.Device})
		}
	}
	if c.cfg.Resolvers {
		servers, err := c.around.resolvers()
		if err != nil {
			return nil, nil, err
		}
		for _, a := range servers {
			list = append(list, Target{Name: a.String(), Addr: a, Role: RoleResolver})
		}
	}
	list = append(list, c.around.peers()...)
	for i, r := range c.resolveAll(ctx) {
		t := c.cfg.Targets[i]
		if r.err != nil || !r.addr.IsValid() {
			unresolved = append(unresolved, t)
		}
		if r.addr.IsValid() {
			list = append(list, Target{Name: t.Name, Addr: r.addr, Role: RoleTarget, System: t.System})
		}
	}
	return list, unresolved, nil
}

// resolveAll looks the targets' names up, those at once that are due.
func (c *Check) resolveAll(ctx context.Context) []resolved {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	out := make([]resolved, len(c.cfg.Targets))
	done := make(chan struct{}, len(out))
	busy := 0
	for i, t := range c.cfg.Targets {
		if a, err := netip.ParseAddr(t.Address); err == nil {
			out[i] = resolved{addr: a.Unmap()}
			continue
		}
		out[i] = c.names[t.Name]
		if out[i].err == nil && time.Since(out[i].at) < resolvedFor && out[i].addr.IsValid() {
			continue
		}
		busy++
		go guarded(func() { out[i] = c.resolve(ctx, t, out[i]) }, func(v any) { out[i].err = fmt.Errorf("%v", v) }, done)
	}
	for range busy {
		<-done
	}
	for i, t := range c.cfg.Targets {
		c.names[t.Name] = out[i]
	}
	return out
}

// resolve asks for one name. One that cannot be resolved now keeps the address
// it had.
func (c *Check) resolve(ctx context.Context, t TargetConfig, last resolved) resolved {
	network := map[int]string{4: "ip4", 6: "ip6"}[t.IP]
	if network == "" {
		network = "ip"
	}
	begun := time.Now()
	found, err := c.around.lookup(ctx, network, t.Address)
	last.took, last.at = time.Since(begun), time.Now()
	if last.err = err; err != nil || len(found) == 0 {
		return last
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	if !slices.Contains(found, last.addr) { // which of several stays the same
		last.addr = found[0]
	}
	return last
}

// guarded runs f, tells caught of a panic, and says when it is done.
func guarded(f func(), caught func(any), done chan<- struct{}) {
	defer func() {
		if v := recover(); v != nil {
			caught(v)
		}
		done <- struct{}{}
	}()
	f()
}
