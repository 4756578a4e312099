package archive

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Record is one kept line.
type Record struct {
	// Seq numbers the lines in the order in which they came, from 1; the archive
	// gives it. It is the cursor of a search.
	Seq uint64
	// Received is when the line came here, by this machine's clock; Said is the
	// time that the line itself claims, zero if it claims none. Milliseconds are
	// kept.
	Received, Said time.Time
	// Source is where the line came from and cannot be forged by its text: the
	// name or transport address of a device, the path of a file.
	Source string
	// Kind is what brought it: "syslog", "file", "journal".
	Kind string
	// Severity and Facility are those of syslog; zero if it has none.
	Severity Severity
	Facility Facility
	// Host and App are what the line says of itself.
	Host, App string
	// Event is what the line was understood as, like "login-failed"; empty if it
	// was not.
	Event string
	// Fields are what was read out of the line: user, address, interface.
	Fields map[string]string
	// Text is the line itself, as UTF-8.
	Text string
}

// Severity is the severity of syslog plus one, so that zero means that none was
// given.
type Severity uint8

// The severities of RFC 5424.
const (
	NoSeverity Severity = iota
	Emergency
	Alert
	Critical
	Error
	Warning
	Notice
	Info
	Debug
)

var severityNames = [...]string{"", "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

// String is syslog's own short word: "err"; empty for NoSeverity.
func (s Severity) String() string {
	if int(s) < len(severityNames) {
		return severityNames[s]
	}
	return ""
}

// SeverityNames lists the words that ParseSeverity takes, worst first.
func SeverityNames() []string { return severityNames[1:] }

// ParseSeverity reads a word of SeverityNames.
func ParseSeverity(word string) (Severity, bool) {
	for s, name := range severityNames {
		if s > 0 && strings.EqualFold(word, name) {
			return Severity(s), true
		}
	}
	return NoSeverity, false
}

// Facility is the facility of syslog plus one, so that zero means that none was
// given.
type Facility uint8

// Bounds of what is kept of one line, in bytes. What is over them is cut.
const (
	MaxText   = 32 << 10
	maxName   = 256
	maxFields = 64
	maxValue  = 2 << 10
)

// bounded cuts what a stranger may have made too long.
func bounded(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
