package archive

import (
	"os"

	"golang.org/x/sys/unix"
)

// forget tells the kernel that a file which was read through once is not needed
// in its cache: the memory belongs to the platform.
func forget(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }
