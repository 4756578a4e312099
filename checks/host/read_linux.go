package host

import (
	"bytes"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// reader reads the small files of /proc and /sys into one buffer that is used
// again, by bare system calls: no poller, no finalizer, no stat. Opening each
// time costs about 4 µs a file more than keeping it open, some 80 µs for one
// collection, and spares us stale handles after a device or network namespace
// has gone.
//
// What a method returns is valid until the next call.
type reader struct{ buf []byte }

// maxFile bounds what is read of one file, against files that grow without end.
const maxFile = 32 << 20

// all reads a whole file.
func (r *reader) all(path string) ([]byte, error) {
	fd, err := openat(unix.AT_FDCWD, path)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	if r.buf == nil {
		r.buf = make([]byte, 8<<10)
	}
	n := 0
	for {
		if n == len(r.buf) {
			if n >= maxFile {
				return r.buf[:n], nil
			}
			r.buf = append(r.buf, make([]byte, n)...)
		}
		m, err := readFD(fd, r.buf[n:])
		if err != nil {
			return nil, &fs.PathError{Op: "read", Path: path, Err: err}
		}
		if m == 0 {
			return r.buf[:n], nil
		}
		n += m
	}
}

// one reads a file of one value by a single read: the attributes of sysfs and
// /proc/sys come whole or not at all, and some drivers answer EAGAIN, which
// must not be waited for. Blanks around the value are dropped.
func (r *reader) one(path string) ([]byte, error) {
	return r.oneAt(unix.AT_FDCWD, path)
}

func (r *reader) oneAt(dir int, path string) ([]byte, error) {
	fd, err := openat(dir, path)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	if r.buf == nil {
		r.buf = make([]byte, 8<<10)
	}
	n, err := readFD(fd, r.buf)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return bytes.TrimSpace(r.buf[:n]), nil
}

// text reads a file of one value as a string; "" if it cannot be read.
func (r *reader) text(path string) string {
	b, err := r.one(path)
	if err != nil {
		return ""
	}
	return string(b)
}

// value reads a file of one number.
func (r *reader) value(path string) (float64, bool) {
	b, err := r.one(path)
	if err != nil {
		return 0, false
	}
	if n, ok := number(b); ok {
		return float64(n), true
	}
	return float(b)
}

func openat(dir int, path string) (int, error) {
	for {
		fd, err := unix.Openat(dir, path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			return fd, nil
		}
		if err != unix.EINTR {
			return -1, &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

func readFD(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Read(fd, p)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// entries lists the names in a folder that begin with prefix; none if there is
// no such folder.
func entries(folder, prefix string) []string {
	list, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range list {
		if strings.HasPrefix(e.Name(), prefix) {
			names = append(names, e.Name())
		}
	}
	return names
}
