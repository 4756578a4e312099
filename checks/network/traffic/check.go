package traffic

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"xunjian/checks"
)

var (
	descStates     = checks.NewDesc("node_tcp_connection_states", checks.Gauge, "Number of TCP connections by state.", "state")
	descBytes      = qdisc("bytes_total", checks.Counter, "Bytes sent.")
	descPackets    = qdisc("packets_total", checks.Counter, "Packets sent.")
	descDrops      = qdisc("drops_total", checks.Counter, "Packets that the queue dropped.")
	descRequeues   = qdisc("requeues_total", checks.Counter, "Packets that were put back into the queue.")
	descOverlimits = qdisc("overlimits_total", checks.Counter, "Packets that found the queue over its limit.")
	descLength     = qdisc("current_queue_length", checks.Gauge, "Packets in the queue now.")
	descBacklog    = qdisc("backlog", checks.Gauge, "Bytes in the queue now.")
	descWaiting    = checks.NewDesc("xunjian_listen_queue_length", checks.Gauge, "Connections that wait to be taken at a port.", "port")
	descRoom       = checks.NewDesc("xunjian_listen_queue_limit", checks.Gauge, "How many connections may wait to be taken at a port.", "port")
)

func qdisc(name string, kind checks.Kind, help string) *checks.Desc {
	return checks.NewDesc("node_qdisc_"+name, kind, help, "device", "kind")
}

// kernel is what tells of sockets and queues.
type kernel interface {
	sockets(limit int) ([]Socket, bool, error)
	queues() ([]Queue, error)
	owners(procfs string, inodes map[uint32]bool) map[uint32]owner
}

type owner struct {
	pid  int
	name string
}

// Check looks at queues, connections and talkers.
type Check struct {
	cfg    Config
	kernel kernel

	before map[uint64]Socket
	at     time.Time

	mu      sync.Mutex // of what others read
	talkers []Talker
	window  time.Duration
}

// NewCheck returns the check.
func NewCheck(cfg Config) *Check { return &Check{cfg: cfg, kernel: theKernel()} }

// Name is that of a single check.
func (*Check) Name() string { return "traffic" }

// Identity changes with the configuration.
func (c *Check) Identity() string { return fmt.Sprint(c.cfg) }

// maxListeners bounds the ports that are told.
const maxListeners = 200

// Run looks once; who talks is seen from the second look on.
func (c *Check) Run(ctx context.Context, out *checks.Output) error {
	queues, err := c.kernel.queues()
	if err != nil {
		return err
	}
	for _, q := range queues {
		for d, v := range map[*checks.Desc]float64{
			descBytes: q.Bytes, descPackets: q.Packets, descDrops: q.Drops, descRequeues: q.Requeues,
			descOverlimits: q.Overlimits, descLength: q.Length, descBacklog: q.Backlog,
		} {
			out.Set(d, v, q.Device, q.Kind)
		}
	}
	sockets, all, err := c.kernel.sockets(c.cfg.MaxSockets)
	if err != nil {
		return err
	}
	now := time.Now()
	listening := c.states(out, sockets)
	if err := ctx.Err(); err != nil {
		return err
	}
	c.talk(out, sockets, all, listening, now)
	return nil
}

// states counts the connections by state and tells the queues of the listeners.
func (c *Check) states(out *checks.Output, sockets []Socket) (listening map[uint16]bool) {
	states, listening := map[string]float64{}, map[uint16]bool{}
	type queue struct{ waiting, room float64 }
	ports := map[uint16]queue{}
	for _, s := range sockets {
		states[s.State]++
		if s.State != "listen" {
			continue
		}
		listening[s.Local.Port()] = true
		q := ports[s.Local.Port()]
		ports[s.Local.Port()] = queue{q.waiting + float64(s.Unread), q.room + float64(s.Unsent)}
	}
	for _, s := range stateNames {
		if s != "" {
			out.Set(descStates, states[s], s)
		}
	}
	if len(ports) <= maxListeners {
		for p, q := range ports {
			out.Set(descWaiting, q.waiting, fmt.Sprint(p))
			out.Set(descRoom, q.room, fmt.Sprint(p))
		}
	}
	return listening
}

// stateNames are the kernel's states of a connection, by its number, under
// node_exporter's names.
var stateNames = [...]string{1: "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close", "close_wait", "last_ack", "listen", "closing"}

// talk finds who moved most bytes since the last look.
func (c *Check) talk(out *checks.Output, sockets []Socket, all bool, listening map[uint16]bool, now time.Time) {
	f := checks.Finding{Code: "traffic.quiet", Verdict: checks.OK, Args: map[string]any{"connections": len(sockets) - len(listening)}}
	if !all {
		f.Code = "traffic.many"
		f.Args["limit"] = c.cfg.MaxSockets
		c.before, c.at = nil, time.Time{}
		c.keep(nil, 0)
		out.Find(f)
		return
	}
	var list []Talker
	since := now.Sub(c.at)
	if !c.at.IsZero() && c.cfg.Talkers > 0 {
		list = c.named(talkersOf(sockets, c.before, since, listening))
	}
	if len(list) > 0 {
		var received, sent float64
		for _, t := range list {
			received, sent = received+t.Received, sent+t.Sent
		}
		list = list[:min(len(list), c.cfg.Talkers)]
		top := list[0]
		f.Code = "traffic.talkers"
		f.Args["received"], f.Args["sent"], f.Args["window"] = received, sent, since.Seconds()
		f.Args["process"], f.Args["peer"], f.Args["port"] = top.row()[0], top.Peer.String(), int(top.Port)
		f.Args["top_received"], f.Args["top_sent"] = top.Received, top.Sent
		f.Evidence = table(list)
	}
	out.Find(f)
	c.keep(list, since)
	c.before, c.at = make(map[uint64]Socket, len(sockets)), now
	for _, s := range sockets {
		c.before[s.Cookie] = s
	}
}

func (c *Check) named(list []Talker) []Talker {
	inodes := map[uint32]bool{}
	for _, t := range list {
		inodes[uint32(t.PID)] = true
	}
	owners := c.kernel.owners(c.cfg.Procfs, inodes)
	return merge(list, func(inode uint32) (int, string) { o := owners[inode]; return o.pid, o.name })
}

func table(list []Talker) string {
	var b strings.Builder
	b.WriteString(strings.Join(columns, "\t") + "\n")
	for _, t := range list {
		b.WriteString(strings.Join(t.row(), "\t") + "\n")
	}
	return b.String()
}

func (c *Check) keep(list []Talker, window time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.talkers, c.window = list, window
}

// Talkers returns those that moved most bytes between the last two looks, and
// the time between them.
func (c *Check) Talkers() ([]Talker, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.talkers, c.window
}

// Evidence names the talkers.
func (c *Check) Evidence(context.Context) ([]checks.Exhibit, error) {
	list, window := c.Talkers()
	if len(list) == 0 {
		return nil, nil
	}
	x := checks.Exhibit{Code: "traffic.exhibit", Args: map[string]any{"window": window.Seconds()}, Columns: columns}
	for _, t := range list {
		x.Rows = append(x.Rows, t.row())
	}
	return []checks.Exhibit{x}, nil
}
