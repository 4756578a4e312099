package review

import (
	"cmp"
	"slices"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs/tail"
)

// Overview is the review so far, for people: from a count to its lines.
type Overview struct {
	From, To time.Time
	Sources  []tail.Stats
	Patterns []PatternSeen
}

// PatternSeen is one pattern within the time of an Overview.
type PatternSeen struct {
	PatternCount
	// BySource are the lines of each source.
	BySource map[string]uint64 `json:"by_source"`
	// Hours are the lines of each hour, the oldest first; Starts when the
	// first begins.
	Hours  []uint64  `json:"hours"`
	Starts time.Time `json:"starts"`
}

// Filter narrows an Overview; empty fields take all.
type Filter struct {
	Source, Group string
	// Verdict takes patterns that are at least as bad.
	Verdict checks.Verdict
	// Hours is how far back, 1 to 192; 0 is 24.
	Hours int
}

// Overview says what was seen.
func (r *Review) Overview(f Filter) Overview {
	if f.Hours <= 0 {
		f.Hours = 24
	}
	f.Hours = min(f.Hours, maxHours)
	now := r.parts.Now()
	out := Overview{From: time.Unix((now.Unix()/3600-int64(f.Hours)+1)*3600, 0).UTC(), To: now}
	// What is shown need not be durable; but it is read between two takes.
	_ = r.parts.Tailer.With(func() {
		out.Sources = r.parts.Tailer.StatsLocked()
		out.Patterns = r.judge.seenPatterns(f, out.From)
	})
	return out
}

func (j *judge) seenPatterns(f Filter, from time.Time) []PatternSeen {
	var out []PatternSeen
	first := from.Unix() / 3600
	for _, p := range j.list {
		if f.Group != "" && p.Group != f.Group || f.Verdict != checks.Unknown && f.Verdict.Worse(p.Verdict) {
			continue
		}
		seen := PatternSeen{
			PatternCount: PatternCount{Name: p.Name, Group: p.Group, Title: p.Title, Verdict: p.Verdict, Code: p.Code},
			BySource:     map[string]uint64{}, Hours: make([]uint64, f.Hours), Starts: from,
		}
		for h := range int64(f.Hours) {
			for source, counts := range j.known.Hours[first+h] {
				if n := counts[p.Name]; n > 0 && (f.Source == "" || f.Source == source) {
					seen.Hours[h] += n
					seen.BySource[source] += n
					seen.Count += n
				}
			}
		}
		if seen.Count == 0 {
			continue
		}
		for _, s := range j.known.Last[p.Name] {
			if f.Source == "" || f.Source == s.Source {
				seen.Lines = append(seen.Lines, s)
			}
		}
		slices.Reverse(seen.Lines)
		out = append(out, seen)
	}
	slices.SortStableFunc(out, func(a, b PatternSeen) int {
		return cmp.Or(cmp.Compare(b.Verdict.Code(), a.Verdict.Code()), cmp.Compare(b.Count, a.Count))
	})
	return out
}
