package host

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v3/cpu"
	psdisk "github.com/shirou/gopsutil/v3/disk"
	pshost "github.com/shirou/gopsutil/v3/host"
	psload "github.com/shirou/gopsutil/v3/load"
	"github.com/shirou/gopsutil/v3/mem"
	psnet "github.com/shirou/gopsutil/v3/net"
	psprocess "github.com/shirou/gopsutil/v3/process"

	"xunjian/checks"
)

// The readers of this file go through gopsutil and serve every system but
// Linux. They are compiled and tested on Linux too, against the readers there.
// gopsutil v3 is frozen; its calls stay in this file.

func portableCPU(l *cpuLook) error {
	times, err := cpu.Times(true)
	if err != nil {
		return err
	}
	l.cores = l.cores[:0]
	for i, t := range times {
		id, err := strconv.Atoi(strings.TrimPrefix(t.CPU, "cpu"))
		if err != nil {
			id = i
		}
		l.cores = append(l.cores, core{id, coreTimes{
			cpuUser: t.User, cpuNice: t.Nice, cpuSystem: t.System, cpuIdle: t.Idle, cpuIOWait: t.Iowait,
			cpuIRQ: t.Irq, cpuSoftIRQ: t.Softirq, cpuSteal: t.Steal, cpuGuest: t.Guest, cpuGuestNice: t.GuestNice,
		}})
	}
	l.load = portableLoad()
	return nil
}

// portableLoad asks for the load averages. Windows has none; what gopsutil
// makes up for it needs a goroutine that never ends.
func portableLoad() [3]float64 {
	none := [3]float64{math.NaN(), math.NaN(), math.NaN()}
	if runtime.GOOS == "windows" {
		return none
	}
	avg, err := psload.Avg()
	if err != nil {
		return none
	}
	return [3]float64{avg.Load1, avg.Load5, avg.Load15}
}

// The families of memory that every system has.
var portableMemoryDescs = [...]*checks.Desc{
	meminfoDesc("MemTotal", true), meminfoDesc("MemFree", true), meminfoDesc("MemAvailable", true),
	meminfoDesc("SwapTotal", true), meminfoDesc("SwapFree", true),
}

func portableMemory(l *memoryLook) error {
	v, err := mem.VirtualMemory()
	if err != nil {
		return err
	}
	*l = memoryLook{samples: l.samples[:0], total: float64(v.Total), free: float64(v.Free), available: float64(v.Available)}
	if s, err := mem.SwapMemory(); err == nil {
		l.swapTotal, l.swapFree = float64(s.Total), float64(s.Free)
	}
	for i, value := range [...]float64{l.total, l.free, l.available, l.swapTotal, l.swapFree} {
		l.samples = append(l.samples, figure{portableMemoryDescs[i], value})
	}
	return nil
}

func portableMounts() (list []mount, changed bool, err error) {
	parts, err := psdisk.Partitions(false)
	if err != nil {
		return nil, true, err
	}
	for _, p := range parts {
		m := mount{id: p.Device + "\x00" + p.Mountpoint, device: p.Device, point: p.Mountpoint, fstype: p.Fstype, options: strings.Join(p.Opts, ",")}
		m.readonly = option(m.options, "ro")
		list = append(list, m)
	}
	return list, true, nil
}

func portableUsage(m mount) (usage, error) {
	u, err := psdisk.Usage(m.point)
	if err != nil {
		return usage{}, err
	}
	return usage{
		size: float64(u.Total), free: float64(u.Total - u.Used), avail: float64(u.Free),
		files: float64(u.InodesTotal), filesFree: float64(u.InodesFree),
	}, nil
}

