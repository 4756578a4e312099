//go:build unix

package external

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// worldWritable reports whether everybody may write to it.
func worldWritable(info fs.FileInfo) bool { return info.Mode().Perm()&0o002 != 0 }

// maxLinks is how many symbolic links are followed, as the kernel does.
const maxLinks = 40

// trusted returns where the program at an absolute path really is, or an error
// that names what somebody other than root (or other than us, if we are not
// root: whoever is us can do all that we can) could change: the program, or any
// folder or link on the way to it.
//
// A folder that everybody may write to is accepted if it is sticky, like /tmp:
// only the owner of what lies in it may replace that, and the owner is looked
// at in the next step.
func trusted(path string) (string, error) {
	at, links := "/", 0
	for rest := strings.Split(path, "/"); len(rest) > 0; {
		step := filepath.Join(at, rest[0])
		rest = rest[1:]
		info, err := os.Lstat(step)
		if err != nil {
			return "", err
		}
		if err := trustedEntry(step, info); err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = step
			continue
		}
		target, err := os.Readlink(step)
		if err != nil {
			return "", err
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s: too many symbolic links", path)
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return at, program(at)
}

// program returns an error if path is none.
func program(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return fmt.Errorf("%s is not a program", path)
	}
	return nil
}

func trustedEntry(path string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("the owner of %s is not known", path)
	}
	if owner := int(st.Uid); owner != 0 && owner != os.Geteuid() {
		return &untrusted{path, "plugin.owner", map[string]any{"uid": owner}}
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return nil // has no rights of its own
	}
	sticky := info.IsDir() && info.Mode()&fs.ModeSticky != 0
	if mode := info.Mode().Perm(); mode&0o022 != 0 && !sticky {
		return &untrusted{path, "plugin.writable", map[string]any{"mode": fmt.Sprintf("%04o", mode)}}
	}
	return nil
}
