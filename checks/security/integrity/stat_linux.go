package integrity

import (
	"bytes"
	"encoding/hex"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Open flags: a name that was swapped for a link or a pipe hangs nobody.
const openFlags = os.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC

func statOf(info fs.FileInfo) Entry {
	e := Entry{Mode: info.Mode(), Size: info.Size(), Modified: info.ModTime().UnixNano()}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		e.UID, e.GID, e.Inode = int(s.Uid), int(s.Gid), s.Ino
		e.Changed = s.Ctim.Nano()
	}
	if e.Mode.IsDir() {
		e.Size = 0 // says nothing, and differs by filesystem
	}
	return e
}

// rightsOf reads the extended attributes that give rights.
func rightsOf(path string) string {
	list := make([]byte, 4096)
	n, err := unix.Llistxattr(path, list)
	if err != nil || n <= 0 {
		return ""
	}
	var out []string
	for name := range bytes.SplitSeq(list[:n], []byte{0}) {
		key := string(name)
		if !strings.HasPrefix(key, "security.capability") && !strings.HasPrefix(key, "system.posix_acl") {
			continue
		}
		value := make([]byte, 1024)
		if k, err := unix.Lgetxattr(path, key, value); err == nil {
			out = append(out, key+"="+hex.EncodeToString(value[:k]))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

const (
	ioprioWhoProcess = 1
	ioprioLowest     = 2<<13 | 7 // best effort, last of eight
)

// standBack gives the calling thread the lowest priority at the disk that still
// gets its turn: in the idle class each request may wait ten seconds behind
// others, also those by which the thread keeps what it saw while a Run waits for
// it. Where the scheduler of the disk knows no priorities it changes nothing.
func standBack() { unix.Syscall(unix.SYS_IOPRIO_SET, ioprioWhoProcess, 0, ioprioLowest) }
