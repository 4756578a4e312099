//go:build !linux

package host

import (
	"context"
	"runtime"

	"xunjian/checks"
)

// list names every check of the host, in the order people read them. What only
// Linux tells is not applicable.
func list(cfg Config) []checks.Check {
	fs := newFilesystem(cfg.Filesystem)
	fs.mounts, fs.usage = portableMounts, portableUsage
	disks := newDisk(cfg.Disk)
	disks.read = portableDisks
	procs := newProcesses(cfg.Processes)
	procs.read, procs.command = portableProcesses, portableCommand
	network := newNetwork(cfg.Network)
	network.read = portableInterfaces
	return []checks.Check{
		made(&systemCheck{read: portableSystem}),
		made(newUptime(cfg, portableUptime), cfg.State, cfg.Uptime),
		onlyLinux("timesync"),
		made(newCPU(portableCPU)),
		made(newMemory(portableMemory)),
		onlyLinux("pressure"),
		made(fs, cfg.Filesystem),
		made(disks, cfg.Disk),
		made(procs, cfg.Processes),
		made(network, cfg.Network),
		onlyLinux("sockets"),
		onlyLinux("conntrack"),
		onlyLinux("files"),
		onlyLinux("units"),
		onlyLinux("temperature"),
		onlyLinux("raid"),
		onlyLinux("ecc"),
	}
}

func onlyLinux(name string) checks.Check {
	return checks.Func{ID: name, Look: func(context.Context, *checks.Output) error {
		return missing(name + " reader for " + runtime.GOOS)
	}}
}
