// Package ping measures the way to other machines by ICMP echo: whether they
// answer, how fast and how steadily. Without the right to send pings it says so;
// it never takes that for a machine that is down.
package ping

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	goping "github.com/go-ping/ping"
	"golang.org/x/net/icmp"
)

// Right is how this process may send pings.
type Right int

// The rights: none, by a socket of the kernel's for its group
// (net.ipv4.ping_group_range), or by a raw one (CAP_NET_RAW). To the first the
// kernel hands only its own answers, to each raw one those to all.
const (
	Forbidden Right = iota
	Unprivileged
	Privileged
)

// ErrForbidden is what is returned where this process may not send pings.
var ErrForbidden = errors.New("may not send pings")

// Grant is the command that gives this process the right.
func Grant() string {
	return fmt.Sprintf(`sysctl -w net.ipv4.ping_group_range="%d %d"`, os.Getegid(), os.Getegid())
}

// rightTo finds how pings may be sent, which can change at any time: by a socket
// for a group, else by a raw one. An error that is not about rights (no IPv6
// on this machine) is returned.
func rightTo(v6 bool) (Right, error) {
	raw, group := "ip4:icmp", "udp4"
	if v6 {
		raw, group = "ip6:ipv6-icmp", "udp6"
	}
	for _, try := range []struct {
		network string
		right   Right
	}{{group, Unprivileged}, {raw, Privileged}} {
		c, err := icmp.ListenPacket(try.network, "")
		if err == nil {
			c.Close()
			return try.right, nil
		}
		if !errors.Is(err, os.ErrPermission) {
			return Forbidden, fmt.Errorf("open a socket for pings: %w", err)
		}
	}
	return Forbidden, fmt.Errorf("%w; grant it with: %s, or by AmbientCapabilities=CAP_NET_RAW in the unit", ErrForbidden, Grant())
}

// Round is how a machine is pinged once.
type Round struct {
	// Count of packets, and the time between two.
	Count    int
	Interval time.Duration
	// Wait is how long the answer to the last is waited for.
	Wait time.Duration
	// Size of the data in bytes, at least MinSize.
	Size int
}

// MinSize is what a packet needs to carry to be known again.
const MinSize = 24

// Answer is what came of a Round.
type Answer struct {
	// Sent counts what was sent or could not be, Received the answers.
	Sent, Received, Duplicates int
	// RTTs are the round-trip times in the order of the answers. One over which
	// the clock was set is not among them.
	RTTs []time.Duration
	// TTL of the last answer.
	TTL int
	// Setup is how long it took to get a socket.
	Setup time.Duration
	// Unsent says why packets could not be sent: no route, a firewall.
	Unsent error
	// Cut says that the round was ended early, so that the rest means nothing.
	Cut bool
}

// Loss is the share of packets without an answer, 0 to 1.
func (a Answer) Loss() float64 {
	if a.Sent == 0 {
		return 0
	}
	return float64(max(0, a.Sent-a.Received)) / float64(a.Sent)
}

// Echo sends pings. Its identifiers are its own: all pingers of a machine hear
// the answers to all.
type Echo struct{ id atomic.Uint32 }

// NewEcho returns an Echo with identifiers from a random place on.
func NewEcho() *Echo {
	e := &Echo{}
	e.id.Store(rand.Uint32())
	return e
}

// Ping sends one Round to addr and returns when all is answered or waited for.
// An error says that nothing can be told: ErrForbidden, or no socket.
func (e *Echo) Ping(ctx context.Context, addr netip.Addr, o Round) (Answer, error) {
	right, err := rightTo(addr.Is6())
	if err != nil {
		return Answer{}, err
	}
	return e.ping(ctx, addr, o, right)
}

func (e *Echo) ping(ctx context.Context, addr netip.Addr, o Round, right Right) (Answer, error) {
	var a Answer
	if ctx.Err() != nil {
		return a, ctx.Err()
	}
	p := goping.New("")
	p.SetIPAddr(&net.IPAddr{IP: addr.AsSlice(), Zone: addr.Zone()})
	p.SetPrivileged(right == Privileged)
	p.SetID(int(e.id.Add(1) & 0xffff))
	p.Count, p.Interval, p.Size = o.Count, o.Interval, o.Size
	p.Timeout = time.Duration(o.Count-1)*o.Interval + o.Wait
	p.RecordRtts = false
	log := &unsent{}
	p.SetLogger(log)

	begun := time.Now()
	set := false
	p.OnSetup = func() { a.Setup, set = time.Since(begun), true }
	p.OnRecv = func(pkt *goping.Packet) {
		a.TTL = pkt.Ttl
		// The time that a packet carries is the wall clock's.
		if pkt.Rtt >= 0 && pkt.Rtt <= p.Timeout && !stepped(begun, time.Now()) {
			a.RTTs = append(a.RTTs, pkt.Rtt)
		}
	}
	stop := context.AfterFunc(ctx, p.Stop)
	err := p.Run()
	stop()
	a.Cut = ctx.Err() != nil
	a.Sent, a.Received, a.Duplicates = p.PacketsSent, min(p.PacketsRecv, p.PacketsSent), p.PacketsRecvDuplicates
	switch {
	case err != nil && !set:
		return a, fmt.Errorf("ping %s: %w", addr, err) // no socket
	case err != nil:
		a.Unsent, a.Sent = plain(err), max(a.Sent, 1)
	case log.err != nil:
		a.Unsent = plain(log.err)
	}
	if !a.Cut {
		a.Sent = o.Count // what could not be sent did not arrive either
	}
	return a, nil
}

// plain leaves the addresses out of an error, which change with each packet.
func plain(err error) error {
	var no syscall.Errno
	if errors.As(err, &no) {
		return no
	}
	return err
}

// stepped says whether the clock was set between two moments by more than
// clocks are slewed.
func stepped(from, to time.Time) bool {
	const slewed = 2 * time.Millisecond
	d := to.Round(0).Sub(from.Round(0)) - to.Sub(from)
	return d > slewed || d < -slewed
}

// unsent is the logger of go-ping, which tells it what went wrong with a packet
// after the first.
type unsent struct{ err error }

func (u *unsent) Fatalf(_ string, v ...interface{}) {
	for _, one := range v {
		if err, ok := one.(error); ok {
			var op *net.OpError
			if errors.As(err, &op) {
				u.err = err
			}
		}
	}
}

func (*unsent) Errorf(string, ...interface{}) {}
func (*unsent) Warnf(string, ...interface{})  {}
func (*unsent) Infof(string, ...interface{})  {}
func (*unsent) Debugf(string, ...interface{}) {}
