package wal_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"xunjian/checks/backup/wal"
)

const size = wal.DefaultSegment

// TestNames reads names as PostgreSQL writes them.
func TestNames(t *testing.T) {
	for _, tc := range []struct {
		name    string
		size    uint64
		want    wal.Segment
		partial bool
		ok      bool
	}{
		{"000000010000000000000001", size, wal.Segment{Timeline: 1, Number: 1}, false, true},
		{"0000000100000001000000FF", size, wal.Segment{Timeline: 1, Number: 0x1FF}, false, true},
		{"0000000A00000001000000FF.gz", size, wal.Segment{Timeline: 10, Number: 0x1FF}, false, true},
		{"000000010000000000000001.partial", size, wal.Segment{Timeline: 1, Number: 1}, true, true},
		{"000000010000000000000001.partial.zst", size, wal.Segment{Timeline: 1, Number: 1}, true, true},
		{"000000010000000000000100", size, wal.Segment{}, false, false}, // beyond what a size of 16 MB has
		{"000000010000000000000100", 1 << 20, wal.Segment{Timeline: 1, Number: 0x100}, false, true},
		{"000000000000000000000001", size, wal.Segment{}, false, false}, // no timeline 0
		{"000000010000000000000001.00000028.backup", size, wal.Segment{}, false, false},
		{"00000002.history", size, wal.Segment{}, false, false},
		{"archive.log", size, wal.Segment{}, false, false},
	} {
		got, partial, ok := wal.ParseSegment(tc.name, tc.size)
		if got != tc.want || partial != tc.partial || ok != tc.ok {
			t.Errorf("%s: %v %v %v", tc.name, got, partial, ok)
		}
		if ok && !partial && got.Name(tc.size) != tc.name[:24] {
			t.Errorf("%s is written as %s", tc.name, got.Name(tc.size))
		}
	}
	if n, ok := wal.ParseHistoryName("0000000B.history.gz"); !ok || n != 11 {
		t.Errorf("history of timeline 11: %d %v", n, ok)
	}
}

