package syslog

import (
	"context"
	"sync"
	"time"
)

// item is one message that waits, as it came.
type item struct {
	raw []byte
	at  time.Time
	cut bool // it was longer
}

// overhead is what a message takes in memory beside its text.
const overhead = 64

// queue holds what waits to be read, within a bound of memory. When it is full,
// who has most waiting loses first: one device that floods cannot take the room
// of the others. Out of it one source after the other is served.
type queue struct {
	limit int

	mu     sync.Mutex
	bytes  int
	active []*source // those with something waiting, next first
	more   chan struct{}
}

func newQueue(limit int) *queue { return &queue{limit: limit, more: make(chan struct{}, 1)} }

// put takes a message in, or counts one as dropped: this one, or the newest of
// the source that has more waiting. It keeps raw.
func (q *queue) put(s *source, it item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.putLocked(s, it)
}

// arrival is a message and whose it is.
type arrival struct {
	s *source
	item
}

// putAll is put for many, in their order.
func (q *queue) putAll(list []arrival) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, a := range list {
		q.putLocked(a.s, a.item)
	}
}

func (q *queue) putLocked(s *source, it item) {
	s.received++
	need := len(it.raw) + overhead
	for q.bytes+need > q.limit {
		longest := q.longest()
		if longest == nil || longest == s || longest.bytes <= s.bytes+need {
			s.overflow++
			return
		}
		q.dropNewest(longest)
	}
	q.add(s, it, need)
}

// offer is put for a sender that can wait: it takes nothing and reports false
// where put would drop.
func (q *queue) offer(s *source, it item) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	need := len(it.raw) + overhead
	if q.bytes+need > q.limit {
		return false
	}
	s.received++
	q.add(s, it, need)
	return true
}

func (q *queue) add(s *source, it item, need int) {
	if len(s.waiting) == 0 {
		q.active = append(q.active, s)
	}
	s.waiting = append(s.waiting, it)
	s.bytes += need
	q.bytes += need
	select {
	case q.more <- struct{}{}:
	default:
	}
}

func (q *queue) longest() *source {
	var out *source
	for _, s := range q.active {
		if out == nil || s.bytes > out.bytes {
			out = s
		}
	}
	return out
}

func (q *queue) dropNewest(s *source) {
	last := len(s.waiting) - 1
	size := len(s.waiting[last].raw) + overhead
	s.waiting[last] = item{}
	s.waiting = s.waiting[:last]
	s.bytes -= size
	q.bytes -= size
	s.overflow++
	if last == 0 {
		for i, a := range q.active {
			if a == s {
				q.active = append(q.active[:i], q.active[i+1:]...)
				break
			}
		}
	}
}

// share is how many messages of one source are read before the next one's turn.
const share = 64

// load is messages of one source.
type load struct {
	s     *source
	items []item
}

// take returns up to a few hundred messages, of each source its share, and
// waits until there are some. It returns nil when ctx is done and nothing is
// left.
func (q *queue) take(ctx context.Context) []load {
	for {
		if out := q.turn(); out != nil {
			return out
		}
		select {
		case <-q.more:
		case <-ctx.Done():
			return q.turn()
		}
	}
}

func (q *queue) turn() []load {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []load
	for range min(len(q.active), 8) {
		s := q.active[0]
		q.active = q.active[1:]
		n := min(len(s.waiting), share)
		items := s.waiting[:n:n]
		s.waiting = s.waiting[n:]
		for _, it := range items {
			s.bytes -= len(it.raw) + overhead
			q.bytes -= len(it.raw) + overhead
		}
		if len(s.waiting) > 0 {
			q.active = append(q.active, s)
		} else {
			s.waiting = nil // give the room back
		}
		out = append(out, load{s, items})
	}
	return out
}

// counts are the figures of a source that the queue keeps.
func (q *queue) counts(s *source) (received, overflow uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return s.received, s.overflow
}

// waiting is what waits, in bytes.
func (q *queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}
