package host

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"time"

	"xunjian/checks"
)

// Process is a process as evidence shows it.
type Process struct {
	PID    int    `json:"pid"`
	Parent int    `json:"parent"`
	Name   string `json:"name"`
	// User is the name of its owner, or the number if there is no such user.
	User string `json:"user,omitempty"`
	// State is the letter that ps shows: R running, D waiting for I/O, Z dead
	// and not waited for, …; empty where the system has none.
	State   string `json:"state,omitempty"`
	Threads int    `json:"threads"`
	// CPU is the share of one core it took while it was watched: 2 is two
	// cores.
	CPU float64 `json:"cpu"`
	// CPUSeconds is the time it spent since it started.
	CPUSeconds float64 `json:"cpu_seconds"`
	// Memory it holds, in bytes.
	Memory float64 `json:"memory_bytes"`
	// Age in seconds.
	Age float64 `json:"age_seconds"`
	// Command is its command line, with what looks like a secret masked, at
	// most 512 bytes; empty for kernel threads and where it cannot be read.
	Command string `json:"command,omitempty"`
}

// SocketSummary is what the machine's sockets do.
type SocketSummary struct {
	// TCP counts the connections by state: "established", "time_wait", …
	TCP map[string]int `json:"tcp"`
	// UDP is how many UDP sockets there are.
	UDP int `json:"udp"`
	// Listening are the ports that take connections, at most 200.
	Listening []Listener `json:"listening,omitempty"`
	// Partial says that the time was up before everything was seen.
	Partial bool `json:"partial,omitempty"`
}

// Listener is a port that takes connections.
type Listener struct {
	// Protocol is tcp, tcp6, udp or udp6.
	Protocol string `json:"protocol"`
	Address  string `json:"address"`
	Port     int    `json:"port"`
	// Established counts the connections that came in through a TCP port.
	Established int `json:"established"`
	// Queue is how many connections wait to be accepted.
	Queue int `json:"queue,omitempty"`
	// PID and Process own it; 0 and empty where that cannot be seen.
	PID     int    `json:"pid,omitempty"`
	Process string `json:"process,omitempty"`
}

// Mount is a line of the mount table.
type Mount struct {
	Device   string `json:"device"`
	Point    string `json:"mountpoint"`
	Type     string `json:"type"`
	Options  string `json:"options"`
	ReadOnly bool   `json:"readonly,omitempty"`
}

// Bounds of what evidence holds.
const (
	maxListeners     = 200
	maxMounts        = 500
	maxShownCommand  = 512
	maxKernelLine    = 1024
	maxKernelLines   = 5000
	watchedProcesses = 500 * time.Millisecond
)

// TopProcesses returns the n processes that take the most CPU, the greatest
// first, and after them those of the n that hold the most memory that are not
// among them. It watches for half a second, or until ctx is done; cut short it
// tells the average since each process started.
func TopProcesses(ctx context.Context, n int) ([]Process, error) {
	if n <= 0 || ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return topProcesses(ctx, n, watchedProcesses)
}

// Sockets counts the sockets of the machine. When ctx is done it returns what
// it has seen, marked Partial.
func Sockets(ctx context.Context) (SocketSummary, error) { return sockets(ctx) }

// Mounts returns the mount table, at most 500 lines of it. It asks no mount
// for anything, so that none can hold it up.
func Mounts(ctx context.Context) ([]Mount, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	list, err := mountTable()
	if err != nil {
		return nil, err
	}
	mounts := make([]Mount, 0, len(list))
	for _, m := range list[:min(len(list), maxMounts)] {
		mounts = append(mounts, Mount{safe(m.device), safe(m.point), safe(m.fstype), safe(m.options), m.readonly})
	}
	return mounts, nil
}

// KernelLog returns the last lines of the kernel's log, the oldest first, each
// with its time in UTC and its priority, at most 1024 bytes. It never waits for
// new ones. Where users may not read the log, it needs CAP_SYSLOG.
func KernelLog(ctx context.Context, lines int) ([]string, error) {
	if lines <= 0 || ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return kernelLog(ctx, min(lines, maxKernelLines))
}

// watch looks at all processes twice and takes their shares between; if there
// is no time between, since they started.
func watch(ctx context.Context, read func(*processLook) error, during time.Duration) ([]load, time.Duration, error) {
	c := newProcesses(ProcessesConfig{})
	c.read = read
	if err := c.read(&c.look); err != nil {
		return nil, 0, err
	}
	c.measure()
	if during == 0 {
		return c.busy, c.look.uptime, nil
	}
	timer := time.NewTimer(during)
	defer timer.Stop()
	select {
	case <-timer.C:
		if err := c.read(&c.look); err != nil {
			return nil, 0, err
		}
		c.measure()
	case <-ctx.Done():
	}
	return c.busy, c.look.uptime, nil
}

// pick returns the n of list with the greatest shares, then those of the n
// with the most memory that are not among them.
func pick(list []load, n int) []load {
	top := greatest(list, n, byShare)
	for _, l := range greatest(list, n, byMemory) {
		if !slices.ContainsFunc(top, func(t load) bool { return t.pid == l.pid }) {
			top = append(top, l)
		}
	}
	return top
}

func describeProcess(l load, uptime time.Duration) Process {
	return Process{
		PID: l.pid, Parent: l.parent, Name: safe(l.name), State: stateOf(l.state), Threads: l.threads,
		CPU: l.share, CPUSeconds: l.cpu.Seconds(), Memory: l.rss, Age: max(0, (uptime - l.started).Seconds()),
	}
}

func stateOf(letter byte) string {
	if letter == 0 {
		return ""
	}
	return stateNames[letter]
}

// secret finds what command lines should not have shown: the value after a
// word such as --password, and the user part of a URL.
var secret = regexp.MustCompile(`(?i)((?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|credential)s?["']?(?:[=: ]+|=))("[^"]*"|'[^']*'|[^\s"']+)` +
	`|(://[^/\s:@]+:)[^@/\s]+(@)`)

// mask hides the secrets of a command line.
func mask(command string) string {
	return secret.ReplaceAllString(checks.SafeText(command, maxShownCommand), "${1}${3}***${4}")
}

// safe makes a name from outside fit to be shown.
func safe(s string) string { return checks.SafeText(s, maxShownCommand) }

// sortListeners orders them by port, protocol and address and keeps the first
// that evidence has room for.
func sortListeners(list []Listener) []Listener {
	slices.SortFunc(list, func(a, b Listener) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Address, b.Address))
	})
	return list[:min(len(list), maxListeners)]
}
