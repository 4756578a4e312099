//go:build !linux

package syslog

import "net"

func growBuffer(conn *net.UDPConn, size int) { _ = conn.SetReadBuffer(size) }

// left: other systems are not asked.
func left(*net.UDPConn) bool { return false }

// kernelDrops: other systems do not tell for a single socket.
type kernelDrops struct{}

func newKernelDrops(*net.UDPConn) *kernelDrops { return &kernelDrops{} }

func (*kernelDrops) count() uint64 { return 0 }
