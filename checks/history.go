package checks

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"
)

// How much the History keeps of each check.
const (
	keepRecent   = 20 // last results, whatever they are
	keepChanges  = 50 // results whose verdict differs from the one before
	keepFailures = 50 // results that are neither ok nor not applicable
	// keepBytes bounds the memory of what is kept for one check beside its last
	// result, evidence included; the oldest go first.
	keepBytes = 256 << 10
)

// History remembers what checks said, in bounded memory: the last result of
// each, its last changes of verdict, and its last failures, which so outlive
// the successes after them. Its methods are safe for concurrent use. As JSON it
// is an object with the kept results of each check, newest first.
type History struct {
	mu     sync.RWMutex
	checks map[string]*past
}

// past is what is kept of one check.
type past struct {
	latest Result
	since  time.Time // begin of the present verdict
	// The rings hold results without their samples, oldest first. A result may
	// stand in several.
	recent, changes, failures []Result
}

// NewHistory returns an empty History.
func NewHistory() *History { return &History{checks: map[string]*past{}} }

// Add remembers a result. A Retired one makes the check forgotten.
func (h *History) Add(res Result) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if res.Retired {
		delete(h.checks, res.Check)
		return
	}
	p := h.checks[res.Check]
	if p == nil {
		p = &past{}
		h.checks[res.Check] = p
	}
	p.add(res)
}

func (p *past) add(res Result) {
	changed := p.since.IsZero() || res.Verdict != p.latest.Verdict
	p.latest = res
	res.Samples = nil
	if changed {
		p.since = res.Time
		p.changes = push(p.changes, res, keepChanges)
	}
	if res.Verdict != OK && res.Verdict != NotApplicable {
		p.failures = push(p.failures, res, keepFailures)
	}
	p.recent = push(p.recent, res, keepRecent)
}

// push appends to a ring and drops the oldest results that are over one of the
// limits; a third of the bytes for each ring.
func push(ring []Result, res Result, limit int) []Result {
	ring = append(ring, res)
	first, bytes := len(ring), 0
	for first > 0 && len(ring)-first < limit {
		bytes += sizeOf(ring[first-1])
		if bytes > keepBytes/3 && first < len(ring) {
			break
		}
		first--
	}
	return slices.Delete(ring, 0, first)
}

// sizeOf estimates the memory of a result without samples in bytes.
func sizeOf(res Result) int {
	n := 256 + len(res.Check) + len(res.Error)
	for _, f := range res.Findings {
		n += 128 + len(f.Subject) + len(f.Code) + len(f.Evidence)
		for k, v := range f.Args {
			n += 64 + len(k)
			if s, ok := v.(string); ok {
				n += len(s)
			}
		}
	}
	return n
}

// Latest returns the last result of every check, sorted by name.
func (h *History) Latest() []Result {
	h.mu.RLock()
	defer h.mu.RUnlock()
	out := make([]Result, 0, len(h.checks))
	for _, name := range slices.Sorted(maps.Keys(h.checks)) {
		out = append(out, h.checks[name].latest)
	}
	return out
}

// Of returns the kept results of one check, newest first; none if the check
// has not said anything. All but the first are without their samples.
func (h *History) Of(name string) []Result {
	h.mu.RLock()
	defer h.mu.RUnlock()
	p := h.checks[name]
	if p == nil {
		return nil
	}
	return p.all()
}

func (p *past) all() []Result {
	out := slices.Concat(p.recent, p.failures, p.changes)
	slices.SortStableFunc(out, func(a, b Result) int { return b.Time.Compare(a.Time) })
	out = slices.CompactFunc(out, func(a, b Result) bool { return a.Time.Equal(b.Time) })
	out[0] = p.latest
	return out
}

// Since returns when the present verdict of a check began; zero if the check
// has not said anything.
func (h *History) Since(name string) time.Time {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if p := h.checks[name]; p != nil {
		return p.since
	}
	return time.Time{}
}

// MarshalJSON writes what is kept.
func (h *History) MarshalJSON() ([]byte, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	out := make(map[string][]Result, len(h.checks))
	for name, p := range h.checks {
		out[name] = p.all()
	}
	return json.Marshal(out)
}

// UnmarshalJSON takes over what MarshalJSON wrote, in place of what there is.
func (h *History) UnmarshalJSON(b []byte) error {
	var in map[string][]Result
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = make(map[string]*past, len(in))
	for name, list := range in {
		p := &past{}
		for _, res := range slices.Backward(list) {
			p.add(res)
		}
		if len(list) > 0 {
			h.checks[name] = p
		}
	}
	return nil
}
