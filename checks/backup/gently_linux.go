package backup

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// The idle class of the I/O scheduler, as ioprio_set takes it for a thread.
const (
	ioprioWhoProcess = 1
	ioprioIdle       = 3 << 13
	ioprioNone       = 0
)

// gently does something on a thread that reads from the disk only when nobody
// else does, as far as the I/O scheduler goes by that.
func gently(do func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// A kernel without I/O priorities does without.
	_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, ioprioWhoProcess, 0, ioprioIdle)
	defer func() { _, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, ioprioWhoProcess, 0, ioprioNone) }()
	do()
}