// TestHistory reads what PostgreSQL writes, and refuses what it would not.
func TestHistory(t *testing.T) {
	got, err := wal.ParseHistory([]byte("1\t0/3000060\tno recovery target specified\n\n2\t1/A0000000\tbefore 2026-11-29 02:00:00+08\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []wal.Switch{{Timeline: 1, At: 0x3000060}, {Timeline: 2, At: 0x1_A0000000}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"1", "x 0/1", "1 0", "2 0/2\n1 0/3", "1 0/5\n2 0/1"} {
		if _, err := wal.ParseHistory([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// world is a whole archive: segments and histories of a line of timelines.
type world struct {
	segments  []wal.Segment
	histories map[uint32][]wal.Switch
}

// drawWorld draws an archive in which nothing is missing.
func drawWorld(t *rapid.T) world {
	w := world{histories: map[uint32][]wal.Switch{}}
	at := uint64(rapid.IntRange(0, 600).Draw(t, "first")) // in segments
	timelines := rapid.IntRange(1, 4).Draw(t, "timelines")
	var line []wal.Switch
	for tl := uint32(1); tl <= uint32(timelines); tl++ {
		if tl > 1 {
			w.histories[tl] = slices.Clone(line)
		}
		n := uint64(rapid.IntRange(1, 30).Draw(t, "segments"))
		for k := range n {
			w.segments = append(w.segments, wal.Segment{Timeline: tl, Number: at + k})
		}
		end := at + n // the next timeline begins within the segment before this one's end, or at it
		beyond := uint64(rapid.IntRange(0, int(n)-1).Draw(t, "beyond"))
		at = end - beyond
		line = append(line, wal.Switch{Timeline: tl, At: at*size + uint64(rapid.IntRange(0, size-1).Draw(t, "offset"))})
	}
	return w
}

// needed are the segments that a recovery from the oldest one runs through.
func (w world) needed() []wal.Segment {
	newest := w.segments[len(w.segments)-1].Timeline
	var out []wal.Segment
	for _, s := range w.segments {
		from, to := uint64(0), ^uint64(0)
		for _, h := range w.histories[newest] {
			if h.Timeline == s.Timeline {
				to = h.At / size
			}
			if h.Timeline == s.Timeline-1 {
				from = h.At / size
			}
		}
		if s.Number >= from && s.Number < to {
			out = append(out, s)
		}
	}
	return out
}

// TestWholeArchiveHasNoGap, pruned at its begin or not, over any timelines.
func TestWholeArchiveHasNoGap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		need := w.needed()
		pruned := rapid.IntRange(0, len(need)-1).Draw(t, "pruned")
		w.segments = slices.DeleteFunc(w.segments, func(s wal.Segment) bool { return slices.Contains(need[:pruned], s) })
		have := rapid.Permutation(w.segments).Draw(t, "order")
		rep := wal.Continuity(have, w.histories, size)
		if len(rep.Gaps) > 0 || rep.Missing != 0 || rep.NoHistory != 0 {
			t.Fatalf("gaps in a whole archive: %+v", rep)
		}
		if rep.Chain != len(need)-pruned || rep.Last != need[len(need)-1] {
			t.Fatalf("chain of %d to %v, want %d to %v", rep.Chain, rep.Last, len(need)-pruned, need[len(need)-1])
		}
	})
}

// TestEveryMissingSegmentIsFound, and no other.
func TestEveryMissingSegmentIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		need := w.needed()
		if len(need) < 3 {
			return
		}
		// The first and the last stay: what is before the one was pruned, what is
		// after the other has not been written.
		lost := map[wal.Segment]bool{}
		for _, s := range rapid.SliceOfDistinct(rapid.SampledFrom(need[1:len(need)-1]), rapid.ID[wal.Segment]).Draw(t, "lost") {
			lost[s] = true
		}
		have := slices.DeleteFunc(slices.Clone(w.segments), func(s wal.Segment) bool { return lost[s] })
		rep := wal.Continuity(have, w.histories, size)
		found := map[wal.Segment]bool{}
		for _, g := range rep.Gaps {
			for k := range g.Count {
				found[wal.Segment{Timeline: g.First.Timeline, Number: g.First.Number + k}] = true
			}
		}
		if diff := cmp.Diff(lost, found); diff != "" {
			t.Fatalf("lost and found differ:\n%s", diff)
		}
		if int(rep.Missing) != len(lost) || rep.Chain != len(need)-len(lost) {
			t.Fatalf("%d missing of a chain of %d, want %d of %d", rep.Missing, rep.Chain, len(lost), len(need)-len(lost))
		}
	})
}

// TestNoHistory: without it nobody can tell.
func TestNoHistory(t *testing.T) {
	rep := wal.Continuity([]wal.Segment{{Timeline: 1, Number: 3}, {Timeline: 2, Number: 4}}, nil, size)
	if rep.NoHistory != 2 {
		t.Errorf("report is %+v", rep)
	}
	if rep := wal.Continuity(nil, nil, size); rep.Chain != 0 || rep.Missing != 0 {
		t.Errorf("of nothing: %+v", rep)
	}
}

func FuzzNames(f *testing.F) {
	f.Add("000000010000000000000001.partial.gz", []byte("1\t0/3000060\t"))
	f.Fuzz(func(t *testing.T, name string, history []byte) {
		for _, n := range []uint64{1 << 20, size, 1 << 30} {
			if s, _, ok := wal.ParseSegment(name, n); ok && s.Name(n) != name[:24] {
				t.Errorf("%s is written as %s", name, s.Name(n))
			}
		}
		_, _ = wal.ParseHistory(history)
		if _, err := wal.ReadHeader(history); err == nil && len(history) < wal.HeaderSize {
			t.Error(fmt.Sprint("a header of ", len(history), " bytes"))
		}
	})
}
