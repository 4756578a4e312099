package access

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// field is what a part of a line says.
type field uint8

const (
	skip field = iota
	client
	user
	stamp     // [29/Nov/2026:15:04:05 +0800]
	isoStamp  // 2026-11-29T15:04:05+08:00
	dateField // 2026-11-29
	clockTime // 15:04:05
	msec      // 1764403200.123
	request   // "GET /a?b HTTP/1.1"
	method
	target // path with query
	pathOnly
	query
	status
	size
	referer
	agent
	host
	seconds // how long it took
	millis
	micros
	upstream
	upstreamStatus
	upstreamSeconds
	forwarded // X-Forwarded-For
)

// part is a field and the literal text that ends it; the last has none.
type part struct {
	field field
	end   []byte
}

// Format takes lines apart. It is made of a format string, as the servers'
// configurations have them.
type Format struct {
	Name  string
	lead  []byte
	parts []part
}

// The usual formats, in the order in which they are tried.
var usual = []struct{ name, format string }{
	{"nginx-timed", `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for" $request_time $upstream_response_time`},
	{"nginx-main", `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for"`},
	{"combined-timed", `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %D`},
	{"combined", `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`},
	{"common-timed", `%h %l %u %t "%r" %s %b %D`},
	{"common", `%h %l %u %t "%r" %s %b`},
}

const maxParts = 64

// ParseFormat reads a format string: nginx's log_format ($remote_addr …), or
// Apache's LogFormat and Tomcat's pattern (%h %l %u …).
func ParseFormat(name, s string) (*Format, error) {
	switch s {
	case "common":
		s = `%h %l %u %t "%r" %s %b`
	case "combined":
		s = `%h %l %u %t "%r" %s %b "%{Referer}i" "%{User-Agent}i"`
	}
	f := &Format{Name: name}
	next := apacheToken
	if strings.ContainsRune(s, '$') && !strings.ContainsRune(s, '%') {
		next = nginxToken
	}
	var lit []byte
	fields := 0
	for len(s) > 0 {
		fd, text, rest, err := next(s)
		if err != nil {
			return nil, err
		}
		s = rest
		if text != "" {
			lit = append(lit, text...)
			continue
		}
		if fields == 0 {
			f.lead = lit
		} else {
			if len(lit) == 0 {
				return nil, errors.New("two fields stand side by side; put something between them")
			}
			f.parts[fields-1].end = lit
		}
		lit = nil
		f.parts = append(f.parts, part{field: fd})
		if fields++; fields > maxParts {
			return nil, fmt.Errorf("there are more than %d fields", maxParts)
		}
	}
	if fields == 0 {
		return nil, errors.New("it has no field; allowed: nginx's $remote_addr …, Apache's and Tomcat's %h …")
	}
	f.parts[fields-1].end = lit
	if !f.has(request) && !f.has(target) && !f.has(pathOnly) || !f.has(status) {
		return nil, errors.New("it lacks the request ($request, %r) or the status ($status, %s)")
	}
	return f, nil
}

func (f *Format) has(fd field) bool {
	for _, p := range f.parts {
		if p.field == fd {
			return true
		}
	}
	return false
}

var nginxFields = map[string]field{
	"remote_addr": client, "remote_user": user, "time_local": stamp, "time_iso8601": isoStamp, "msec": msec, "request": request, "request_method": method,
	"request_uri": target, "uri": pathOnly, "document_uri": pathOnly, "args": query, "query_string": query, "status": status, "body_bytes_sent": size, "bytes_sent": size,
	"http_referer": referer, "http_user_agent": agent, "host": host, "http_host": host, "server_name": host, "request_time": seconds,
	"upstream_addr": upstream, "upstream_status": upstreamStatus, "upstream_response_time": upstreamSeconds, "http_x_forwarded_for": forwarded,
}

func nginxToken(s string) (fd field, text, rest string, err error) {
	if s[0] != '$' {
		n := strings.IndexByte(s, '$')
		if n < 0 {
			n = len(s)
		}
		return skip, s[:n], s[n:], nil
	}
	s = s[1:]
	braced := strings.HasPrefix(s, "{")
	if braced {
		s = s[1:]
	}
	n := 0
	for n < len(s) && (s[n] == '_' || s[n] >= 'a' && s[n] <= 'z' || s[n] >= 'A' && s[n] <= 'Z' || s[n] >= '0' && s[n] <= '9') {
		n++
	}
	name := s[:n]
	s = s[n:]
	if braced {
		if !strings.HasPrefix(s, "}") {
			return skip, "", "", errors.New("a ${ is not closed")
		}
		s = s[1:]
	}
	if name == "" {
		return skip, "", "", errors.New("a $ has no name behind it")
	}
	return nginxFields[strings.ToLower(name)], "", s, nil // what is not known is skipped
}

