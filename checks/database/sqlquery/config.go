// Package sqlquery asks any database a question of the operator's own, and holds
// the answer against what the operator calls bad: bids without a signature,
// payments that no one booked, a queue that stands still.
package sqlquery

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"xunjian/checks/credential"
	"xunjian/checks/database/server"
)

// Query is one question to one database.
type Query struct {
	// Name tells it from the others: the check is sql/<name>.
	Name string `yaml:"name"`
	// System is the business system that the database works for; may be empty.
	System string `yaml:"system"`
	// Driver is postgres or mysql (MariaDB too); sqlserver and oracle where
	// they were built in.
	Driver string `yaml:"driver"`
	// Host is a host name or IP address, for postgres and mysql also the folder
	// or path of a unix socket. Port is the product's own if it is 0.
	Host     string `yaml:"host"`
	Port     int    `yaml:"port"`
	Database string `yaml:"database"`
	User     string `yaml:"user"`
	// PasswordFile holds the password as its only line; credential:NAME is one
	// of systemd's.
	PasswordFile string `yaml:"password_file"`
	// Encrypt demands TLS; what tls says demands it too.
	Encrypt bool           `yaml:"encrypt"`
	TLS     credential.TLS `yaml:"tls"`
	// Query is one statement that reads. It runs in a read-only transaction
	// where the product has one, and is rolled back in any case.
	Query string `yaml:"query"`
	// Rows says how many rows are bad.
	Rows Limits `yaml:"rows"`
	// Value is the column that holds a number; Bad says which are bad. Labels
	// are columns that tell the numbers apart.
	Value  string   `yaml:"value"`
	Bad    Limits   `yaml:"bad"`
	Labels []string `yaml:"labels"`
	// Verdict is what a bad answer comes to: attention, or abnormal, which it
	// is if it is empty.
	Verdict string `yaml:"verdict"`
	// Interval and Timeout are its rhythm; 1 min and 10 s if they are 0.
	Interval time.Duration `yaml:"interval"`
	Timeout  time.Duration `yaml:"timeout"`
}

// Limits are bad beyond; nil is no limit.
type Limits struct {
	Above *float64 `yaml:"above"`
	Below *float64 `yaml:"below"`
}

func (l Limits) any() bool { return l.Above != nil || l.Below != nil }

// bad reports whether v is beyond.
func (l Limits) bad(v float64) bool {
	return l.Above != nil && v > *l.Above || l.Below != nil && v < *l.Below
}

func (l Limits) String() string {
	var out []string
	if l.Above != nil {
		out = append(out, fmt.Sprintf("above %v", *l.Above))
	}
	if l.Below != nil {
		out = append(out, fmt.Sprintf("below %v", *l.Below))
	}
	return strings.Join(out, " or ")
}

const (
	defaultInterval = time.Minute
	defaultTimeout  = 10 * time.Second
	maxQuery        = 16 << 10
)

// labelShape is that of a label which is also a column.
var labelShape = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// reserved labels are ours, or the agent's.
var reserved = []string{"query", "server", "system", "instance", "job"}

// Validate returns every mistake in q, joined, each beginning with the key.
func (q Query) Validate() error {
	var m mistakes
	if err := server.ValidateName(q.Name); err != nil {
		m.add("name", "%w", err)
	}
	if err := server.ValidateSystem(q.System); err != nil {
		m.add("system", "%w", err)
	}
	q.validateDriver(&m)
	if err := server.ValidateHost(q.Host, q.Driver == "postgres" || q.Driver == "mysql"); err != nil {
		m.add("host", "%w", err)
	}
	if q.Port < 0 || q.Port > 65535 {
		m.add("port", "%d is out of range; allowed: 1 to 65535, 0 is the product's own", q.Port)
	}
	if q.User == "" {
		m.add("user", "is missing; name an account that can only read what the query needs")
	}
	m.nest("tls", q.TLS.Validate())
	q.validateAnswer(&m)
	q.validateRhythm(&m)
	return errors.Join(m...)
}

