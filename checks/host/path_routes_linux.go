package host

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// route is a line of the kernel's main routing table.
type route struct {
	to      netip.Prefix
	gateway netip.Addr // the zero Addr if it is direct
	device  string
	metric  uint64
}

func (r route) isDefault() bool { return r.to.Bits() == 0 }

func (r route) gatewayName() string {
	if !r.gateway.IsValid() {
		return ""
	}
	return r.gateway.String()
}

const (
	routeUp     = 0x1
	routeReject = 0x200
)

// readRoutes reads the main tables of both protocols, the preferred route
// first. A machine without IPv6 has no table of it.
func (f *pathFinder) readRoutes() error {
	b, err := f.all(f.cfg.Procfs + "/net/route")
	if err != nil {
		return err
	}
	list, err := parseRoutes(string(b))
	if err != nil {
		return err
	}
	b, err = f.all(f.cfg.Procfs + "/net/ipv6_route")
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		six, err := parseRoutes6(string(b))
		if err != nil {
			return err
		}
		list = append(list, six...)
	}
	slices.SortStableFunc(list, func(a, b route) int {
		return cmp.Or(cmp.Compare(a.to.Addr().BitLen(), b.to.Addr().BitLen()), cmp.Compare(a.metric, b.metric))
	})
	f.routes = list
	return nil
}

// parseRoutes reads lines such as
//
//	eth0 00000000 010200C0 0003 0 0 0 00000000 0 0 0
//
// whose addresses are numbers in the byte order of the machine.
func parseRoutes(text string) ([]route, error) {
	var list []route
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		if len(w) == 0 || w[0] == "Iface" {
			continue
		}
		if len(w) < 8 {
			return nil, fmt.Errorf("parse /proc/net/route: %q is not a route", line)
		}
		to, ok1 := address4(w[1])
		via, ok2 := address4(w[2])
		mask, ok3 := address4(w[7])
		flags, err1 := strconv.ParseUint(w[3], 16, 32)
		metric, err2 := strconv.ParseUint(w[6], 10, 64)
		if !ok1 || !ok2 || !ok3 || err1 != nil || err2 != nil {
			return nil, fmt.Errorf("parse /proc/net/route: %q is not a route", line)
		}
		if flags&routeUp == 0 || flags&routeReject != 0 {
			continue
		}
		r := route{to: netip.PrefixFrom(to, ones(mask)), device: w[0], metric: metric}
		if !via.IsUnspecified() {
			r.gateway = via
		}
		list = append(list, r)
	}
	return list, nil
}

func address4(word string) (netip.Addr, bool) {
	n, err := strconv.ParseUint(word, 16, 32)
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], uint32(n))
	return netip.AddrFrom4(b), err == nil
}

func ones(mask netip.Addr) int {
	b := mask.As4()
	n := 0
	for m := binary.BigEndian.Uint32(b[:]); m&(1<<31) != 0; m <<= 1 {
		n++
	}
	return n
}

// parseRoutes6 reads lines such as
//
//	00…00 00 00…00 00 fe80…01 00000400 00000001 00000000 00000003 eth0
func parseRoutes6(text string) ([]route, error) {
	var list []route
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		if len(w) < 10 {
			return nil, fmt.Errorf("parse /proc/net/ipv6_route: %q is not a route", line)
		}
		to, ok1 := address6(w[0])
		via, ok2 := address6(w[4])
		bits, err1 := strconv.ParseUint(w[1], 16, 8)
		metric, err2 := strconv.ParseUint(w[5], 16, 64)
		flags, err3 := strconv.ParseUint(w[8], 16, 64)
		if !ok1 || !ok2 || bits > 128 || errors.Join(err1, err2, err3) != nil {
			return nil, fmt.Errorf("parse /proc/net/ipv6_route: %q is not a route", line)
		}
		if flags&routeUp == 0 || flags&routeReject != 0 || w[9] == "lo" {
			continue
		}
		r := route{to: netip.PrefixFrom(to, int(bits)), device: w[9], metric: metric}
		if !via.IsUnspecified() {
			r.gateway = via
			if via.IsLinkLocalUnicast() {
				r.gateway = via.WithZone(w[9])
			}
		}
		list = append(list, r)
	}
	return list, nil
}

func address6(word string) (netip.Addr, bool) {
	b, err := hex.DecodeString(word)
	if err != nil {
		return netip.Addr{}, false
	}
	a, ok := netip.AddrFromSlice(b)
	return a, ok && a.Is6()
}
