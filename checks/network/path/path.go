// Package path knows the way from this machine to others: its default gateways
// and DNS servers, whether the gateway is seen on the wire, the routers on the
// way to a machine and the greatest packet that gets there. It needs no rights:
// routers are found by the errors that the kernel hands to the sender of a
// datagram.
package path

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"
)

// Gateway is a router that a default route goes through.
type Gateway struct {
	Addr   netip.Addr
	Device string
	// Metric of the route; the least is used first.
	Metric int
}

// Neighbour is what the kernel knows of a machine on the same wire, from ARP or
// neighbour discovery.
type Neighbour struct {
	Addr   netip.Addr
	Device string
	// State is the kernel's word: reachable, stale, delay, probe, failed,
	// incomplete, permanent, noarp, none.
	State string
	// MAC is its hardware address, empty if it was not learnt.
	MAC string
}

// Seen says whether the neighbour is there: known is false where the kernel has
// not asked lately.
func (n Neighbour) Seen() (seen, known bool) {
	switch n.State {
	case "reachable", "permanent", "noarp":
		return true, true
	case "failed", "incomplete", "none", "":
		return false, true
	}
	return false, false
}

// Hop is a router on the way, or the machine at its end.
type Hop struct {
	TTL int
	// Addr is who answered; invalid if nobody did.
	Addr netip.Addr
	// Took is how long the answer took.
	Took time.Duration
	// Error is what a router said instead of passing it on: "host unreachable".
	Error string
	// Last says that this is the machine itself.
	Last bool
}

// Trace is the way to a machine, hop by hop.
type Trace struct {
	To   netip.Addr
	Hops []Hop
	// Reached says that the machine itself answered.
	Reached bool
}

// Broken returns the last hop that answered where the way ends before the
// machine; ok is false if it was reached or nobody answered at all.
func (t Trace) Broken() (Hop, bool) {
	if t.Reached {
		return Hop{}, false
	}
	for _, h := range slices.Backward(t.Hops) {
		if h.Addr.IsValid() {
			return h, true
		}
	}
	return Hop{}, false
}

// String lists the hops, one a line; those without an answer at the end are
// left out but for the first.
func (t Trace) String() string {
	hops := t.Hops
	if !t.Reached {
		for len(hops) > 1 && !hops[len(hops)-1].Addr.IsValid() && !hops[len(hops)-2].Addr.IsValid() {
			hops = hops[:len(hops)-1]
		}
	}
	var b strings.Builder
	for _, h := range hops {
		if !h.Addr.IsValid() {
			fmt.Fprintf(&b, "%2d  *\n", h.TTL)
			continue
		}
		fmt.Fprintf(&b, "%2d  %s  %.3f ms", h.TTL, h.Addr, float64(h.Took)/float64(time.Millisecond))
		if h.Error != "" {
			b.WriteString("  " + h.Error)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// MTU is the greatest packet that gets to a machine.
type MTU struct {
	// Bytes of the IP packet.
	Bytes int
	// Interface is the greatest packet of the interface it leaves by.
	Interface int
	// BlackHole says that greater ones vanish without a word, which stalls
	// connections: no router says that they are too big.
	BlackHole bool
}

var (
	// ErrSilent is returned where a machine does not answer at all, so that
	// nothing can be told.
	ErrSilent = errors.New("no answer")
	// ErrNotHere is returned where the system does not tell.
	ErrNotHere = errors.New("not known on this system")
)

// maxResolvers bounds the DNS servers that are read.
const maxResolvers = 8

// Resolvers returns the DNS servers named in a resolv.conf, each once. Behind
// the stub of systemd-resolved (127.0.0.53) those it asks itself are returned.
// A file that is not there names none.
func Resolvers(file, behindStub string) ([]netip.Addr, error) {
	out, err := readResolvers(file)
	if err != nil {
		return nil, err
	}
	if slices.Contains(out, netip.AddrFrom4([4]byte{127, 0, 0, 53})) {
		behind, err := readResolvers(behindStub)
		if err != nil {
			return nil, err
		}
		out = append(out, behind...)
	}
	out = slices.DeleteFunc(out, netip.Addr.IsLoopback)
	var once []netip.Addr
	for _, a := range out {
		if !slices.Contains(once, a) && len(once) < maxResolvers {
			once = append(once, a)
		}
	}
	return once, nil
}

func readResolvers(file string) ([]netip.Addr, error) {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the DNS servers: %w", err)
	}
	defer f.Close()
	var out []netip.Addr
	for s := bufio.NewScanner(io.LimitReader(f, 64<<10)); s.Scan(); {
		words := strings.Fields(s.Text())
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(words[1]); err == nil {
			out = append(out, a.Unmap())
		}
	}
	return out, nil
}
