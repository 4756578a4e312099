package access

import (
	"bytes"
	"strconv"
	"time"
)

// Entry is one request. Its texts point into the line.
type Entry struct {
	Client, User, Method, Target, Query, Referer, Agent, Host, Upstream []byte
	Status                                                              int   // -1 if unknown
	Bytes                                                               int64 // -1 if unknown
	Seconds, UpstreamSeconds                                            float64
	stamp, date, clock                                                  []byte
	iso                                                                 bool
	unix                                                                float64
}

func dash(v []byte) bool { return len(v) == 1 && v[0] == '-' }

// set takes a field; false if it cannot be that.
func (e *Entry) set(f field, v []byte) bool {
	if f == skip || dash(v) && f != request {
		return true
	}
	switch f {
	case client:
		if bytes.IndexByte(v, ' ') >= 0 || len(v) == 0 {
			return false
		}
		e.Client = v
	case forwarded:
		// The client before a proxy says so itself: it is shown, never
		// trusted to name somebody.
	case user:
		e.User = v
	case stamp:
		e.stamp = v
	case isoStamp:
		e.stamp, e.iso = v, true
	case dateField:
		e.date = v
	case clockTime:
		e.clock = v
	case msec:
		e.unix, _ = strconv.ParseFloat(string(v), 64)
	case request:
		e.request(v)
	case method:
		e.Method = v
	case target, pathOnly:
		e.Target = v
	case query:
		e.Query = bytes.TrimPrefix(v, []byte("?"))
	case status:
		n, ok := digits(v)
		if !ok || n > 999 {
			return false
		}
		e.Status = int(n)
	case size:
		if n, ok := digits(v); ok {
			e.Bytes = n
		}
	case referer:
		e.Referer = v
	case agent:
		e.Agent = v
	case host:
		e.Host = v
	case seconds:
		e.Seconds = number(v)
	case millis:
		e.Seconds = number(v) / 1e3
	case micros:
		e.Seconds = number(v) / 1e6
	case upstream:
		e.Upstream = last(v)
	case upstreamSeconds:
		e.UpstreamSeconds = number(last(v))
	}
	return true
}

// request takes "GET /a HTTP/1.1" apart; what is no request (a TLS hello on a
// plain port) stays whole as the target.
func (e *Entry) request(v []byte) {
	n := bytes.IndexByte(v, ' ')
	if n < 0 {
		e.Target = v
		return
	}
	e.Method, v = v[:n], v[n+1:]
	if n = bytes.LastIndexByte(v, ' '); n >= 0 && bytes.HasPrefix(v[n+1:], []byte("HTTP/")) {
		v = v[:n]
	}
	e.Target = v
}

// last is the last of several upstreams: the one that answered.
func last(v []byte) []byte {
	for _, sep := range []string{", ", " : "} {
		if n := bytes.LastIndex(v, []byte(sep)); n >= 0 {
			v = v[n+len(sep):]
		}
	}
	return v
}

func digits(v []byte) (int64, bool) {
	if len(v) == 0 || len(v) > 18 {
		return 0, false
	}
	n := int64(0)
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// number reads a plain decimal; -1 if it is none.
func number(v []byte) float64 {
	if len(v) == 0 || len(v) > 24 {
		return -1
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || f < 0 || f > 1e12 {
		return -1
	}
	return f
}

// Path is the target without its query.
func (e *Entry) Path() []byte {
	if n := bytes.IndexByte(e.Target, '?'); n >= 0 {
		return e.Target[:n]
	}
	return e.Target
}

// clockReader reads the times of lines; it remembers the last, since lines of
// one second say the same.
type clockReader struct {
	text string
	at   time.Time
}

// at is when a request was made; zero if the line does not say.
func (c *clockReader) read(e *Entry) time.Time {
	if e.unix > 0 && e.unix < 1e11 {
		return time.UnixMilli(int64(e.unix * 1000))
	}
	if len(e.date) > 0 && len(e.clock) > 0 {
		key := string(e.date) + " " + string(e.clock)
		if key != c.text {
			at, err := time.Parse("2006-01-02 15:04:05", key) // IIS writes UTC
			if err != nil {
				return time.Time{}
			}
			c.text, c.at = key, at
		}
		return c.at
	}
	if len(e.stamp) == 0 {
		return time.Time{}
	}
	if string(e.stamp) != c.text {
		layout := "02/Jan/2006:15:04:05 -0700"
		if e.iso {
			layout = time.RFC3339
		}
		at, err := time.Parse(layout, string(e.stamp))
		if err != nil {
			return time.Time{}
		}
		c.text, c.at = string(e.stamp), at
	}
	return c.at
}
