package path

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// mtuWait is how long the answers to one round are waited for, of which there
// are mtuRounds at most.
const (
	mtuWait   = 1200 * time.Millisecond
	mtuRounds = 3
)

// Sizes of packets that links take: jumbo frames, Ethernet, PPPoE, GRE, VXLAN,
// WireGuard, the least of IPv6, the least of IPv4.
var plateaus = []int{9000, 1500, 1492, 1476, 1450, 1420, 1400, leastMTU6, leastMTU4}

const leastMTU4, leastMTU6 = 576, 1280

// Greatest finds the greatest packet that gets to a machine: it sends datagrams
// that may not be cut up, of several sizes at once, to ports where nothing
// listens. The greatest goes first, since a machine answers only a few in a
// second. It returns ErrSilent where the machine does not answer even a small
// one. It takes about a second if all is well, at most four.
func Greatest(ctx context.Context, addr netip.Addr) (MTU, error) {
	first, err := open(addr, firstPort, 0)
	if err != nil {
		return MTU{}, err
	}
	out, err := first.unfragmented(addr)
	first.close()
	if err != nil {
		return MTU{}, err
	}
	s := search{addr: addr, out: out}
	for n := 0; n < mtuRounds && !s.found() && ctx.Err() == nil; n++ {
		if err := s.round(ctx, n); err != nil {
			return MTU{}, err
		}
	}
	if s.best == 0 {
		return MTU{}, errors.Join(ctx.Err(), ErrSilent)
	}
	return MTU{Bytes: s.best, Interface: out, BlackHole: s.best < out && s.told == 0}, ctx.Err()
}

// search is what is known while the greatest packet is looked for.
type search struct {
	addr netip.Addr
	out  int // what the interface takes
	best int // the greatest that arrived
	told int // the least that somebody on the way said to be the greatest
}

func (s *search) found() bool { return s.best == s.out || s.told > 0 && s.best >= s.told }

// sizes are those to try: all that are greater than what arrived and may get
// there.
func (s *search) sizes() []int {
	least := leastMTU4
	if s.addr.Is6() {
		least = leastMTU6
	}
	all := append([]int{s.out, s.told, least}, plateaus...)
	all = slices.DeleteFunc(all, func(n int) bool {
		return n <= s.best || n > s.out || s.told > 0 && n > s.told || n < least && n != s.out
	})
	slices.Sort(all)
	slices.Reverse(all)
	return slices.Compact(all)
}

// round sends one packet of each size.
func (s *search) round(ctx context.Context, number int) error {
	sizes := s.sizes()
	var probes []*probe
	defer func() {
		for _, p := range probes {
			p.close()
		}
	}()
	for i, size := range sizes {
		p, err := open(s.addr, firstPort+200+number*32+i, 0)
		if err != nil {
			return err
		}
		probes = append(probes, p)
		if _, err := p.unfragmented(s.addr); err != nil {
			return err
		}
		headers := 20 + 8
		if p.v6 {
			headers = 40 + 8
		}
		if err := p.send(size - headers); err != nil && !errors.Is(err, unix.EMSGSIZE) {
			return err
		}
	}
	listen(ctx, probes, time.Now().Add(mtuWait), func(i int, r refusal) bool {
		switch p := probes[i]; {
		case p.arrived(r):
			s.best = max(s.best, sizes[i])
		case p.tooBig(r) && r.info >= 68 && int(r.info) < sizes[i]:
			if s.told == 0 || int(r.info) < s.told {
				s.told = int(r.info)
			}
		}
		return s.found()
	})
	return nil
}

// unfragmented forbids to cut datagrams up and returns the greatest packet of
// the interface. Nothing that the kernel learnt earlier counts, neither for what
// is sent nor for what is returned.
func (p *probe) unfragmented(addr netip.Addr) (int, error) {
	level, discover, mode := unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE
	if p.v6 {
		level, discover, mode = unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE
	}
	if err := unix.SetsockoptInt(p.fd, level, discover, mode); err != nil {
		return 0, fmt.Errorf("forbid fragments to %s: %w", addr, err)
	}
	if err := unix.Connect(p.fd, p.to); err != nil {
		return 0, fmt.Errorf("find a way to %s: %w", addr, err)
	}
	own, err := unix.Getsockname(p.fd)
	if err != nil {
		return 0, fmt.Errorf("find a way to %s: %w", addr, err)
	}
	var from netip.Addr
	switch s := own.(type) {
	case *unix.SockaddrInet4:
		from = netip.AddrFrom4(s.Addr)
	case *unix.SockaddrInet6:
		from = netip.AddrFrom16(s.Addr)
	}
	return mtuOf(from)
}

// mtuOf returns the greatest packet of the interface that has an address.
func mtuOf(own netip.Addr) (int, error) {
	list, err := net.Interfaces()
	if err != nil {
		return 0, fmt.Errorf("list the interfaces: %w", err)
	}
	for _, l := range list {
		addrs, err := l.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().WithZone("") == own {
				return min(l.MTU, 65535), nil
			}
		}
	}
	return 0, fmt.Errorf("no interface has the address %s", own)
}
