package peers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"xunjian/checks/credential"
	"xunjian/checks/network/path"
	"xunjian/checks/network/ping"
)

// Bounds of a watch.
const (
	membersFor  = time.Minute // how long it is believed who the agents are
	answerWait  = time.Second
	lossWindow  = 30   // questions that the loss is told of
	perSecond   = 2000 // messages that are looked at in a second
	pingMissing = 2    // looks in a row without an answer to a ping, for a server to be unreachable
)

// pingRound asks whether a server whose agent is silent is there.
var pingRound = ping.Round{Count: 2, Interval: 200 * time.Millisecond, Wait: 500 * time.Millisecond, Size: 32}

// peer is what is known of another agent.
type peer struct {
	member
	asked, failed float64
	misses        int
	last          []bool // whether the last questions were answered
	rtt           time.Duration
	sight         Sight
	seen          time.Time
	pingMisses    int
	pingErr       error
	// row is what it says itself.
	row map[string]Entry
}

// watch asks the peers and answers them.
type watch struct {
	cfg  Config
	host string
	names
	own     func() []netip.Addr
	readKey func(string) (credential.Secret, error)
	ping    func(ctx context.Context, a netip.Addr, o ping.Round) (ping.Answer, error)
	gateway func(ctx context.Context) *bool
	now     func() time.Time

	mu       sync.Mutex
	key      []byte
	self     string
	members  time.Time // when it was found out who they are
	peers    map[string]*peer
	waiting  map[nonce]waiter
	rejected map[string]float64
	second   time.Time
	taken    int
	turn     int
	ticked   time.Time
	trouble  error // why who they are, or the key, is not known now
	third    *bool // whether the gateway is there, as last seen, where there are two agents only
}

// waiter is a question that waits for its answer.
type waiter struct {
	peer string
	sent time.Time
	done chan struct{}
}

func newWatch(cfg Config, host string) *watch {
	e := ping.NewEcho()
	w := &watch{
		cfg: cfg, host: host, names: net.DefaultResolver, own: ownAddresses, readKey: credential.Read, ping: e.Ping, now: time.Now,
		peers: map[string]*peer{}, waiting: map[nonce]waiter{}, rejected: map[string]float64{"key": 0, "malformed": 0, "other": 0, "late": 0, "flood": 0},
	}
	w.gateway = w.lookGateway
	return w
}

// refresh reads the key and finds out who the agents are, where that is due.
// What cannot be read now stays as it was; the first time it is an error.
func (w *watch) refresh(ctx context.Context) error {
	secret, err := w.readKey(w.cfg.KeyFile)
	if err == nil && len(secret.Reveal()) < minKey {
		err = fmt.Errorf("the key in %s is too short; at least %d characters", w.cfg.KeyFile, minKey)
	}
	w.mu.Lock()
	due := w.now().Sub(w.members) > membersFor
	w.mu.Unlock()
	var m membership
	var errMembers error
	if due {
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		m, errMembers = w.cfg.members(short, w.names, w.host, w.own())
		cancel()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.key = []byte(secret.Reveal())
	}
	if due && errMembers == nil {
		w.adopt(m)
	}
	if w.trouble = errors.Join(err, errMembers); w.key == nil || w.self == "" {
		return w.trouble
	}
	return nil
}

// adopt takes over who the agents are. A name that cannot be looked up now keeps
// the address that it had.
func (w *watch) adopt(m membership) {
	w.self, w.members = m.self, w.now()
	there := map[string]bool{}
	for _, o := range m.others {
		there[o.name] = true
		if p := w.peers[o.name]; p == nil {
			w.peers[o.name] = &peer{member: o}
		} else if p.err = o.err; o.err == nil {
			p.addr = o.addr
		}
	}
	for name := range w.peers {
		if !there[name] {
			delete(w.peers, name)
		}
	}
}

// tick asks all peers once and pings those that do not answer. at last says that
// there is no second try: one look has to do.
func (w *watch) tick(ctx context.Context, conn *net.UDPConn, atLast bool) {
	w.mu.Lock()
	all := slices.Collect(maps.Values(w.peers))
	w.mu.Unlock()
	w.each(all, func(p *peer) { w.ask(ctx, conn, p) })
	var silent []*peer
	w.mu.Lock()
	for _, p := range all {
		if p.misses > 0 {
			silent = append(silent, p)
		}
	}
	w.mu.Unlock()
	w.each(silent, func(p *peer) { w.pingPeer(ctx, p) })
	var gateway *bool
	if len(all) == 1 && len(silent) == 1 {
		gateway = w.gateway(ctx)
	}
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range silent {
		p.settle(w.cfg.Misses, atLast, w.now())
	}
	w.third, w.ticked = gateway, w.now()
}

