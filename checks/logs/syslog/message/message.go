// Package message reads syslog messages as devices really send them: RFC 5424,
// RFC 3164, and the many headers that are neither (a year before or after the
// time, a sequence number, no host name, no time at all). It never refuses a
// message: what it cannot read stays text.
package message

import (
	"strings"
	"time"
)

// Message is a syslog message taken apart.
type Message struct {
	// Facility and Severity are those of the PRI; -1 without one.
	Facility, Severity int
	// Said is the time in the header; zero if there is none.
	Said time.Time
	// Host, App, PID and MsgID are what the header says; each may be empty.
	Host, App, PID, MsgID string
	// Data is the structured data of RFC 5424 as it stands there, brackets
	// included.
	Data string
	// Text is what follows the header.
	Text string
}

// Parse takes a line apart. zone is that of times which name none, now the
// present time, by which a missing year is told.
func Parse(line string, zone *time.Location, now time.Time) Message {
	m := Message{Facility: -1, Severity: -1}
	rest := m.pri(line)
	if after, ok := strings.CutPrefix(rest, "1 "); ok && m.Severity >= 0 && m.rfc5424(after) {
		return m
	}
	m.plain(rest, zone, now)
	return m
}

// pri reads <0> to <191> and returns what follows.
func (m *Message) pri(line string) string {
	if len(line) < 3 || line[0] != '<' {
		return line
	}
	n := 0
	for i := 1; i < len(line) && i <= 4; i++ {
		c := line[i]
		if c == '>' && i > 1 && n <= 191 {
			m.Facility, m.Severity = n/8, n%8
			return line[i+1:]
		}
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int(c-'0')
	}
	return line
}

// rfc5424 reads what follows the version; false leaves m as it was.
func (m *Message) rfc5424(rest string) bool {
	var f [5]string
	for i := range f {
		word, after, ok := strings.Cut(rest, " ")
		if !ok && i < len(f)-1 || word == "" {
			return false
		}
		f[i], rest = word, after
	}
	var said time.Time
	if f[0] != "-" {
		t, ok := rfc3339(f[0])
		if !ok {
			return false
		}
		said = t
	}
	data, text, ok := structured(rest)
	if !ok {
		return false
	}
	m.Said, m.Host, m.App, m.PID, m.MsgID = said, nilValue(f[1]), nilValue(f[2]), nilValue(f[3]), nilValue(f[4])
	m.Data, m.Text = data, strings.TrimPrefix(text, "\ufeff")
	return true
}

func nilValue(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

// structured cuts the structured data off.
func structured(s string) (data, text string, ok bool) {
	if after, found := strings.CutPrefix(s, "-"); found {
		return "", strings.TrimPrefix(after, " "), after == "" || after[0] == ' '
	}
	i, quoted := 0, false
	for i < len(s) && s[i] == '[' {
		for i++; ; i++ {
			if i >= len(s) {
				return "", "", false
			}
			switch c := s[i]; {
			case quoted && c == '\\':
				i++
			case c == '"':
				quoted = !quoted
			case c == ']' && !quoted:
				goto closed
			}
		}
	closed:
		i++
	}
	if i == 0 || i < len(s) && s[i] != ' ' {
		return "", "", false
	}
	return s[:i], strings.TrimPrefix(s[i:], " "), true
}

// plain reads the headers of RFC 3164 and of those who never read it.
func (m *Message) plain(rest string, zone *time.Location, now time.Time) {
	rest = strings.TrimLeft(rest, " ")
	rest = sequence(rest)
	said, after, ok := stamp(rest, zone, now)
	if !ok {
		// Cisco with an origin: "sw-1: *Mar  1 12:00:00.123: %SYS-5-…"
		if host, tail, found := strings.Cut(rest, ": "); found && isHost(host) {
			if said, after, ok = stamp(tail, zone, now); ok {
				m.Host = host
			}
		}
	}
	if !ok {
		m.Text = rest
		m.tag(rest)
		return
	}
	m.Said = said
	colon := strings.HasPrefix(after, ":")
	rest = strings.TrimLeft(strings.TrimPrefix(after, ":"), " ")
	if m.Host == "" && !colon {
		if host, tail, found := strings.Cut(rest, " "); found && isHost(host) {
			m.Host, rest = host, strings.TrimLeft(tail, " ")
		}
	}
	m.Text = rest
	m.tag(rest)
}

// sequence steps over the sequence number that Cisco puts first: "000123: ".
func sequence(s string) string {
	i := 0
	for i < len(s) && i < 12 && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	if i > 0 && strings.HasPrefix(s[i:], ": ") {
		return s[i+2:]
	}
	return s
}

// isHost reports whether a word can be the name of a host, and is neither a tag
// ("sshd[12]:") nor the beginning of a device's own header ("%%10SHELL/5/…").
func isHost(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c >= 0x80:
		case c == ':' && i < len(s)-1: // IPv6
		case c == '(' || c == ')' || c == '/' || c == '#':
		default:
			return false
		}
	}
	return true
}

// tag reads "app[pid]: " or "app: " off the text.
func (m *Message) tag(s string) {
	end := 0
	for end < len(s) && end < 64 && tagByte(s[end]) {
		end++
	}
	if end == 0 || end == len(s) {
		return
	}
	app, rest, pid := s[:end], s[end:], ""
	if rest[0] == '[' {
		close := strings.IndexByte(rest, ']')
		if close < 1 || close > 32 {
			return
		}
		pid, rest = rest[1:close], rest[close+1:]
	}
	if !strings.HasPrefix(rest, ":") || len(rest) > 1 && rest[1] != ' ' {
		return
	}
	m.App, m.PID, m.Text = app, pid, strings.TrimPrefix(rest[1:], " ")
}

func tagByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' || c == '/' || c == '(' || c == ')'
}
