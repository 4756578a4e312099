package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// mountReader reads the mount table.
type mountReader struct {
	reader
	// tables are tried in turn: the one of PID 1 shows the machine as it is,
	// the agent's own what systemd's sandbox made of it.
	tables []string
	rootfs string
	// last is the table as it was read last, list what it said: it seldom
	// changes, and taking it apart costs more than comparing it.
	last []byte
	list []mount
}

func newMountReader(cfg Config) *mountReader {
	return &mountReader{
		tables: []string{cfg.Procfs + "/1/mountinfo", cfg.Procfs + "/self/mountinfo"},
		rootfs: cfg.Rootfs,
	}
}

// mounts returns the mounts below rootfs, and whether they may have changed
// since the last call. They are not to be written to.
func (r *mountReader) mounts() (list []mount, changed bool, err error) {
	b, err := r.table()
	if err != nil {
		return nil, true, err
	}
	if bytes.Equal(b, r.last) {
		return r.list, false, nil
	}
	r.last = append(r.last[:0], b...)
	for line := []byte(nil); len(b) > 0; {
		line, b = cutLine(b)
		m, err := parseMount(string(line))
		if err != nil {
			r.last = nil
			return nil, true, err
		}
		if m.point = below(r.rootfs, m.point); m.point != "" {
			list = append(list, m)
		}
	}
	r.list = list
	return list, true, nil
}

func (r *mountReader) table() (b []byte, err error) {
	for _, path := range r.tables {
		b, err = r.all(path)
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return b, err
		}
	}
	return nil, err
}

// parseMount reads a line of /proc/PID/mountinfo:
//
//	36 35 98:0 /root /mnt rw,noatime master:1 - ext4 /dev/sda1 rw,errors=continue
func parseMount(line string) (mount, error) {
	head, tail, ok := strings.Cut(line, " - ")
	h, t := strings.Split(head, " "), strings.SplitN(tail, " ", 3)
	if !ok || len(h) < 6 || len(t) < 3 {
		return mount{}, fmt.Errorf("parse mount table: %q is not a mount", line)
	}
	return mount{
		id: h[0], point: unescape(h[4]), options: h[5],
		fstype: t[0], device: unescape(t[1]), superOptions: t[2],
		readonly: option(h[5], "ro") || option(t[2], "ro") || option(t[2], "emergency_ro"),
	}, nil
}

// unescape undoes \040, \011, \012 and \134 for blank, tab, newline and
// backslash.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// below strips root from a mount point; "" if it is not below root.
func below(root, point string) string {
	root = strings.TrimRight(root, "/")
	rest, ok := strings.CutPrefix(point, root)
	switch {
	case !ok:
		return ""
	case rest == "":
		return "/"
	case rest[0] != '/':
		return ""
	}
	return rest
}

// statfs asks a mount for its usage. It blocks while the mount is hung.
func (r *mountReader) statfs(m mount) (usage, error) {
	var s unix.Statfs_t
	for {
		err := unix.Statfs(filepath.Join(r.rootfs, m.point), &s)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			return usage{}, err
		}
	}
	block := float64(s.Bsize)
	return usage{
		size:      float64(s.Blocks) * block,
		free:      float64(s.Bfree) * block,
		avail:     float64(s.Bavail) * block,
		files:     float64(s.Files),
		filesFree: float64(s.Ffree),
	}, nil
}

// fstab says of a mount point whether /etc/fstab wants it writable. It is read
// when asked, which is only about mounts that are read-only.
func (r *mountReader) fstab(point string) (wanted, known bool) {
	var own reader // the mount table is still in the other one
	b, err := own.all(filepath.Join(r.rootfs, "etc/fstab"))
	if err != nil {
		return false, false
	}
	for line := []byte(nil); len(b) > 0; {
		line, b = cutLine(b)
		f := bytes.Fields(line)
		if len(f) >= 4 && f[0][0] != '#' && unescape(string(f[1])) == point {
			wanted, known = !option(string(f[3]), "ro"), true
		}
	}
	return wanted, known
}
