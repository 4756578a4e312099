package calendar

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"xunjian/alerting/plan"
)

// zones of the drawn events: with and without a change of clocks, by whole and
// by half hours.
var zones = []string{"Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"}

// drawn are a configuration and events close to each other, so that they
// overlap, touch, and begin at the same instant.
func drawn(t *rapid.T) (Config, []Event) {
	around := rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.IntRange(0, 12).Draw(t, "quarters")) * 15 * time.Minute
	})
	cfg := Default()
	for _, k := range []*Timing{&cfg.Opening, &cfg.Evaluation, &cfg.Deadline} {
		k.Lead, k.Tail, k.Inspect = around.Draw(t, "lead"), around.Draw(t, "tail"), around.Draw(t, "inspect")
	}
	// Two days around a change of clocks in Berlin.
	first := time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC)
	n := rapid.IntRange(0, 20).Draw(t, "events")
	var events []Event
	for i := range n {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		start := first.Add(time.Duration(rapid.IntRange(0, 4*48).Draw(t, "start")) * 15 * time.Minute).In(zone)
		events = append(events, Event{
			ID: fmt.Sprint("e", i), Kind: rapid.SampledFrom(Kinds[:]).Draw(t, "kind"),
			Start: start, End: start.Add(around.Draw(t, "length")),
			Systems: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3, rapid.ID).Draw(t, "systems"),
		})
	}
	return cfg, events
}

// slow reads the definition word by word.
type slow struct {
	cfg    Config
	events []Event
}

func (s slow) counts(e Event, t time.Time) bool {
	timing := s.cfg.Timing(e.Kind)
	from, until := e.Start.Add(-timing.Lead), e.End.Add(timing.Tail)
	return (t.Equal(from) || t.After(from)) && t.Before(until)
}

func (s slow) runs(e Event, t time.Time) bool { return !t.Before(e.Start) && t.Before(e.End) }

func (s slow) at(t time.Time) []string {
	return s.names(func(e Event) bool { return s.counts(e, t) })
}

// names returns the ids of the events that fit, in order.
func (s slow) names(fits func(Event) bool) []string {
	var found []Event
	for _, e := range s.events {
		if fits(e) {
			found = append(found, e)
		}
	}
	slices.SortStableFunc(found, func(a, b Event) int {
		if a.Start.Equal(b.Start) {
			if a.ID < b.ID {
				return -1
			}
			return 1
		}
		return a.Start.Compare(b.Start)
	})
	return names(found)
}

func names(events []Event) []string {
	out := []string{}
	for _, e := range events {
		out = append(out, e.ID)
	}
	return out
}

func (s slow) kindOf(system string, t time.Time) (kind plan.SystemKind, because string) {
	holds := func(e Event) bool {
		return s.counts(e, t) && (len(e.Systems) == 0 || slices.Contains(e.Systems, system))
	}
	for _, among := range []func(Event) bool{
		func(e Event) bool { return holds(e) && s.runs(e, t) }, // what runs comes first
		holds,
	} {
		if found := s.names(among); len(found) > 0 {
			return plan.Opening, found[0]
		}
	}
	return plan.Business, ""
}

// TestTheQuickAnswersAreThoseOfASlowReading, at every minute that matters and
// at some that do not.
func TestTheQuickAnswersAreThoseOfASlowReading(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg, events := drawn(t)
		c, s := New(cfg, events), slow{cfg, events}
		first := time.Date(2026, 3, 27, 20, 0, 0, 0, time.UTC)
		for range 40 {
			now := first.Add(time.Duration(rapid.IntRange(0, 60*4).Draw(t, "quarter")) * 15 * time.Minute)
			now = now.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "beside")))
			if diff := cmp.Diff(s.at(now), names(c.At(now))); diff != "" {
				t.Fatalf("At(%v) (-slow +quick):\n%s", now, diff)
			}
			for _, system := range []string{"a", "b", "none"} {
				kind, because := c.KindOf(system, now, plan.Business)
				wantKind, want := s.kindOf(system, now)
				got := ""
				if because != nil {
					got = because.ID
				}
				if kind != wantKind || got != want {
					t.Fatalf("KindOf(%s, %v) = %s because of %q, want %s because of %q", system, now, kind, got, wantKind, want)
				}
			}
			to := now.Add(time.Duration(rapid.IntRange(-1, 40).Draw(t, "to")) * 15 * time.Minute)
			between := s.names(func(e Event) bool {
				return e.Start.Before(to) && (e.End.After(now) || !e.Start.Before(now))
			})
			if diff := cmp.Diff(between, names(c.Between(now, to))); diff != "" {
				t.Fatalf("Between(%v, %v) (-slow +quick):\n%s", now, to, diff)
			}
			next := s.names(func(e Event) bool { return e.Start.After(now) })
			if diff := cmp.Diff(next[:min(3, len(next))], names(c.Next(now, 3))); diff != "" {
				t.Fatalf("Next(%v) (-slow +quick):\n%s", now, diff)
			}
		}
	})
}

