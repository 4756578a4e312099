// Package postgres looks at PostgreSQL servers, under postgres_exporter's
// names: whether they answer, who waits for whom, how full and how far behind
// they are. Thresholds are rules; what it says by itself are plain facts.
package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"xunjian/checks/credential"
	"xunjian/checks/database/server"
)

// Instance is one server to look at.
type Instance struct {
	// Name tells it from the others: the check is postgres/<name>.
	Name string `yaml:"name"`
	// System is the business system that the server works for, one of those
	// under systems; may be empty.
	System string `yaml:"system"`
	// Host is a host name, an IP address or the folder of a unix socket;
	// Port is 5432 if it is 0.
	Host string `yaml:"host"`
	Port int    `yaml:"port"`
	// Database is what to connect to, "postgres" if it is empty. The figures of
	// tables and statements are of this one.
	Database string `yaml:"database"`
	// User is "xunjian" if it is empty.
	User string `yaml:"user"`
	// PasswordFile holds the password as its only line; credential:NAME is one
	// of systemd's.
	PasswordFile string `yaml:"password_file"`
	// SSLMode is disable, prefer, require, verify-ca or verify-full, as libpq
	// has them. If it is empty: verify-full where tls says anything, require
	// where that takes any certificate, prefer otherwise. A unix socket has none.
	SSLMode string         `yaml:"sslmode"`
	TLS     credential.TLS `yaml:"tls"`
	// Databases are those whose figures are taken; all if it is empty.
	Databases []string `yaml:"databases"`
	// Replicas is how many standby servers should stream from this one; fewer
	// are abnormal. 0 does not look.
	Replicas int `yaml:"replicas"`
	// LogFile is the server's log, where the server does not tell it or it lies
	// elsewhere for the agent; the last errors in it are evidence.
	LogFile string `yaml:"log_file"`
	// StatementTimeout bounds each of the agent's own questions; 100 ms to 1
	// min, 3 s if it is 0.
	StatementTimeout time.Duration `yaml:"statement_timeout"`
}

// Defaults of an Instance.
const (
	defaultPort             = 5432
	defaultUser             = "xunjian"
	defaultDatabase         = "postgres"
	defaultStatementTimeout = 3 * time.Second
)

// sslModes are libpq's, but allow, which no one can want.
var sslModes = []string{"disable", "prefer", "require", "verify-ca", "verify-full"}

// Validate returns every mistake in i, joined, each beginning with the key.
func (i Instance) Validate() error {
	var errs []error
	add := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf(key+": "+format, args...))
	}
	if err := server.ValidateName(i.Name); err != nil {
		add("name", "%w", err)
	}
	if err := server.ValidateSystem(i.System); err != nil {
		add("system", "%w", err)
	}
	if err := server.ValidateHost(i.Host, true); err != nil {
		add("host", "%w", err)
	}
	if i.Port < 0 || i.Port > 65535 {
		add("port", "%d is out of range; allowed: 1 to 65535, 0 is %d", i.Port, defaultPort)
	}
	for _, t := range []struct{ key, value string }{{"database", i.Database}, {"user", i.User}} {
		if strings.ContainsAny(t.value, "\x00\n\r") || len(t.value) > 63 {
			add(t.key, "%q cannot be a name in PostgreSQL; allowed: one line of at most 63 bytes", t.value)
		}
	}
	if i.SSLMode != "" && !slices.Contains(sslModes, i.SSLMode) {
		add("sslmode", "%q is unknown; allowed: %s", i.SSLMode, strings.Join(sslModes, ", "))
	}
	if joined, ok := i.TLS.Validate().(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			errs = append(errs, fmt.Errorf("tls.%w", e))
		}
	}
	switch {
	case i.TLS == credential.TLS{}:
	case i.SSLMode == "disable":
		add("sslmode", "disable does not look at what tls says; allowed with it: require, verify-ca, verify-full")
	case i.TLS.InsecureSkipVerify && strings.HasPrefix(i.SSLMode, "verify"):
		add("sslmode", "%s cannot be held while tls.insecure_skip_verify takes any certificate; give one or the other", i.SSLMode)
	}
	for n, d := range i.Databases {
		switch {
		case d == "":
			add(fmt.Sprintf("databases[%d]", n), "is empty; name a database, or leave the list out to take all")
		case slices.Contains(i.Databases[:n], d):
			add(fmt.Sprintf("databases[%d]", n), "%q stands twice in this list", d)
		}
	}
	if i.Replicas < 0 || i.Replicas > 100 {
		add("replicas", "%d is out of range; allowed: 0 to 100", i.Replicas)
	}
	if i.StatementTimeout != 0 && (i.StatementTimeout < 100*time.Millisecond || i.StatementTimeout > time.Minute) {
		add("statement_timeout", "%v is out of range; allowed: 100ms to 1m", i.StatementTimeout)
	}
	return errors.Join(errs...)
}

// Paths are the fields that hold paths.
func (i *Instance) Paths() []*string { return append(i.TLS.Paths(), &i.PasswordFile, &i.LogFile) }

// filled returns i with its defaults.
func (i Instance) filled() Instance {
	if i.Port == 0 {
		i.Port = defaultPort
	}
	if i.User == "" {
		i.User = defaultUser
	}
	if i.Database == "" {
		i.Database = defaultDatabase
	}
	if i.StatementTimeout == 0 {
		i.StatementTimeout = defaultStatementTimeout
	}
	if i.SSLMode == "" {
		i.SSLMode = i.sslMode()
	}
	return i
}

func (i Instance) sslMode() string {
	switch {
	case i.TLS == credential.TLS{}:
		return "prefer"
	case i.TLS.InsecureSkipVerify:
		return "require"
	}
	return "verify-full"
}

// Address is the value of the label server.
func (i Instance) Address() string {
	i = i.filled()
	return server.Address(i.Host, i.Port)
}
