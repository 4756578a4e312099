package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// neighbour is an entry of the kernel's table of the machines next to this
// one, of both protocols.
type neighbour struct {
	address netip.Addr
	index   int // of the interface
	state   uint16
}

// neighbours asks the kernel: /proc/net/arp knows IPv4 alone, and shows one
// that has long been silent like one that answers.
func neighbours() ([]neighbour, error) {
	b, err := syscall.NetlinkRIB(syscall.RTM_GETNEIGH, syscall.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("ask the kernel for neighbours: %w", err)
	}
	return parseNeighbours(b)
}

func parseNeighbours(b []byte) ([]neighbour, error) {
	messages, err := syscall.ParseNetlinkMessage(b)
	if err != nil {
		return nil, fmt.Errorf("parse the kernel's neighbours: %w", err)
	}
	var list []neighbour
	for _, m := range messages {
		const head = unix.SizeofNdMsg
		if m.Header.Type != unix.RTM_NEWNEIGH || len(m.Data) < head {
			continue
		}
		n := neighbour{index: int(binary.NativeEndian.Uint32(m.Data[4:])), state: binary.NativeEndian.Uint16(m.Data[8:])}
		for rest := m.Data[head:]; len(rest) >= unix.SizeofRtAttr; {
			size := int(binary.NativeEndian.Uint16(rest))
			if size < unix.SizeofRtAttr || size > len(rest) {
				break
			}
			if binary.NativeEndian.Uint16(rest[2:]) == unix.NDA_DST {
				n.address, _ = netip.AddrFromSlice(rest[unix.SizeofRtAttr:size])
			}
			rest = rest[min(len(rest), (size+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1)):]
		}
		if n.address.IsValid() {
			list = append(list, n)
		}
	}
	return list, nil
}

// findGateways says of each gateway whether it is there. Those of the default
// routes count, or if there is none, the others.
func (f *pathFinder) findGateways(ctx context.Context) []PathLink {
	var ways []route
	for _, wanted := range [...]bool{true, false} {
		for _, r := range f.routes {
			same := func(w route) bool { return w.gateway == r.gateway && w.device == r.device }
			if r.isDefault() == wanted && r.gateway.IsValid() && f.usable(r.device) && len(ways) < maxPathGateways && !slices.ContainsFunc(ways, same) {
				ways = append(ways, r)
			}
		}
		if len(ways) > 0 {
			break
		}
	}
	list := make([]PathLink, 0, len(ways))
	ctx, cancel := context.WithTimeout(ctx, pathAnswer)
	defer cancel()
	for _, r := range ways {
		l := PathLink{Name: r.gatewayName(), Device: safe(r.device)}
		sight, err := gatewaySight(ctx, r)
		if l.Sight = sight; err != nil {
			l.Error = safe(err.Error())
		}
		list = append(list, l)
	}
	return list
}

const (
	neighbourSure  = unix.NUD_REACHABLE | unix.NUD_PERMANENT
	neighbourGone  = unix.NUD_FAILED | unix.NUD_INCOMPLETE
	neighbourPause = 50 * time.Millisecond
)

// gatewaySight looks at the neighbour's entry. If the gateway was not heard of
// lately, one datagram makes the kernel look for it, or the gateway itself say
// that it takes none.
func gatewaySight(ctx context.Context, r route) (Sight, error) {
	i, err := net.InterfaceByName(r.device)
	if err != nil {
		return Unread, err
	}
	state, err := neighbourState(r, i.Index)
	switch {
	case err != nil:
		return Unread, err
	case state&neighbourSure != 0:
		return GatewayAnswers, nil
	}
	refused := make(chan bool, 1)
	go func() { refused <- knock(ctx, r.gateway) }()
	tick := time.NewTicker(neighbourPause)
	defer tick.Stop()
	for {
		select {
		case yes := <-refused:
			if refused = nil; yes {
				return GatewayAnswers, nil
			}
		case <-tick.C:
			if state, err = neighbourState(r, i.Index); err != nil {
				return Unread, err
			}
			if state&neighbourSure != 0 {
				return GatewayAnswers, nil
			}
		case <-ctx.Done():
			if state&neighbourGone != 0 {
				return GatewaySilent, nil
			}
			return GatewayUnsure, nil // stale, or an interface without neighbours
		}
	}
}

func neighbourState(r route, index int) (uint16, error) {
	list, err := neighbours()
	for _, n := range list {
		if n.index == index && n.address.WithZone("") == r.gateway.WithZone("") {
			return n.state, err
		}
	}
	return 0, err
}

// knock sends an empty datagram to the port that discards, and reports whether
// the machine there refused it: then it is there.
func knock(ctx context.Context, a netip.Addr) bool {
	const discard = 9
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", netip.AddrPortFrom(a, discard).String())
	if err != nil {
		return false
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	if _, err = conn.Write(nil); err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	return errors.Is(err, unix.ECONNREFUSED)
}
