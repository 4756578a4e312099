package host

import (
	"context"
	"regexp"
	"time"

	"xunjian/checks"
)

func diskDesc(name string, kind checks.Kind, help string) *checks.Desc {
	return checks.NewDesc("node_disk_"+name, kind, help, "device")
}

// diskColumns are the columns of /proc/diskstats after the device name: the
// family each belongs to and the unit it is in. Times are in milliseconds,
// sectors are of 512 bytes whatever the device says.
var diskColumns = [...]struct {
	desc *checks.Desc
	unit float64
}{
	diskReads:          {diskDesc("reads_completed_total", checks.Counter, "Reads completed."), 1},
	diskReadsMerged:    {diskDesc("reads_merged_total", checks.Counter, "Reads merged with another before they were issued."), 1},
	diskReadBytes:      {diskDesc("read_bytes_total", checks.Counter, "Bytes read."), 512},
	diskReadTime:       {diskDesc("read_time_seconds_total", checks.Counter, "Seconds spent by all reads."), 0.001},
	diskWrites:         {diskDesc("writes_completed_total", checks.Counter, "Writes completed."), 1},
	diskWritesMerged:   {diskDesc("writes_merged_total", checks.Counter, "Writes merged with another before they were issued."), 1},
	diskWrittenBytes:   {diskDesc("written_bytes_total", checks.Counter, "Bytes written."), 512},
	diskWriteTime:      {diskDesc("write_time_seconds_total", checks.Counter, "Seconds spent by all writes."), 0.001},
	diskNow:            {diskDesc("io_now", checks.Gauge, "I/Os in progress."), 1},
	diskBusy:           {diskDesc("io_time_seconds_total", checks.Counter, "Seconds in which I/Os were in progress."), 0.001},
	diskWeighted:       {diskDesc("io_time_weighted_seconds_total", checks.Counter, "Seconds in which I/Os were in progress, times their number."), 0.001},
	diskDiscards:       {diskDesc("discards_completed_total", checks.Counter, "Discards completed."), 1},
	diskDiscardsMerged: {diskDesc("discards_merged_total", checks.Counter, "Discards merged with another before they were issued."), 1},
	diskDiscarded:      {diskDesc("discarded_sectors_total", checks.Counter, "Sectors discarded."), 1},
	diskDiscardTime:    {diskDesc("discard_time_seconds_total", checks.Counter, "Seconds spent by all discards."), 0.001},
	diskFlushes:        {diskDesc("flush_requests_total", checks.Counter, "Flush requests completed."), 1},
	diskFlushTime:      {diskDesc("flush_requests_time_seconds_total", checks.Counter, "Seconds spent by all flush requests."), 0.001},
}

const (
	diskReads = iota
	diskReadsMerged
	diskReadBytes
	diskReadTime
	diskWrites
	diskWritesMerged
	diskWrittenBytes
	diskWriteTime
	diskNow
	diskBusy
	diskWeighted
	diskDiscards
	diskDiscardsMerged
	diskDiscarded
	diskDiscardTime
	diskFlushes
	diskFlushTime
	diskFigures
)

var diskInfo = checks.NewDesc("node_disk_info", checks.Gauge, "What udev knows of the device; always 1.",
	"device", "major", "minor", "path", "wwn", "model", "serial", "revision")

// diskTimes are the figures of one device, in the order of the columns and in
// base units.
type diskTimes [diskFigures]float64

// disk is a block device as one look sees it.
type disk struct {
	name         string
	major, minor uint64
	// count is how many columns the kernel has: 11, 15 or 17.
	count   int
	figures diskTimes
}

// diskCheck looks at the block devices.
type diskCheck struct {
	configured
	// read lists the devices; describe tells the labels of node_disk_info.
	read     func([]disk) ([]disk, error)
	describe func(disk) []string
	ignored  *regexp.Regexp

	list  []disk
	known map[string]*knownDisk
}

// knownDisk is what is kept of a device between two looks.
type knownDisk struct {
	label   []string
	info    []string
	ignored bool
	last    diskTimes
	run     time.Time
}

func newDisk(cfg DiskConfig) *diskCheck {
	return &diskCheck{ignored: pattern(cfg.IgnoredDevices), known: map[string]*knownDisk{}}
}

func (c *diskCheck) Name() string { return "disk" }

func (c *diskCheck) Run(_ context.Context, out *checks.Output) error {
	var err error
	if c.list, err = c.read(c.list[:0]); err != nil {
		return err
	}
	now := time.Now()
	found := false
	for _, d := range c.list {
		k := c.remember(d)
		if k.ignored {
			continue
		}
		found = true
		k.record(out, d)
		out.Find(k.activity(d, now.Sub(k.run)))
		k.last, k.run = d.figures, now
	}
	c.forget(now)
	if !found {
		return missing("block device that is not ignored")
	}
	return nil
}

// remember returns what is known of a device. Another device under the same
// name is one whose counters are lower.
func (c *diskCheck) remember(d disk) *knownDisk {
	k := c.known[d.name]
	if k == nil || d.figures[diskReads] < k.last[diskReads] {
		k = &knownDisk{label: []string{d.name}, ignored: c.ignored.MatchString(d.name)}
		if !k.ignored && c.describe != nil {
			k.info = c.describe(d)
		}
		c.known[d.name] = k
	}
	return k
}

// forget drops the devices that this look did not see.
func (c *diskCheck) forget(now time.Time) {
	for name, k := range c.known {
		if !k.ignored && !k.run.Equal(now) {
			delete(c.known, name)
		}
	}
}

func (k *knownDisk) record(out *checks.Output, d disk) {
	for i, col := range diskColumns[:d.count] {
		out.Sample(checks.Sample{Desc: col.desc, Values: k.label, Value: d.figures[i]})
	}
	if k.info != nil {
		out.Sample(checks.Sample{Desc: diskInfo, Values: k.info, Value: 1})
	}
}

// activity is the finding of one device: rates since the last look, or at the
// first one the totals since boot.
func (k *knownDisk) activity(d disk, since time.Duration) checks.Finding {
	if k.run.IsZero() {
		return checks.Finding{Subject: d.name, Code: "disk.total", Verdict: checks.OK, Args: map[string]any{
			"device":  d.name,
			"read":    d.figures[diskReadBytes],
			"written": d.figures[diskWrittenBytes],
		}}
	}
	s := since.Seconds()
	diff := func(i int) float64 { return max(0, d.figures[i]-k.last[i]) }
	ios := diff(diskReads) + diff(diskWrites)
	return checks.Finding{Subject: d.name, Code: "disk.io", Verdict: checks.OK, Args: map[string]any{
		"device":   d.name,
		"read":     ratio(diff(diskReadBytes), s),
		"write":    ratio(diff(diskWrittenBytes), s),
		"iops":     ratio(ios, s),
		"busy":     min(1, ratio(diff(diskBusy), s)),
		"await_ms": 1000 * ratio(diff(diskReadTime)+diff(diskWriteTime), ios),
		"window":   s,
	}}
}
