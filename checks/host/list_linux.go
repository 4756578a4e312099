package host

import (
	"golang.org/x/sys/unix"

	"xunjian/checks"
)

// list names every check of the host, in the order people read them.
func list(cfg Config) []checks.Check {
	return []checks.Check{
		&systemCheck{read: (&systemReader{rootfs: cfg.Rootfs}).read},
		newUptime(cfg, newUptimeReader(cfg).read),
		&timesyncCheck{adjtimex: unix.Adjtimex},
		newCPU(newStatReader(cfg.Procfs).read),
		newMemory(newMemoryReader(cfg.Procfs).read),
		&pressureCheck{folder: cfg.Procfs + "/pressure/"},
		linuxFilesystem(cfg),
		linuxDisk(cfg),
		linuxProcesses(cfg),
		linuxNetwork(cfg),
		newSockets(cfg.Procfs),
		&conntrackCheck{procfs: cfg.Procfs},
		&filesCheck{path: cfg.Procfs + "/sys/fs/file-nr"},
		newUnits(cfg),
		newTemperature(cfg),
		&raidCheck{procfs: cfg.Procfs},
		&eccCheck{folder: cfg.Sysfs + "/devices/system/edac/mc"},
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
