package path

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// firstPort is where probes go: traceroute's own range, in which nothing
// listens.
const firstPort = 33434

// probe is a UDP socket that is told what becomes of its datagrams.
type probe struct {
	fd   int
	v6   bool
	to   unix.Sockaddr
	port int
}

// refusal is what came back for a datagram.
type refusal struct {
	errno unix.Errno
	// local says that this machine said so, not one on the way.
	local bool
	kind  uint8
	code  uint8
	// info is the greatest packet, where it was too big.
	info uint32
	from netip.Addr
}

// open makes a probe to addr. ttl 0 keeps the system's.
func open(addr netip.Addr, port, ttl int) (*probe, error) {
	p := &probe{v6: addr.Is6(), port: port}
	family, level, recverr, hops := unix.AF_INET, unix.IPPROTO_IP, unix.IP_RECVERR, unix.IP_TTL
	if p.v6 {
		family, level, recverr, hops = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, unix.IPV6_UNICAST_HOPS
	}
	var err error
	if p.fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("open a socket to %s: %w", addr, err)
	}
	err = unix.SetsockoptInt(p.fd, level, recverr, 1)
	if err == nil && ttl > 0 {
		err = unix.SetsockoptInt(p.fd, level, hops, ttl)
	}
	if err != nil {
		p.close()
		return nil, fmt.Errorf("prepare a socket to %s: %w", addr, err)
	}
	p.to = sockaddr(addr, port)
	return p, nil
}

func (p *probe) close() { unix.Close(p.fd) }

// send sends size bytes. An error that an earlier datagram left on the socket
// is not one of this.
func (p *probe) send(size int) error {
	b := make([]byte, size)
	err := unix.Sendto(p.fd, b, 0, p.to)
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EHOSTUNREACH) {
		err = unix.Sendto(p.fd, b, 0, p.to)
	}
	return err
}

// refused reads what came back, ok is false if nothing did yet.
func (p *probe) refused() (refusal, bool) {
	var data [64]byte
	var control [256]byte
	_, n, _, _, err := unix.Recvmsg(p.fd, data[:], control[:], unix.MSG_ERRQUEUE)
	if err != nil {
		return refusal{}, false
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil {
		return refusal{}, false
	}
	for _, m := range messages {
		if m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR ||
			m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_RECVERR {
			return parseRefusal(m.Data)
		}
	}
	return refusal{}, false
}

const extendedErr = int(unsafe.Sizeof(unix.SockExtendedErr{}))

// parseRefusal reads a struct sock_extended_err with the address of who said so
// behind it.
func parseRefusal(b []byte) (refusal, bool) {
	if len(b) < extendedErr {
		return refusal{}, false
	}
	r := refusal{
		errno: unix.Errno(binary.NativeEndian.Uint32(b)),
		local: b[4] == unix.SO_EE_ORIGIN_LOCAL,
		kind:  b[5], code: b[6],
		info: binary.NativeEndian.Uint32(b[8:]),
	}
	from := b[extendedErr:]
	if len(from) < 8 {
		return r, true
	}
	switch binary.NativeEndian.Uint16(from) {
	case unix.AF_INET:
		r.from = netip.AddrFrom4([4]byte(from[4:8]))
	case unix.AF_INET6:
		if len(from) >= unix.SizeofSockaddrInet6 {
			r.from = netip.AddrFrom16([16]byte(from[8:24]))
		}
	}
	return r, true
}

// What ICMP means: types and codes of both versions.
const (
	unreachable4, exceeded4 = 3, 11
	unreachable6, exceeded6 = 1, 3
	port4, port6            = 3, 4
	tooBig4, tooBig6        = 4, 2 // a code of unreachable4; a type of its own
)

// expired says that a router counted the datagram down to nothing.
func (p *probe) expired(r refusal) bool {
	return !r.local && (!p.v6 && r.kind == exceeded4 || p.v6 && r.kind == exceeded6)
}

// arrived says that the machine itself answered: nothing listens there.
func (p *probe) arrived(r refusal) bool {
	return !r.local && (!p.v6 && r.kind == unreachable4 && r.code == port4 || p.v6 && r.kind == unreachable6 && r.code == port6)
}

// tooBig says that the datagram was greater than a link takes.
func (p *probe) tooBig(r refusal) bool {
	return r.errno == unix.EMSGSIZE || !r.local && (!p.v6 && r.kind == unreachable4 && r.code == tooBig4 || p.v6 && r.kind == tooBig6)
}

func sockaddr(addr netip.Addr, port int) unix.Sockaddr {
	if addr.Is4() {
		return &unix.SockaddrInet4{Port: port, Addr: addr.As4()}
	}
	return &unix.SockaddrInet6{Port: port, Addr: addr.As16(), ZoneId: zoneOf(addr)}
}

func zoneOf(addr netip.Addr) uint32 {
	if addr.Zone() == "" {
		return 0
	}
	if l, err := net.InterfaceByName(addr.Zone()); err == nil {
		return uint32(l.Index)
	}
	n, _ := strconv.ParseUint(addr.Zone(), 10, 32)
	return uint32(n)
}
