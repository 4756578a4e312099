// Package stamp reads the times that logs write, in all the usual forms: syslog
// with and without a year, ISO 8601, Apache, nginx, Tomcat, PostgreSQL, MySQL,
// audit, seconds since 1970.
package stamp

import (
	"bytes"
	"time"
)

// Parse reads the time of a line. ref is about when the line was written, to
// tell the year where it is not said; zone holds where no other is said. ok is
// false if the line has no time that can be told.
func Parse(line []byte, ref time.Time, zone *time.Location) (t time.Time, ok bool) {
	if zone == nil {
		zone = time.UTC
	}
	if len(line) > 400 {
		line = line[:400]
	}
	b := line
	if len(b) > 3 && b[0] == '<' {
		if n := bytes.IndexByte(b[:min(len(b), 6)], '>'); n > 0 {
			b = b[n+1:]
		}
		if len(b) > 2 && b[0] == '1' && b[1] == ' ' { // RFC 5424
			b = b[2:]
		}
	}
	if len(b) < 8 {
		return time.Time{}, false
	}
	if b[0] == '[' {
		b = b[1:]
	}
	switch c := b[0]; {
	case c >= 'A' && c <= 'Z':
		if t, ok := word(b, ref, zone); ok {
			return t, true
		}
	case c >= '0' && c <= '9':
		if t, ok := digits(b, zone); ok {
			return t, true
		}
	}
	return within(line, zone)
}

// word reads times that begin with a month or a day of the week.
func word(b []byte, ref time.Time, zone *time.Location) (time.Time, bool) {
	if len(b) > 4 && b[3] == ' ' && weekday(b[:3]) {
		b = b[4:]
	}
	month, ok := month(b)
	if !ok || len(b) < 15 || b[3] != ' ' {
		return time.Time{}, false
	}
	day, ok := number(b[4:6], true)
	if !ok || b[6] != ' ' {
		return time.Time{}, false
	}
	year := 0
	rest := b[7:]
	if y, ok := yearThen(rest); ok { // Cisco and others: the year before the time
		year, rest = y, rest[5:]
	}
	c, rest, ok := clock(rest)
	if !ok {
		return time.Time{}, false
	}
	if year == 0 {
		if y, ok := number(after(rest, 4), false); ok && y >= 1970 {
			year = y
		}
	}
	if year != 0 {
		return c.on(year, month, day, zone)
	}
	return c.nearest(month, day, ref, zone)
}

// after returns n bytes after a blank, if nothing follows that belongs to them.
func after(b []byte, n int) []byte {
	if len(b) < n+1 || b[0] != ' ' || len(b) > n+1 && b[n+1] != ' ' && b[n+1] != ']' && b[n+1] != ':' {
		return nil
	}
	return b[1 : n+1]
}

func yearThen(b []byte) (int, bool) {
	if len(b) < 6 || b[4] != ' ' {
		return 0, false
	}
	y, ok := number(b[:4], false)
	return y, ok && y >= 1970
}

// digits reads times that begin with a number.
func digits(b []byte, zone *time.Location) (time.Time, bool) {
	if len(b) >= 19 && (b[4] == '-' || b[4] == '/') && b[7] == b[4] && (b[10] == 'T' || b[10] == ' ' || b[10] == ':') {
		y, ok1 := number(b[:4], false)
		m, ok2 := number(b[5:7], false)
		d, ok3 := number(b[8:10], false)
		c, rest, ok4 := clock(b[11:])
		if !ok1 || !ok2 || !ok3 || !ok4 || y < 1970 || m < 1 || m > 12 {
			return time.Time{}, false
		}
		return c.on(y, time.Month(m), d, offset(rest, zone))
	}
	if len(b) >= 20 && (b[2] == '-' || b[2] == '/') && b[6] == b[2] {
		return dayMonth(b, zone)
	}
	if len(b) >= 15 && b[6] == ' ' { // MySQL before 5.7: 261129 16:03:51
		y, ok1 := number(b[:2], false)
		m, ok2 := number(b[2:4], false)
		d, ok3 := number(b[4:6], false)
		c, _, ok4 := clock(b[7:])
		if ok1 && ok2 && ok3 && ok4 && m >= 1 && m <= 12 {
			return c.on(2000+y, time.Month(m), d, zone)
		}
	}
	return epoch(b)
}

// dayMonth reads 29/Nov/2026:16:03:51 +0800 and 29-Nov-2026 16:03:51.123.
func dayMonth(b []byte, zone *time.Location) (time.Time, bool) {
	if len(b) < 20 || b[11] != ':' && b[11] != ' ' {
		return time.Time{}, false
	}
	d, ok1 := number(b[:2], false)
	m, ok2 := month(b[3:])
	y, ok3 := number(b[7:11], false)
	c, rest, ok4 := clock(b[12:])
	if !ok1 || !ok2 || !ok3 || !ok4 || y < 1970 {
		return time.Time{}, false
	}
	return c.on(y, m, d, offset(rest, zone))
}

