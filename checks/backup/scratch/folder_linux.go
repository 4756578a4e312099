package scratch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"xunjian/checks/backup/program"
)

// quit ends a PostgreSQL server at once; MariaDB dies of it.
const quit = syscall.SIGQUIT

// prefix begins the name of every folder of ours.
const prefix = "xunjian-restore-"

// lockName is the file that whoever uses a folder holds locked.
const lockName = "owner.lock"

// folder is where a server lives.
type folder struct {
	path string
	lock *os.File
}

// makeFolder makes a folder for a server that runs as who.
func makeFolder(workDir, tag string, who *program.User) (*folder, error) {
	path, err := os.MkdirTemp(workDir, prefix+tag+"-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the scratch server: %w", err)
	}
	f := &folder{path: path}
	if f.lock, err = os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
		err = unix.Flock(int(f.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err == nil && who != nil {
		err = os.Chown(path, int(who.UID), int(who.GID))
	}
	if err != nil {
		return nil, errors.Join(err, f.remove())
	}
	return f, nil
}

// remove kills what still runs in the folder and removes it.
func (f *folder) remove() error {
	err := clear(f.path)
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
	}
	return err
}

// clear removes a folder with all in it. A server that was killed may still
// write for a moment.
func clear(path string) error {
	var err error
	for range 50 {
		killWithin(path)
		if err = os.RemoveAll(path); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("remove the scratch server's folder: %w", err)
}

// killWithin kills the processes whose working folder is path or below: both
// servers work where their data lies.
func killWithin(path string) {
	list, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range list {
		cwd, err := os.Readlink(link)
		cwd = strings.TrimSuffix(cwd, " (deleted)")
		if err != nil || cwd != path && !strings.HasPrefix(cwd, path+"/") {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil && pid > 1 && pid != os.Getpid() {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}

// Sweep removes what servers with a tag left behind in workDir when the agent
// was killed, and returns the folders. A folder that somebody uses stays.
func Sweep(workDir, tag string) ([]string, error) {
	list, err := filepath.Glob(filepath.Join(workDir, prefix+tag+"-*"))
	if err != nil {
		return nil, err
	}
	var swept []string
	var errs []error
	for _, path := range list {
		if !abandoned(path, prefix+tag+"-") {
			continue
		}
		if err := clear(path); err != nil {
			errs = append(errs, err)
			continue
		}
		swept = append(swept, path)
	}
	return swept, errors.Join(errs...)
}

// abandoned reports whether a folder is one of ours that nobody holds. The lock
// is root's own or the agent's: nobody else can make us kill and remove.
func abandoned(path, prefix string) bool {
	if _, err := strconv.ParseUint(strings.TrimPrefix(filepath.Base(path), prefix), 10, 64); err != nil {
		return false // a set whose name begins like this one's
	}
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		// Killed between the making of the folder and that of the lock.
		return errors.Is(err, fs.ErrNotExist) && owned(info) && time.Since(info.ModTime()) > time.Minute
	}
	defer lock.Close()
	held, err := lock.Stat()
	return err == nil && owned(held) && unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}

func owned(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}

// room returns an error if less than need bytes, and a tenth of the filesystem,
// are free.
func room(dir string, need int64) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("measure the room in %s: %w", dir, err)
	}
	free := int64(st.Bavail) * st.Bsize
	want := need + int64(st.Blocks)*st.Bsize/10
	if free < want {
		return &NoSpaceError{Dir: dir, Need: want, Free: free}
	}
	return nil
}
