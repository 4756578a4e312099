package host

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strconv"
)

// maxPeers bounds the peers that are counted, against a flood of forged ones.
const maxPeers = 50_000

// A connection that is asked for is in the first of these states; the second
// is a request without a socket of its own, as kernels have it since 4.4.
const (
	tcpHalfOpen = 3
	tcpRequest  = 12
)

// connection is an established one: who is at its other end, and both ports.
type connection struct {
	peer         string
	local, other int
}

func peers(ctx context.Context, cfg Config, n int) (PeerSummary, error) {
	var sum PeerSummary
	listening := map[int]bool{}
	var open []connection
	for _, table := range [...]string{"tcp", "tcp6"} {
		err := eachSocket(ctx, cfg.Procfs+"/net/"+table, func(state uint64, local, other []byte) {
			switch state {
			case tcpHalfOpen, tcpRequest:
				sum.HalfOpen++
			case tcpListen:
				if _, port, ok := parseAddress(local); ok {
					listening[port] = true
				}
			case tcpEstablished:
				_, port, ok1 := parseAddress(local)
				address, far, ok2 := parseAddress(other)
				a, err := netip.ParseAddr(address)
				if ok1 && ok2 && err == nil && !a.Unmap().IsLoopback() {
					open = append(open, connection{a.Unmap().String(), port, far})
				}
			}
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			if ctx.Err() == nil {
				return sum, err
			}
			sum.Partial = true
		}
	}
	sum.count(open, listening, n)
	return sum, nil
}

// count groups connections by peer, and those of a peer by port.
func (s *PeerSummary) count(open []connection, listening map[int]bool, n int) {
	type side struct {
		port     int
		incoming bool
	}
	by := map[string]map[side]int{}
	for _, c := range open {
		s.Connections++
		if by[c.peer] == nil {
			if len(by) == maxPeers {
				s.Partial = true
				continue
			}
			by[c.peer] = map[side]int{}
		}
		key := side{c.other, false}
		if listening[c.local] {
			key = side{c.local, true}
		}
		by[c.peer][key]++
	}
	s.Total = len(by)
	for address, sides := range by {
		p, most := Peer{Address: address}, 0
		for key, count := range sides {
			p.Connections += count
			if count > most || count == most && key.port < p.Port {
				most, p.Port, p.Incoming = count, key.port, key.incoming
			}
		}
		s.Peers = append(s.Peers, p)
	}
	slices.SortFunc(s.Peers, func(a, b Peer) int {
		return cmp.Or(cmp.Compare(b.Connections, a.Connections), cmp.Compare(a.Address, b.Address))
	})
	s.Peers = slices.Clip(s.Peers[:min(n, len(s.Peers))])
}

// eachSocket reads a table of /proc/net line by line until ctx is done: with
// many connections the whole may take seconds.
func eachSocket(ctx context.Context, path string, see func(state uint64, local, other []byte)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if err := ctx.Err(); err != nil {
			return err
		}
		w := bytes.Fields(lines.Bytes())
		if len(w) < 4 {
			continue
		}
		if state, err := strconv.ParseUint(string(w[3]), 16, 8); err == nil { // not the heading
			see(state, w[1], w[2])
		}
	}
	return lines.Err()
}
