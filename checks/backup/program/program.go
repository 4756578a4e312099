// Package program runs the programs of others that backups need: restic, borg,
// and the servers and clients of databases. Arguments go as a list and no shell
// reads them; a password goes through a pipe, never through arguments or
// environment; all that a program started is gone when it is done or late.
package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrMissing is returned when a program is not installed.
var ErrMissing = errors.New("not installed")

// folders are where programs are looked for.
func folders() []string {
	return []string{"/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"}
}

// Find returns the first of the names that is installed, in dirs or else in the
// usual folders, and that nobody but root (or the agent's own user) could have
// changed. The error is ErrMissing if there is none.
func Find(dirs []string, names ...string) (string, error) {
	for _, name := range names {
		for _, dir := range slices.Concat(dirs, folders()) {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err != nil || info.IsDir() {
				continue
			}
			return path, Trusted(path)
		}
	}
	return "", fmt.Errorf("%s: %w", strings.Join(names, " or "), ErrMissing)
}

// Command is one run of a program.
type Command struct {
	Path string
	Args []string // without the name of the program
	// Env is all that it gets beside PATH, LANG and HOME.
	Env []string
	// Dir is where it runs; empty means /.
	Dir   string
	Stdin io.Reader
	// Secret, if not empty, can be read once from file descriptor 3.
	Secret string
	// User is as whom it runs; nil means as the agent does.
	User *User
}

// User is an account of the machine.
type User struct {
	Name     string
	UID, GID uint32
}

// maxOutput is how much of each of the two outputs is kept, in bytes.
const maxOutput = 4 << 20

// Outcome is a program that has ended.
type Outcome struct {
	Code           int
	Stdout, Stderr Tail
}

// Tail keeps the last bytes of what is written to it.
type Tail struct {
	buf   bytes.Buffer
	Limit int // 0 means maxOutput
	Lost  int64
}

// Write never fails and never blocks.
func (t *Tail) Write(b []byte) (int, error) {
	limit := t.Limit
	if limit == 0 {
		limit = maxOutput
	}
	n := len(b)
	if n > limit {
		t.Lost += int64(n - limit)
		b = b[n-limit:]
	}
	if over := t.buf.Len() + len(b) - 2*limit; over > 0 {
		cut := t.buf.Len() + len(b) - limit
		t.Lost += int64(cut)
		rest := append([]byte(nil), t.buf.Bytes()[min(cut, t.buf.Len()):]...)
		t.buf.Reset()
		t.buf.Write(rest)
	}
	t.buf.Write(b)
	return n, nil
}

// String is what is kept.
func (t *Tail) String() string { return t.buf.String() }

// Lines are its last n lines.
func (t *Tail) Lines(n int) string {
	lines := strings.Split(strings.TrimRight(t.buf.String(), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func (c Command) environment() []string {
	home := "/"
	if c.Dir != "" {
		home = c.Dir
	}
	return append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "HOME=" + home,
	}, c.Env...)
}

// Run runs the program until it ends or ctx does. The error is that of the start
// or of ctx; that the program failed is in the Outcome.
func (c Command) Run(ctx context.Context) (*Outcome, error) {
	out := &Outcome{}
	p, err := c.Start(ctx, &out.Stdout, &out.Stderr)
	if err != nil {
		return nil, err
	}
	out.Code = p.Wait()
	return out, ctx.Err()
}
