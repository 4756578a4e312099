package peers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"xunjian/checks"
)

// Check asks the peers while it is served, and says at each run what the agents
// together make of each other.
type Check struct {
	cfg  Config
	host string
	// watch and listen are what a test puts into another network.
	watch  func() *watch
	listen func(ctx context.Context, address string) (*net.UDPConn, error)

	mu     sync.Mutex
	served *watch
	view   View
}

// View is the matrix of the agents as people see it.
type View struct {
	Time time.Time `json:"time"`
	Self string    `json:"self"`
	// Members are all agents, sorted by name.
	Members []string `json:"members"`
	Quorum  bool     `json:"quorum"`
	// Isolated says that this agent reaches nobody.
	Isolated bool `json:"isolated"`
	// Speaker is the agent that tells people.
	Speaker string            `json:"speaker"`
	Fates   map[string]Fate   `json:"fates"`
	Pairs   []Pair            `json:"pairs"`
	Address map[string]string `json:"addresses"`
}

// Pair is how one agent sees another.
type Pair struct {
	Observer string `json:"observer"`
	Peer     string `json:"peer"`
	// Sight is ok, agent_silent, unreachable or unknown.
	Sight string  `json:"sight"`
	RTT   float64 `json:"rtt_seconds,omitempty"`
	Loss  float64 `json:"loss_ratio"`
}

// NewCheck returns the check. host is the name of this machine.
func NewCheck(cfg Config, host string) *Check {
	return &Check{cfg: cfg, host: host, watch: func() *watch { return newWatch(cfg, host) }, listen: listen}
}

// Name is that of a single check.
func (*Check) Name() string { return "peers" }

// Schedule is quick: a dead server has to be told soon.
func (c *Check) Schedule() checks.Schedule {
	return checks.Schedule{Interval: max(5*time.Second, c.cfg.Interval), SeriesLimit: seriesEach*MaxMembers + 50}
}

// Identity changes with the configuration.
func (c *Check) Identity() string { return fmt.Sprint(c.cfg, c.host) }

// View returns what was last seen.
func (c *Check) View() View {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view
}

// Addresses returns the addresses of the peers by name, as far as they are
// known.
func (c *Check) Addresses() map[string]netip.Addr {
	c.mu.Lock()
	w := c.served
	c.mu.Unlock()
	if w == nil {
		return nil
	}
	return w.addresses()
}

// Serve asks the peers and answers them until ctx is done.
func (c *Check) Serve(ctx context.Context, wake func()) error {
	w := c.watch()
	if err := w.refresh(ctx); err != nil {
		return err
	}
	conn, err := c.listen(ctx, c.cfg.Listen)
	if err != nil {
		return err
	}
	defer conn.Close()
	c.mu.Lock()
	c.served = w
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.served = nil
		c.mu.Unlock()
	}()
	broken := make(chan error, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				broken <- fmt.Errorf("hear the peers: %v", v)
			}
		}()
		broken <- w.hear(ctx, conn)
	}()
	beat := time.NewTicker(c.cfg.Interval)
	defer beat.Stop()
	last := ""
	for {
		w.tick(ctx, conn, false)
		if now := fmt.Sprint(Judge(w.matrix())); now != last {
			last = now
			wake()
		}
		select {
		case <-ctx.Done():
			conn.Close()
			<-broken
			return nil
		case err := <-broken:
			if ctx.Err() != nil { // what came in at the end let it see that first
				return nil
			}
			return errors.Join(errors.New("no longer hears its peers"), err)
		case <-beat.C:
		}
		_ = w.refresh(ctx) // what it could not read is said at the next run
	}
}

func listen(ctx context.Context, address string) (*net.UDPConn, error) {
	var l net.ListenConfig
	c, err := l.ListenPacket(ctx, "udp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for peers: %w", err)
	}
	return c.(*net.UDPConn), nil
}

// Run says what the agents make of each other. Without an agent that serves
// (xunjian inspect) it asks each once.
func (c *Check) Run(ctx context.Context, out *checks.Output) error {
	c.mu.Lock()
	w := c.served
	c.mu.Unlock()
	if w == nil {
		var err error
		if w, err = c.once(ctx); err != nil {
			return err
		}
	}
	w.mu.Lock()
	ticked, trouble := w.ticked, w.trouble
	w.mu.Unlock()
	if ticked.IsZero() {
		return errors.New("the peers have not been asked yet")
	}
	if behind := time.Since(ticked); behind > w.stale() {
		return fmt.Errorf("the peers have not been asked for %v", behind.Round(time.Second))
	}
	if trouble != nil {
		out.Find(checks.Finding{Code: "peers.trouble", Verdict: checks.Attention, Args: map[string]any{"error": trouble.Error()}})
	}
	m := w.matrix()
	j := Judge(m)
	w.record(out, m, j)
	find(out, m, j)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.view = viewOf(m, j, w)
	return nil
}

// once asks each peer once, from a port of its own.
func (c *Check) once(ctx context.Context) (*watch, error) {
	w := c.watch()
	if err := w.refresh(ctx); err != nil {
		return nil, err
	}
	conn, err := c.listen(ctx, ":0")
	if err != nil {
		return nil, err
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		defer func() { _ = recover() }() // an answer that breaks it is none
		_ = w.hear(ctx, conn)
	}()
	w.tick(ctx, conn, true)
	conn.Close()
	<-heard
	return w, ctx.Err()
}
