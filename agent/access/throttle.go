package access

import (
	"cmp"
	"crypto/sha256"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// throttle slows down guessing: after some wrong passwords for a name, or from
// an address, each further try has to wait, twice as long each time.
type throttle struct {
	mu *sync.Mutex
	// Apart, so that a flood of one kind does not wear out the other.
	names, networks tries
}

// tries counts by a digest: names are the attacker's to choose, at any length.
type tries map[[sha256.Size]byte]tried

type tried struct {
	n    int
	last time.Time
}

const (
	freeTries   = 5
	firstWait   = time.Second
	longestWait = 5 * time.Minute
	forgetTries = 30 * time.Minute
	// maxTries bounds each table.
	maxTries = 10_000
)

func newThrottle() throttle { return throttle{new(sync.Mutex), tries{}, tries{}} }

func keyOf(s string) [sha256.Size]byte { return sha256.Sum256([]byte(s)) }

// network is what one attacker is sure to have: an IPv4 address, or a /64 of
// IPv6, out of which everybody has as many addresses as they like.
func network(remote string) string {
	addr, err := netip.ParseAddr(remote)
	if err != nil {
		return remote
	}
	if addr = addr.Unmap(); addr.Is4() {
		return addr.String()
	}
	p, err := addr.Prefix(64)
	if err != nil {
		return remote
	}
	return p.String()
}

// wait returns how long a try has to wait at now; 0 if it may go on.
func (t throttle) wait(now time.Time, name, remote string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(t.names.wait(now, keyOf(name)), t.networks.wait(now, keyOf(network(remote))))
}

func (t throttle) failed(now time.Time, name, remote string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.names.add(now, keyOf(name))
	t.networks.add(now, keyOf(network(remote)))
}

func (t throttle) succeeded(name, remote string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.names, keyOf(name))
	delete(t.networks, keyOf(network(remote)))
}

func (t tries) wait(now time.Time, key [sha256.Size]byte) time.Duration {
	tr := t[key]
	if tr.n < freeTries || now.Sub(tr.last) > forgetTries {
		return 0
	}
	pause := min(longestWait, firstWait<<min(tr.n-freeTries, 16))
	return max(0, tr.last.Add(pause).Sub(now))
}

func (t tries) add(now time.Time, key [sha256.Size]byte) {
	tr, known := t[key]
	if !known && len(t) >= maxTries {
		t.thin(now)
	}
	if now.Sub(tr.last) > forgetTries {
		tr.n = 0
	}
	t[key] = tried{tr.n + 1, now}
}

// thin makes room in a full table. What was tried least goes first: a flood of
// names that are tried once must not make the agent forget the one that is
// being guessed at.
func (t tries) thin(now time.Time) {
	type entry struct {
		key [sha256.Size]byte
		tried
	}
	var all []entry
	for k, tr := range t {
		if now.Sub(tr.last) > forgetTries {
			delete(t, k)
			continue
		}
		all = append(all, entry{k, tr})
	}
	slices.SortFunc(all, func(x, y entry) int { return cmp.Or(cmp.Compare(x.n, y.n), x.last.Compare(y.last)) })
	for _, e := range all[:max(0, len(t)-maxTries*3/4)] {
		delete(t, e.key)
	}
}
