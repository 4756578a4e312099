//go:build !windows

package main

import (
	"os"
	"syscall"
)

// reloadSignals make the agent read its configuration again.
var reloadSignals = []os.Signal{syscall.SIGHUP}
