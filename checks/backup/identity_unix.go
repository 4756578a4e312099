//go:build unix

package backup

import (
	"fmt"
	"io/fs"
	"syscall"
)

// identity tells a file from all others, and from itself after it was written to.
func identity(path string, info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Sprintf("%s %d %d", path, info.Size(), info.ModTime().UnixNano())
	}
	return fmt.Sprintf("%d:%d %d %d", st.Dev, st.Ino, info.Size(), info.ModTime().UnixNano())
}
