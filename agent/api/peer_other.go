//go:build !linux

package api

import "net"

// peerOf knows nothing here: the permissions of the data folder guard the
// socket.
func peerOf(*net.UnixConn) (Peer, error) { return Peer{}, nil }
