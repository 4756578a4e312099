package gateway

import (
	"sync"
	"time"
)

// Limit is how often one telephone is called or written to.
type Limit struct {
	// AtMost is the number of times, 1 to 1000.
	AtMost int `yaml:"at_most"`
	// In is the time in which they are counted, 1s to 24h.
	In time.Duration `yaml:"in"`
}

// defaultLimits are within what the clouds and the carriers allow.
func defaultLimits() []Limit {
	return []Limit{{1, 30 * time.Second}, {10, time.Hour}, {40, 24 * time.Hour}}
}

// budget counts by telephone. It looks back over each limit's time, so that no
// such stretch ever holds more than it may.
type budget struct {
	limits  []Limit
	longest time.Duration

	mu    sync.Mutex
	spent map[number][]time.Time // in order
}

func newBudget(limits []Limit) *budget {
	b := &budget{limits: limits, spent: map[number][]time.Time{}}
	for _, l := range limits {
		b.longest = max(b.longest, l.In)
	}
	return b
}

// take counts one at now, or says how long to wait for it.
func (b *budget) take(n number, now time.Time) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for phone, times := range b.spent {
		for len(times) > 0 && now.Sub(times[0]) >= b.longest {
			times = times[1:]
		}
		if b.spent[phone] = times; len(times) == 0 {
			delete(b.spent, phone)
		}
	}
	times := b.spent[n]
	for _, l := range b.limits {
		// The one that has to grow old first.
		if len(times) >= l.AtMost {
			wait = max(wait, times[len(times)-l.AtMost].Add(l.In).Sub(now))
		}
	}
	if wait > 0 {
		return wait
	}
	b.spent[n] = append(times, now)
	return 0
}

// giveBack takes the count of at back: nothing went out.
func (b *budget) giveBack(n number, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	times := b.spent[n]
	for i := len(times) - 1; i >= 0; i-- {
		if times[i].Equal(at) {
			b.spent[n] = append(times[:i:i], times[i+1:]...)
			return
		}
	}
}
