package api

import (
	"maps"
	"slices"

	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/checks/logs/review"
)

type (
	// LogReview is what the review of logs came to within a stretch of time, in
	// whole hours.
	LogReview struct {
		From Moment `json:"from"`
		To   Moment `json:"to"`
		// Since is from when on lines are counted by hour: what was before is in
		// no count, whatever From says.
		Since    Moment       `json:"since"`
		Sources  []LogSource  `json:"sources"`
		Patterns []LogPattern `json:"patterns"` // the worst first
		Events   []LogEvent   `json:"events"`   // the latest first
		// Forgotten says that there were more events than can be remembered.
		Forgotten bool `json:"forgotten"`
	}
	// LogSource is one log: how far it was read, and what of it was not.
	LogSource struct {
		Source string `json:"source"`
		Kind   string `json:"kind"`
		// Error is why it cannot be read now.
		Error string `json:"error,omitempty"`
		// Lines, Bytes and the counts down to Gaps are since it was first read.
		Lines uint64 `json:"lines"`
		Bytes uint64 `json:"bytes"`
		// Cut lines were longer than a mebibyte; Converted were in GB18030; Mended
		// were in no encoding or held NUL bytes.
		Cut       uint64 `json:"cut"`
		Converted uint64 `json:"converted"`
		Mended    uint64 `json:"mended"`
		Rotations uint64 `json:"rotations"`
		Truncated uint64 `json:"truncated"`
		// Emptied and Rewritten are what no rotation does; Gaps the times when
		// lines were gone before they were read.
		Emptied   uint64 `json:"emptied"`
		Rewritten uint64 `json:"rewritten"`
		Gaps      uint64 `json:"gaps"`
		FirstSeen Moment `json:"first_seen,omitzero"`
		LastLine  Moment `json:"last_line,omitzero"`
		// UsualPause is the longest pause between lines that is usual, in seconds;
		// 0 if it is not known yet. Silent says that this one is far longer.
		UsualPause float64 `json:"usual_pause"`
		Silent     bool    `json:"silent"`
		// Behind is how many bytes of Files are still to be read.
		Behind int64         `json:"behind"`
		Files  []LogPosition `json:"files"`
		// Read lines came within the time asked for; Counts are those that
		// patterns know.
		Read   uint64      `json:"read"`
		Counts LogVerdicts `json:"counts"`
	}
	// LogPosition is how far a file was read, in bytes.
	LogPosition struct {
		Path   string `json:"path"`
		Offset int64  `json:"offset"`
		Size   int64  `json:"size"`
	}
	// LogVerdicts are the lines that patterns know, by what they mean.
	LogVerdicts struct {
		OK        uint64 `json:"ok"`
		Attention uint64 `json:"attention"`
		Abnormal  uint64 `json:"abnormal"`
	}
	// LogPattern is a kind of line that is known.
	LogPattern struct {
		Name    string `json:"name"`
		Group   string `json:"group"`
		Title   Text   `json:"title"`
		Code    string `json:"code"` // its place in the plan; may be empty
		Verdict string `json:"verdict"`
		Count   uint64 `json:"count"`
		// BySource are the lines of each log, Hours those of each hour from From
		// on.
		BySource []LogCount `json:"by_source"`
		Hours    []uint64   `json:"hours"`
		Lines    []SeenLine `json:"lines"` // the last ones, newest first
	}
	// LogCount is how many lines a log had.
	LogCount struct {
		Source string `json:"source"`
		Count  uint64 `json:"count"`
	}
	// SeenLine is a line as it is shown: bounded, and without what could make it
	// read as something else.
	SeenLine struct {
		Time   Moment `json:"time"`
		Source string `json:"source"`
		Text   string `json:"text"`
	}
	// LogEvent is what several lines meant together, or what happened to a log.
	LogEvent struct {
		Code     string `json:"code"`
		Subject  string `json:"subject"`
		Text     string `json:"text"`
		Verdict  string `json:"verdict"`
		First    Moment `json:"first"`
		Last     Moment `json:"last"`
		Count    int    `json:"count"`
		Evidence string `json:"evidence"`
	}
)

