//go:build unix

package archive

import (
	"errors"
	"syscall"
)

// ignoreDirSync tells filesystems that cannot sync a folder.
func ignoreDirSync(err error) bool { return errors.Is(err, syscall.EINVAL) }
