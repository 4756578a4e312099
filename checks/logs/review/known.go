package review

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"xunjian/checks"
)

// known is what survives of the review, kept with the positions.
type known struct {
	// Counts are the lines of each pattern, ever.
	Counts map[string]uint64 `json:"counts"`
	Failed uint64            `json:"failed"`
	Logins uint64            `json:"logins"`
	// Began is when the first line was read.
	Began time.Time `json:"began,omitzero"`
	// Hours count by hour since 1970, source and pattern; allLines stands for
	// whatever was read in that hour.
	Hours map[int64]map[string]map[string]uint64 `json:"hours"`
	// Last are the last lines of each pattern.
	Last map[string][]Seen `json:"last"`
	// Addresses are those from which logins failed.
	Addresses map[string]*address `json:"addresses"`
	// Held are findings of what happened, by code and subject.
	Held map[string]*held `json:"held"`
	// Forgotten is when there last were more of them than can be remembered.
	Forgotten time.Time `json:"forgotten,omitzero"`
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

// held is a finding of an event: it stays for a while, and is remembered for the
// reports of weeks.
type held struct {
	Finding checks.Finding `json:"finding"`
	Until   time.Time      `json:"until"`
	// Count is how often it was said since it last was no finding.
	Count int `json:"count"`
	// First and Last are when it was said, Total how often, since it is
	// remembered.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	Total int       `json:"total,omitempty"`
}

// remembered is how long an event is, after it was said last.
const remembered = 15 * 24 * time.Hour

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
	maps.DeleteFunc(k.Held, func(_ string, h *held) bool { return h == nil })
	for _, h := range k.Held {
		if h.First.IsZero() { // kept by a version that did not remember
			h.First, h.Last, h.Total = h.Until, h.Until, h.Count
		}
	}
}

// Bounds of what is kept.
const (
	keptLines     = 10
	maxText       = 600
	maxHours      = 8 * 24
	maxAddresses  = 2000
	maxHeld       = 500
	maxUsers      = 2000
	maxPlaces     = 200
	maxNewest     = 500
	maxUserLength = 64
)

// allLines is in place of a pattern's name.
const allLines = ""

// count counts a line of a pattern.
func (k *known) count(source, name string, at, now time.Time) {
	k.Counts[name]++
	h := min(at.Unix(), now.Unix()) / 3600
	if h > now.Unix()/3600-maxHours { // of long ago only the sum counts
		k.hour(h, source)[name]++
	}
}

// hour is where the lines of a source are counted that came in an hour.
func (k *known) hour(h int64, source string) map[string]uint64 {
	if k.Hours[h] == nil {
		k.Hours[h] = map[string]map[string]uint64{}
		if len(k.Hours) > maxHours {
			delete(k.Hours, slices.Min(slices.Collect(maps.Keys(k.Hours))))
		}
	}
	if k.Hours[h][source] == nil {
		k.Hours[h][source] = map[string]uint64{}
	}
	return k.Hours[h][source]
}

// keep keeps a line of a pattern.
func (k *known) keep(name string, s Seen) {
	k.Last[name] = lastOf(k.Last[name], s, keptLines)
}

// lastOf adds v to a list of the last few, in the same room.
func lastOf[T any](list []T, v T, few int) []T {
	if len(list) < few {
		return append(list, v)
	}
	list = list[len(list)-few:]
	copy(list, list[1:])
	list[few-1] = v
	return list
}

// hold makes a finding, or says it again.
func (k *known) hold(f checks.Finding, now time.Time, stay time.Duration) {
	key := f.Code + "\x00" + f.Subject
	h := k.Held[key]
	if h == nil {
		if len(k.Held) >= maxHeld {
			// What is over goes before what is not, what is less bad before
			// what is worse: a crowd of attackers must not make one forget.
			delete(k.Held, maxKey(k.Held, func(a, b *held) bool {
				if over := now.After(a.Until); over != now.After(b.Until) {
					return over
				}
				return cmp.Or(cmp.Compare(a.Finding.Verdict.Code(), b.Finding.Verdict.Code()), a.Until.Compare(b.Until)) < 0
			}))
			k.Forgotten = now
		}
		h = &held{First: now}
		k.Held[key] = h
	}
	if now.After(h.Until) {
		h.Count = 0
	}
	h.Finding, h.Count, h.Total = f, h.Count+1, h.Total+1
	if now.After(h.Last) {
		h.Last = now
	}
	if until := now.Add(stay); until.After(h.Until) {
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

// expire forgets events of long ago, and of those that are over all lines but
// the last.
func (k *known) expire(now time.Time) {
	for _, h := range k.Held {
		if n := strings.LastIndexByte(h.Finding.Evidence, '\n'); n >= 0 && now.After(h.Until) {
			h.Finding.Evidence = h.Finding.Evidence[n+1:]
		}
	}
	maps.DeleteFunc(k.Held, func(_ string, h *held) bool { return now.After(h.Until) && now.Sub(h.Last) > remembered })
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
