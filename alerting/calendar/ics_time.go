package calendar

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// moment is a value of DTSTART and its like: a wall time in a zone.
type moment struct {
	wall time.Time
	zone zone
	// day tells a date without a time.
	day bool
}

func (m moment) instant() time.Time { return m.zone.in(instant(m.wall, m.zone)) }

// moments reads the values of a property, separated by commas; ok is false
// after a mistake.
func (r *icsReader) moments(in *property) (out []moment, ok bool) {
	at := in.valueAt
	for _, value := range strings.Split(in.value, ",") {
		m, ok := r.momentOf(in, value, at)
		if !ok {
			return nil, false
		}
		out = append(out, m)
		at += len(value) + 1
	}
	return out, true
}

func (r *icsReader) moment(in *property) (moment, bool) { return r.momentOf(in, in.value, in.valueAt) }

const icsTimeWanted = "want a time like 20260302T093000, with Z for UTC, or a date like 20260302"

// momentOf reads one value, which stands at a byte of the line.
func (r *icsReader) momentOf(in *property, value string, at int) (moment, bool) {
	m := moment{zone: named{r.home}}
	layout := "20060102T150405"
	switch kind := strings.ToUpper(in.param("VALUE")); {
	case kind == "PERIOD":
		r.wrong.add(in.line, at, "%s: periods are not read; give the times alone", in.name)
		return m, false
	case len(value) == len("20060102"):
		layout, m.day = "20060102", true
	case kind == "DATE":
		layout = ""
	}
	text, utc := strings.CutSuffix(strings.ToUpper(value), "Z")
	wall, err := time.Parse(layout, text)
	if err != nil || utc && m.day || len(text) != len(layout) {
		r.wrong.add(in.line, at, "%s: %q is not a time; %s", in.name, clip(value), icsTimeWanted)
		return m, false
	}
	if !inRange(wall) {
		r.wrong.add(in.line, at, "%s: the year %d is out of range, %d to %d", in.name, wall.Year(), firstYear, lastYear)
		return m, false
	}
	m.wall = wall
	switch id := in.param("TZID"); {
	case utc:
		m.zone = named{time.UTC}
	case id != "" && !m.day:
		z, ok := r.zone(in, id)
		if !ok {
			return m, false
		}
		m.zone = z
	}
	return m, true
}

// span is how long an event runs: whole days by the calendar, the rest by the
// clock.
type span struct {
	days  int
	exact time.Duration
}

// end returns when an event ends that starts at wall in z.
func (s span) end(wall time.Time, z zone) time.Time {
	return z.in(instant(wall.AddDate(0, 0, s.days), z).Add(s.exact))
}

var spanShape = regexp.MustCompile(`^\+?P(?:(\d{1,4})W|(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?)$`)

// parseSpan reads a DURATION like P1D, PT2H or PT1H30M.
func parseSpan(s string) (span, bool) {
	m := spanShape.FindStringSubmatch(strings.ToUpper(strings.TrimSpace(s)))
	if m == nil || strings.Join(m[1:], "") == "" || strings.HasSuffix(strings.ToUpper(s), "T") {
		return span{}, false
	}
	n := func(i int) int {
		v, _ := strconv.Atoi(m[i]) // digits, or empty for 0
		return v
	}
	exact := time.Duration(n(3))*time.Hour + time.Duration(n(4))*time.Minute + time.Duration(n(5))*time.Second
	return span{days: 7*n(1) + n(2), exact: exact}, true
}
