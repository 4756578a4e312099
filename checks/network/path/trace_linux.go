package path

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of a look at the way.
const (
	maxHops   = 30
	traceWait = 1200 * time.Millisecond
	traceGoes = 2 // a router answers only so many a second
	pollEvery = 50 * time.Millisecond
	probeSize = 32
)

// Follow finds the routers on the way to a machine: one datagram for each hop,
// all at once, and once more for those that nobody answered. It takes about
// two and a half seconds at most. A machine that drops such datagrams is not
// reached by it, though it may be by others.
func Follow(ctx context.Context, addr netip.Addr) (Trace, error) {
	t := Trace{To: addr, Hops: make([]Hop, maxHops)}
	for i := range t.Hops {
		t.Hops[i].TTL = i + 1
	}
	for n := 0; n < traceGoes && ctx.Err() == nil && !t.done(); n++ {
		if err := t.round(ctx, addr, n); err != nil {
			return t, err
		}
	}
	t.cut()
	return t, nil
}

// done says whether each hop up to the machine has answered.
func (t *Trace) done() bool {
	for _, h := range t.Hops {
		if !h.Addr.IsValid() {
			return false
		}
		if h.Last {
			return true
		}
	}
	return true
}

// cut leaves out what lies behind the machine, or behind who said that there is
// no way.
func (t *Trace) cut() {
	for i, h := range t.Hops {
		if h.Last || h.Error != "" {
			t.Hops, t.Reached = t.Hops[:i+1], h.Last
			return
		}
	}
}

// round sends one datagram for each hop that has not answered.
func (t *Trace) round(ctx context.Context, addr netip.Addr, number int) error {
	var probes []*probe
	var hops []*Hop
	defer func() {
		for _, p := range probes {
			p.close()
		}
	}()
	sent := time.Now()
	for i := range t.Hops {
		h := &t.Hops[i]
		if h.Addr.IsValid() {
			if h.Last {
				break
			}
			continue
		}
		p, err := open(addr, firstPort+number*maxHops+i, h.TTL)
		if err != nil {
			return err
		}
		probes, hops = append(probes, p), append(hops, h)
		if err := p.send(probeSize); err != nil {
			if i == 0 {
				return err // there is no way out at all
			}
		}
	}
	listen(ctx, probes, sent.Add(traceWait), func(i int, r refusal) bool {
		hops[i].take(probes[i], r, addr, time.Since(sent))
		return t.done()
	})
	return nil
}

func (h *Hop) take(p *probe, r refusal, addr netip.Addr, took time.Duration) {
	from := r.from
	if r.local || !from.IsValid() {
		from = netip.IPv6Unspecified() // this machine: it has no way to send it
		if addr.Is4() {
			from = netip.IPv4Unspecified()
		}
	}
	h.Addr, h.Took = from, took
	switch {
	case p.arrived(r):
		h.Last = true
	case !p.expired(r):
		h.Error = r.errno.Error()
	}
}

// listen waits until a time for what comes back to probes; take is told each
// and ends it by returning true.
func listen(ctx context.Context, probes []*probe, until time.Time, take func(i int, r refusal) bool) {
	left := len(probes)
	fds := make([]unix.PollFd, len(probes))
	for i, p := range probes {
		fds[i] = unix.PollFd{Fd: int32(p.fd)} // errors are always told
	}
	for left > 0 && ctx.Err() == nil {
		wait := min(time.Until(until), pollEvery)
		if wait <= 0 {
			return
		}
		n, err := unix.Poll(fds, int(wait.Milliseconds())+1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		for i := range fds {
			if n <= 0 || fds[i].Revents == 0 {
				continue
			}
			r, ok := probes[i].refused()
			if !ok {
				continue
			}
			if take(i, r) {
				return
			}
			fds[i].Fd = -1 // heard
			left--
		}
	}
}
