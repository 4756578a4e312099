package host

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of a look at changed files.
const (
	maxLookedAt   = 20_000
	lookAtChanges = 2 * time.Second
	maxHomes      = 2_000
)

// changeFinder gathers changed files.
type changeFinder struct {
	Changes
	root   string
	since  time.Time
	users  map[uint32]string
	mounts map[string]string // type by mount point
	walked int
}

func newChangeFinder(cfg Config, since time.Time) (*changeFinder, error) {
	f := &changeFinder{root: strings.TrimRight(cfg.Rootfs, "/"), since: since, users: userNames(cfg.Rootfs), mounts: map[string]string{}}
	list, _, err := newMountReader(cfg).mounts()
	if err != nil {
		return nil, err // which mounts could hang is not known
	}
	for _, m := range list {
		f.mounts[m.point] = m.fstype
	}
	return f, nil
}

// see looks at one file. One that is not there has not been changed.
func (f *changeFinder) see(path string) {
	var st unix.Stat_t
	err := unix.Lstat(f.root+path, &st)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR):
		return
	case err != nil:
		f.Unread++
		return
	}
	f.Seen++
	at := time.Unix(st.Ctim.Unix()).UTC()
	if at.Before(f.since) {
		return
	}
	owner := f.users[st.Uid]
	if owner == "" {
		owner = strconv.FormatUint(uint64(st.Uid), 10)
	}
	f.Files = append(f.Files, ChangedFile{Path: oneLine(path), At: at, Owner: oneLine(owner), Size: float64(st.Size)})
}

// newest keeps the n files that were changed last.
func (f *changeFinder) newest(n int) Changes {
	slices.SortFunc(f.Files, func(a, b ChangedFile) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Path, b.Path)) })
	f.Total = len(f.Files)
	f.Files = slices.Clip(f.Files[:min(n, len(f.Files))])
	return f.Changes
}

// far reports whether a path is on another machine's disk, or behind an
// automounter: asking for it could hang, or mount something.
func (f *changeFinder) far(path string) bool {
	for p := path; ; p = filepath.Dir(p) {
		if kind, ok := f.mounts[p]; ok {
			return farFilesystem(kind)
		}
		if p == "/" || p == "." {
			return false
		}
	}
}

func farFilesystem(kind string) bool {
	kind = strings.TrimPrefix(kind, "fuse.")
	for _, k := range [...]string{"nfs", "cifs", "smb", "ceph", "gluster", "lustre", "afs", "9p", "autofs", "gfs", "ocfs", "sshfs", "fuse", "beegfs", "davfs"} {
		if strings.HasPrefix(kind, k) {
			return true
		}
	}
	return false
}

func accountFiles(ctx context.Context, cfg Config, since time.Time, n int) (Changes, error) {
	f, err := newChangeFinder(cfg, since)
	if err != nil {
		return Changes{}, err
	}
	for _, path := range [...]string{"/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/sudoers", "/etc/security/access.conf"} {
		f.see(path)
	}
	err = f.walk(ctx, "/etc/sudoers.d")
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return f.newest(n), err
}

func keyFiles(ctx context.Context, cfg Config, since time.Time, n int) (Changes, error) {
	f, err := newChangeFinder(cfg, since)
	if err != nil {
		return Changes{}, err
	}
	list, err := readAccounts(f.root)
	if err != nil {
		return Changes{}, err
	}
	homes := map[string]bool{}
	for _, a := range list {
		home := filepath.Clean("/" + a.home)
		if a.home == "" || homes[home] {
			continue
		}
		if ctx.Err() != nil || len(homes) == maxHomes {
			f.Partial = true
			break
		}
		homes[home] = true
		if f.far(home) {
			f.Skipped = append(f.Skipped, oneLine(home))
			continue
		}
		for _, name := range [...]string{"authorized_keys", "authorized_keys2"} {
			f.see(filepath.Join(home, ".ssh", name))
		}
	}
	return f.newest(n), nil
}

func changedFiles(ctx context.Context, cfg Config, folders []string, since time.Time, n int) (Changes, error) {
	f, err := newChangeFinder(cfg, since)
	if err != nil {
		return Changes{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookAtChanges)
	defer cancel()
	for _, folder := range folders {
		folder = filepath.Clean(folder)
		if !filepath.IsAbs(folder) || folder == "/" || f.far(folder) {
			f.Skipped = append(f.Skipped, oneLine(folder))
			continue
		}
		err := f.walk(ctx, folder)
		if parent := filepath.Dir(folder); errors.Is(err, unix.ENOTDIR) && parent != "/" {
			err = f.walk(ctx, parent) // a file is named: what stands beside it counts
		}
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			f.Skipped = append(f.Skipped, oneLine(folder))
		} else if err != nil {
			f.Unread++
		}
	}
	return f.newest(n), nil
}

// walk looks at all files below a folder, without following links and without
// leaving its filesystem. Only the folder itself gives an error.
func (f *changeFinder) walk(ctx context.Context, top string) error {
	todo := []string{top}
	for len(todo) > 0 {
		folder := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		below, err := f.list(ctx, folder)
		switch {
		case err != nil && folder == top:
			return err
		case errors.Is(err, fs.ErrNotExist): // gone meanwhile
		case err != nil:
			f.Unread++
		}
		if f.Partial {
			return nil
		}
		todo = append(todo, below...)
	}
	return nil
}

// list looks at the files of one folder, some at a time since there may be
// millions, and returns the folders in it.
func (f *changeFinder) list(ctx context.Context, folder string) (below []string, err error) {
	d, err := os.Open(f.root + folder)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	for {
		batch, err := d.ReadDir(256)
		for _, e := range batch {
			if f.walked++; f.walked > maxLookedAt || ctx.Err() != nil {
				f.Partial = true
				return below, nil
			}
			path := filepath.Join(folder, e.Name())
			switch _, mounted := f.mounts[path]; {
			case mounted:
				f.Skipped = append(f.Skipped, oneLine(path))
			case e.IsDir():
				below = append(below, path)
			default:
				f.see(path)
			}
		}
		if err == io.EOF {
			return below, nil
		}
		if err != nil {
			return below, err
		}
	}
}
