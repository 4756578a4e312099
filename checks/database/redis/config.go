package redis

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"xunjian/checks/credential"
	"xunjian/checks/database/server"
)

// Instance is one server to look at.
type Instance struct {
	// Name tells it from the others: the check is redis/<name>.
	Name string `yaml:"name"`
	// System is the business system that the server works for, one of those
	// under systems; may be empty.
	System string `yaml:"system"`
	// Host is a host name, an IP address or the absolute path of a unix socket;
	// Port is 6379 if it is 0, and none for a socket.
	Host string `yaml:"host"`
	Port int    `yaml:"port"`
	// User logs in by an access list (Redis 6 and later); README.md says what it
	// must be allowed. Empty: the default user.
	User string `yaml:"user"`
	// PasswordFile holds the password as its only line; credential:NAME is one
	// of systemd's. Empty: none.
	PasswordFile string `yaml:"password_file"`
	// DB is the database that is selected, 0 to 65535. All are counted.
	DB  int `yaml:"db"`
	TLS TLS `yaml:"tls"`
	// LogFile is the server's log, where it lies on this machine; the last lines
	// of it are evidence.
	LogFile string `yaml:"log_file"`
}

// TLS says how the connection is encrypted.
type TLS struct {
	// Mode is off; or required, which also verifies the certificate. Empty:
	// required if there is a ca_file, otherwise off.
	Mode           string `yaml:"mode"`
	credential.TLS `yaml:",inline"`
}

// Modes of TLS.
const (
	modeOff      = "off"
	modeRequired = "required"
)

const defaultPort = 6379

// Local is the name of the instance that is found by itself.
const Local = "local"

// Validate returns every mistake in i, joined, each beginning with the key.
func (i Instance) Validate() error {
	var m mistakes
	if err := server.ValidateName(i.Name); err != nil {
		m.add("name", "%w", err)
	}
	if err := server.ValidateSystem(i.System); err != nil {
		m.add("system", "%w", err)
	}
	if err := server.ValidateHost(i.Host, true); err != nil {
		m.add("host", "%w", err)
	}
	switch {
	case i.Port < 0 || i.Port > 65535:
		m.add("port", "%d is out of range; allowed: 1 to 65535, 0 is %d", i.Port, defaultPort)
	case i.Port != 0 && i.socket():
		m.add("port", "%d does not go with a unix socket; leave it out", i.Port)
	}
	switch {
	case strings.ContainsAny(i.User, " \x00\n\r\t") || len(i.User) > 128:
		m.add("user", "%q cannot be a user; allowed: one word of at most 128 bytes", i.User)
	case i.User != "" && i.PasswordFile == "":
		m.add("password_file", "is missing; a user logs in with a password")
	}
	if i.DB < 0 || i.DB > 65535 {
		m.add("db", "%d is out of range; allowed: 0 to 65535", i.DB)
	}
	if i.LogFile != "" && !filepath.IsAbs(i.LogFile) {
		m.add("log_file", "%q is not an absolute path", i.LogFile)
	}
	i.TLS.validate(&m, i.socket())
	return errors.Join(m...)
}

func (t TLS) validate(m *mistakes, socket bool) {
	if t.Mode != "" && t.Mode != modeOff && t.Mode != modeRequired {
		m.add("tls.mode", "%q is unknown; allowed: off, required", t.Mode)
	}
	certificates := t.TLS != (credential.TLS{})
	switch {
	case socket && (t.Mode == modeRequired || certificates):
		m.add("tls", "a unix socket is not encrypted; leave it out")
	case certificates && t.Mode == modeOff:
		m.add("tls", "says whom to trust, but mode is off; allowed with it: required")
	}
	if err := t.TLS.Validate(); err != nil {
		m.nest("tls", err)
	}
}

// Paths are the fields that hold paths.
func (i *Instance) Paths() []*string {
	return append([]*string{&i.PasswordFile, &i.LogFile}, i.TLS.Paths()...)
}

// Address is the value of the label server.
func (i Instance) Address() string {
	i = i.filled()
	if i.socket() {
		return i.Host
	}
	return server.Address(i.Host, i.Port)
}

// filled returns i with its defaults.
func (i Instance) filled() Instance {
	if i.Port == 0 && !i.socket() {
		i.Port = defaultPort
	}
	if i.TLS.Mode == "" {
		i.TLS.Mode = modeOff
		if i.TLS.TLS != (credential.TLS{}) {
			i.TLS.Mode = modeRequired
		}
	}
	return i
}

func (i Instance) socket() bool { return strings.HasPrefix(i.Host, "/") }

// here reports whether the server is on this machine as far as its address
// says.
func (i Instance) here() bool {
	ip := net.ParseIP(i.Host)
	return i.socket() || strings.EqualFold(i.Host, "localhost") || ip != nil && ip.IsLoopback()
}

type mistakes []error

func (m *mistakes) add(path, format string, args ...any) {
	*m = append(*m, fmt.Errorf(path+": "+format, args...))
}

// nest adds the mistakes joined in err, below path.
func (m *mistakes) nest(path string, err error) {
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	}
	for _, e := range list {
		*m = append(*m, fmt.Errorf("%s.%w", path, e))
	}
}