var apacheFields = map[string]field{
	"h": client, "a": client, "l": skip, "u": user, "t": stamp, "r": request, "m": method, "U": pathOnly, "q": query, "s": status, "b": size, "B": size, "O": size,
	"D": micros, "T": seconds, "F": millis, "v": host, "V": host,
}

var apacheHeaders = map[string]field{"referer": referer, "user-agent": agent, "x-forwarded-for": forwarded, "host": host}

func apacheToken(s string) (fd field, text, rest string, err error) {
	if s[0] == '\\' && len(s) > 1 { // httpd.conf escapes quotes
		return skip, s[1:2], s[2:], nil
	}
	if s[0] != '%' {
		n := strings.IndexAny(s, `%\`)
		if n < 0 {
			n = len(s)
		} else if n == 0 {
			n = 1
		}
		return skip, s[:n], s[n:], nil
	}
	s = strings.TrimLeft(s[1:], "!<>0123456789,")
	arg := ""
	if strings.HasPrefix(s, "{") {
		end := strings.IndexByte(s, '}')
		if end < 0 {
			return skip, "", "", errors.New("a %{ is not closed")
		}
		arg, s = s[1:end], s[end+1:]
		s = strings.TrimLeft(s, "<>")
	}
	if s == "" {
		return skip, "", "", errors.New("a % has no letter behind it")
	}
	letter := s[:1]
	s = s[1:]
	if letter == "%" {
		return skip, "%", s, nil
	}
	fd = apacheFields[letter]
	switch {
	case arg == "":
	case letter == "i":
		fd = apacheHeaders[strings.ToLower(arg)]
	case letter == "T" && arg == "ms":
		fd = millis
	case letter == "T" && arg == "us":
		fd = micros
	case letter == "t" || letter == "o" || letter == "e" || letter == "n" || letter == "C":
		fd = skip
	}
	return fd, "", s, nil
}

var errShape = errors.New("the line does not have the shape of the format")

// Parse takes a line apart. What e holds points into line.
func (f *Format) Parse(line []byte, e *Entry) error {
	*e = Entry{Status: -1, Bytes: -1, Seconds: -1, UpstreamSeconds: -1}
	if !bytes.HasPrefix(line, f.lead) {
		return errShape
	}
	line = line[len(f.lead):]
	for _, p := range f.parts {
		// A stamp of Apache's brings its own brackets.
		if p.field == stamp && len(line) > 0 && line[0] == '[' {
			end := bytes.IndexByte(line, ']')
			if end < 0 {
				return errShape
			}
			e.stamp, line = line[1:end], line[end+1:]
			if !bytes.HasPrefix(line, p.end) {
				return errShape
			}
			line = line[len(p.end):]
			continue
		}
		v := line
		switch {
		case len(p.end) == 0:
			line = nil
			if bytes.IndexByte(v, ' ') >= 0 && p.field != agent && p.field != upstreamSeconds && p.field != upstream && p.field != upstreamStatus && p.field != skip {
				return errShape // more behind it than the format says
			}
		default:
			end := endOf(line, p.end)
			if end < 0 {
				return errShape
			}
			v, line = line[:end], line[end+len(p.end):]
		}
		if !e.set(p.field, v) {
			return errShape
		}
	}
	if e.Status < 0 {
		return errShape
	}
	return nil
}

// endOf finds the end of a field. In a quoted one a quote that is escaped does
// not end it.
func endOf(line, end []byte) int {
	if end[0] != '"' {
		return bytes.Index(line, end)
	}
	for from := 0; ; {
		n := bytes.Index(line[from:], end)
		if n < 0 {
			return -1
		}
		n += from
		escapes := 0
		for k := n - 1; k >= 0 && line[k] == '\\'; k-- {
			escapes++
		}
		if escapes%2 == 0 {
			return n
		}
		from = n + 1
	}
}
