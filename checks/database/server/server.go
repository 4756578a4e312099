// Package server holds what all checks of databases have in common: which
// server they look at and for which system it works, and the one connection by
// which they do so.
package server

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"xunjian/checks"
)

// Server is a database server that is looked at.
type Server struct {
	// Check is the name of the check that looks at it, like "postgres/main".
	Check string
	// Product is "postgres", "mysql", "redis" or the driver of a query.
	Product string
	// Address is the value of the label server: host:port, or the socket's
	// folder and port.
	Address string
	// System is the business system that it works for; may be empty.
	System string
}

// Info tells of every server, by whatever check looks at it; what is found on
// this machine is told by the check that found it.
var Info = checks.NewDesc("xunjian_database_info", checks.Gauge,
	"A database server that is looked at, by which check, and for which business system it works.", "check", "product", "server", "system")

// Known is the ability of a check to say which servers it looks at.
type Known interface{ Servers() []Server }

// nameShape is what an instance may be named: it becomes part of the name of a
// check.
var nameShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ValidateName returns an error if an instance cannot be named so.
func ValidateName(name string) error {
	if !nameShape.MatchString(name) {
		return fmt.Errorf("%q is no name; use letters, digits, '.', '_' and '-', at most 64, a letter or digit first", name)
	}
	return nil
}

// systemShape is that of the keys of systems in the agent's configuration.
// The length is counted apart: to repeat classes as wide as these 63 times takes
// an expression of megabytes.
var systemShape = regexp.MustCompile(`^[\pL\pN][\pL\pN_.-]*$`)

// ValidateSystem returns an error if no system can be named so; empty is none.
func ValidateSystem(name string) error {
	if name != "" && (utf8.RuneCountInString(name) > 64 || !systemShape.MatchString(name)) {
		return fmt.Errorf("%q is not a name of a system; allowed: letters, digits and - . _ between them, at most 64", name)
	}
	return nil
}

// ValidateHost returns an error if host is neither a host name, nor an IP
// address, nor (where sockets are allowed) the absolute path of a socket or
// its folder.
func ValidateHost(host string, sockets bool) error {
	allowed := "a host name or IP address"
	if sockets {
		allowed += ", or the absolute path of a unix socket's folder"
	}
	switch {
	case host == "":
		return fmt.Errorf("is missing; allowed: %s", allowed)
	case sockets && strings.HasPrefix(host, "/") && !strings.ContainsAny(host, "\x00\n"):
		return nil
	case net.ParseIP(host) != nil || hostShape.MatchString(host) && len(host) <= 253:
		return nil
	}
	return fmt.Errorf("%q is no host; allowed: %s", host, allowed)
}

var hostShape = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*\.?$`)

// Address joins host and port as the label server has them: the way exporters
// do, also for a socket's folder.
func Address(host string, port int) string {
	if strings.HasPrefix(host, "/") {
		return host + ":" + strconv.Itoa(port)
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}
