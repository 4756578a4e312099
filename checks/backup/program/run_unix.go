//go:build unix

package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// lingering is how long output is waited for after the program has ended.
const lingering = 5 * time.Second

// Process is a program that runs.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	code int
}

// Start starts the program in a process group of its own, of low priority.
func (c Command) Start(ctx context.Context, stdout, stderr io.Writer) (*Process, error) {
	path, args := c.Path, c.Args
	// By programs rather than by calls: what the program starts at once is
	// then slow as well.
	for _, polite := range [][]string{{"/usr/bin/ionice", "-c", "3"}, {"/usr/bin/nice", "-n", "15"}} {
		if _, err := os.Stat(polite[0]); err == nil {
			args = append(append(append([]string{}, polite[1:]...), path), args...)
			path = polite[0]
		}
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env, cmd.Dir = c.environment(), orRoot(c.Dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if c.User != nil && os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: c.User.UID, Gid: c.User.GID, Groups: []uint32{}}
	}
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	cmd.WaitDelay = lingering
	if c.Secret != "" {
		r, err := secretPipe(c.Secret)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		cmd.ExtraFiles = []*os.File{r}
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // the code says it
		_ = killGroup(cmd.Process.Pid)
		if p.code = -1; cmd.ProcessState != nil {
			p.code = cmd.ProcessState.ExitCode()
		}
	}()
	return p, nil
}

func orRoot(dir string) string {
	if dir == "" {
		return "/"
	}
	return dir
}

// secretPipe returns what the secret can be read from, once. It fits into the
// pipe, so nobody has to wait to write it.
func secretPipe(secret string) (*os.File, error) {
	const room = 4096
	if len(secret) > room-1 {
		return nil, fmt.Errorf("a password of more than %d bytes", room-1)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(w, secret+"\n")
	if err := errors.Join(err, w.Close()); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait returns the exit code; -1 if a signal ended it.
func (p *Process) Wait() int {
	<-p.done
	return p.code
}

// Stop asks the program to end, kills it and all of its group when it has not
// within grace, and waits until it is gone.
func (p *Process) Stop(sig syscall.Signal, grace time.Duration) {
	_ = p.cmd.Process.Signal(sig)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return
	case <-timer.C:
	}
	_ = killGroup(p.cmd.Process.Pid)
	<-p.done
}

func killGroup(pid int) error {
	err := syscall.Kill(-pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// Trusted returns an error if somebody other than root or the agent's user could
// change the program, or any folder above where it really is.
func Trusted(path string) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	for at := real; ; at = filepath.Dir(at) {
		info, err := os.Lstat(at)
		if err != nil {
			return err
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok || st.Uid != 0 && int(st.Uid) != os.Geteuid() {
			return fmt.Errorf("%s is not run: %s belongs to somebody else than root", path, at)
		}
		sticky := info.IsDir() && info.Mode()&fs.ModeSticky != 0
		if info.Mode().Perm()&0o022 != 0 && !sticky {
			return fmt.Errorf("%s is not run: others than its owner may write to %s", path, at)
		}
		if at == "/" {
			return nil
		}
	}
}

// LookUp returns the first of the accounts that there is.
func LookUp(names ...string) (*User, error) {
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		return &User{name, uint32(uid), uint32(gid)}, nil
	}
	return nil, fmt.Errorf("none of the users %q exists", names)
}
