package calendar

import (
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// defined is a zone that a file defines by a VTIMEZONE.
type defined struct {
	name    string
	first   int // the offset before the first change
	changes []change
}

// change is an instant from which an offset holds.
type change struct {
	at     time.Time
	offset int
}

func (z *defined) offset(t time.Time) int {
	i := sort.Search(len(z.changes), func(i int) bool { return z.changes[i].at.After(t) })
	if i == 0 {
		return z.first
	}
	return z.changes[i-1].offset
}

func (z *defined) in(t time.Time) time.Time { return t.In(time.FixedZone(z.name, z.offset(t))) }

// zone finds the zone that a TZID names: in the time zone database, which
// knows more than most files, else in the VTIMEZONE of the file.
func (r *icsReader) zone(in *property, id string) (zone, bool) {
	if z, ok := r.zones[id]; ok {
		return z, z != nil
	}
	z, ok := r.findZone(in, id)
	r.zones[id] = z
	return z, ok
}

func (r *icsReader) findZone(in *property, id string) (zone, bool) {
	if loc, ok := databaseZone(id); ok {
		return named{loc}, true
	}
	for _, c := range r.definitions {
		if found := c.all("TZID"); len(found) > 0 && found[0].text() == id {
			return r.define(id, c)
		}
	}
	r.wrong.at(in, "unknown time zone TZID=%q; allowed: a name of the time zone database, like Asia/Shanghai, or one that a VTIMEZONE of this file defines", clip(id))
	return nil, false
}

// databaseZone takes names like /example.org/2026/Europe/Berlin too, which
// some programs write.
func databaseZone(id string) (*time.Location, bool) {
	for {
		if loc, ok := location(strings.TrimPrefix(id, "/")); ok {
			return loc, true
		}
		_, rest, more := strings.Cut(strings.TrimPrefix(id, "/"), "/")
		if !more {
			return nil, false
		}
		id = rest
	}
}

// define lays out the changes of a VTIMEZONE.
func (r *icsReader) define(id string, c *component) (zone, bool) {
	z := &defined{name: id}
	first := time.Time{}
	for _, o := range c.children {
		if o.name != "STANDARD" && o.name != "DAYLIGHT" {
			continue
		}
		from, ok1 := r.offset(o, "TZOFFSETFROM")
		to, ok2 := r.offset(o, "TZOFFSETTO")
		if !ok1 || !ok2 {
			return nil, false
		}
		walls, ok := r.onsets(o, from)
		if !ok {
			return nil, false
		}
		for _, wall := range walls {
			at := wall.Add(-time.Duration(from) * time.Second)
			z.changes = append(z.changes, change{at, to})
			if first.IsZero() || at.Before(first) {
				first, z.first = at, from
			}
		}
	}
	if len(z.changes) == 0 {
		r.wrong.add(c.begin.line, 0, "the VTIMEZONE %q defines no offset; want STANDARD or DAYLIGHT in it", clip(id))
		return nil, false
	}
	slices.SortStableFunc(z.changes, func(a, b change) int { return a.at.Compare(b.at) })
	return z, true
}

// onsets returns the wall times at which an observance begins.
func (r *icsReader) onsets(o *component, from int) ([]time.Time, bool) {
	start := o.one("DTSTART", r.wrong)
	if start == nil {
		r.wrong.add(o.begin.line, 0, "%s has no DTSTART", o.name)
		return nil, false
	}
	out := []time.Time{}
	for _, in := range append([]*property{start}, o.all("RDATE")...) {
		for _, value := range strings.Split(in.value, ",") {
			wall, err := time.Parse("20060102T150405", strings.ToUpper(value))
			if err != nil {
				r.wrong.at(in, "%q is not a time; want one like 19700101T000000", clip(value))
				return nil, false
			}
			out = append(out, wall)
		}
	}
	in := o.one("RRULE", r.wrong)
	if in == nil {
		return out, true
	}
	offset := &defined{first: from}
	rule, ok := r.rule(in, moment{wall: out[0], zone: offset})
	if !ok {
		return nil, false
	}
	// The database ends at 2037 and repeats; nobody plans a bid so far ahead.
	last := time.Date(lastYear+1, 1, 1, 0, 0, 0, 0, time.UTC)
	err := r.each(rule, func(wall time.Time) bool {
		out = append(out, wall)
		return wall.Before(last)
	})
	if err != nil {
		r.wrong.at(in, "%v", err)
		return nil, false
	}
	return out, true
}

var offsetShape = regexp.MustCompile(`^([+-])(\d\d)([0-5]\d)([0-5]\d)?$`)

// offset reads an offset like +0800, in seconds.
func (r *icsReader) offset(o *component, name string) (int, bool) {
	in := o.one(name, r.wrong)
	if in == nil {
		r.wrong.add(o.begin.line, 0, "%s has no %s", o.name, name)
		return 0, false
	}
	m := offsetShape.FindStringSubmatch(strings.TrimSpace(in.value))
	if m == nil || m[2] > "23" {
		r.wrong.at(in, "%q is not an offset; want one like +0800", clip(in.value))
		return 0, false
	}
	seconds := 0
	for i, unit := range []int{3600, 60, 1} {
		n, _ := strconv.Atoi(m[2+i]) // digits, or empty for 0
		seconds += n * unit
	}
	if m[1] == "-" {
		seconds = -seconds
	}
	return seconds, true
}