func (q Query) validateDriver(m *mistakes) {
	switch known := drivers(); {
	case q.Driver == "":
		m.add("driver", "is missing; allowed: %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	case slices.Contains(optional, q.Driver) && known[q.Driver] == nil:
		m.add("driver", "%s is not in this program; build it with -tags %s, or use: %s", q.Driver, q.Driver, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	case known[q.Driver] == nil:
		m.add("driver", "%q is unknown; allowed: %s", q.Driver, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
}

func (q Query) validateAnswer(m *mistakes) {
	switch {
	case strings.TrimSpace(q.Query) == "":
		m.add("query", "is missing; give one statement that reads")
	case len(q.Query) > maxQuery:
		m.add("query", "is longer than %d bytes", maxQuery)
	case strings.Contains(strings.TrimRight(strings.TrimSpace(q.Query), ";"), ";\n"):
		m.add("query", "holds more than one statement; give one that reads")
	}
	if !q.Rows.any() && !q.Bad.any() && q.Value == "" {
		m.add("rows", "nothing says what is bad; give rows: {above: 0}, or value and bad, or value alone to measure")
	}
	if q.Bad.any() && q.Value == "" {
		m.add("bad", "has no value; name the column under value")
	}
	if len(q.Labels) > 0 && q.Value == "" {
		m.add("labels", "stand without value; name the column with the number")
	}
	for _, l := range []struct {
		key string
		of  Limits
	}{{"rows", q.Rows}, {"bad", q.Bad}} {
		if l.of.Above != nil && l.of.Below != nil && *l.of.Above < *l.of.Below {
			m.add(l.key, "everything is bad: above %v or below %v; above must not be less than below", *l.of.Above, *l.of.Below)
		}
	}
	for n, l := range q.Labels {
		key := fmt.Sprintf("labels[%d]", n)
		switch {
		case !labelShape.MatchString(l):
			m.add(key, "%q cannot be a label; name the column (AS …) with small letters, digits and _", l)
		case slices.Contains(reserved, l):
			m.add(key, "%s is a label already; name the column otherwise (AS …)", l)
		case slices.Contains(q.Labels[:n], l) || l == q.Value:
			m.add(key, "%s stands twice", l)
		}
	}
	if q.Verdict != "" && q.Verdict != "attention" && q.Verdict != "abnormal" {
		m.add("verdict", "%q is unknown; allowed: attention, abnormal", q.Verdict)
	}
}

func (q Query) validateRhythm(m *mistakes) {
	if q.Interval != 0 && (q.Interval < time.Second || q.Interval > 24*time.Hour) {
		m.add("interval", "%v is out of range; allowed: 1s to 24h", q.Interval)
		return
	}
	f := q.filled()
	if q.Timeout != 0 && (q.Timeout < 100*time.Millisecond || q.Timeout >= f.Interval) {
		m.add("timeout", "%v is out of range; allowed: 100ms to less than the interval of %v", q.Timeout, f.Interval)
	}
}

// Paths are the fields that hold paths.
func (q *Query) Paths() []*string { return append(q.TLS.Paths(), &q.PasswordFile) }

// filled returns q with its defaults.
func (q Query) filled() Query {
	if d := drivers()[q.Driver]; d != nil && q.Port == 0 {
		q.Port = d.port
	}
	if q.Interval == 0 {
		q.Interval = defaultInterval
	}
	if q.Timeout == 0 {
		q.Timeout = min(defaultTimeout, q.Interval*2/3)
	}
	if q.Verdict == "" {
		q.Verdict = "abnormal"
	}
	q.Encrypt = q.Encrypt || q.TLS != credential.TLS{}
	return q
}

// mistakes collects what is wrong.
type mistakes []error

func (m *mistakes) add(key, format string, args ...any) {
	*m = append(*m, fmt.Errorf(key+": "+format, args...))
}

func (m *mistakes) nest(key string, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			*m = append(*m, fmt.Errorf("%s.%w", key, e))
		}
	}
}
