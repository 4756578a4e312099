package access

import (
	"cmp"
	"slices"
)

// heavy finds those who come most often in a fixed room (space-saving, after
// Metwally): who is not among the counted takes the place of the rarest, with
// its count. A count may be too high by at most Error, never too low.
type heavy struct {
	cap   int
	slots map[string]*slot
	heap  []*slot // the rarest first
}

type slot struct {
	key    string
	n, err uint64
	at     int
}

// Hitter is one of those who come most often.
type Hitter struct {
	Key   string `json:"key"`
	Count uint64 `json:"count"`
	// Error is by how much Count may be too high.
	Error uint64 `json:"error,omitempty"`
}

func newHeavy(n int) *heavy { return &heavy{cap: n, slots: make(map[string]*slot, n)} }

func (h *heavy) add(key []byte) {
	if s := h.slots[string(key)]; s != nil {
		s.n++
		h.down(s.at)
		return
	}
	if len(h.heap) < h.cap {
		s := &slot{key: string(key), n: 1, at: len(h.heap)}
		h.slots[s.key] = s
		h.heap = append(h.heap, s)
		h.up(s.at)
		return
	}
	s := h.heap[0]
	delete(h.slots, s.key)
	s.key, s.err = string(key), s.n
	s.n++
	h.slots[s.key] = s
	h.down(0)
}

func (h *heavy) up(n int) {
	for n > 0 {
		p := (n - 1) / 2
		if h.heap[p].n <= h.heap[n].n {
			return
		}
		h.swap(p, n)
		n = p
	}
}

func (h *heavy) down(n int) {
	for {
		least := n
		for _, c := range [2]int{2*n + 1, 2*n + 2} {
			if c < len(h.heap) && h.heap[c].n < h.heap[least].n {
				least = c
			}
		}
		if least == n {
			return
		}
		h.swap(least, n)
		n = least
	}
}

func (h *heavy) swap(a, b int) {
	h.heap[a], h.heap[b] = h.heap[b], h.heap[a]
	h.heap[a].at, h.heap[b].at = a, b
}

// fade halves all counts, so that the past weighs less.
func (h *heavy) fade() {
	for _, s := range h.heap {
		s.n, s.err = s.n/2, s.err/2
	}
}

// top returns the n that came most often.
func (h *heavy) top(n int) []Hitter {
	out := make([]Hitter, 0, len(h.heap))
	for _, s := range h.heap {
		out = append(out, Hitter{s.key, s.n, s.err})
	}
	slices.SortFunc(out, func(a, b Hitter) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Key, b.Key)) })
	return out[:min(n, len(out))]
}

func (h *heavy) restore(list []Hitter) {
	for _, one := range list {
		if len(h.heap) < h.cap && h.slots[one.Key] == nil {
			s := &slot{key: one.Key, n: one.Count, err: one.Error, at: len(h.heap)}
			h.slots[s.key] = s
			h.heap = append(h.heap, s)
			h.up(s.at)
		}
	}
}
