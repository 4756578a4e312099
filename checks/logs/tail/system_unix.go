//go:build unix

package tail

import (
	"os"
	"syscall"
)

// identOf tells files apart that bear the same name one after the other.
func identOf(fi os.FileInfo) ident {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return ident{Dev: uint64(st.Dev), Ino: st.Ino} //nolint:unconvert // Dev is narrower elsewhere
	}
	return ident{}
}

func tryLock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// deleted reports whether an open file has no name any more.
func deleted(f *os.File) bool {
	if f == nil {
		return false
	}
	fi, err := f.Stat()
	if err != nil {
		return false
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && st.Nlink == 0
}
