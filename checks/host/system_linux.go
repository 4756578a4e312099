package host

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// systemReader asks uname and reads os-release.
type systemReader struct {
	reader
	rootfs string
}

func (r *systemReader) read() (l systemLook, err error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return l, err
	}
	for i, field := range [...][]byte{u.Sysname[:], u.Release[:], u.Version[:], u.Machine[:], u.Nodename[:], u.Domainname[:]} {
		l.uname[i] = unix.ByteSliceToString(field)
	}
	for _, path := range [...]string{"etc/os-release", "usr/lib/os-release"} {
		if b, err := r.all(filepath.Join(r.rootfs, path)); err == nil {
			l.release = parseRelease(string(b))
			break
		}
	}
	return l, nil
}
