package backup

import (
	"context"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"xunjian/checks"
)

// Codes beside those of package archive.
const (
	codeNoSum        = "backup.no_checksum"
	codeWrongSegment = "backup.wrong_segment"
)

// looked is how many of the newest backups are read, and told of when broken.
// WAL segments come many in a minute.
func (s *set) looked() int {
	if s.Kind == WAL {
		return 64
	}
	return 7
}

// state is what is known of one backup.
type state struct {
	item
	reading
	read bool // to the wish in force
}

// newest are the states of the newest backups, for which items are sorted.
func (s *set) newest(items []item) []state {
	list := make([]state, 0, s.looked())
	for _, it := range items[:min(len(items), s.looked())] {
		st := state{item: it}
		wish, _, err := s.wish(it)
		st.reading, st.read = s.mem.Read[it.id]
		if err != nil {
			st.reading, st.read = reading{Error: err.Error(), At: s.parts.Now()}, true
		} else if st.read && st.For != wish {
			st.reading, st.read = reading{}, false
		}
		list = append(list, st)
	}
	return list
}

// runFiles tells of files and folders.
func (s *set) runFiles(ctx context.Context, out *checks.Output) error {
	now := s.parts.Now()
	items, fresh, err := s.list(ctx, now)
	if err != nil {
		return err
	}
	if s.oneShot() && len(items) > 0 {
		s.readNow(ctx, items[0])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	states := s.newest(items)
	s.noteLocked(states, now)
	s.figures(out, items, states, fresh)
	s.tell(out, items, states, fresh, now)
	return nil
}

// noteLocked remembers sizes and the newest good backup.
func (s *set) noteLocked(states []state, now time.Time) {
	before := s.mem.LastGood
	sizes := len(s.mem.Sizes)
	for i := len(states) - 1; i >= 0; i-- {
		s.mem.weigh(states[i].item)
	}
	for _, st := range states {
		if made := earlier(st.made, now); st.read && st.good() && st.size >= s.MinSize && made.After(s.mem.LastGood) {
			s.mem.LastGood = made
		}
	}
	if !s.mem.LastGood.Equal(before) || len(s.mem.Sizes) != sizes {
		s.keepLocked()
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// tell says the findings of files and folders.
func (s *set) tell(out *checks.Output, items []item, states []state, fresh int, now time.Time) {
	if len(items) == 0 && fresh > 0 {
		// One file that is written over each night is not missing meanwhile.
		out.Find(checks.Finding{Code: "backup.writing", Subject: s.Set.Name, Verdict: s.pendingVerdict(now), Args: map[string]any{"fresh": fresh}})
		s.tellLate(out, now)
		return
	}
	if len(items) == 0 {
		out.Find(checks.Finding{Code: "backup.missing", Subject: s.Set.Name, Verdict: checks.Abnormal, Args: map[string]any{
			"place": strings.Join(s.Paths, " "),
		}})
		return
	}
	judged := false
	for i, st := range states {
		switch {
		case st.Error != "":
			out.Find(s.finding("backup.unread", st, checks.Unknown, map[string]any{"error": st.Error}))
		case st.Fault != nil:
			// An older one that is broken is no reason to wake anybody once there
			// is a good one after it.
			verdict := checks.Attention
			if !judged {
				verdict = checks.Abnormal
			}
			judged = true
			out.Find(s.finding(st.Fault.Code, st, verdict, st.Fault.Args))
		case st.read:
			if !judged {
				judged = true
				s.tellGood(out, st, now)
			}
		case i == 0:
			out.Find(s.finding("backup.pending", st, s.pendingVerdict(now), map[string]any{"doing": s.busy}))
		}
	}
	s.tellLate(out, now)
	if first := states[0]; first.size < s.MinSize {
		out.Find(s.finding("backup.small", first, checks.Abnormal, map[string]any{"min": s.MinSize}))
	}
	if first := states[0]; first.made.After(now.Add(time.Minute)) {
		out.Find(s.finding("backup.future", first, checks.Attention, map[string]any{"ahead": first.made.Sub(now).Seconds()}))
	}
}

func (s *set) tellGood(out *checks.Output, st state, now time.Time) {
	out.Find(s.finding("backup.good", st, checks.OK, map[string]any{
		"age": now.Sub(st.made).Seconds(), "read": s.readWhole(), "plain": st.Report.Plain,
	}))
}

// pendingVerdict is what a backup comes to that nobody has read yet: nothing bad
// as long as the one before it is still young enough.
func (s *set) pendingVerdict(now time.Time) checks.Verdict {
	if !s.mem.LastGood.IsZero() && now.Sub(s.mem.LastGood) <= s.limit() {
		return checks.OK
	}
	return checks.Unknown
}

func (s *set) tellLate(out *checks.Output, now time.Time) {
	if s.mem.LastGood.IsZero() {
		return
	}
	if age := now.Sub(s.mem.LastGood); age > s.limit() {
		out.Find(checks.Finding{Code: "backup.late", Subject: s.Set.Name, Verdict: checks.Abnormal, Args: map[string]any{
			"age": age.Seconds(), "every": s.Every.Seconds(), "late": (age - s.Every).Seconds(),
		}})
	}
}

// finding is one about a backup.
func (s *set) finding(code string, st state, v checks.Verdict, args map[string]any) checks.Finding {
	all := map[string]any{"set": s.Set.Name, "path": st.path, "size": st.size, "made": st.made.In(s.parts.Zone).Format("2006-01-02 15:04:05")}
	for _, key := range faultArgs {
		all[key] = ""
	}
	maps.Copy(all, args)
	return checks.Finding{Code: code, Subject: s.Set.Name, Verdict: v, Args: plain(all)}
}

// plain makes the arguments what findings have: words and numbers.
func plain(args map[string]any) map[string]any {
	for k, v := range args {
		switch v := v.(type) {
		case int64:
			args[k] = float64(v)
		case bool:
			args[k] = int(truth(v))
		}
	}
	return args
}

// faultArgs are what a fault may say; a text may ask for any of them.
var faultArgs = []string{"member", "extra", "error", "want", "got", "compression", "mark", "missing", "doing"}

// pendingItems are the newest backups that have to be read, the newest first.
func (s *set) pendingItems(items []item, now time.Time) []item {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []item
	for _, st := range s.newest(items) {
		if !st.read || st.Error != "" && now.Sub(st.At) > retryAfter {
			out = append(out, st.item)
		}
	}
	return out
}

// retryAfter is when a backup that could not be read is tried again.
const retryAfter = 10 * time.Minute

// readNow reads one backup within ctx, for a look without a daemon.
func (s *set) readNow(ctx context.Context, it item) {
	r, err := s.verify(ctx, it, 0)
	if err != nil {
		return // pending is what is told
	}
	s.mu.Lock()
	s.mem.Read[it.id] = r
	s.mu.Unlock()
}

func baseName(path string) string { return filepath.Base(path) }
