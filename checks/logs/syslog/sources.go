package syslog

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"xunjian/checks/logs/syslog/dialect"
	"xunjian/checks/logs/syslog/message"
)

// maxUnnamed bounds the senders that have series of their own without being
// named; more of them count as one, "other".
const maxUnnamed = 50

// other is the name of the senders beyond maxUnnamed.
const other = "other"

// source is one sender and what it has sent.
type source struct {
	name    string
	named   bool
	dialect *dialect.Dialect // nil: told by each line
	zone    *time.Location
	enc     message.Encoding
	silence time.Duration // after which it counts as silent; 0: never

	// guess is the dialect of the line before; the worker's own.
	guess *dialect.Dialect

	// Under the queue's lock.
	waiting  []item
	bytes    int
	received uint64
	overflow uint64 // dropped because others wait too

	// Under the table's lock.
	tally
}

// tally is what the worker counts of a source.
type tally struct {
	kept, unkept uint64 // unkept: the archive took it not
	size         uint64
	cut          uint64
	last         time.Time
	before       time.Duration // silence before this agent began to listen
	events       map[string]uint64
	outOfHours   uint64
	// shown says that the series have been told once, at zero, so that a
	// counter's first step is seen as one.
	shown bool
}

// table finds the source of an address.
type table struct {
	allowed []netip.Prefix
	zone    *time.Location

	mu      sync.Mutex
	nets    []network // the narrowest first
	byAddr  map[netip.Addr]*source
	list    []*source
	unnamed int
	rest    *source
	refused uint64
}

type network struct {
	netip.Prefix
	s *source
}

// newTable builds the table of a valid configuration.
func newTable(cfg Config, set *dialect.Set, zone *time.Location) *table {
	t := &table{zone: zone, byAddr: map[netip.Addr]*source{}}
	for _, s := range cfg.Allowed {
		if p, err := prefix(s); err == nil {
			t.allowed = append(t.allowed, p)
		}
	}
	for _, c := range cfg.Sources {
		s := t.add(c.Name)
		s.named, s.dialect, s.enc = true, set.Get(c.Dialect), c.Encoding
		if c.Zone != "" {
			if z, err := time.LoadLocation(c.Zone); err == nil {
				s.zone = z
			}
		}
		switch {
		case c.SilentAfter > 0:
			s.silence = c.SilentAfter
		case c.SilentAfter == 0:
			s.silence = defaultSilence
		}
		for _, a := range c.Addresses {
			if p, err := prefix(a); err == nil {
				t.nets = append(t.nets, network{p, s})
			}
		}
	}
	slices.SortStableFunc(t.nets, func(a, b network) int { return b.Bits() - a.Bits() })
	return t
}

func (t *table) add(name string) *source {
	s := &source{name: name, zone: t.zone, tally: tally{events: map[string]uint64{}}}
	for _, e := range dialect.Events() {
		s.events[e] = 0
	}
	t.list = append(t.list, s)
	return s
}

// of returns the source of an address, or nil if nothing is taken from there.
func (t *table) of(a netip.Addr) *source {
	a = a.Unmap().WithZone("")
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.byAddr[a]; ok {
		return s
	}
	s := t.find(a)
	if s == nil {
		t.refused++ // not remembered: a forger may have any number of addresses
		return nil
	}
	if len(t.byAddr) < 1<<16 {
		t.byAddr[a] = s
	}
	return s
}

func (t *table) find(a netip.Addr) *source {
	for _, n := range t.nets {
		if n.Contains(a) {
			return n.s
		}
	}
	if !slices.ContainsFunc(t.allowed, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return nil
	}
	if t.unnamed < maxUnnamed {
		t.unnamed++
		return t.add(a.String())
	}
	if t.rest == nil {
		t.rest = t.add(other)
	}
	return t.rest
}

// sources returns the list at this moment.
func (t *table) sources() []*source {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.list)
}
