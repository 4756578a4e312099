package host

import (
	"context"
	"math"
	"strconv"

	"xunjian/checks"
)

var (
	cpuSeconds      = checks.NewDesc("node_cpu_seconds_total", checks.Counter, "Seconds each processor spent in each mode.", "cpu", "mode")
	cpuGuestSeconds = checks.NewDesc("node_cpu_guest_seconds_total", checks.Counter, "Seconds each processor spent running guests, which its user and nice modes contain too.", "cpu", "mode")
	load1           = checks.NewDesc("node_load1", checks.Gauge, "Load average over 1 minute.")
	load5           = checks.NewDesc("node_load5", checks.Gauge, "Load average over 5 minutes.")
	load15          = checks.NewDesc("node_load15", checks.Gauge, "Load average over 15 minutes.")
	contextSwitches = checks.NewDesc("node_context_switches_total", checks.Counter, "Context switches since boot.")
	interrupts      = checks.NewDesc("node_intr_total", checks.Counter, "Interrupts serviced since boot.")
	forks           = checks.NewDesc("node_forks_total", checks.Counter, "Processes and threads created since boot.")
	bootTime        = checks.NewDesc("node_boot_time_seconds", checks.Gauge, "When the machine booted, in seconds since 1970.")
	procsRunning    = checks.NewDesc("node_procs_running", checks.Gauge, "Tasks that run or wait for a processor.")
	procsBlocked    = checks.NewDesc("node_procs_blocked", checks.Gauge, "Tasks that wait for I/O to complete.")
)

// The modes of a processor, in the order of /proc/stat. The last two are for
// guests, whose time user and nice contain already.
const (
	cpuUser = iota
	cpuNice
	cpuSystem
	cpuIdle
	cpuIOWait
	cpuIRQ
	cpuSoftIRQ
	cpuSteal
	cpuGuest
	cpuGuestNice
	cpuModes
)

var cpuModeNames = [cpuModes]string{"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "user", "nice"}

// coreTimes are the seconds a processor has spent in each mode since boot.
type coreTimes [cpuModes]float64

func (t coreTimes) minus(prev coreTimes) coreTimes {
	for i := range t {
		t[i] = max(0, t[i]-prev[i])
	}
	return t
}

func (t coreTimes) total() float64 {
	sum := 0.0
	for _, v := range t[:cpuGuest] {
		sum += v
	}
	return sum
}

// busy is the ratio of time not spent idle or waiting for I/O.
func (t coreTimes) busy() float64 {
	return ratio(t.total()-t[cpuIdle]-t[cpuIOWait], t.total())
}

// cpuLook is what one look at the processors sees.
type cpuLook struct {
	cores []core
	// load holds the averages over 1, 5 and 15 minutes; NaN where there are
	// none.
	load [3]float64
	// kernel holds the counters that only Linux has, ready to be recorded.
	kernel []figure
}

type core struct {
	id    int
	times coreTimes
}

// figure is a number of a family without labels.
type figure struct {
	desc  *checks.Desc
	value float64
}

// cpuCheck looks at the processors.
type cpuCheck struct {
	configured
	read func(*cpuLook) error
	look cpuLook
	prev map[int]coreTimes
	// labels are the label values of each core, made once.
	labels map[int]*[cpuModes][]string
}

func newCPU(read func(*cpuLook) error) *cpuCheck {
	return &cpuCheck{read: read, prev: map[int]coreTimes{}, labels: map[int]*[cpuModes][]string{}}
}

func (c *cpuCheck) Name() string { return "cpu" }

// Schedule makes room for machines with many cores: ten series each, up to 1,000 cores.
func (c *cpuCheck) Schedule() checks.Schedule {
	return checks.Schedule{SeriesLimit: 5 * checks.DefaultSeriesLimit}
}

func (c *cpuCheck) Run(_ context.Context, out *checks.Output) error {
	if err := c.read(&c.look); err != nil {
		return err
	}
	var all coreTimes
	busiest, busiestCore := -1.0, 0
	for _, k := range c.look.cores {
		now, spent := c.advance(k)
		c.record(out, k.id, now)
		for i := range all {
			all[i] += spent[i]
		}
		if b := spent.busy(); b > busiest {
			busiest, busiestCore = b, k.id
		}
	}
	for i, d := range [...]*checks.Desc{load1, load5, load15} {
		if load := c.look.load[i]; !math.IsNaN(load) {
			out.Set(d, load)
		}
	}
	for _, g := range c.look.kernel {
		out.Set(g.desc, g.value)
	}
	out.Find(c.usage(all, busiest, busiestCore))
	return nil
}

// jumpBack is how many idle seconds a core must lose to count as taken out and
// put in again. Less is the kernel's rounding, which must not look like a
// counter that was reset.
const jumpBack = 3

// advance returns the times of a core that never go back but after a hotplug,
// and what was spent since the last look; at the first look, since boot.
func (c *cpuCheck) advance(k core) (now, spent coreTimes) {
	prev, now := c.prev[k.id], k.times
	if prev[cpuIdle]-now[cpuIdle] >= jumpBack {
		prev = coreTimes{}
	}
	for i := range now {
		now[i] = max(now[i], prev[i])
	}
	c.prev[k.id] = now
	return now, now.minus(prev)
}

func (c *cpuCheck) record(out *checks.Output, id int, t coreTimes) {
	labels := c.labels[id]
	if labels == nil {
		labels = new([cpuModes][]string)
		for i, mode := range cpuModeNames {
			labels[i] = []string{strconv.Itoa(id), mode}
		}
		c.labels[id] = labels
	}
	for i, v := range t {
		d := cpuSeconds
		if i >= cpuGuest {
			d = cpuGuestSeconds
		}
		out.Sample(checks.Sample{Desc: d, Values: labels[i], Value: v})
	}
}

func (c *cpuCheck) usage(spent coreTimes, busiest float64, busiestCore int) checks.Finding {
	total, cores := spent.total(), len(c.look.cores)
	return checks.Finding{Code: "cpu.usage", Verdict: checks.OK, Args: map[string]any{
		"busy":         spent.busy(),
		"user":         ratio(spent[cpuUser]+spent[cpuNice], total),
		"system":       ratio(spent[cpuSystem]+spent[cpuIRQ]+spent[cpuSoftIRQ], total),
		"iowait":       ratio(spent[cpuIOWait], total),
		"steal":        ratio(spent[cpuSteal], total),
		"load1":        c.look.load[0],
		"load5":        c.look.load[1],
		"load15":       c.look.load[2],
		"cores":        cores,
		"busiest":      max(0, busiest),
		"busiest_core": busiestCore,
		"window":       ratio(total, float64(cores)),
	}}
}

// ratio divides, and is 0 where there is nothing to divide by.
func ratio(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return part / whole
}
