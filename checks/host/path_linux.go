package host

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// pathAnswer is how long an answer is waited for.
const pathAnswer = time.Second

// pathFinder walks the way once.
type pathFinder struct {
	reader
	cfg    Config
	links  []PathLink
	routes []route
	// known are all interfaces with their addresses, ports those that lead to
	// other machines; own are the networks that the machine is in.
	known, ports []port
	own          []netip.Prefix
}

func lookPath(ctx context.Context, cfg Config) (Path, error) {
	if err := ctx.Err(); err != nil {
		return Path{}, err
	}
	f := &pathFinder{cfg: cfg}
	var unread []PathLink
	note := func(what string, err error) {
		if err != nil {
			unread = append(unread, PathLink{Sight: Unread, Name: what, Error: safe(err.Error())})
		}
	}
	note("/proc/net/route", f.readRoutes())
	note("addresses", f.readAddresses())
	note("/sys/class/net", f.readPorts())
	f.links = append(f.links, unread...)
	f.findPorts()
	f.findAddresses()
	f.findRoutes()

	// What is asked over the network is asked side by side.
	var (
		wg       sync.WaitGroup
		gateways []PathLink
		servers  = f.resolvers()
		replies  = make([]dnsAnswer, len(servers.list))
	)
	wg.Go(func() { gateways = f.findGateways(ctx) })
	for i, s := range servers.list {
		wg.Go(func() { replies[i] = ask(ctx, s, servers.name) })
	}
	wg.Wait()
	f.links = append(f.links, f.passing(gateways, servers.list, replies)...)
	f.links = append(f.links, servers.links(replies)...)
	return Path{Links: f.links}, nil
}

// passing takes a gateway that did not confirm itself for good when a server
// that is in none of our networks answered: that came through it.
func (f *pathFinder) passing(gateways []PathLink, servers []netip.Addr, replies []dnsAnswer) []PathLink {
	for i, s := range servers {
		if !replies[i].answered || f.near(s) {
			continue
		}
		for n := range gateways {
			if gateways[n].Sight == GatewayUnsure && len(gateways) == 1 {
				gateways[n].Sight = GatewayPasses
			}
		}
	}
	return gateways
}

// near reports whether a is this machine or in a network that it is in.
func (f *pathFinder) near(a netip.Addr) bool {
	return a.IsLoopback() || a.IsLinkLocalUnicast() || slices.ContainsFunc(f.own, func(p netip.Prefix) bool { return p.Contains(a.WithZone("")) })
}

// usable reports whether an interface has a link.
func (f *pathFinder) usable(device string) bool {
	return device == "lo" || slices.ContainsFunc(f.ports, func(p port) bool { return p.name == device && p.sight == InterfaceLinked })
}

// findRoutes says which ways lead out.
func (f *pathFinder) findRoutes() {
	others, found := 0, 0
	for _, r := range f.routes {
		if !r.isDefault() {
			if r.gateway.IsValid() {
				others++
			}
			continue
		}
		if found++; found > maxPathGateways {
			continue
		}
		l := PathLink{Sight: RouteDefault, Name: r.gatewayName(), Device: safe(r.device)}
		switch {
		case !f.usable(r.device):
			l.Sight = RouteDead
		case !r.gateway.IsValid():
			l.Sight = RouteDirect
		}
		f.links = append(f.links, l)
	}
	switch {
	case found > 0 || f.routes == nil && f.unread("/proc/net/route"):
	case others > 0:
		f.links = append(f.links, PathLink{Sight: RouteOthers})
	default:
		f.links = append(f.links, PathLink{Sight: RouteNone})
	}
}

// unread reports whether a part could not be read, so that nothing is
// concluded from its absence.
func (f *pathFinder) unread(what string) bool {
	return slices.ContainsFunc(f.links, func(l PathLink) bool { return l.Sight == Unread && strings.HasPrefix(l.Name, what) })
}
