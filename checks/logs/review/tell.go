package review

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs/tail"
)

var (
	descLines     = checks.NewDesc("xunjian_log_lines_total", checks.Counter, "Lines read of a log.", "source")
	descBytes     = checks.NewDesc("xunjian_log_read_bytes_total", checks.Counter, "Bytes read of a log.", "source")
	descCut       = checks.NewDesc("xunjian_log_cut_lines_total", checks.Counter, "Lines of a log that were longer than a mebibyte and cut.", "source")
	descRotations = checks.NewDesc("xunjian_log_rotations_total", checks.Counter, "Files of a log that took another's place.", "source")
	descGaps      = checks.NewDesc("xunjian_log_gaps_total", checks.Counter, "Times when lines of a log were gone before they were read.", "source")
	descSilence   = checks.NewDesc("xunjian_log_silence_seconds", checks.Gauge, "Time since a line of a log last came.", "source")
	descUsual     = checks.NewDesc("xunjian_log_usual_pause_seconds", checks.Gauge, "Longest pause between lines of a log within the last days.", "source")
	descEvents    = checks.NewDesc("xunjian_log_events_total", checks.Counter, "Lines of logs that a pattern knows.", "pattern", "group", "verdict", "code")
	descLogins    = checks.NewDesc("xunjian_log_logins_total", checks.Counter, "Logins that logs tell of, by result: ok or failed.", "result")
	descAttackers = checks.NewDesc("xunjian_log_attacking_addresses", checks.Gauge, "Addresses from which logins are tried by brute force.")
)

// tell says what was seen, within the tailer's lock.
func (r *Review) tell(out *checks.Output) {
	now := r.parts.Now()
	j := r.judge
	lines := 0
	for _, s := range r.parts.Tailer.StatsLocked() {
		lines += int(s.Lines)
		j.source(out, s, now)
	}
	j.known.expire(now)
	j.forget(now)
	for _, p := range j.patterns(r.parts.Sources) {
		// Zero from the start, so that the first line is an increase.
		out.Set(descEvents, float64(j.known.Counts[p.Name]), p.Name, p.Group, p.Verdict.String(), p.Code)
	}
	out.Set(descLogins, float64(j.known.Logins), "ok")
	out.Set(descLogins, float64(j.known.Failed), "failed")
	attackers := 0
	for _, a := range j.known.Addresses {
		if a.Attack {
			attackers++
		}
	}
	out.Set(descAttackers, float64(attackers))
	out.Find(checks.Finding{Code: "logs.read", Verdict: checks.OK, Args: map[string]any{"sources": len(r.parts.Sources), "lines": lines}})
	for _, f := range j.findings(now) {
		out.Find(f)
	}
}

// source says how one log stands.
func (j *judge) source(out *checks.Output, s tail.Stats, now time.Time) {
	out.Set(descLines, float64(s.Lines), s.Source)
	out.Set(descBytes, float64(s.Bytes), s.Source)
	out.Set(descCut, float64(s.Cut), s.Source)
	out.Set(descRotations, float64(s.Rotations), s.Source)
	out.Set(descGaps, float64(s.Gaps), s.Source)
	since := s.LastLine
	if since.IsZero() {
		since = s.FirstSeen
	}
	out.Set(descSilence, max(0, now.Sub(since).Seconds()), s.Source)
	if usual, ok := j.rhythmOf(s.Source).usual(); ok {
		out.Set(descUsual, usual, s.Source)
	}
	if s.Error != "" {
		out.Find(checks.Finding{Subject: s.Source, Code: "logs.unreadable", Verdict: checks.Unknown, Args: map[string]any{"error": s.Error}})
	}
	for _, c := range []struct {
		code    string
		count   uint64
		verdict checks.Verdict
	}{{"logs.emptied", s.Emptied, checks.Abnormal}, {"logs.rewritten", s.Rewritten, checks.Abnormal}, {"logs.gap", s.Gaps, checks.Attention}} {
		key := c.code + "\x00" + s.Source
		if c.count > j.known.Told[key] {
			j.known.Told[key] = c.count
			j.known.hold(checks.Finding{Code: c.code, Subject: s.Source, Verdict: c.verdict, Args: map[string]any{"source": s.Source}}, now, j.cfg.Hold)
		}
	}
}

// findings are those that are held, the worst first.
func (j *judge) findings(now time.Time) []checks.Finding {
	var out []checks.Finding
	for _, key := range slices.Sorted(maps.Keys(j.known.Held)) {
		h := j.known.Held[key]
		if now.After(h.Until) {
			continue
		}
		f := h.Finding
		f.Args = maps.Clone(f.Args)
		f.Args["count"] = h.Count
		if f.Code == "logs.event" {
			f.Evidence = j.evidence(f.Subject)
		}
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b checks.Finding) int { return cmp.Compare(b.Verdict.Code(), a.Verdict.Code()) })
	return out
}