// TestNothingChangesBeforeTheNextChange: neither events, nor their phases, nor
// what is due.
func TestNothingChangesBeforeTheNextChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg, events := drawn(t)
		c := New(cfg, events)
		state := func(now time.Time) string {
			out := ""
			for _, e := range c.Events() {
				out += string(e.Phase(now)) + " "
			}
			for _, in := range c.Inspections(time.Time{}, now.Add(1)) {
				out += in.Key + " "
			}
			return out + fmt.Sprint(names(c.At(now)))
		}
		changed := 0
		now := time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC)
		for before := state(now); ; changed++ {
			next, ok := c.NextChange(now)
			if !ok {
				next = now.AddDate(1, 0, 0)
			} else if !next.After(now) {
				t.Fatalf("after %v the next change is %v", now, next)
			}
			middle := now.Add(rapid.Custom(func(t *rapid.T) time.Duration {
				return time.Duration(rapid.Int64Range(0, int64(next.Sub(now))-1).Draw(t, "middle"))
			}).Draw(t, "when"))
			if got := state(middle); got != before {
				t.Fatalf("at %v, before the next change at %v:\n%s\nbut it was\n%s", middle, next, got, before)
			}
			if !ok {
				break
			}
			now, before = next, state(next)
		}
		if len(events) > 0 && changed == 0 {
			t.Fatal("events, and nothing changes")
		}
	})
}

// TestEveryEventIsInspectedOnce: by one inspection, not after the time it asks
// for, however the time is cut into pieces.
func TestEveryEventIsInspectedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg, events := drawn(t)
		c := New(cfg, events)
		now, end := time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC), time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC)
		keys, inspected := map[string]int{}, map[string]int{}
		for now.Before(end) {
			next := now.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "step")) * 15 * time.Minute)
			for _, in := range c.Inspections(now, next) {
				keys[in.Key]++
				for _, e := range in.Events {
					inspected[e.ID]++
					if asked := e.Start.Add(-cfg.Timing(e.Kind).Inspect); in.Due.After(asked) {
						t.Fatalf("%s is inspected at %v, but asks for %v", e.ID, in.Due, asked)
					}
				}
			}
			now = next
		}
		for key, n := range keys {
			if n != 1 {
				t.Fatalf("%s is due %d times", key, n)
			}
		}
		for _, e := range events {
			want := 1
			if cfg.Timing(e.Kind).Inspect == 0 {
				want = 0
			}
			if inspected[e.ID] != want {
				t.Fatalf("%s is inspected %d times, want %d", e.ID, inspected[e.ID], want)
			}
		}
	})
}

// TestWallTimesAndInstants: each instant is one of those at which its wall time
// is shown, in every zone.
func TestWallTimesAndInstants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(zones).Draw(t, "zone")
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(60*rapid.Int64Range(0, 4102444800/60).Draw(t, "minute"), 0)
		z := named{loc}
		shown := wallOf(now, z)
		if want := now.In(loc).Format(time.DateTime); shown.Format(time.DateTime) != want {
			t.Fatalf("%v is shown as %v, want %s", now, shown, want)
		}
		all, _ := instants(shown, z)
		if !slices.ContainsFunc(all, now.Equal) || len(all) > 2 {
			t.Fatalf("%v in %s is shown at %v, not at %v", shown, name, all, now)
		}
		if first := instant(shown, z); first.After(now) {
			t.Fatalf("of %v %v is taken", all, first)
		}
	})
}
