//go:build unix

package syslog

import "syscall"

// errPermission is what the system says to a port that one may not have.
const errPermission = syscall.EACCES
