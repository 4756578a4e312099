package review

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"xunjian/checks"
	"xunjian/checks/logs/archive"
	"xunjian/checks/logs/pattern"
	"xunjian/checks/logs/stamp"
	"xunjian/checks/logs/tail"
)

// judge knows the lines that matter and what they mean together. It is used by
// one goroutine at a time.
type judge struct {
	cfg     Config
	zone    *time.Location
	list    []*pattern.Pattern
	byKind  map[string]*pattern.Matcher
	archive Archive
	records []archive.Record

	known known
	seen  uint64 // lines known, for the tests of a scan
}

func newJudge(cfg Config, list []*pattern.Pattern, zone *time.Location) *judge {
	return &judge{cfg: cfg, zone: zone, list: list, byKind: map[string]*pattern.Matcher{}, known: newKnown()}
}

func (j *judge) matcher(kind string) *pattern.Matcher {
	m := j.byKind[kind]
	if m == nil {
		m = pattern.For(j.list, kind)
		j.byKind[kind] = m
	}
	return m
}

// take looks at lines, and reports whether something should not wait.
func (j *judge) take(b tail.Block) (grave bool) {
	if j.known.Began.IsZero() {
		j.known.Began = b.Read.UTC()
	}
	j.rhythmOf(b.Source).came(b.Read)
	j.known.hour(b.Read.Unix()/3600, b.Source)[allLines] += uint64(bytes.Count(b.Text, []byte{'\n'}))
	grave = j.backwards(b)
	j.matcher(b.Kind).Scan(b.Text, func(h *pattern.Hit) {
		if j.hit(h, b) {
			grave = true
		}
	})
	if len(j.records) > 0 {
		j.archive.Append(j.records)
		j.records = j.records[:0]
	}
	return grave
}

func (j *judge) rhythmOf(source string) *rhythm {
	r := j.known.Rhythm[source]
	if r == nil {
		r = &rhythm{}
		j.known.Rhythm[source] = r
	}
	return r
}

// hit deals with one line.
func (j *judge) hit(h *pattern.Hit, b tail.Block) (grave bool) {
	j.seen++
	p := h.Pattern
	at, ok := stamp.Parse(h.Line, b.Read, j.zone)
	if !ok || at.After(b.Read.Add(24*time.Hour)) {
		at = b.Read
	}
	j.known.count(b.Source, p.Name, at, b.Read)
	if p.Verdict != checks.OK || p.Event != "" {
		j.known.keep(p.Name, Seen{Time: at.UTC(), Source: b.Source, Text: line(h.Line)})
		j.file(h, b, at)
	}
	switch p.Event {
	case pattern.LoginFailed:
		grave = j.failed(h, at, b.Read, b.Source)
	case pattern.Login:
		grave = j.entered(h, at, b.Read, b.Source)
	}
	if p.Verdict == checks.OK {
		return grave
	}
	j.known.hold(checks.Finding{
		Code: "logs.event", Subject: p.Name, Verdict: p.Verdict,
		Args: map[string]any{"title_en": p.Title.EN, "title_zh": p.Title.ZH, "source": b.Source, "code": p.Code},
	}, b.Read, j.cfg.Hold)
	return true
}

// file puts a line into the archive, under the name of its pattern.
func (j *judge) file(h *pattern.Hit, b tail.Block, at time.Time) {
	if j.archive == nil {
		return
	}
	r := archive.Record{
		Received: b.Read, Said: at, Source: b.Source, Kind: "file", Event: h.Pattern.Name,
		Host: string(h.Header.Host), App: string(h.Header.Program), Text: string(h.Line[:min(len(h.Line), archive.MaxText)]),
	}
	for _, f := range h.Pattern.Fields() {
		if v := h.Field(f); f != "" && len(v) > 0 {
			if r.Fields == nil {
				r.Fields = map[string]string{}
			}
			r.Fields[f] = string(v)
		}
	}
	r.Text = strings.ToValidUTF8(r.Text, "")
	j.records = append(j.records, r)
}

// line is a line as evidence: bounded and safe.
func line(b []byte) string {
	return checks.SafeText(strings.ReplaceAll(string(b[:min(len(b), 4*maxText)]), "\n", " "), maxText)
}

// evidence are the last lines of a pattern.
func (j *judge) evidence(name string) string {
	list := j.known.Last[name]
	var out strings.Builder
	for _, s := range list {
		out.WriteString(s.Text)
		out.WriteByte('\n')
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// backwards looks whether the time that lines say runs back. Only the first and
// the last line of a block are looked at.
func (j *judge) backwards(b tail.Block) (grave bool) {
	first, _, _ := bytes.Cut(b.Text, []byte{'\n'})
	lastAt := bytes.LastIndexByte(b.Text[:max(0, len(b.Text)-1)], '\n') + 1
	last := bytes.TrimSuffix(b.Text[lastAt:], []byte{'\n'})
	key := b.Source + "\x00" + b.Path
	for _, l := range [][]byte{first, last} {
		at, ok := stamp.Parse(l, b.Read, j.zone)
		if !ok {
			continue
		}
		newest := j.known.Newest[key]
		switch {
		case newest.Sub(at) > j.cfg.BackStep:
			j.known.hold(checks.Finding{
				Code: "logs.backwards", Subject: b.Source, Verdict: checks.Attention, Evidence: line(l),
				Args: map[string]any{"seconds": newest.Sub(at).Seconds(), "source": b.Source},
			}, b.Read, j.cfg.Hold)
			j.known.Newest[key] = at // said once
			grave = true
		case at.After(newest):
			if len(j.known.Newest) >= maxNewest && newest.IsZero() {
				delete(j.known.Newest, maxKey(j.known.Newest, func(a, b time.Time) bool { return a.Before(b) }))
			}
			j.known.Newest[key] = at
		}
	}
	return grave
}

// patterns lists those that are looked for in the given sources.
func (j *judge) patterns(sources []tail.Source) []*pattern.Pattern {
	var out []*pattern.Pattern
	for _, p := range j.list {
		if slices.ContainsFunc(sources, func(s tail.Source) bool {
			return s.Kind == "" || len(p.Kinds) == 0 || slices.Contains(p.Kinds, s.Kind)
		}) {
			out = append(out, p)
		}
	}
	return out
}
