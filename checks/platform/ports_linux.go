package platform

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// States of sockets in /proc/net.
const (
	stateListen  = "0A"
	stateUnbound = "07" // a UDP socket without a peer
)

// listening reads what listens on this machine.
func listening(procfs string) ([]socket, error) {
	ephemeral := ephemeralPorts(procfs)
	var out []socket
	found := false
	for _, file := range []string{"tcp", "tcp6", "udp", "udp6"} {
		f, err := os.Open(filepath.Join(procfs, "net", file))
		if errors.Is(err, fs.ErrNotExist) {
			continue // IPv6 may be off
		}
		if err != nil {
			return nil, err
		}
		found = true
		lines := bufio.NewScanner(f)
		lines.Scan() // heading
		for lines.Scan() {
			s, ok, err := parseSocket(file[:3], lines.Text())
			if err != nil {
				f.Close()
				return nil, fmt.Errorf("%s: %w", f.Name(), err)
			}
			// A UDP client is bound too, to a port that the kernel chose.
			if ok && !(s.protocol == "udp" && ephemeral(s.addr.Port())) {
				out = append(out, s)
			}
		}
		f.Close()
		if err := lines.Err(); err != nil {
			return nil, err
		}
	}
	if !found {
		return nil, fmt.Errorf("%s/net has neither tcp nor udp", procfs)
	}
	return out, nil
}

// ephemeralPorts tells the ports that the kernel gives to clients.
func ephemeralPorts(procfs string) func(uint16) bool {
	from, to := 32768, 60999
	if b, err := os.ReadFile(filepath.Join(procfs, "sys/net/ipv4/ip_local_port_range")); err == nil {
		fmt.Sscan(string(b), &from, &to)
	}
	return func(port uint16) bool { return int(port) >= from && int(port) <= to }
}

func parseSocket(protocol, line string) (s socket, ok bool, err error) {
	fields := strings.Fields(line)
	if len(fields) < 10 {
		return s, false, fmt.Errorf("a line of %d fields, want 10 or more", len(fields))
	}
	if state := fields[3]; protocol == "tcp" && state != stateListen || protocol == "udp" && state != stateUnbound {
		return s, false, nil
	}
	if s.addr, err = parseAddress(fields[1]); err != nil {
		return s, false, err
	}
	if s.inode, err = strconv.ParseUint(fields[9], 10, 64); err != nil {
		return s, false, err
	}
	s.protocol = protocol
	return s, true, nil
}

// parseAddress reads an address as the kernel prints it: words of four bytes
// in the machine's order, which is little-endian on all that we build for.
func parseAddress(word string) (netip.AddrPort, error) {
	host, port, ok := strings.Cut(word, ":")
	b, err := hex.DecodeString(host)
	if err != nil || !ok || len(b) != 4 && len(b) != 16 {
		return netip.AddrPort{}, fmt.Errorf("%q is no address", word)
	}
	for i := 0; i < len(b); i += 4 {
		b[i], b[i+1], b[i+2], b[i+3] = b[i+3], b[i+2], b[i+1], b[i]
	}
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	addr, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), nil
}

type owner struct {
	process string
	pid     int
}

// owners finds the programs that hold sockets. What was found once holds as
// long as the socket does: an inode is not given to another.
type owners struct {
	procfs string
	known  map[uint64]owner
}

// find names the programs of list. Those of others' processes it can only see
// with the right to; they stay empty.
func (o *owners) find(ctx context.Context, list []*socket) error {
	missing, wanted := map[uint64]bool{}, map[uint64]bool{}
	for _, s := range list {
		wanted[s.inode] = true
		if _, ok := o.known[s.inode]; !ok {
			missing[s.inode] = true
		}
	}
	for inode := range o.known {
		if !wanted[inode] {
			delete(o.known, inode)
		}
	}
	if len(missing) > 0 {
		if err := o.search(ctx, missing); err != nil {
			return err
		}
	}
	for _, s := range list {
		s.process, s.pid = o.known[s.inode].process, o.known[s.inode].pid
	}
	return nil
}

// search walks through the open files of all processes.
func (o *owners) search(ctx context.Context, missing map[uint64]bool) error {
	entries, err := os.ReadDir(o.procfs)
	if err != nil {
		return err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		folder := filepath.Join(o.procfs, e.Name(), "fd")
		files, err := os.ReadDir(folder)
		if err != nil {
			continue // gone, or not ours to see
		}
		for _, f := range files {
			link, err := os.Readlink(filepath.Join(folder, f.Name()))
			text, ok := strings.CutPrefix(link, "socket:[")
			if err != nil || !ok {
				continue
			}
			inode, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 64)
			if err != nil || !missing[inode] {
				continue
			}
			name, err := os.ReadFile(filepath.Join(o.procfs, e.Name(), "comm"))
			if err != nil {
				continue
			}
			o.known[inode] = owner{string(bytes.TrimSpace(name)), pid}
			delete(missing, inode)
		}
		if len(missing) == 0 {
			return nil
		}
	}
	return nil
}
