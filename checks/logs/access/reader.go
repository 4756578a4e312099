package access

import (
	"bytes"
	"strings"
)

// reader takes the lines of one source apart: by the format that the operator
// names, or by the first of the usual ones that fits.
type reader struct {
	named []*Format // to be tried, the operator's first
	now   *Format
	misses,
	refused int
	// fields are those of an IIS log, which says them itself.
	fields []field
}

// iisFields are the names that W3C logs have.
var iisFields = map[string]field{
	"date": dateField, "time": clockTime, "c-ip": client, "cs-username": user, "cs-method": method, "cs-uri-stem": pathOnly, "cs-uri-query": query, "sc-status": status,
	"sc-bytes": size, "cs(Referer)": referer, "cs(User-Agent)": agent, "cs-host": host, "time-taken": millis,
}

func newReader(own []*Format) *reader {
	r := &reader{named: own}
	for _, u := range usual {
		f, err := ParseFormat(u.name, u.format)
		if err != nil {
			panic("access: " + u.name + ": " + err.Error()) // ours, and tested
		}
		r.named = append(r.named, f)
	}
	return r
}

// forgetAfter is after how many lines in a row that do not fit the others are
// tried again.
const forgetAfter = 10

// parse takes a line apart; false if it is none of a request.
func (r *reader) parse(line []byte, e *Entry) bool {
	if len(line) == 0 {
		return false
	}
	if line[0] == '#' {
		r.directive(line)
		return false
	}
	if r.fields != nil {
		return r.w3c(line, e)
	}
	if r.now != nil {
		if r.now.Parse(line, e) == nil {
			r.misses = 0
			return true
		}
		if r.misses++; r.misses < forgetAfter {
			r.refused++
			return false
		}
		r.now, r.misses = nil, 0
	}
	for _, f := range r.named {
		if f.Parse(line, e) == nil {
			r.now = f
			return true
		}
	}
	r.refused++
	return false
}

// directive reads "#Fields: date time …".
func (r *reader) directive(line []byte) {
	rest, ok := bytes.CutPrefix(line, []byte("#Fields:"))
	if !ok {
		return
	}
	names := strings.Fields(string(rest))
	if len(names) > maxParts {
		return
	}
	fields := make([]field, len(names))
	found := 0
	for n, name := range names {
		fields[n] = iisFields[name]
		if fields[n] == status || fields[n] == pathOnly {
			found++
		}
	}
	if found == 2 {
		r.fields = fields
	}
}

func (r *reader) w3c(line []byte, e *Entry) bool {
	*e = Entry{Status: -1, Bytes: -1, Seconds: -1, UpstreamSeconds: -1}
	for _, f := range r.fields {
		n := bytes.IndexByte(line, ' ')
		v := line
		if n >= 0 {
			v, line = line[:n], line[n+1:]
		} else {
			line = nil
		}
		if len(v) == 0 || !e.set(f, v) {
			r.refused++
			return false
		}
	}
	if e.Status < 0 || line != nil {
		r.refused++
		return false
	}
	return true
}
