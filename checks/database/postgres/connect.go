package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"xunjian/checks/credential"
	"xunjian/checks/database/server"
)

// session is the one connection to a server.
type session struct {
	*pgx.Conn
	net net.Conn
	// version is like 150004.
	version int
}

// applicationName tells the server's administrator who asks.
const applicationName = "xunjian"

// connect opens a session that can only read, and says so to the server.
func connect(ctx context.Context, i Instance) (*session, error) {
	cfg, err := i.pgx()
	if err != nil {
		return nil, ours(err)
	}
	var secret credential.Secret
	if i.PasswordFile != "" {
		if secret, err = credential.Read(i.PasswordFile); err != nil {
			return nil, ours(fmt.Errorf("read the password: %w", err))
		}
	}
	cfg.Password = secret.Reveal()
	s := &session{}
	// pgx dials again to cancel what it gives up: a server that is silent would
	// then cost a second connection. Only this function may dial.
	var opening atomic.Bool
	opening.Store(true)
	defer opening.Store(false)
	cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if !opening.Load() {
			return nil, errors.New("no second connection")
		}
		c, err := (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext(ctx, network, address)
		s.net = c
		return c, err
	}
	if s.Conn, err = pgx.ConnectConfig(ctx, cfg); err != nil {
		return nil, masked(err, secret)
	}
	if s.version, err = versionOf(s.PgConn().ParameterStatus("server_version")); err == nil {
		_, err = s.PgConn().Exec(ctx, i.settings()).ReadAll()
	}
	if err != nil {
		s.net.Close()
		return nil, masked(err, secret)
	}
	return s, nil
}

// ours is an error of our own preparations without what is under it: a file of
// ours that is missing says nothing about the server.
func ours(err error) error { return errors.New(err.Error()) }

// settings bound what the agent asks for. Each statement is a read-only
// transaction of its own; names are only those of the system catalogue, so that
// nobody can put functions in their place.
func (i Instance) settings() string {
	return fmt.Sprintf(`SET default_transaction_read_only = on; SET statement_timeout = %d; SET lock_timeout = 1000; `+
		`SET idle_in_transaction_session_timeout = 60000; SET search_path = pg_catalog; `+
		`SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'jit'`, i.StatementTimeout.Milliseconds())
}

// pgx returns the configuration without password. The environment and the home
// folder say nothing: what pgx reads there is put out of force.
func (i Instance) pgx() (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig("host=localhost sslmode=disable user=xunjian password=none")
	if err != nil {
		return nil, fmt.Errorf("prepare to connect: %w", err)
	}
	cfg.Host, cfg.Port, cfg.User, cfg.Database = i.Host, uint16(i.Port), i.User, i.Database
	cfg.RuntimeParams = map[string]string{"application_name": applicationName}
	cfg.ConnectTimeout, cfg.Fallbacks, cfg.TLSConfig = 0, nil, nil
	cfg.SSLNegotiation, cfg.ChannelBinding, cfg.RequireAuth = "", "prefer", ""
	if strings.HasPrefix(i.Host, "/") || i.SSLMode == "disable" {
		return cfg, nil
	}
	if cfg.TLSConfig, err = i.tls(); err != nil {
		return nil, err
	}
	if i.SSLMode == "prefer" {
		cfg.Fallbacks = []*pgconn.FallbackConfig{{Host: i.Host, Port: uint16(i.Port)}}
	}
	return cfg, nil
}

// tls says whom to trust, by libpq's modes.
func (i Instance) tls() (*tls.Config, error) {
	c, err := i.TLS.Config()
	if err != nil {
		return nil, fmt.Errorf("prepare TLS to %s: %w", i.Address(), err)
	}
	if c.ServerName == "" {
		c.ServerName = i.Host
	}
	switch i.SSLMode {
	case "verify-full":
		return c, nil
	case "verify-ca":
		roots := c.RootCAs
		c.VerifyConnection = func(state tls.ConnectionState) error { return chain(state, roots) }
	case "require":
		if c.RootCAs != nil { // as libpq does
			roots := c.RootCAs
			c.VerifyConnection = func(state tls.ConnectionState) error { return chain(state, roots) }
		}
	}
	c.InsecureSkipVerify = true
	return c, nil
}

// chain holds that somebody trusted signed the certificate, whatever its name.
func chain(state tls.ConnectionState, roots *x509.CertPool) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the server shows no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
	return err
}

// versionOf reads "15.4 (Debian 15.4-1)" as 150004, and "17beta1" as 170000.
func versionOf(text string) (int, error) {
	major, rest, _ := strings.Cut(text, ".")
	number := func(s string) (int, error) {
		end := 0
		for end < len(s) && s[end] >= '0' && s[end] <= '9' {
			end++
		}
		return strconv.Atoi(s[:end])
	}
	m, err := number(major)
	if err != nil {
		return 0, fmt.Errorf("the server says it is version %q, which is none of PostgreSQL's", text)
	}
	minor, _ := number(rest)
	if m < 10 {
		return 0, fmt.Errorf("PostgreSQL %s is too old to be looked at; 10 and later are", text)
	}
	return m*10000 + minor, nil
}

// masked takes the secret out of what the other side may say back.
func masked(err error, secret credential.Secret) error {
	if text := err.Error(); secret != "" && strings.Contains(text, secret.Reveal()) {
		return errors.New(credential.Mask(text, secret))
	}
	return err
}

// trouble is why there is no session.
type trouble int

const (
	unknown trouble = iota // nobody can tell
	hung                   // takes the connection, or a question, and says nothing
	down                   // is not there, or says that it does not serve
	refused                // lets the agent not in
	full                   // has no connection left
)

// troubleOf tells what an error of the line means for the server.
func troubleOf(err error) trouble {
	if errors.Is(err, server.ErrHung) {
		return hung
	}
	var said *pgconn.PgError
	if errors.As(err, &said) {
		switch {
		case said.Code == "53300":
			return full
		case said.Code == "57P03", said.Code == "57P01", said.Code == "57P02":
			return down
		case strings.HasPrefix(said.Code, "28"), said.Code == "3D000", said.Code == "42501":
			return refused
		}
		return unknown
	}
	for _, gone := range []error{syscall.ECONNREFUSED, syscall.ENOENT, syscall.ECONNRESET, syscall.EPIPE, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, gone) {
			return down
		}
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return hung // the patience ended
	}
	return unknown
}

// plainReason is what the server or the network said, without pgx' words
// around it.
func plainReason(err error) string {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return said.Message
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "the server closed the connection"
	}
	return err.Error()
}
