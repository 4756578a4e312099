//go:build unix

package external

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// lingering is how long output is waited for after the plugin has ended: a
// process that it left behind may hold the pipe for ever. It is shorter than
// what the Runner gives a check of minPluginTimeout after its context has ended.
const lingering = 50 * time.Millisecond

// execute runs a program in a process group of its own, until ctx ends. Nothing
// of the group is left afterwards. The error is that of the start.
func execute(ctx context.Context, path string, argv, env []string) (*ended, error) {
	var e ended
	cmd := exec.CommandContext(ctx, path)
	cmd.Args = argv
	cmd.Env = env
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = &e.stdout, &e.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	cmd.WaitDelay = lingering
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	err := cmd.Wait()
	// While one of the group lives its number is not given to another; if none
	// does there is nobody to kill.
	_ = killGroup(cmd.Process.Pid)
	if cmd.ProcessState == nil {
		return nil, fmt.Errorf("wait for %s: %w", path, err)
	}
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	e.code = status.ExitStatus()
	if status.Signaled() {
		e.signal = status.Signal().String()
		e.killed = ctx.Err() != nil && status.Signal() == syscall.SIGKILL
	}
	return &e, nil
}

func killGroup(pid int) error {
	err := syscall.Kill(-pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
