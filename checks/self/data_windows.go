package self

import (
	"fmt"

	"golang.org/x/sys/windows"
)

func measure(dir string) (room, error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return room{}, err
	}
	var free, size uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, &size, nil); err != nil {
		return room{}, fmt.Errorf("measure the room in %s: %w", dir, err)
	}
	return room{size: float64(size), free: float64(free), inodes: -1}, nil
}
