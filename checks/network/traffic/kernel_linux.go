package traffic

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

type linux struct{}

func theKernel() kernel { return linux{} }

// sockets returns the TCP sockets; all is false where there are more than limit.
func (linux) sockets(limit int) (out []Socket, all bool, err error) {
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		list, err := netlink.SocketDiagTCPInfo(family)
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
			return nil, false, fmt.Errorf("ask the kernel for its TCP sockets: %w", err)
		}
		for _, r := range list {
			if r.InetDiagMsg != nil {
				out = append(out, socketOf(r))
			}
		}
		if len(out) > limit {
			return out, false, nil
		}
	}
	return out, true, nil
}

func socketOf(r *netlink.InetDiagTCPInfoResp) Socket {
	m := r.InetDiagMsg
	s := Socket{
		Cookie: uint64(m.ID.Cookie[1])<<32 | uint64(m.ID.Cookie[0]),
		Local:  addrPort(m.ID.Source, m.ID.SourcePort), Remote: addrPort(m.ID.Destination, m.ID.DestinationPort),
		Inode: m.INode, Unread: m.RQueue, Unsent: m.WQueue,
	}
	if int(m.State) < len(stateNames) {
		s.State = stateNames[m.State]
	}
	if m.State == 12 { // asked for, and not completed
		s.State = "syn_recv"
	}
	if i := r.TCPInfo; i != nil {
		s.Received, s.Sent, s.Retransmitted = i.Bytes_received, i.Bytes_acked, i.Total_retrans
		s.RTT = time.Duration(i.Rtt) * time.Microsecond
	}
	return s
}

func addrPort(ip net.IP, port uint16) netip.AddrPort {
	a, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(a.Unmap(), port)
}

// queues returns the queues of the interfaces; only those at the root, in which
// all others are counted.
func (linux) queues() ([]Queue, error) {
	links, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list the interfaces: %w", err)
	}
	names := map[int]string{}
	for _, l := range links {
		names[l.Index] = l.Name
	}
	list, err := netlink.QdiscList(nil)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("ask the kernel for its queues: %w", err)
	}
	var out []Queue
	for _, q := range list {
		a := q.Attrs()
		name := names[a.LinkIndex]
		if a.Parent != netlink.HANDLE_ROOT || a.Statistics == nil || a.Statistics.Basic == nil || a.Statistics.Queue == nil || name == "" {
			continue
		}
		b, s := a.Statistics.Basic, a.Statistics.Queue
		out = append(out, Queue{
			Device: name, Kind: q.Type(), Bytes: float64(b.Bytes), Packets: float64(b.Packets),
			Drops: float64(s.Drops), Requeues: float64(s.Requeues), Overlimits: float64(s.Overlimits),
			Length: float64(s.Qlen), Backlog: float64(s.Backlog),
		})
	}
	return out, nil
}

// owners finds the processes that hold sockets, as far as this agent may see
// them: its own user's, or all as root.
func (linux) owners(procfs string, inodes map[uint32]bool) map[uint32]owner {
	out := map[uint32]owner{}
	procs, err := os.ReadDir(procfs)
	if err != nil {
		return out
	}
	for _, p := range procs {
		pid, err := strconv.Atoi(p.Name())
		if err != nil || len(out) == len(inodes) {
			continue
		}
		folder := procfs + "/" + p.Name()
		fds, err := os.ReadDir(folder + "/fd")
		if err != nil {
			continue
		}
		for _, fd := range fds {
			link, err := os.Readlink(folder + "/fd/" + fd.Name())
			word, ok := strings.CutPrefix(link, "socket:[")
			if err != nil || !ok {
				continue
			}
			n, err := strconv.ParseUint(strings.TrimSuffix(word, "]"), 10, 32)
			if err != nil || !inodes[uint32(n)] {
				continue
			}
			name, _ := os.ReadFile(folder + "/comm")
			out[uint32(n)] = owner{pid, string(bytes.TrimSpace(name))}
		}
	}
	return out
}
