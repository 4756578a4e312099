package checks

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// How long results wait for others of the same tick.
const (
	quietWindow  = 50 * time.Millisecond  // since the last one came
	gatherWindow = 250 * time.Millisecond // since the first one came
)

// gather collects results that come close together into one batch.
type gather struct {
	batch       []Result
	first, last time.Time // monotonic
}

func (g *gather) add(res Result, now time.Time) {
	if len(g.batch) == 0 {
		g.first = now
	}
	g.last = now
	g.batch = append(g.batch, res)
}

// ready reports whether the batch should go; open is how many runs of the
// newest tick have yet to say something.
func (g *gather) ready(now time.Time, open int) bool {
	at, some := g.due()
	return some && (open == 0 || !now.Before(at))
}

// due returns when the batch goes at the latest.
func (g *gather) due() (at time.Time, some bool) {
	quiet, full := g.last.Add(quietWindow), g.first.Add(gatherWindow)
	if full.Before(quiet) {
		quiet = full
	}
	return quiet, len(g.batch) > 0
}

// take returns the batch, in order, and begins a new one.
func (g *gather) take() []Result {
	batch := g.batch
	g.batch = nil
	slices.SortStableFunc(batch, func(a, b Result) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Check, b.Check))
	})
	return batch
}

// maxMail is how many results wait for a Sink that does not keep up (its disk
// hangs) before the oldest are dropped: with 30 checks at 15 s half an hour.
const maxMail = 4096

// mailbox holds batches until the Sink takes them, so that a slow Sink delays
// no check.
type mailbox struct {
	ready chan struct{}

	mu     sync.Mutex
	queue  [][]Result
	count  int // results in queue
	lost   uint64
	closed bool
}

// put adds a batch. It never blocks.
func (m *mailbox) put(batch []Result) {
	m.mu.Lock()
	m.queue = append(m.queue, batch)
	m.count += len(batch)
	for m.count > maxMail && len(m.queue) > 1 {
		m.dropOldest()
	}
	m.mu.Unlock()
	m.signal()
}

// dropOldest drops the oldest batch, but for the last words on retired checks,
// which nobody would say again.
func (m *mailbox) dropOldest() {
	var kept []Result
	for _, res := range m.queue[0] {
		if res.Retired {
			kept = append(kept, res)
		}
	}
	lost := len(m.queue[0]) - len(kept)
	m.lost += uint64(lost)
	m.count -= lost
	m.queue[1] = append(kept, m.queue[1]...)
	m.queue = m.queue[1:]
}

// carry hands the batches to sink until the mailbox is closed and empty.
func (m *mailbox) carry(sink func([]Result)) {
	for {
		batch, closed := m.pop()
		switch {
		case batch != nil:
			sink(batch)
		case closed:
			return
		default:
			<-m.ready
		}
	}
}

func (m *mailbox) pop() (batch []Result, closed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) == 0 {
		return nil, m.closed
	}
	batch = m.queue[0]
	m.queue[0] = nil
	m.queue = m.queue[1:]
	m.count -= len(batch)
	return batch, false
}

func (m *mailbox) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.signal()
}

func (m *mailbox) signal() {
	select {
	case m.ready <- struct{}{}:
	default:
	}
}

func (m *mailbox) lostSoFar() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lost
}