// epoch reads seconds or milliseconds since 1970.
func epoch(b []byte) (time.Time, bool) {
	n := 0
	var v int64
	for n < len(b) && n < 14 && b[n] >= '0' && b[n] <= '9' {
		v = v*10 + int64(b[n]-'0')
		n++
	}
	if n < len(b) && b[n] >= '0' && b[n] <= '9' {
		return time.Time{}, false
	}
	switch n {
	case 10:
		ms := int64(0)
		if n+3 < len(b) && b[n] == '.' {
			if f, ok := number(b[n+1:n+4], false); ok {
				ms = int64(f)
			}
		}
		return time.UnixMilli(v*1000 + ms), v > 0
	case 13:
		return time.UnixMilli(v), true
	}
	return time.Time{}, false
}

// within reads times that do not stand at the begin: of access logs and audit.
func within(line []byte, zone *time.Location) (time.Time, bool) {
	if n := bytes.Index(line, []byte("audit(")); n >= 0 {
		return epoch(line[n+6:])
	}
	rest := line
	for range 4 {
		n := bytes.IndexByte(rest, '[')
		if n < 0 {
			return time.Time{}, false
		}
		rest = rest[n+1:]
		if len(rest) >= 20 && rest[2] == '/' && rest[6] == '/' {
			return dayMonth(rest, zone)
		}
	}
	return time.Time{}, false
}

// hms is a time of day.
type hms struct{ h, m, s, ns int }

// clock reads 16:03:51 with or without a fraction.
func clock(b []byte) (c hms, rest []byte, ok bool) {
	if len(b) < 8 || b[2] != ':' || b[5] != ':' {
		return c, nil, false
	}
	var ok1, ok2, ok3 bool
	c.h, ok1 = number(b[:2], true)
	c.m, ok2 = number(b[3:5], false)
	c.s, ok3 = number(b[6:8], false)
	if !ok1 || !ok2 || !ok3 || c.h > 23 || c.m > 59 || c.s > 60 {
		return c, nil, false
	}
	rest = b[8:]
	if len(rest) > 1 && (rest[0] == '.' || rest[0] == ',') && rest[1] >= '0' && rest[1] <= '9' {
		scale := int(1e8)
		n := 1
		for ; n < len(rest) && rest[n] >= '0' && rest[n] <= '9'; n++ {
			c.ns += int(rest[n]-'0') * scale
			scale /= 10
		}
		rest = rest[n:]
	}
	return c, rest, true
}

func (c hms) on(year int, m time.Month, day int, zone *time.Location) (time.Time, bool) {
	t := time.Date(year, m, day, c.h, c.m, min(c.s, 59), c.ns, zone)
	return t, t.Day() == day || c.h < 4 // a clock that is put forward may move it
}

// nearest tells the year: the last one in which the time is not in the future
// by more than a day.
func (c hms) nearest(m time.Month, day int, ref time.Time, zone *time.Location) (time.Time, bool) {
	ref = ref.In(zone)
	for back := -1; back <= 8; back++ { // 29 February is 8 years away at most
		t, ok := c.on(ref.Year()-back, m, day, zone)
		if ok && t.Month() == m && t.Before(ref.Add(24*time.Hour)) {
			return t, true
		}
	}
	return time.Time{}, false
}

// offset reads Z, +08:00, +0800 and UTC, with or without a blank before it.
// Other names of zones mean different things in different places, so the
// configured zone holds.
func offset(b []byte, zone *time.Location) *time.Location {
	if len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	if len(b) == 0 {
		return zone
	}
	switch {
	case b[0] == 'Z', bytes.HasPrefix(b, []byte("UTC")), bytes.HasPrefix(b, []byte("GMT")):
		return time.UTC
	case (b[0] == '+' || b[0] == '-') && len(b) >= 3:
		h, ok := number(b[1:3], false)
		if !ok || h > 14 {
			return zone
		}
		m := 0
		rest := b[3:]
		if len(rest) > 0 && rest[0] == ':' {
			rest = rest[1:]
		}
		if len(rest) >= 2 {
			m, _ = number(rest[:2], false)
		}
		sec := h*3600 + min(m, 59)*60
		if b[0] == '-' {
			sec = -sec
		}
		if sec == 0 {
			return time.UTC
		}
		return time.FixedZone("", sec)
	}
	return zone
}

// number reads decimal digits; blanks may stand before them if pad is set.
func number(b []byte, pad bool) (int, bool) {
	if len(b) == 0 {
		return 0, false
	}
	v, any := 0, false
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			v, any = v*10+int(c-'0'), true
		case c == ' ' && pad && !any:
		default:
			return 0, false
		}
	}
	return v, any
}

const (
	months   = "JanFebMarAprMayJunJulAugSepOctNovDec"
	weekdays = "MonTueWedThuFriSatSun"
)

func month(b []byte) (time.Month, bool) {
	if len(b) < 3 {
		return 0, false
	}
	n := index3(months, b)
	return time.Month(n + 1), n >= 0
}

func weekday(b []byte) bool { return index3(weekdays, b) >= 0 }

func index3(list string, b []byte) int {
	for n := 0; n < len(list); n += 3 {
		if list[n] == b[0] && list[n+1] == b[1] && list[n+2] == b[2] {
			return n / 3
		}
	}
	return -1
}
