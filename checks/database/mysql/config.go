package mysql

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
	// Name tells it from the others: the check is mysql/<name>.
	Name string `yaml:"name"`
	// System is the business system that the server works for, one of those
	// under systems; may be empty.
	System string `yaml:"system"`
	// Host is a host name, an IP address or the absolute path of a unix socket;
	// Port is 3306 if it is 0, and none for a socket.
	Host string `yaml:"host"`
	Port int    `yaml:"port"`
	// User is "xunjian" if it is empty; README.md says what it must be allowed.
	User string `yaml:"user"`
	// PasswordFile holds the password as its only line; credential:NAME is one
	// of systemd's. Empty: none, as for a login by unix_socket.
	PasswordFile string `yaml:"password_file"`
	TLS          TLS    `yaml:"tls"`
	// LogFile is the server's error log, where the server does not tell it or it
	// lies elsewhere for the agent; the last lines of it are evidence.
	LogFile string `yaml:"log_file"`
}

// TLS says how the connection is encrypted.
type TLS struct {
	// Mode is off; preferred, which takes encryption where the server offers it
	// and proves nothing; or required, which also verifies the certificate.
	// Empty: off on this machine, required with any other.
	Mode           string `yaml:"mode"`
	credential.TLS `yaml:",inline"`
}

// Modes of TLS.
const (
	modeOff       = "off"
	modePreferred = "preferred"
	modeRequired  = "required"
)

// Defaults of an Instance.
const (
	defaultPort = 3306
	defaultUser = "xunjian"
)

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
	if strings.ContainsAny(i.User, "\x00\n\r") || len(i.User) > 128 {
		m.add("user", "%q cannot be a user; allowed: one line of at most 128 bytes", i.User)
	}
	if i.LogFile != "" && !filepath.IsAbs(i.LogFile) {
		m.add("log_file", "%q is not an absolute path", i.LogFile)
	}
	i.TLS.validate(&m, i.socket())
	return errors.Join(m...)
}

func (t TLS) validate(m *mistakes, socket bool) {
	switch t.Mode {
	case "", modeOff, modePreferred, modeRequired:
	default:
		m.add("tls.mode", "%q is unknown; allowed: off, preferred, required", t.Mode)
	}
	certificates := t.TLS != (credential.TLS{})
	switch {
	case socket && (t.Mode == modePreferred || t.Mode == modeRequired || certificates):
		m.add("tls", "a unix socket is not encrypted; leave it out")
	case certificates && (t.Mode == modeOff || t.Mode == modePreferred):
		m.add("tls", "says whom to trust, but mode %s does not verify; allowed with it: required", t.Mode)
	}
	m.nest("tls", t.TLS.Validate())
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
	if i.User == "" {
		i.User = defaultUser
	}
	if i.TLS.Mode == "" {
		i.TLS.Mode = modeRequired
		if i.here() && i.TLS.TLS == (credential.TLS{}) {
			i.TLS.Mode = modeOff
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
	if err == nil {
		return
	}
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	}
	for _, e := range list {
		*m = append(*m, fmt.Errorf("%s.%w", path, e))
	}
}
