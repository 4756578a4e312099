package message

import (
	"strings"
	"time"
)

// stamp reads the time at the beginning of s:
//
//	Mar  1 12:00:00            RFC 3164
//	Mar  1 12:00:00.123 CST    Cisco, after an optional * or .
//	Mar  1 2027 12:00:00       Huawei, Cisco with the year
//	2027 Mar  1 12:00:00       Cisco NX-OS
//	Mar  1 12:00:00 2027       H3C
//	Mar  1 12:00:00:123 2027   H3C with milliseconds
//	2027-03-01 12:00:00        Huawei and others, with - or /, a space or T
//	2027-03-01T12:00:00+08:00
//
// A zone name other than UTC, GMT or Z says nothing: there are several of each.
func stamp(s string, zone *time.Location, now time.Time) (time.Time, string, bool) {
	r := reader{rest: s}
	if len(s) > 1 && (s[0] == '*' || s[0] == '.') {
		r.rest = s[1:]
	}
	var year, month, day int
	if y, ok := r.yearBeforeMonth(); ok {
		year = y
	}
	switch {
	case r.monthName(&month):
		r.spaces()
		if !r.number(&day, 1, 2) || !r.spaces() {
			return time.Time{}, "", false
		}
		if y, ok := r.year(); ok && year == 0 {
			year = y
		}
	case r.number(&year, 4, 4) && year >= 1970 && (r.byte('-') || r.byte('/')) && r.number(&month, 1, 2) &&
		(r.byte('-') || r.byte('/')) && r.number(&day, 1, 2) && (r.byte('T') || r.spaces()):
	default:
		return time.Time{}, "", false
	}
	var hour, minute, second int
	if !r.number(&hour, 1, 2) || !r.byte(':') || !r.number(&minute, 2, 2) || !r.byte(':') || !r.number(&second, 2, 2) ||
		month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 {
		return time.Time{}, "", false
	}
	nanos := r.fraction()
	if off, ok := r.offset(); ok {
		zone = off
	}
	if y, ok := r.yearAfter(); ok && year == 0 {
		year = y
	}
	if len(r.rest) > 0 && r.rest[0] != ' ' && r.rest[0] != ':' {
		return time.Time{}, "", false
	}
	if year != 0 {
		return time.Date(year, time.Month(month), day, hour, minute, second, nanos, zone), r.rest, true
	}
	return nearest(now, zone, func(year int) time.Time {
		return time.Date(year, time.Month(month), day, hour, minute, second, nanos, zone)
	}), r.rest, true
}

// nearest gives a time without a year the one that brings it nearest to now: a
// line of December that comes in January is of last year.
func nearest(now time.Time, zone *time.Location, in func(year int) time.Time) time.Time {
	year := now.In(zone).Year()
	best := in(year)
	const half = 183 * 24 * time.Hour
	switch d := best.Sub(now); {
	case d > half:
		return in(year - 1)
	case d < -half:
		return in(year + 1)
	}
	return best
}

// rfc3339 reads the time of RFC 5424.
func rfc3339(s string) (time.Time, bool) {
	t, rest, ok := stamp(s, time.UTC, time.Time{})
	return t, ok && rest == "" && len(s) >= 20 && s[10] == 'T'
}

type reader struct{ rest string }

func (r *reader) byte(c byte) bool {
	if r.rest == "" || r.rest[0] != c {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

func (r *reader) spaces() bool {
	had := len(r.rest)
	r.rest = strings.TrimLeft(r.rest, " ")
	return len(r.rest) < had
}

// number reads between min and max digits.
func (r *reader) number(into *int, min, max int) bool {
	n, i := 0, 0
	for i < len(r.rest) && i < max && '0' <= r.rest[i] && r.rest[i] <= '9' {
		n = n*10 + int(r.rest[i]-'0')
		i++
	}
	if i < min {
		return false
	}
	*into, r.rest = n, r.rest[i:]
	return true
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

func (r *reader) monthName(into *int) bool {
	if len(r.rest) < 4 || r.rest[3] != ' ' {
		return false
	}
	i := strings.Index(months, r.rest[:3])
	if i < 0 || i%3 != 0 {
		return false
	}
	*into, r.rest = i/3+1, r.rest[3:]
	return true
}

// year reads a year that stands before the time.
func (r *reader) year() (int, bool) {
	s := *r
	var y int
	if s.number(&y, 4, 4) && y >= 1970 && s.spaces() {
		*r = s
		return y, true
	}
	return 0, false
}

// yearBeforeMonth reads a year that the name of a month follows.
func (r *reader) yearBeforeMonth() (int, bool) {
	s := *r
	if y, ok := s.year(); ok {
		after, month := s, 0
		if after.monthName(&month) {
			*r = s
			return y, true
		}
	}
	return 0, false
}

// yearAfter reads a year that stands after the time, and what stands between:
// the name of a zone.
func (r *reader) yearAfter() (int, bool) {
	s := *r
	if s.spaces() {
		var y int
		if s.number(&y, 4, 4) && y >= 1970 && (s.rest == "" || s.rest[0] == ' ' || s.rest[0] == ':') {
			*r = s
			return y, true
		}
	}
	return 0, false
}

// fraction reads .123 or H3C's :123, in nanoseconds.
func (r *reader) fraction() int {
	if len(r.rest) < 2 || r.rest[0] != '.' && r.rest[0] != ':' || r.rest[1] < '0' || r.rest[1] > '9' {
		return 0
	}
	r.rest = r.rest[1:]
	n, unit := 0, 100_000_000
	for len(r.rest) > 0 && '0' <= r.rest[0] && r.rest[0] <= '9' {
		n += int(r.rest[0]-'0') * unit
		unit /= 10
		r.rest = r.rest[1:]
	}
	return n
}

// offset reads Z, +08:00, " UTC:" and the like.
func (r *reader) offset() (*time.Location, bool) {
	if r.byte('Z') {
		return time.UTC, true
	}
	s := *r
	if s.byte('+') || s.byte('-') {
		var h, m int
		if !s.number(&h, 2, 2) {
			return nil, false
		}
		s.byte(':')
		if !s.number(&m, 2, 2) || h > 14 || m > 59 {
			return nil, false
		}
		sec := h*3600 + m*60
		if r.rest[0] == '-' {
			sec = -sec
		}
		r.rest = s.rest
		if sec == 0 {
			return time.UTC, true
		}
		return time.FixedZone("", sec), true
	}
	// A name only where a colon ends it, or it would take a host's.
	if s.byte(' ') {
		i := 0
		for i < len(s.rest) && i < 5 && 'A' <= s.rest[i] && s.rest[i] <= 'Z' {
			i++
		}
		if i >= 3 && i < len(s.rest) && s.rest[i] == ':' {
			name := s.rest[:i]
			r.rest = s.rest[i:]
			if name == "UTC" || name == "GMT" {
				return time.UTC, true
			}
		}
	}
	return nil, false
}
