package host

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"xunjian/checks"
)

var (
	processesPIDs       = checks.NewDesc("node_processes_pids", checks.Gauge, "Processes there are.")
	processesThreads    = checks.NewDesc("node_processes_threads", checks.Gauge, "Threads of all processes.")
	processesState      = checks.NewDesc("node_processes_state", checks.Gauge, "Processes in each state, as ps shows it.", "state")
	processesMax        = checks.NewDesc("node_processes_max_processes", checks.Gauge, "Greatest process number the kernel gives.")
	processesMaxThreads = checks.NewDesc("node_processes_max_threads", checks.Gauge, "Threads the kernel allows.")
)

// process is what one look sees of a process.
type process struct {
	pid, parent int
	name        string
	// state is the letter that ps shows; 0 where the system has none.
	state   byte
	threads int
	// cpu is the time spent since it started, rss the memory it holds in bytes.
	cpu time.Duration
	rss float64
	// started is how long after boot it started.
	started time.Duration
}

// processLook is what one look at all processes sees.
type processLook struct {
	list []process
	// uptime of the machine at the look.
	uptime time.Duration
	// limits are the samples of what the kernel allows.
	limits []figure
}

// processCheck looks at the processes.
type processCheck struct {
	configured
	read func(*processLook) error
	// command returns the command line of a process, or false if it cannot be
	// told now.
	command func(ctx context.Context, p process) (string, bool)

	top, maxZombies int
	required        []wantedProcess

	look  processLook
	spent map[int]spell
	turn  int
	busy  []load
}

// spell is the CPU time of a process at the look of a turn.
type spell struct {
	started, cpu time.Duration
	uptime       time.Duration
	turn         int
}

// load is a process and the share of one core it takes.
type load struct {
	process
	share float64
}

func newProcesses(cfg ProcessesConfig) *processCheck {
	c := &processCheck{top: cfg.Top, maxZombies: cfg.MaxZombies, spent: map[int]spell{}}
	for _, r := range cfg.Required {
		c.required = append(c.required, newWanted(r))
	}
	return c
}

func (c *processCheck) Name() string { return "processes" }

func (c *processCheck) Run(ctx context.Context, out *checks.Output) error {
	l := &c.look
	if err := c.read(l); err != nil {
		return err
	}
	c.measure()
	var states [256]int
	threads := 0
	for _, p := range l.list {
		states[p.state]++
		threads += p.threads
	}
	out.Set(processesPIDs, float64(len(l.list)))
	out.Set(processesThreads, float64(threads))
	for _, g := range l.limits {
		out.Set(g.desc, g.value)
	}
	for state, n := range states {
		if n > 0 && state > 0 {
			out.Set(processesState, float64(n), stateNames[state])
		}
	}
	out.Find(checks.Finding{Code: "processes.count", Verdict: checks.OK, Args: map[string]any{
		"total": len(l.list), "threads": threads, "running": states['R'], "blocked": states['D'], "zombies": states['Z'],
	}})
	c.findTop(out)
	c.findZombies(out, states['Z'])
	c.findRequired(ctx, out)
	return nil
}

// stateNames are the label values of the states, made once.
var stateNames = func() (names [256]string) {
	for i := range names {
		names[i] = string(rune(i))
	}
	return names
}()

// measure takes each process' share of a core since the last look; of a new
// one, since it started.
func (c *processCheck) measure() {
	c.turn++
	c.busy = c.busy[:0]
	for _, p := range c.look.list {
		last, ok := c.spent[p.pid]
		if !ok || last.started != p.started {
			last = spell{uptime: p.started}
		}
		share := ratio((p.cpu - last.cpu).Seconds(), (c.look.uptime - last.uptime).Seconds())
		c.busy = append(c.busy, load{p, max(0, share)})
		c.spent[p.pid] = spell{p.started, p.cpu, c.look.uptime, c.turn}
	}
	for pid, s := range c.spent {
		if s.turn != c.turn {
			delete(c.spent, pid)
		}
	}
}

func byShare(a, b load) int  { return cmp.Compare(a.share, b.share) }
func byMemory(a, b load) int { return cmp.Compare(a.rss, b.rss) }

// greatest returns the n greatest of list by cmp, the greatest first, without
// sorting all of it.
func greatest(list []load, n int, cmp func(a, b load) int) []load {
	var best []load
	for _, l := range list {
		at, _ := slices.BinarySearchFunc(best, l, func(a, b load) int { return cmp(b, a) })
		if at < n {
			best = slices.Insert(best[:min(len(best), n-1)], at, l)
		}
	}
	return best
}

func (c *processCheck) findTop(out *checks.Output) {
	if c.top == 0 {
		return
	}
	cpu := name(greatest(c.busy, c.top, byShare), func(l load) string { return fmt.Sprintf("%.1f %%", l.share*100) })
	memory := name(greatest(c.busy, c.top, byMemory), func(l load) string { return size(l.rss) })
	out.Find(checks.Finding{Code: "processes.cpu", Verdict: checks.OK, Args: map[string]any{"top": cpu}})
	out.Find(checks.Finding{Code: "processes.memory", Verdict: checks.OK, Args: map[string]any{"top": memory}})
}

// name lists processes as "java[4711] 85.2 %, mysqld[99] 3.1 %".
func name(list []load, say func(load) string) string {
	var b strings.Builder
	for i, l := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s[%d] %s", l.name, l.pid, say(l))
	}
	return b.String()
}

// size writes bytes for people, the same in every language.
func size(v float64) string {
	units := [...]string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	return fmt.Sprintf("%.1f %s", v, units[i])
}

// findZombies names the parents of dead processes nobody waited for.
func (c *processCheck) findZombies(out *checks.Output, count int) {
	if count <= c.maxZombies {
		return
	}
	children := map[int]int{}
	for _, p := range c.look.list {
		if p.state == 'Z' {
			children[p.parent]++
		}
	}
	var parents []string
	for _, p := range c.look.list {
		if n := children[p.pid]; n > 0 {
			parents = append(parents, fmt.Sprintf("%s[%d] ×%d", p.name, p.pid, n))
		}
	}
	out.Find(checks.Finding{Code: "processes.zombies", Verdict: checks.Attention, Args: map[string]any{
		"count": count, "max": c.maxZombies, "parents": strings.Join(parents, ", "),
	}})
}
