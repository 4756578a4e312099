package path

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// A machine answers only about one such datagram a second.
const mtuWait = 1200 * time.Millisecond

// Sizes of packets that links take: Ethernet, PPPoE, GRE, VXLAN, WireGuard, the
// least of IPv6, the least of IPv4.
var plateaus = []int{9000, 1500, 1492, 1476, 1450, 1420, 1400, 1280, 576}

const leastMTU4, leastMTU6 = 576, 1280

// Greatest finds the greatest packet that gets to a machine: it sends datagrams
// that may not be cut up, to a port where nothing listens. It returns ErrSilent
// where the machine does not answer even a small one. It takes about a second
// for each size that vanishes.
func Greatest(ctx context.Context, addr netip.Addr) (MTU, error) {
	p, err := open(addr, firstPort+200, 0)
	if err != nil {
		return MTU{}, err
	}
	defer p.close()
	out, err := p.unfragmented(addr)
	if err != nil {
		return MTU{}, err
	}
	least := leastMTU4
	if p.v6 {
		least = leastMTU6
	}
	got, next, err := p.passes(ctx, least)
	if err != nil || !got && next == 0 {
		return MTU{}, errors.Join(err, ErrSilent)
	}
	m := MTU{Bytes: least, Interface: out}
	for size := out; size > least && ctx.Err() == nil; {
		got, next, err := p.passes(ctx, size)
		switch {
		case err != nil:
			return MTU{}, err
		case got:
			m.Bytes = size
			return m, nil
		case next > 0 && next < size:
			size = next // somebody said so
			continue
		}
		m.BlackHole = true
		size = below(size, least)
	}
	return m, ctx.Err()
}

func below(size, least int) int {
	for _, s := range plateaus {
		if s < size {
			return max(s, least)
		}
	}
	return least
}

// unfragmented forbids to cut datagrams up and returns the greatest packet of
// the interface. Nothing that the kernel learnt earlier counts.
func (p *probe) unfragmented(addr netip.Addr) (int, error) {
	level, discover, mode, mtu := unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE, unix.IP_MTU
	if p.v6 {
		level, discover, mode, mtu = unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE, unix.IPV6_MTU
	}
	if err := unix.SetsockoptInt(p.fd, level, discover, mode); err != nil {
		return 0, fmt.Errorf("forbid fragments to %s: %w", addr, err)
	}
	if err := unix.Connect(p.fd, p.to); err != nil {
		return 0, fmt.Errorf("find a way to %s: %w", addr, err)
	}
	n, err := unix.GetsockoptInt(p.fd, level, mtu)
	if err != nil {
		return 0, fmt.Errorf("read the MTU to %s: %w", addr, err)
	}
	return min(n, 65535), nil
}

// passes sends a packet of a size. next is the size that somebody said to be
// the greatest.
func (p *probe) passes(ctx context.Context, size int) (got bool, next int, err error) {
	headers := 20 + 8
	if p.v6 {
		headers = 40 + 8
	}
	for range 2 { // one may be lost, or answered too late
		if err := p.send(size - headers); err != nil && !errors.Is(err, unix.EMSGSIZE) {
			return false, 0, err
		}
		listen(ctx, []*probe{p}, time.Now().Add(mtuWait), func(_ int, r refusal) bool {
			switch {
			case p.arrived(r):
				got = true
			case p.tooBig(r):
				next = int(r.info)
			}
			return true
		})
		if got || next > 0 {
			break
		}
	}
	return got, next, ctx.Err()
}
