package checks

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestTimesOnlyGrow steps the wall clock at random and holds that stamps grow,
// follow a clock that runs ahead, and never fall behind by more than a
// sixteenth.
func TestTimesOnlyGrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mono := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		skew := time.Duration(0)
		var tl timeline
		last := tl.stamp(mono, mono)
		for range rapid.IntRange(1, 50).Draw(t, "ticks") {
			passed := time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "passed"))
			if rapid.IntRange(0, 5).Draw(t, "step") == 0 {
				skew += time.Duration(rapid.Int64Range(-int64(24*time.Hour), int64(24*time.Hour)).Draw(t, "by"))
			}
			mono = mono.Add(passed)
			got := tl.stamp(mono.Add(skew), mono)
			if got.UnixMilli() <= last.UnixMilli() {
				t.Fatalf("%v after %v", got, last)
			}
			if wall := mono.Add(skew); got.Before(wall.Truncate(time.Millisecond)) {
				t.Fatalf("%v is behind the clock %v", got, wall)
			}
			if rose, least := got.Sub(last), passed-passed/16-2*time.Millisecond; rose < least {
				t.Fatalf("%v passed, the stamps rose by %v", passed, rose)
			}
			last = got
		}
	})
}

func TestBeat(t *testing.T) {
	at := func(s string) time.Time {
		tm, err := time.Parse(time.RFC3339Nano, "2026-05-01T"+s+"Z")
		if err != nil {
			t.Fatal(err)
		}
		return tm
	}
	for _, tt := range []struct{ now, want, next string }{
		{"08:00:00", "08:00:00", "08:00:15"},
		{"08:00:00.0099", "08:00:00", "08:00:15"},
		{"08:00:00.011", "08:00:00.011", "08:00:15"},
		{"08:00:14.995", "08:00:15", "08:00:30"},
		{"08:00:07", "08:00:07", "08:00:15"},
		{"08:00:08", "08:00:08", "08:00:30"},
	} {
		if got := beat(at(tt.now), 15*time.Second); !got.Equal(at(tt.want)) {
			t.Errorf("beat of %s is %s, want %s", tt.now, got, tt.want)
		}
		if got := at(tt.now).Add(untilBeat(at(tt.now), 15*time.Second)); !got.Equal(at(tt.next)) {
			t.Errorf("after %s comes %s, want %s", tt.now, got, tt.next)
		}
	}
	old := time.Date(1969, 12, 31, 23, 59, 50, 0, time.UTC)
	if got := old.Add(untilBeat(old, 15*time.Second)); got.Unix() != 0 {
		t.Errorf("before 1970: after %s comes %s", old, got)
	}
}
