// Package traffic looks at what goes over the wires of this machine and who
// sends it: the queues in front of the interfaces, the states of the TCP
// connections, and the processes and peers that move most bytes.
//
// The counters of the interfaces themselves (node_network_*) and of the
// protocols (node_netstat_*) are those of the host.
package traffic

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Config says how much is looked at. Start from Default.
type Config struct {
	// Talkers is how many of those that move most bytes are named, 0 to 50; 0
	// leaves them out.
	Talkers int `yaml:"talkers"`
	// MaxSockets is how many connections are looked at for them, 100 to 1000000;
	// where there are more, nobody is named.
	MaxSockets int `yaml:"max_sockets"`

	// Procfs is where /proc of the machine is found; the agent sets it.
	Procfs string `yaml:"-"`
}

// Default names ten talkers.
func Default() Config { return Config{Talkers: 10, MaxSockets: 50_000, Procfs: "/proc"} }

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error {
	var errs []error
	if c.Talkers < 0 || c.Talkers > 50 {
		errs = append(errs, fmt.Errorf("talkers: %d is out of range, 0 to 50", c.Talkers))
	}
	if c.MaxSockets < 100 || c.MaxSockets > 1_000_000 {
		errs = append(errs, fmt.Errorf("max_sockets: %d is out of range, 100 to 1000000", c.MaxSockets))
	}
	return errors.Join(errs...)
}

// Socket is a TCP connection as the kernel tells it.
type Socket struct {
	// Cookie is the kernel's name for it, never used twice.
	Cookie uint64
	State  string
	Local  netip.AddrPort
	Remote netip.AddrPort
	Inode  uint32
	// Received and Sent are bytes since it began; Retransmitted are segments
	// that were sent again.
	Received, Sent uint64
	Retransmitted  uint32
	// RTT that the kernel measures.
	RTT time.Duration
	// Unread and Unsent bytes wait on this side; of a listener they are the
	// connections that wait to be taken and how many may.
	Unread, Unsent uint32
}

// Queue is what stands before an interface.
type Queue struct {
	Device, Kind                                string
	Bytes, Packets, Drops, Requeues, Overlimits float64
	Length, Backlog                             float64
}

// Talker is who moved bytes between two looks: a process of this machine and the
// machine it talks with.
type Talker struct {
	// Process is empty where this agent may not see whose the connections are.
	Process string
	PID     int
	Peer    netip.Addr
	// Port is the service: ours if the peer came to us, else the peer's.
	Port        uint16
	Incoming    bool
	Connections int
	// Received and Sent in bytes a second.
	Received, Sent float64
	// Retransmitted segments since the connections began.
	Retransmitted float64
	RTT           time.Duration
}

// talkersOf adds up what moved since the last look. listening are the ports that
// take connections; own are this machine's sockets before, by cookie.
func talkersOf(now []Socket, before map[uint64]Socket, since time.Duration, listening map[uint16]bool) []Talker {
	type key struct {
		peer     netip.Addr
		port     uint16
		incoming bool
		inode    uint32
	}
	sums := map[key]*Talker{}
	for _, s := range now {
		if s.State == "listen" || !s.Remote.IsValid() || s.Remote.Addr().IsUnspecified() {
			continue
		}
		was := before[s.Cookie] // nothing, if it is new: all of it moved meanwhile
		received, sent := s.Received-min(was.Received, s.Received), s.Sent-min(was.Sent, s.Sent)
		if received+sent == 0 || since <= 0 {
			continue
		}
		k := key{peer: s.Remote.Addr(), port: s.Remote.Port()}
		if listening[s.Local.Port()] {
			k.port, k.incoming = s.Local.Port(), true
		}
		k.inode = s.Inode
		t := sums[k]
		if t == nil {
			t = &Talker{Peer: k.peer, Port: k.port, Incoming: k.incoming, PID: int(k.inode)}
			sums[k] = t
		}
		t.Connections++
		t.Received += float64(received) / since.Seconds()
		t.Sent += float64(sent) / since.Seconds()
		t.Retransmitted += float64(s.Retransmitted)
		t.RTT = max(t.RTT, s.RTT)
	}
	out := make([]Talker, 0, len(sums))
	for _, t := range sums {
		out = append(out, *t)
	}
	return out
}

// merge gives talkers their processes and adds up what is of one.
func merge(list []Talker, owner func(inode uint32) (pid int, name string)) []Talker {
	type key struct {
		pid      int
		name     string
		peer     netip.Addr
		port     uint16
		incoming bool
	}
	sums := map[key]*Talker{}
	for _, t := range list {
		pid, name := owner(uint32(t.PID))
		k := key{pid, name, t.Peer, t.Port, t.Incoming}
		s := sums[k]
		if s == nil {
			s = &Talker{Process: name, PID: pid, Peer: t.Peer, Port: t.Port, Incoming: t.Incoming}
			sums[k] = s
		}
		s.Connections += t.Connections
		s.Received += t.Received
		s.Sent += t.Sent
		s.Retransmitted += t.Retransmitted
		s.RTT = max(s.RTT, t.RTT)
	}
	var out []Talker
	for _, t := range sums {
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b Talker) int {
		return cmp.Or(cmp.Compare(b.Received+b.Sent, a.Received+a.Sent), a.Peer.Compare(b.Peer), cmp.Compare(a.Port, b.Port), cmp.Compare(a.PID, b.PID))
	})
	return out
}

var columns = []string{"process", "pid", "peer", "port", "direction", "connections", "received_bytes_per_second", "sent_bytes_per_second", "retransmitted", "rtt_ms"}

func (t Talker) row() []string {
	direction := "out"
	if t.Incoming {
		direction = "in"
	}
	name, pid := cmp.Or(t.Process, "–"), "–"
	if t.PID > 0 {
		pid = strconv.Itoa(t.PID)
	}
	return []string{name, pid, t.Peer.String(), strconv.Itoa(int(t.Port)), direction, strconv.Itoa(t.Connections),
		fmt.Sprintf("%.0f", t.Received), fmt.Sprintf("%.0f", t.Sent), fmt.Sprintf("%.0f", t.Retransmitted), fmt.Sprintf("%.3f", float64(t.RTT)/float64(time.Millisecond))}
}