// each does something for all of a list at once.
func (w *watch) each(list []*peer, do func(*peer)) {
	var g sync.WaitGroup
	for _, p := range list {
		g.Add(1)
		go func() {
			defer g.Done()
			defer func() {
				if v := recover(); v != nil {
					w.mu.Lock()
					w.trouble = fmt.Errorf("%v", v)
					w.mu.Unlock()
				}
			}()
			do(p)
		}()
	}
	g.Wait()
}

// ask sends one question and waits for its answer.
func (w *watch) ask(ctx context.Context, conn *net.UDPConn, p *peer) {
	n, done := newNonce(), make(chan struct{})
	w.mu.Lock()
	m := message{kind: question, nonce: n, from: w.self, to: p.name}
	b, _ := m.encode(w.key, w.now(), messageBytes)
	to, known := p.addr, p.addr.IsValid()
	w.waiting[n] = waiter{peer: p.name, sent: w.now(), done: done}
	w.mu.Unlock()
	answered := false
	if known {
		if _, err := conn.WriteToUDPAddrPort(b, to); err == nil {
			timer := time.NewTimer(min(answerWait, w.cfg.Interval*4/5))
			defer timer.Stop()
			select {
			case <-done:
				answered = true
			case <-timer.C:
			case <-ctx.Done():
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiting, n)
	if ctx.Err() == nil {
		p.count(answered)
	}
}

// count notes whether a question was answered.
func (p *peer) count(answered bool) {
	p.asked++
	p.last = append(p.last, answered)
	if len(p.last) > lossWindow {
		p.last = p.last[1:]
	}
	if answered {
		p.misses, p.pingMisses = 0, 0
		return
	}
	p.misses++
	p.failed++
}

// loss is the share of the last lossWindow questions that was lost; those that
// were not asked yet count as answered, so that one lost at the start is not much.
func (p *peer) loss() float64 {
	lost := 0
	for _, ok := range p.last {
		if !ok {
			lost++
		}
	}
	return float64(lost) / lossWindow
}

// pingPeer asks the kernel of a server whose agent is silent.
func (w *watch) pingPeer(ctx context.Context, p *peer) {
	w.mu.Lock()
	addr := p.addr.Addr()
	w.mu.Unlock()
	if !addr.IsValid() {
		return
	}
	a, err := w.ping(ctx, addr, pingRound)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch p.pingErr = err; {
	case ctx.Err() != nil || err != nil:
	case a.Received > 0:
		p.pingMisses = 0
	default:
		p.pingMisses++
	}
}

// settle says what is to be made of a peer whose agent did not answer.
func (p *peer) settle(misses int, atLast bool, now time.Time) {
	if p.misses < misses && !atLast {
		return // it may be one lost datagram
	}
	needed := pingMissing
	if atLast {
		needed = 1
	}
	switch {
	case !p.addr.IsValid() || p.pingErr != nil:
		p.sight = Untold
	case p.pingMisses == 0:
		p.sight = AgentSilent
	case p.pingMisses >= needed:
		p.sight = Unreachable
	}
	p.seen, p.row = now, nil
}

// lookGateway tells whether one of the gateways is there; nil if none is known.
// While the kernel is still asking for one on the wire, it is as it was.
func (w *watch) lookGateway(ctx context.Context) *bool {
	list, err := path.Gateways()
	if err != nil || len(list) == 0 {
		return nil
	}
	there, asking := false, false
	for _, g := range list {
		a, err := w.ping(ctx, g.Addr, pingRound)
		if there = err == nil && a.Received > 0; there {
			break
		}
		if n, err := path.LookUp(g.Addr.WithZone(""), g.Device); err == nil {
			seen, known := n.Seen()
			if there = known && seen; there {
				break
			}
			asking = asking || !known
		}
	}
	if !there && asking {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.third
	}
	return &there
}
