//go:build !unix

package syslog

import "os"

// errPermission is what the system says to a port that one may not have.
var errPermission = os.ErrPermission
