package calendar

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"xunjian/alerting/yamlfile"
)

// series reads one event; nil after a mistake.
func (r *icsReader) series(e *vevent) *series {
	s := &series{without: map[int64]bool{}, withoutDays: map[time.Time]bool{}}
	in := e.one("DTSTART", r.wrong)
	if in == nil {
		r.wrong.add(e.begin.line, 0, "%s has no DTSTART", e.name)
		return nil
	}
	var ok bool
	if s.start, ok = r.moment(in); !ok {
		return nil
	}
	if s.span, ok = r.span(e, s.start); !ok {
		return nil
	}
	if s.event, ok = r.shared(e, s.start); !ok {
		return nil
	}
	if !r.recurrences(e, s) {
		return nil
	}
	return s
}

// shared reads what all occurrences of an event have in common.
func (r *icsReader) shared(e *vevent, start moment) (Event, bool) {
	out := Event{
		ID: e.uid, Title: e.name, Kind: e.kind, Project: e.project, Systems: e.systems,
		AllDay: start.day, File: r.doc.file, Line: e.line(),
	}
	if in := e.one("SUMMARY", r.wrong); in != nil {
		out.Title = bounded(in.text(), maxTitle)
	}
	switch in := e.one("UID", r.wrong); {
	case e.uid == "":
		r.wrong.add(e.begin.line, 0, "%s has no UID, which tells it from all others", e.name)
		return out, false
	case utf8.RuneCountInString(e.uid) > maxID:
		r.wrong.at(in, "has %d characters; at most %d are read", utf8.RuneCountInString(e.uid), maxID)
		return out, false
	}
	if len(out.Systems) == 0 {
		out.Systems = r.cfg.Systems
	}
	var m mistakes
	m.systems("systems", unique(out.Systems))
	for _, err := range m {
		_, why := yamlfile.Split(err)
		r.wrong.add(e.begin.line, 0, "systems: %s", why)
	}
	return out, len(m) == 0
}

// unique drops what stands twice: a category and a list may name one system.
func unique(names []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, n := range names {
		if !seen[n] {
			out = append(out, n)
		}
		seen[n] = true
	}
	return out
}

// span reads how long an event runs.
func (r *icsReader) span(e *vevent, start moment) (span, bool) {
	end, duration := e.one("DTEND", r.wrong), e.one("DURATION", r.wrong)
	var s span
	in := end
	switch {
	case end != nil && duration != nil:
		r.wrong.add(duration.line, 0, "the event has both DTEND and DURATION; allowed: one of them")
		return s, false
	case end != nil:
		m, ok := r.moment(end)
		if !ok {
			return s, false
		}
		if m.day != start.day {
			r.wrong.at(end, "of start and end only one has a time; give both one, or none")
			return s, false
		}
		if m.day {
			s.days = int(m.wall.Sub(start.wall) / (24 * time.Hour))
		} else {
			s.exact = m.instant().Sub(start.instant())
		}
	case duration != nil:
		var ok bool
		if s, ok = parseSpan(duration.value); !ok {
			r.wrong.at(duration, "%q is not a duration; want one like PT2H, PT1H30M or P1D", clip(duration.value))
			return s, false
		}
		in = duration
	case start.day:
		s.days = 1
	default:
		s.exact = r.cfg.Timing(e.kind).Length
	}
	if in == nil {
		return s, true
	}
	if why := badSpan(start.instant(), s.end(start.wall, start.zone)); why != "" {
		r.wrong.at(in, "%s", why)
		return s, false
	}
	return s, true
}

// recurrences reads RRULE, RDATE and EXDATE.
func (r *icsReader) recurrences(e *vevent, s *series) bool {
	if in := e.one("EXRULE", r.wrong); in != nil {
		r.wrong.add(in.line, 0, "EXRULE is not read; name the dates by EXDATE")
		return false
	}
	if in := e.one("RRULE", r.wrong); in != nil {
		rule, ok := r.rule(in, s.start)
		if !ok {
			return false
		}
		s.rule, s.ruled, s.recurs = rule, in, true
		if errors.Is(r.each(rule, func(time.Time) bool { return false }), errNever) {
			r.wrong.at(in, "%v", errNever)
			return false
		}
	}
	for _, in := range e.all("RDATE") {
		dates, ok := r.moments(in)
		if !ok {
			return false
		}
		s.dates, s.recurs = append(s.dates, dates...), true
	}
	for _, in := range e.all("EXDATE") {
		dates, ok := r.moments(in)
		if !ok {
			return false
		}
		for _, m := range dates {
			s.drop(m)
		}
	}
	return true
}

// drop takes out an occurrence. A date without a time takes out its day.
func (s *series) drop(m moment) {
	if m.day && !s.start.day {
		s.withoutDays[m.wall] = true
		return
	}
	s.without[m.instant().Unix()] = true
}

// replacement puts an event in the place of an occurrence of the series, which
// is nil if it is not in the file or cancelled.
func (r *icsReader) replacement(g *group, master *series, e *vevent) {
	in := e.one("RECURRENCE-ID", r.wrong)
	if rng := in.param("RANGE"); rng != "" {
		r.wrong.at(in, "RANGE=%s is not read; cut the series in two instead", clip(rng))
		return
	}
	id, ok := r.moment(in)
	if !ok {
		return
	}
	if g.master != nil && g.master.cancelled {
		return
	}
	if master != nil {
		master.drop(id)
		// That the series has an occurrence of its own makes it one.
		master.recurs = true
	}
	if e.cancelled {
		return
	}
	if g.master != nil {
		e.inherit(g.master)
	}
	if s := r.series(e); s != nil {
		s.event.ID = fmt.Sprintf("%s/%s", s.event.ID, id.instant().UTC().Format(stamp))
		s.rule, s.dates, s.recurs = nil, nil, false
		r.doc.series = append(r.doc.series, s)
	}
}

func (e *vevent) inherit(from *vevent) {
	if len(e.systems) == 0 {
		e.systems = from.systems
	}
	if e.project == "" {
		e.project = from.project
	}
}
