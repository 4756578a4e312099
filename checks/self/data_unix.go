//go:build unix

package self

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func measure(dir string) (room, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return room{}, fmt.Errorf("measure the room in %s: %w", dir, err)
	}
	r := room{size: float64(st.Blocks) * float64(st.Bsize), free: float64(st.Bavail) * float64(st.Bsize), inodes: float64(st.Ffree)}
	if st.Files == 0 { // btrfs and others make inodes as they need them
		r.inodes = -1
	}
	return r, nil
}
