package host

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// tcpStates are the states as /proc/net/tcp numbers them, from 1.
var tcpStates = [...]string{"", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close",
	"close_wait", "last_ack", "listen", "closing", "new_syn_recv"}

const (
	tcpEstablished = 1
	tcpListen      = 10
	udpUnconnected = 7
)

func sockets(ctx context.Context) (SocketSummary, error) { return socketsIn(ctx, Default().Procfs) }

// socketScan gathers a SocketSummary.
type socketScan struct {
	sum         SocketSummary
	listening   map[uint64]*Listener // by inode
	established map[int]int          // by local port
}

func socketsIn(ctx context.Context, procfs string) (SocketSummary, error) {
	s := &socketScan{sum: SocketSummary{TCP: map[string]int{}}, listening: map[uint64]*Listener{}, established: map[int]int{}}
	for _, protocol := range [...]string{"tcp", "tcp6", "udp", "udp6"} {
		err := s.table(ctx, procfs, protocol)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, context.Cause(ctx)) {
			return s.sum, err
		}
	}
	s.owners(ctx, procfs)
	for _, l := range s.listening {
		if strings.HasPrefix(l.Protocol, "tcp") {
			l.Established = s.established[l.Port]
		}
		s.sum.Listening = append(s.sum.Listening, *l)
	}
	s.sum.Listening = sortListeners(s.sum.Listening)
	s.sum.Partial = ctx.Err() != nil
	return s.sum, nil
}

// table reads one of /proc/net/{tcp,udp}{,6} piece by piece: with many
// connections the whole may take seconds.
func (s *socketScan) table(ctx context.Context, procfs, protocol string) error {
	path := procfs + "/net/" + protocol
	fd, err := openat(unix.AT_FDCWD, path)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	buf, held, heading := make([]byte, 64<<10), 0, true
	for ctx.Err() == nil {
		n, err := readFD(fd, buf[held:])
		if err != nil {
			return &fs.PathError{Op: "read", Path: path, Err: err}
		}
		if n == 0 {
			return nil
		}
		rest := buf[:held+n]
		for {
			end := bytes.IndexByte(rest, '\n')
			if end < 0 {
				break
			}
			if !heading {
				s.line(protocol, rest[:end])
			}
			heading, rest = false, rest[end+1:]
		}
		if held = copy(buf, rest); held == len(buf) {
			return errors.New("parse " + path + ": a line without end")
		}
	}
	return context.Cause(ctx)
}

// line reads a line such as
//
//	0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 12345 …
func (s *socketScan) line(protocol string, line []byte) {
	var f [10][]byte
	for i := range f {
		f[i], line = cutField(line)
	}
	state, err := strconv.ParseUint(string(f[3]), 16, 8)
	if err != nil {
		return
	}
	udp := strings.HasPrefix(protocol, "udp")
	switch {
	case udp:
		s.sum.UDP++
	case int(state) < len(tcpStates):
		s.sum.TCP[tcpStates[state]]++
	}
	address, port, ok := parseAddress(f[1])
	if !ok {
		return
	}
	if state == tcpEstablished && !udp {
		s.established[port]++
	}
	if inode, ok := number(f[9]); ok && (udp && state == udpUnconnected || !udp && state == tcpListen) {
		l := &Listener{Protocol: protocol, Address: address, Port: port}
		if _, waiting, ok := bytes.Cut(f[4], []byte(":")); ok && !udp {
			queue, _ := strconv.ParseUint(string(waiting), 16, 32)
			l.Queue = int(queue)
		}
		s.listening[inode] = l
	}
}

// parseAddress reads "0100007F:1F90". The address is in words of 32 bits, each
// in the byte order of the machine, the port is in hexadecimal.
func parseAddress(b []byte) (address string, port int, ok bool) {
	host, p, _ := bytes.Cut(b, []byte(":"))
	n, err := strconv.ParseUint(string(p), 16, 16)
	if err != nil {
		return "", 0, false
	}
	raw, err := hex.DecodeString(string(host))
	if err != nil || len(raw)%4 != 0 {
		return "", 0, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	ip, ok := netip.AddrFromSlice(raw)
	return ip.String(), int(n), ok
}

// owners looks through the open files of all processes for the sockets that
// listen, until each has its owner or ctx is done. Other users' files are
// seen by root only.
func (s *socketScan) owners(ctx context.Context, procfs string) {
	missing := len(s.listening)
	for _, pid := range entries(procfs, "") {
		if missing == 0 || ctx.Err() != nil {
			return
		}
		id, ok := number([]byte(pid))
		if !ok {
			continue
		}
		for _, fd := range entries(procfs+"/"+pid+"/fd", "") {
			link, err := os.Readlink(procfs + "/" + pid + "/fd/" + fd)
			if err != nil || !strings.HasPrefix(link, "socket:[") {
				continue
			}
			inode, _ := number([]byte(strings.TrimSuffix(link[len("socket:["):], "]")))
			if l := s.listening[inode]; l != nil && l.PID == 0 {
				var r reader
				l.PID, l.Process = int(id), safe(r.text(procfs+"/"+pid+"/comm"))
				missing--
			}
		}
	}
}
