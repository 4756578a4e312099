package review

import (
	"maps"
	"slices"
	"time"

	"xunjian/checks"
)

// known is what survives of the review, kept with the positions.
type known struct {
	// Counts are the lines of each pattern, ever.
	Counts map[string]uint64 `json:"counts"`
	Failed uint64            `json:"failed"`
	Logins uint64            `json:"logins"`
	// Hours count by hour since 1970, source and pattern.
	Hours map[int64]map[string]map[string]uint64 `json:"hours"`
	// Last are the last lines of each pattern.
	Last map[string][]Seen `json:"last"`
	// Addresses are those from which logins failed.
	Addresses map[string]*address `json:"addresses"`
	// Held are findings of what happened, by code and subject.
	Held map[string]*held `json:"held"`
	// Users are who logged in; Since is when the first login was seen.
	Users map[string]*user `json:"users"`
	Since time.Time        `json:"since,omitzero"`
	// Rhythm is how often lines come, by source.
	Rhythm map[string]*rhythm `json:"rhythm"`
	// Newest is the latest time that lines of a file said.
	Newest map[string]time.Time `json:"newest"`
	// Emptied and others of the tailer's counts that were told already.
	Told map[string]uint64 `json:"told"`
}

// Seen is a line that was known.
type Seen struct {
	Time   time.Time `json:"time"`
	Source string    `json:"source"`
	Text   string    `json:"text"`
}

// held is a finding of an event: it stays for a while.
type held struct {
	Finding checks.Finding `json:"finding"`
	Until   time.Time      `json:"until"`
	Count   int            `json:"count"`
}

func newKnown() known {
	k := known{}
	k.mend()
	return k
}

// mend makes the maps that are not there.
func (k *known) mend() {
	if k.Counts == nil {
		k.Counts = map[string]uint64{}
	}
	if k.Hours == nil {
		k.Hours = map[int64]map[string]map[string]uint64{}
	}
	if k.Last == nil {
		k.Last = map[string][]Seen{}
	}
	if k.Addresses == nil {
		k.Addresses = map[string]*address{}
	}
	if k.Held == nil {
		k.Held = map[string]*held{}
	}
	if k.Users == nil {
		k.Users = map[string]*user{}
	}
	if k.Rhythm == nil {
		k.Rhythm = map[string]*rhythm{}
	}
	if k.Newest == nil {
		k.Newest = map[string]time.Time{}
	}
	if k.Told == nil {
		k.Told = map[string]uint64{}
	}
}

// Bounds of what is kept.
const (
	keptLines     = 10
	maxText       = 600
	maxHours      = 8 * 24
	maxAddresses  = 2000
	maxHeld       = 300
	maxUsers      = 2000
	maxPlaces     = 200
	maxNewest     = 500
	maxUserLength = 64
)

// count counts a line of a pattern.
func (k *known) count(source, name string, at, now time.Time) {
	k.Counts[name]++
	h := at.Unix() / 3600
	if h > now.Unix()/3600 {
		h = now.Unix() / 3600
	}
	if h <= now.Unix()/3600-maxHours {
		return // of long ago: only the sum counts
	}
	if k.Hours[h] == nil {
		k.Hours[h] = map[string]map[string]uint64{}
		if len(k.Hours) > maxHours {
			delete(k.Hours, slices.Min(slices.Collect(maps.Keys(k.Hours))))
		}
	}
	if k.Hours[h][source] == nil {
		k.Hours[h][source] = map[string]uint64{}
	}
	k.Hours[h][source][name]++
}

// keep keeps a line of a pattern.
func (k *known) keep(name string, s Seen) {
	list := append(k.Last[name], s)
	k.Last[name] = list[max(0, len(list)-keptLines):]
}

// hold makes a finding, or says it again.
func (k *known) hold(f checks.Finding, until time.Time) {
	key := f.Code + "\x00" + f.Subject
	h := k.Held[key]
	if h == nil {
		if len(k.Held) >= maxHeld {
			k.Held[maxKey(k.Held, func(a, b *held) bool { return a.Until.Before(b.Until) })] = nil
			maps.DeleteFunc(k.Held, func(_ string, h *held) bool { return h == nil })
		}
		h = &held{}
		k.Held[key] = h
	}
	h.Finding, h.Count = f, h.Count+1
	if until.After(h.Until) {
		h.Until = until
	}
}

// maxKey returns the key of the first value by less.
func maxKey[V any](m map[string]V, less func(a, b V) bool) string {
	first := ""
	for key, v := range m {
		if first == "" || less(v, m[first]) {
			first = key
		}
	}
	return first
}

// expire drops findings whose time is over.
func (k *known) expire(now time.Time) {
	maps.DeleteFunc(k.Held, func(_ string, h *held) bool { return now.After(h.Until) })
}

// rhythm is how often lines of a source come: the longest pause of each of the
// last days.
type rhythm struct {
	Last   time.Time `json:"last"`
	Day    int64     `json:"day"`
	Pauses []float64 `json:"pauses"` // seconds, the newest day last
}

const rhythmDays = 8

// came notes that lines came.
func (r *rhythm) came(now time.Time) {
	day := now.Unix() / 86400
	if r.Last.IsZero() || len(r.Pauses) == 0 {
		r.Last, r.Day, r.Pauses = now, day, []float64{0}
		return
	}
	for ; r.Day < day && len(r.Pauses) > 0; r.Day++ {
		r.Pauses = append(r.Pauses, 0)
		r.Pauses = r.Pauses[max(0, len(r.Pauses)-rhythmDays):]
	}
	if pause := now.Sub(r.Last).Seconds(); pause > 0 {
		last := len(r.Pauses) - 1
		r.Pauses[last] = max(r.Pauses[last], pause)
	}
	r.Last = now
}

// usual is the longest pause that is usual, in seconds; ok is false before two
// days are known.
func (r *rhythm) usual() (seconds float64, ok bool) {
	if len(r.Pauses) < 2 {
		return 0, false
	}
	return slices.Max(r.Pauses), true
}
