package host

import (
	"golang.org/x/sys/unix"

	"xunjian/checks"
)

// list names every check of the host, in the order people read them.
func list(cfg Config) []checks.Check {
	proc, sys, root := cfg.Procfs, cfg.Sysfs, cfg.Rootfs
	return []checks.Check{
		made(&systemCheck{read: (&systemReader{rootfs: root}).read}, root),
		made(newUptime(cfg, newUptimeReader(cfg).read), proc, root, cfg.State, cfg.Uptime),
		made(&timesyncCheck{adjtimex: unix.Adjtimex}),
		made(newCPU(newStatReader(proc).read), proc),
		made(newMemory(newMemoryReader(proc).read), proc),
		made(&pressureCheck{folder: proc + "/pressure/"}, proc),
		made(linuxFilesystem(cfg), proc, root, cfg.Filesystem),
		made(linuxDisk(cfg), proc, root, cfg.Disk),
		made(linuxProcesses(cfg), proc, cfg.Processes),
		made(linuxNetwork(cfg), proc, sys, cfg.Network),
		made(newSockets(proc), proc),
		made(&conntrackCheck{procfs: proc}, proc),
		made(&filesCheck{path: proc + "/sys/fs/file-nr"}, proc),
		made(newUnits(cfg), root, cfg.Units),
		made(newTemperature(cfg), sys, cfg.Temperature),
		made(&raidCheck{procfs: proc}, proc),
		made(&eccCheck{folder: sys + "/devices/system/edac/mc"}, sys),
	}
}

func linuxFilesystem(cfg Config) *filesystemCheck {
	r := newMountReader(cfg)
	c := newFilesystem(cfg.Filesystem)
	c.mounts, c.usage, c.writable = r.mounts, r.statfs, r.fstab
	return c
}

func linuxDisk(cfg Config) *diskCheck {
	r := newDiskReader(cfg)
	c := newDisk(cfg.Disk)
	c.read, c.describe = r.read, r.describe
	return c
}

func linuxProcesses(cfg Config) *processCheck {
	c := newProcesses(cfg.Processes)
	c.read, c.command = newProcessReader(cfg.Procfs).read, newCommands(cfg.Procfs).of
	return c
}

func linuxNetwork(cfg Config) *networkCheck {
	c := newNetwork(cfg.Network)
	c.read = newNetReader(cfg).read
	return c
}