func (s *server) logReview(c *call) (any, error) {
	p := c.params()
	f := review.Filter{
		Source: p.text("source"), Group: p.text("group"), Verdict: p.verdict("verdict"), Hours: p.number("hours", 24, 1, review.MaxHours),
		From: p.time("from"), To: p.time("to"),
	}
	if !f.To.IsZero() && (f.From.IsZero() || !f.From.Before(f.To)) || f.From.After(c.now) {
		p.bad("from", "bad_range")
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	o := s.Logs.Overview(f)
	out := LogReview{From: c.moment(o.From), To: c.moment(o.To), Since: c.moment(o.Since), Sources: []LogSource{}, Patterns: []LogPattern{}, Events: []LogEvent{}, Forgotten: o.Forgotten}
	for _, one := range o.Sources {
		if f.Source == "" || f.Source == one.Source {
			out.Sources = append(out.Sources, c.logSource(one))
		}
	}
	for _, one := range o.Patterns {
		out.Patterns = append(out.Patterns, c.logPattern(one))
	}
	for _, e := range o.Events {
		f := e.Finding
		out.Events = append(out.Events, LogEvent{
			f.Code, checks.SafeText(f.Subject, 200), c.say.T(f.Code, f.Args), f.Verdict.String(), c.moment(e.First), c.moment(e.Last), e.Count, f.Evidence,
		})
	}
	return out, nil
}

func (c *call) logSource(s review.SourceSeen) LogSource {
	out := LogSource{
		Source: s.Source, Kind: s.Kind, Error: checks.SafeText(s.Error, 1000), Lines: s.Lines, Bytes: s.Bytes, Cut: s.Cut, Converted: s.Converted, Mended: s.Mended,
		Rotations: s.Rotations, Truncated: s.Truncations, Emptied: s.Emptied, Rewritten: s.Rewritten, Gaps: s.Gaps,
		FirstSeen: c.moment(s.FirstSeen), LastLine: c.moment(s.LastLine), UsualPause: s.Usual.Seconds(), Silent: s.Silent, Behind: s.Behind, Read: s.Read, Files: []LogPosition{},
		Counts: LogVerdicts{s.Counts[checks.OK], s.Counts[checks.Attention], s.Counts[checks.Abnormal]},
	}
	for _, f := range s.Places {
		out.Files = append(out.Files, LogPosition{checks.SafeText(f.Path, 1000), f.Offset, f.Size})
	}
	return out
}

func (c *call) logPattern(p review.PatternSeen) LogPattern {
	title := Text{ZH: p.Title.ZH, EN: p.Title.EN, Text: p.Title.EN}
	if c.say.Lang() == text.ZH {
		title.Text = p.Title.ZH
	}
	out := LogPattern{Name: p.Name, Group: p.Group, Title: title, Code: p.Code, Verdict: p.Verdict.String(), Count: p.Count, BySource: []LogCount{}, Hours: p.Hours, Lines: []SeenLine{}}
	for _, s := range slices.Sorted(maps.Keys(p.BySource)) {
		out.BySource = append(out.BySource, LogCount{s, p.BySource[s]})
	}
	for _, l := range p.Lines {
		out.Lines = append(out.Lines, SeenLine{c.moment(l.Time), l.Source, l.Text})
	}
	return out
}

// verdict reads attention or abnormal; checks.Unknown, which asks for all, if it
// is not there.
func (p *params) verdict(name string) checks.Verdict {
	switch word := p.text(name); word {
	case "":
	case checks.Attention.String():
		return checks.Attention
	case checks.Abnormal.String():
		return checks.Abnormal
	default:
		p.bad(name, "bad_word", "value", word, "known", "attention, abnormal")
	}
	return checks.Unknown
}
