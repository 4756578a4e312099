package access

import (
	"sync"
	"time"
)

// throttle slows down guessing: after some wrong passwords for a name, or from
// an address, each further try has to wait, twice as long each time.
type throttle struct {
	mu    *sync.Mutex
	tries map[string]tries
}

type tries struct {
	n    int
	last time.Time
}

const (
	freeTries   = 5
	firstWait   = time.Second
	longestWait = 5 * time.Minute
	forgetTries = 30 * time.Minute
	// maxTries bounds the table: names are the attacker's to choose.
	maxTries = 10_000
)

func newThrottle() throttle { return throttle{new(sync.Mutex), map[string]tries{}} }

func keys(name, remote string) [2]string { return [2]string{"name " + name, "from " + remote} }

// wait returns how long a try has to wait at now; 0 if it may go on.
func (t throttle) wait(now time.Time, name, remote string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var longest time.Duration
	for _, k := range keys(name, remote) {
		tr := t.tries[k]
		if tr.n < freeTries || now.Sub(tr.last) > forgetTries {
			continue
		}
		pause := min(longestWait, firstWait<<min(tr.n-freeTries, 16))
		longest = max(longest, tr.last.Add(pause).Sub(now))
	}
	return max(0, longest)
}

func (t throttle) failed(now time.Time, name, remote string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.tries) >= maxTries {
		for k, tr := range t.tries {
			if now.Sub(tr.last) > forgetTries {
				delete(t.tries, k)
			}
		}
	}
	for _, k := range keys(name, remote) {
		tr := t.tries[k]
		if now.Sub(tr.last) > forgetTries {
			tr.n = 0
		}
		if tr.n > 0 || len(t.tries) < maxTries {
			t.tries[k] = tries{tr.n + 1, now}
		}
	}
}

func (t throttle) succeeded(name, remote string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range keys(name, remote) {
		delete(t.tries, k)
	}
}
