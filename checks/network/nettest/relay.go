//go:build linux

package nettest

import (
	"encoding/binary"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Relay answers the pings to all addresses of a network, each after a delay, and
// logs what it did: a far network whose delays are known. It stands where
// netem(8) is not in the kernel.
type Relay struct {
	tun   *os.File
	delay func(to netip.Addr, seq int) time.Duration

	mu  sync.Mutex
	log []Echo
}

// Echo is a ping as the relay had it.
type Echo struct {
	To      netip.Addr
	ID, Seq int
	// Came and Went are just after the ping was read, and just before its answer
	// was written: nobody can rightly see it answered in less.
	Came, Went time.Time
}

// Held is how long the relay kept it.
func (e Echo) Held() time.Duration { return e.Went.Sub(e.Came) }

// Relay puts a relay behind the interface tun0 of the machine, for all addresses
// of network but the first, which is the machine's: "10.82.0.1/16". A delay below
// 0 leaves a ping without an answer.
func (m *Machine) Relay(network string, delay func(to netip.Addr, seq int) time.Duration) *Relay {
	t := m.net.t
	t.Helper()
	r := &Relay{delay: delay}
	m.Inside(func() {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Errorf("open /dev/net/tun: %v", err)
			return
		}
		req, _ := unix.NewIfreq("tun0")
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
			t.Errorf("make tun0: %v", err)
		}
		r.tun = os.NewFile(uintptr(fd), "/dev/net/tun")
	})
	if t.Failed() {
		t.FailNow()
	}
	m.Address("tun0", network)
	m.IP("link", "set", "tun0", "up")
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.serve()
	}()
	t.Cleanup(func() {
		r.tun.Close()
		<-done
	})
	return r
}

// serve answers until the interface is closed.
func (r *Relay) serve() {
	var late sync.WaitGroup
	defer late.Wait()
	for {
		b := make([]byte, 2048)
		n, err := r.tun.Read(b)
		if err != nil {
			return
		}
		e := Echo{Came: time.Now()}
		head := int(b[0]&15) * 4
		if n < head+8 || b[0]>>4 != 4 || b[9] != unix.IPPROTO_ICMP || b[head] != 8 {
			continue // no echo request of IPv4
		}
		b = b[:n]
		e.To = netip.AddrFrom4([4]byte(b[16:20]))
		e.ID, e.Seq = int(binary.BigEndian.Uint16(b[head+4:])), int(binary.BigEndian.Uint16(b[head+6:]))
		turn(b, head)
		switch wait := r.delay(e.To, e.Seq); {
		case wait < 0:
			r.note(e)
		case wait == 0:
			r.answer(e, b)
		default:
			late.Add(1)
			time.AfterFunc(wait, func() {
				defer late.Done()
				r.answer(e, b)
			})
		}
	}
}

// turn makes the answer of a request. The sum of a header whose addresses change
// places stays as it was.
func turn(b []byte, head int) {
	for i := 12; i < 16; i++ {
		b[i], b[i+4] = b[i+4], b[i]
	}
	icmp := b[head:]
	icmp[0], icmp[2], icmp[3] = 0, 0, 0
	sum := uint32(0)
	for i := 0; i+1 < len(icmp); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(icmp[i:]))
	}
	if len(icmp)%2 == 1 {
		sum += uint32(icmp[len(icmp)-1]) << 8
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	binary.BigEndian.PutUint16(icmp[2:], ^uint16(sum))
}

func (r *Relay) answer(e Echo, b []byte) {
	e.Went = time.Now()
	_, _ = r.tun.Write(b) // closed: the test is over
	r.note(e)
}

func (r *Relay) note(e Echo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, e)
}

// Take returns what was logged since the last time, in the order in which it
// came.
func (r *Relay) Take() []Echo {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.log
	r.log = nil
	slices.SortStableFunc(out, func(a, b Echo) int { return a.Came.Compare(b.Came) })
	return out
}
