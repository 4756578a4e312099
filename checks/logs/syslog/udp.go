package syslog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"
)

// Datagrams are read many at a time: at 50,000 a second a system call for each
// costs more than reading them.
const (
	datagrams   = 64
	maxDatagram = 64 << 10
	// kernelBuffer is asked for where datagrams wait before they are read; the
	// kernel may give less (net.core.rmem_max).
	kernelBuffer = 32 << 20
)

// datagramReader reads a UDP socket into the queue.
type datagramReader struct {
	conn   *net.UDPConn
	table  *table
	queue  *queue
	kernel *kernelDrops

	came       []arrival // room for one batch, used again
	last       netip.Addr
	lastSource *source // of last; nil: not known
}

func listenUDP(ctx context.Context, address string) (*net.UDPConn, error) {
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(ctx, "udp", address)
	if err != nil {
		return nil, listenError("udp", address, err)
	}
	conn := pc.(*net.UDPConn)
	growBuffer(conn, kernelBuffer)
	return conn, nil
}

// When a socket is to be closed it is read until nothing is left in it, with a
// look every lastCall, but not for longer than lastOrders: a flood has no end.
const (
	lastCall   = 100 * time.Millisecond
	lastOrders = 10 * time.Second
)

// serve reads until ctx is done and nothing is left in the kernel, and closes
// the socket.
func (d *datagramReader) serve(ctx context.Context) error {
	defer d.conn.Close()
	defer d.kernel.count() // once more, while the kernel still tells
	stop := context.AfterFunc(ctx, func() { _ = d.conn.SetReadDeadline(time.Now().Add(lastCall)) })
	defer stop()
	var end time.Time
	pc := ipv4.NewPacketConn(d.conn) // reads either family; it is recvmmsg that is wanted
	batch := make([]ipv4.Message, datagrams)
	for i := range batch {
		batch[i].Buffers = [][]byte{make([]byte, maxDatagram)}
	}
	for {
		n, err := pc.ReadBatch(batch, 0)
		if ctx.Err() != nil {
			if end.IsZero() {
				end = time.Now().Add(lastOrders)
			}
			if err != nil && !left(d.conn) || time.Now().After(end) {
				return nil
			}
			_ = d.conn.SetReadDeadline(time.Now().Add(lastCall))
			if err != nil {
				continue // the time ran out before it could be read
			}
		}
		if err != nil {
			return fmt.Errorf("read datagrams: %w", err)
		}
		d.hand(batch[:n], time.Now())
	}
}

// hand puts a batch into the queue.
func (d *datagramReader) hand(batch []ipv4.Message, now time.Time) {
	d.came = d.came[:0]
	for i := range batch {
		m := &batch[i]
		a, ok := addressOf(m.Addr)
		if !ok || m.N == 0 {
			continue
		}
		// Datagrams of one sender mostly come in a row.
		if d.lastSource == nil || a != d.last {
			d.last, d.lastSource = a, d.table.of(a)
		}
		if d.lastSource != nil {
			d.came = append(d.came, arrival{d.lastSource, item{raw: append([]byte(nil), m.Buffers[0][:m.N]...), at: now}})
		}
	}
	d.queue.putAll(d.came)
	clear(d.came) // what was dropped must not be held here
}

func addressOf(a net.Addr) (netip.Addr, bool) {
	switch a := a.(type) {
	case *net.UDPAddr:
		return netip.AddrFromSlice(a.IP)
	case *net.TCPAddr:
		return netip.AddrFromSlice(a.IP)
	}
	return netip.Addr{}, false
}

// listenError says what to do about a port that cannot be had.
func listenError(kind, address string, err error) error {
	hint := ""
	if errors.Is(err, errPermission) {
		hint = "; ports under 1024 want CAP_NET_BIND_SERVICE, or take another one, like 5514, and let devices send there"
	}
	return fmt.Errorf("listen for syslog on %s %s: %w%s", kind, address, err, hint)
}
