package review

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs/tail"
)

// Overview is the review so far, for people: from a count to its lines.
type Overview struct {
	// From and To are whole hours, but that To is not after now.
	From, To time.Time
	// Since is from when on lines are counted by hour: what was before is not
	// in Patterns, whatever From says.
	Since   time.Time
	Sources []SourceSeen
	// Patterns are those of which there are lines, the worst first.
	Patterns []PatternSeen
	// Events are what several lines meant together, and what happened to logs,
	// the latest first.
	Events []Event
	// Forgotten says that there were more Events since From than can be
	// remembered.
	Forgotten bool
}

// SourceSeen is one log.
type SourceSeen struct {
	tail.Stats
	// Places are how far its files have been read.
	Places []tail.Place
	// Behind is how much of them is not read yet, in bytes.
	Behind int64
	// Usual is the longest pause between its lines that is usual; 0 if it is
	// not known yet.
	Usual time.Duration
	// Silent says that it has been silent for more than twice that and a
	// quarter of an hour, as the rule LogSilent has it.
	Silent bool
	// Read is how many of its lines were read within the time of the Overview,
	// Counts the lines of its patterns by their verdict.
	Read   uint64
	Counts map[checks.Verdict]uint64
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

// Event is something that happened, from First to Last.
type Event struct {
	Finding     checks.Finding
	First, Last time.Time
	// Count is how often it was seen.
	Count int
}

// Filter narrows an Overview; empty fields take all.
type Filter struct {
	Source, Group string
	// Verdict takes patterns that are at least as bad.
	Verdict checks.Verdict
	// Hours is how far back from now, 1 to 192; 0 is 24.
	Hours int
	// From and To take a stretch of time instead, in whole hours and at most
	// MaxHours of it, if From is there.
	From, To time.Time
}

// MaxHours is how far back lines are counted by hour.
const MaxHours = maxHours

// span is the time of a Filter, as hours since 1970: from first to before end.
func (f Filter) span(now time.Time) (first, end int64) {
	running := now.Unix() / 3600
	if f.From.IsZero() {
		hours := f.Hours
		if hours <= 0 {
			hours = 24
		}
		return running - int64(min(hours, maxHours)) + 1, running + 1
	}
	to := f.To
	if to.IsZero() || to.After(now) {
		to = now
	}
	first, end = f.From.Unix()/3600, (to.Unix()+3599)/3600
	end = min(max(end, first+1), running+1)
	return max(first, end-maxHours), end
}

// Overview says what was seen.
func (r *Review) Overview(f Filter) Overview {
	now := r.parts.Now()
	first, end := f.span(now)
	out := Overview{From: time.Unix(first*3600, 0).UTC(), To: time.Unix(end*3600, 0).UTC()}
	if out.To.After(now) {
		out.To = now
	}
	// What is shown need not be durable; but it is read between two takes.
	_ = r.parts.Tailer.With(func() {
		j := r.judge
		out.Since = j.countedSince(now)
		out.Patterns = j.seenPatterns(f, first, end)
		out.Sources = r.sources(f, first, end, now)
		out.Events = j.events(f, out.From, out.To)
		out.Forgotten = j.known.Forgotten.After(out.From)
	})
	return out
}

// countedSince is from when on lines are counted by hour.
func (j *judge) countedSince(now time.Time) time.Time {
	oldest := time.Unix((now.Unix()/3600-maxHours+1)*3600, 0).UTC()
	if j.known.Began.After(oldest) {
		return j.known.Began
	}
	return oldest
}

func (r *Review) sources(f Filter, first, end int64, now time.Time) []SourceSeen {
	var out []SourceSeen
	verdicts := map[string]checks.Verdict{}
	for _, p := range r.judge.list {
		verdicts[p.Name] = p.Verdict
	}
	places := r.parts.Tailer.PlacesLocked()
	for _, s := range r.parts.Tailer.StatsLocked() {
		one := SourceSeen{Stats: s, Places: places[s.Source], Counts: map[checks.Verdict]uint64{}}
		for _, p := range one.Places {
			one.Behind += p.Behind()
		}
		since := cmp.Or(s.LastLine, s.FirstSeen)
		if usual, ok := r.judge.rhythmOf(s.Source).usual(); ok {
			one.Usual = time.Duration(usual * float64(time.Second))
			one.Silent = now.Sub(since) > 2*one.Usual+15*time.Minute
		}
		for h := first; h < end; h++ {
			for name, n := range r.judge.known.Hours[h][s.Source] {
				if name == allLines {
					one.Read += n
					continue
				}
				one.Counts[verdicts[name]] += n
			}
		}
		out = append(out, one)
	}
	return out
}

func (j *judge) seenPatterns(f Filter, first, end int64) []PatternSeen {
	var out []PatternSeen
	for _, p := range j.list {
		if f.Group != "" && p.Group != f.Group || f.Verdict != checks.Unknown && f.Verdict.Worse(p.Verdict) {
			continue
		}
		seen := PatternSeen{
			PatternCount: PatternCount{Name: p.Name, Group: p.Group, Title: p.Title, Verdict: p.Verdict, Code: p.Code},
			BySource:     map[string]uint64{}, Hours: make([]uint64, end-first), Starts: time.Unix(first*3600, 0).UTC(),
		}
		for n := range seen.Hours {
			for source, counts := range j.known.Hours[first+int64(n)] {
				if k := counts[p.Name]; k > 0 && (f.Source == "" || f.Source == source) {
					seen.Hours[n] += k
					seen.BySource[source] += k
					seen.Count += k
				}
			}
		}
		if seen.Count == 0 {
			continue
		}
		for _, s := range slices.Backward(j.known.Last[p.Name]) {
			if f.Source == "" || f.Source == s.Source {
				seen.Lines = append(seen.Lines, s)
			}
		}
		out = append(out, seen)
	}
	slices.SortStableFunc(out, func(a, b PatternSeen) int {
		return cmp.Or(cmp.Compare(b.Verdict.Code(), a.Verdict.Code()), cmp.Compare(b.Count, a.Count))
	})
	return out
}

// events are what happened within a time, the latest first; lines of patterns
// stand in the counts.
func (j *judge) events(f Filter, from, to time.Time) []Event {
	var out []Event
	for _, key := range slices.Sorted(maps.Keys(j.known.Held)) {
		h := j.known.Held[key]
		source, _ := h.Finding.Args["source"].(string)
		if h.Finding.Code == "logs.event" || h.Last.Before(from) || h.First.After(to) || f.Source != "" && source != f.Source ||
			f.Verdict != checks.Unknown && f.Verdict.Worse(h.Finding.Verdict) {
			continue
		}
		out = append(out, Event{h.Finding, h.First, h.Last, h.Total})
	}
	slices.SortStableFunc(out, func(a, b Event) int { return b.Last.Compare(a.Last) })
	return out
}
