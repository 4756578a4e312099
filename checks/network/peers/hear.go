package peers

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"time"
)

// hear reads messages until conn is closed.
func (w *watch) hear(ctx context.Context, conn *net.UDPConn) error {
	b := make([]byte, messageBytes+1)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(b)
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			// What a peer's machine refused comes back here; the question then
			// waits in vain, which is counted.
			if !transient(err) {
				return err
			}
			continue
		}
		if out := w.take(b[:n]); out != nil {
			// A lost answer is asked for again.
			_, _ = conn.WriteToUDPAddrPort(out, from)
		}
	}
}

func transient(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !op.Timeout()
}

// take looks at one message and returns the answer to it, if it asks for one.
func (w *watch) take(b []byte) (out []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	if now.Sub(w.second) >= time.Second {
		w.second, w.taken = now, 0
	}
	if w.taken++; w.taken > perSecond || w.key == nil {
		w.rejected["flood"]++
		return nil
	}
	m, err := decode(b, w.key, now)
	switch {
	case errors.Is(err, errKey):
		w.rejected["key"]++
	case err != nil:
		w.rejected["malformed"]++
	case m.to != w.self:
		w.rejected["other"]++
	case m.kind == question:
		return w.reply(m, len(b), now)
	default:
		w.heard(m, now)
	}
	return nil
}

// reply says what this agent sees, in no more bytes than it was asked with.
func (w *watch) reply(m message, limit int, now time.Time) []byte {
	a := message{kind: answer, nonce: m.nonce, from: w.self, to: m.from}
	names := slices.Sorted(maps.Keys(w.peers))
	if n := len(names); n > 0 {
		w.turn %= n
		for i := range names { // those that do not fit come the next time
			name := names[(w.turn+i)%n]
			a.entries = append(a.entries, named{name, w.peers[name].entry()})
		}
	}
	b, sent := a.encode(w.key, now, limit)
	w.turn += sent
	return b
}

func (p *peer) entry() Entry { return Entry{Sight: p.sight, RTT: p.rtt, Loss: p.loss(), Seen: p.seen} }

// heard takes an answer to an own question.
func (w *watch) heard(m message, now time.Time) {
	q, ok := w.waiting[m.nonce]
	p := w.peers[q.peer]
	if !ok || p == nil || m.from != p.name {
		w.rejected["late"]++ // or never asked for
		return
	}
	delete(w.waiting, m.nonce)
	if p.sight != Answers {
		p.last = nil // that it was away is no loss of the way to it
	}
	p.rtt, p.sight, p.seen = now.Sub(q.sent), Answers, now
	if p.row == nil {
		p.row = map[string]Entry{}
	}
	for _, e := range m.entries {
		p.row[e.name] = e.Entry
	}
	close(q.done)
}

// stale is how old what an agent sees may be to count.
func (w *watch) stale() time.Duration {
	return time.Duration(w.cfg.Misses+2)*w.cfg.Interval + answerWait
}

// matrix returns who sees whom how, as far as it is fresh.
func (w *watch) matrix() Matrix {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	m := Matrix{Self: w.self, Members: []string{w.self}, Rows: map[string]map[string]Entry{w.self: {}}, Gateway: w.third}
	for name, p := range w.peers {
		m.Members = append(m.Members, name)
		m.Rows[w.self][name] = p.entry()
		if p.sight != Answers || p.row == nil || now.Sub(p.seen) > w.stale() {
			continue
		}
		row := map[string]Entry{}
		for other, e := range p.row {
			if now.Sub(e.Seen) > w.stale() {
				e.Sight = Untold
			}
			row[other] = e
		}
		m.Rows[name] = row
	}
	slices.Sort(m.Members)
	for _, row := range m.Rows {
		maps.DeleteFunc(row, func(other string, _ Entry) bool { return !slices.Contains(m.Members, other) })
	}
	return m
}

// addresses of the peers, by name.
func (w *watch) addresses() map[string]netip.Addr {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]netip.Addr{}
	for name, p := range w.peers {
		if p.addr.IsValid() {
			out[name] = p.addr.Addr()
		}
	}
	return out
}
