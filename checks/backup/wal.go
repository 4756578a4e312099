package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"xunjian/checks"
	"xunjian/checks/backup/archive"
	"xunjian/checks/backup/wal"
)

// maxHistory bounds how much of a history file is read, in bytes.
const maxHistory = 1 << 20

// archived is what lies in a WAL archive.
type archived struct {
	segments []item // that have settled, the newest first
	partial  int
	report   wal.Report
	size     uint64 // of a segment
}

// runWAL tells of a WAL archive.
func (s *set) runWAL(ctx context.Context, out *checks.Output) error {
	now := s.parts.Now()
	a, fresh, err := s.archive(ctx, now)
	if err != nil {
		return err
	}
	if s.oneShot() && len(a.segments) > 0 {
		s.readNow(ctx, a.segments[0])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	states := s.newest(a.segments)
	s.noteWAL(states, now)
	s.figures(out, a.segments, states, fresh)
	s.tell(out, a.segments, states, fresh, now)
	if len(a.segments) > 0 {
		s.set(out, descMissing, float64(a.report.Missing))
		s.tellContinuity(out, a)
	}
	return nil
}

// noteWAL remembers the newest good segment. Their sizes are all the same.
func (s *set) noteWAL(states []state, now time.Time) {
	for _, st := range states {
		if made := earlier(st.made, now); st.read && st.good() && made.After(s.mem.LastGood) {
			s.mem.LastGood = made
			s.keepLocked()
		}
	}
}

func (s *set) tellContinuity(out *checks.Output, a archived) {
	if n := a.report.NoHistory; n > 0 {
		out.Find(checks.Finding{Code: "backup.wal_no_history", Subject: s.Set.Name, Verdict: checks.Unknown, Args: map[string]any{
			"file": fmt.Sprintf("%08X.history", n), "timeline": int(n),
		}})
	}
	if len(a.report.Gaps) > 0 {
		first := a.report.Gaps[0]
		out.Find(checks.Finding{Code: "backup.wal_gap", Subject: s.Set.Name, Verdict: checks.Abnormal, Evidence: gapText(a), Args: map[string]any{
			"missing": int(a.report.Missing), "gaps": len(a.report.Gaps), "first": first.First.Name(a.size), "last": a.report.Last.Name(a.size),
		}})
		return
	}
	out.Find(checks.Finding{Code: "backup.wal_whole", Subject: s.Set.Name, Verdict: checks.OK, Args: map[string]any{
		"segments": a.report.Chain, "last": a.report.Last.Name(a.size), "partial": a.partial,
	}})
}

// maxGaps is how many gaps are named.
const maxGaps = 50

func gapText(a archived) string {
	var b strings.Builder
	for i, g := range a.report.Gaps {
		if i == maxGaps {
			fmt.Fprintf(&b, "… %d more\n", len(a.report.Gaps)-i)
			break
		}
		last := wal.Segment{Timeline: g.First.Timeline, Number: g.First.Number + g.Count - 1}
		fmt.Fprintf(&b, "%s … %s (%d)\n", g.First.Name(a.size), last.Name(a.size), g.Count)
	}
	return b.String()
}

// archive lists a WAL archive and follows the log through it. What came just
// now is part of the way, but not read yet; the second result counts it.
func (s *set) archive(ctx context.Context, now time.Time) (archived, int, error) {
	items, err := s.matches(ctx)
	if err != nil {
		return archived{}, 0, err
	}
	fresh := 0
	a := archived{size: uint64(s.SegmentSize)}
	if a.size == 0 {
		a.size = segmentSize(items)
	}
	var names []wal.Segment
	histories := map[uint32][]wal.Switch{}
	for _, it := range items {
		if err := ctx.Err(); err != nil {
			return archived{}, 0, err
		}
		if seg, partial, ok := wal.ParseSegment(baseName(it.path), a.size); ok {
			if partial {
				a.partial++
				continue
			}
			names = append(names, seg)
			if s.fresh(it, now) {
				fresh++
			} else {
				a.segments = append(a.segments, it)
			}
			continue
		}
		if n, ok := wal.ParseHistoryName(baseName(it.path)); ok {
			h, err := readHistory(it.path)
			if err != nil {
				return archived{}, 0, err
			}
			histories[n] = h
		}
	}
	a.report = wal.Continuity(names, histories, a.size)
	return a, fresh, nil
}

// segmentSize takes the size of a segment from the newest that says it.
func segmentSize(items []item) uint64 {
	for _, it := range items {
		if _, _, ok := wal.ParseSegment(baseName(it.path), wal.DefaultSegment); !ok && !looksLikeSegment(it.path) {
			continue
		}
		if h, err := segmentHeader(it); err == nil {
			return h.Size
		}
	}
	return wal.DefaultSegment
}

// looksLikeSegment takes the names of segments of any size.
func looksLikeSegment(path string) bool {
	_, _, ok := wal.ParseSegment(baseName(path), 1<<20)
	return ok
}

func segmentHeader(it item) (wal.Header, error) {
	f, err := os.Open(it.path)
	if err != nil {
		return wal.Header{}, err
	}
	defer f.Close()
	plain, free, err := archive.Decompress(f)
	if err != nil {
		return wal.Header{}, err
	}
	defer free()
	head := make([]byte, wal.HeaderSize)
	if _, err := io.ReadFull(plain, head); err != nil {
		return wal.Header{}, err
	}
	return wal.ReadHeader(head)
}

func readHistory(path string) ([]wal.Switch, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	plain, free, err := archive.Decompress(io.LimitReader(f, maxHistory))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	defer free()
	text, err := io.ReadAll(io.LimitReader(plain, maxHistory))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	h, err := wal.ParseHistory(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return h, nil
}
