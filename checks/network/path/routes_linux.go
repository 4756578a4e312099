package path

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// maxGateways bounds the default routes that are looked at.
const maxGateways = 8

// Gateways returns the routers of the default routes in the main table, each
// once, the one used first in front. Routes without a router (a point-to-point
// link) have none.
func Gateways() ([]Gateway, error) {
	var out []Gateway
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := netlink.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
		if err != nil {
			return nil, fmt.Errorf("list the routes: %w", err)
		}
		for _, r := range routes {
			if isDefault(r.Dst) {
				out = append(out, hopsOf(r)...)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Gateway) int {
		return cmp.Or(cmp.Compare(a.Metric, b.Metric), a.Addr.Compare(b.Addr))
	})
	var once []Gateway
	for _, g := range out {
		if len(once) < maxGateways && !slices.ContainsFunc(once, func(o Gateway) bool { return o.Addr == g.Addr }) {
			once = append(once, g)
		}
	}
	return once, nil
}

func isDefault(dst *net.IPNet) bool {
	if dst == nil {
		return true
	}
	ones, _ := dst.Mask.Size()
	return ones == 0 && dst.IP.IsUnspecified()
}

// hopsOf returns the routers of a route, of which one with several paths has
// several.
func hopsOf(r netlink.Route) []Gateway {
	var out []Gateway
	add := func(ip net.IP, via netlink.Destination, link int) {
		if v, ok := via.(*netlink.Via); ok && ip == nil {
			ip = v.Addr
		}
		a, ok := netip.AddrFromSlice(ip)
		if !ok || a.IsUnspecified() {
			return
		}
		g := Gateway{Addr: a.Unmap(), Metric: r.Priority}
		if l, err := net.InterfaceByIndex(link); err == nil {
			g.Device = l.Name
		}
		if g.Addr.IsLinkLocalUnicast() && g.Addr.Is6() {
			g.Addr = g.Addr.WithZone(g.Device)
		}
		out = append(out, g)
	}
	for _, n := range r.MultiPath {
		add(n.Gw, n.Via, n.LinkIndex)
	}
	if len(r.MultiPath) == 0 {
		add(r.Gw, r.Via, r.LinkIndex)
	}
	return out
}

var neighbourStates = map[int]string{
	netlink.NUD_NONE: "none", netlink.NUD_INCOMPLETE: "incomplete", netlink.NUD_REACHABLE: "reachable",
	netlink.NUD_STALE: "stale", netlink.NUD_DELAY: "delay", netlink.NUD_PROBE: "probe", netlink.NUD_FAILED: "failed",
	netlink.NUD_NOARP: "noarp", netlink.NUD_PERMANENT: "permanent",
}

// LookUp returns what the kernel knows of a neighbour; one that it does not know
// has the state "none".
func LookUp(addr netip.Addr, device string) (Neighbour, error) {
	n := Neighbour{Addr: addr, Device: device, State: "none"}
	family, index := netlink.FAMILY_V4, 0
	if addr.Is6() {
		family = netlink.FAMILY_V6
	}
	if device != "" {
		l, err := net.InterfaceByName(device)
		if err != nil {
			return n, fmt.Errorf("look for %s: %w", device, err)
		}
		index = l.Index
	}
	list, err := netlink.NeighList(index, family)
	if err != nil {
		return n, fmt.Errorf("list the neighbours: %w", err)
	}
	for _, e := range list {
		if a, ok := netip.AddrFromSlice(e.IP); ok && a.Unmap() == addr.WithZone("") {
			n.State = cmp.Or(neighbourStates[e.State], "none")
			if len(e.HardwareAddr) > 0 {
				n.MAC = e.HardwareAddr.String()
			}
		}
	}
	return n, nil
}
