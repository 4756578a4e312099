package syslog

import (
	"bytes"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// growBuffer asks for a larger buffer in the kernel, beyond net.core.rmem_max
// where that is allowed (CAP_NET_ADMIN).
func growBuffer(conn *net.UDPConn, size int) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	var forced error
	if err := raw.Control(func(fd uintptr) {
		forced = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size)
	}); err != nil || forced != nil {
		_ = conn.SetReadBuffer(size) // as much as there is
	}
}

// left reports whether a datagram waits to be read.
func left(conn *net.UDPConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	size := 0
	_ = raw.Control(func(fd uintptr) { size, _ = unix.IoctlGetInt(int(fd), unix.SIOCINQ) })
	return size > 0
}

// kernelDrops counts the datagrams that the kernel dropped before they were
// read: its buffer was full. The kernel keeps that number for each socket.
type kernelDrops struct {
	inode uint64

	mu   sync.Mutex
	last uint64
}

func newKernelDrops(conn *net.UDPConn) *kernelDrops {
	k := &kernelDrops{}
	raw, err := conn.SyscallConn()
	if err != nil {
		return k
	}
	_ = raw.Control(func(fd uintptr) {
		var st syscall.Stat_t
		if syscall.Fstat(int(fd), &st) == nil {
			k.inode = st.Ino
		}
	})
	return k
}

// count returns the number; while the socket is open it is exact.
func (k *kernelDrops) count() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, name := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		for line := range bytes.Lines(data) {
			f := bytes.Fields(line)
			if len(f) < 13 {
				continue
			}
			if inode, err := strconv.ParseUint(string(f[9]), 10, 64); err != nil || inode != k.inode {
				continue
			}
			if n, err := strconv.ParseUint(string(f[12]), 10, 64); err == nil {
				k.last = max(k.last, n)
			}
			return k.last
		}
	}
	return k.last
}