func portableDisks(list []disk) ([]disk, error) {
	counters, err := psdisk.IOCounters()
	if err != nil {
		return list, err
	}
	for name, s := range counters {
		const ms = 0.001
		d := disk{name: name, count: diskWeighted + 1}
		d.figures = diskTimes{
			diskReads: float64(s.ReadCount), diskReadsMerged: float64(s.MergedReadCount),
			diskReadBytes: float64(s.ReadBytes), diskReadTime: float64(s.ReadTime) * ms,
			diskWrites: float64(s.WriteCount), diskWritesMerged: float64(s.MergedWriteCount),
			diskWrittenBytes: float64(s.WriteBytes), diskWriteTime: float64(s.WriteTime) * ms,
			diskNow: float64(s.IopsInProgress), diskBusy: float64(s.IoTime) * ms, diskWeighted: float64(s.WeightedIO) * ms,
		}
		list = append(list, d)
	}
	return list, nil
}

func portableProcesses(l *processLook) error {
	uptime, err := pshost.Uptime()
	if err != nil {
		return err
	}
	all, err := psprocess.Processes()
	if err != nil {
		return err
	}
	now := time.Now()
	l.uptime, l.list = time.Duration(uptime)*time.Second, l.list[:0]
	for _, p := range all {
		if q, ok := portableProcess(p, now, l.uptime); ok {
			l.list = append(l.list, q)
		}
	}
	return nil
}

// portableProcess asks for one process; false if it is gone.
func portableProcess(p *psprocess.Process, now time.Time, uptime time.Duration) (q process, ok bool) {
	name, err := p.Name()
	if err != nil {
		return q, false
	}
	q = process{pid: int(p.Pid), name: name}
	if parent, err := p.Ppid(); err == nil {
		q.parent = int(parent)
	}
	if n, err := p.NumThreads(); err == nil {
		q.threads = int(n)
	}
	if t, err := p.Times(); err == nil {
		q.cpu = time.Duration((t.User + t.System) * float64(time.Second))
	}
	if m, err := p.MemoryInfo(); err == nil {
		q.rss = float64(m.RSS)
	}
	if ms, err := p.CreateTime(); err == nil {
		q.started = uptime - now.Sub(time.UnixMilli(ms)).Truncate(time.Second)
	}
	return q, true
}

func portableCommand(ctx context.Context, p process) (string, bool) {
	q, err := psprocess.NewProcessWithContext(ctx, int32(p.pid))
	if errors.Is(err, psprocess.ErrorProcessNotRunning) {
		return "", true
	}
	if err != nil {
		return "", false
	}
	line, err := q.CmdlineWithContext(ctx)
	return line, err == nil
}

func portableInterfaces(list []iface) ([]iface, error) {
	counters, err := psnet.IOCounters(true)
	if err != nil {
		return list, err
	}
	states := map[string]string{}
	if all, err := psnet.Interfaces(); err == nil {
		for _, i := range all {
			states[i.Name] = "down"
			for _, f := range i.Flags {
				if f == "up" {
					states[i.Name] = operstateIsUp
				}
			}
		}
	}
	for _, s := range counters {
		n := iface{name: s.Name, state: states[s.Name]}
		n.counters[rxBytes], n.counters[txBytes] = float64(s.BytesRecv), float64(s.BytesSent)
		n.counters[rxPackets], n.counters[txPackets] = float64(s.PacketsRecv), float64(s.PacketsSent)
		n.counters[rxErrors], n.counters[txErrors] = float64(s.Errin), float64(s.Errout)
		n.counters[rxDrops], n.counters[txDrops] = float64(s.Dropin), float64(s.Dropout)
		n.counters[rxFIFO], n.counters[txFIFO] = float64(s.Fifoin), float64(s.Fifoout)
		list = append(list, n)
	}
	return list, nil
}

func portableUptime() (uptimeLook, error) {
	s, err := pshost.Uptime()
	return uptimeLook{uptime: time.Duration(s) * time.Second}, err
}

func portableSystem() (systemLook, error) {
	info, err := pshost.Info()
	if err != nil {
		return systemLook{}, err
	}
	return systemLook{
		uname: [6]string{info.OS, info.KernelVersion, "", info.KernelArch, info.Hostname, ""},
		release: map[string]string{"ID": info.Platform, "ID_LIKE": info.PlatformFamily, "NAME": info.Platform,
			"PRETTY_NAME": strings.TrimSpace(info.Platform + " " + info.PlatformVersion), "VERSION_ID": info.PlatformVersion},
	}, nil
}
