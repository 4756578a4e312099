package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"

	"xunjian/checks/credential"
	"xunjian/checks/database/server"
)

// Bounds of a session. A statement of ours ends before the check's deadline,
// and waits for no lock: what holds one is what we are here to see.
const (
	statementLimit = 4 * time.Second
	lockLimit      = 2 * time.Second
)

// session is a connection that is set up for looking.
type session struct {
	db   *sql.DB
	conn *sql.Conn
	kind flavour
}

// flavour is which server this is.
type flavour struct {
	maria   bool
	version string // as the server says it
	major   int
}

// name is what people call it.
func (f flavour) name() string {
	if f.maria {
		return "MariaDB"
	}
	return "MySQL"
}

// open logs in and sets the session up. Secrets and certificates are read
// anew each time, so that a changed one holds.
func open(ctx context.Context, i Instance) (*session, error) {
	cfg, err := i.driverConfig()
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", i.Address(), err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("connect to %s: %w", i.Address(), masked(err, cfg.Passwd))
	}
	s := &session{db: db, conn: conn}
	if err := s.prepare(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("set up the session at %s: %w", i.Address(), err)
	}
	return s, nil
}

func (i Instance) driverConfig() (*mysql.Config, error) {
	cfg := mysql.NewConfig()
	cfg.User = i.User
	cfg.Net, cfg.Addr = "tcp", i.Address()
	if i.socket() {
		cfg.Net = "unix"
	}
	cfg.ConnectionAttributes = "program_name:xunjian"
	cfg.ReadTimeout, cfg.WriteTimeout = server.DefaultPatience, server.DefaultPatience
	cfg.MaxAllowedPacket = 16 << 20
	cfg.Logger = &mysql.NopLogger{} // errors are returned; the library's log repeats them
	if i.PasswordFile != "" {
		secret, err := credential.Read(i.PasswordFile)
		if err != nil {
			return nil, &ownFault{err}
		}
		cfg.Passwd = secret.Reveal()
	}
	switch i.TLS.Mode {
	case modePreferred:
		cfg.TLSConfig = "preferred"
	case modeRequired:
		tls, err := i.TLS.Config()
		if err != nil {
			return nil, &ownFault{err}
		}
		if tls.ServerName == "" {
			tls.ServerName = i.Host
		}
		cfg.TLS = tls
	}
	return cfg, nil
}

// prepare learns what the server is and bounds what this session may do.
func (s *session) prepare(ctx context.Context) error {
	var comment string
	if err := s.conn.QueryRowContext(ctx, "SELECT VERSION(), @@version_comment").Scan(&s.kind.version, &comment); err != nil {
		return err
	}
	s.kind = flavourOf(s.kind.version, comment)
	for _, set := range s.kind.bounds() {
		if _, err := s.conn.ExecContext(ctx, set); err != nil && errorNumber(err) != unknownVariable {
			return fmt.Errorf("%s: %w", set, err)
		}
	}
	return nil
}

func flavourOf(version, comment string) flavour {
	f := flavour{version: version, maria: strings.Contains(strings.ToLower(version+" "+comment), "mariadb")}
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "5.5.5-"), ".")
	f.major, _ = strconv.Atoi(major)
	return f
}

// bounds are the statements that bound a session. Older servers lack some of
// the variables, and do without.
func (f flavour) bounds() []string {
	list := []string{
		fmt.Sprintf("SET SESSION lock_wait_timeout = %d", int(lockLimit.Seconds())),
		fmt.Sprintf("SET SESSION innodb_lock_wait_timeout = %d", int(lockLimit.Seconds())),
		"SET SESSION TRANSACTION READ ONLY",
	}
	if f.maria {
		return append(list, fmt.Sprintf("SET SESSION max_statement_time = %d", int(statementLimit.Seconds())))
	}
	return append(list, fmt.Sprintf("SET SESSION max_execution_time = %d", statementLimit.Milliseconds()))
}

// Close ends the session.
func (s *session) Close() error {
	return errors.Join(s.conn.Close(), s.db.Close())
}

// row is one row of an answer, its values valid until the next one.
type row struct {
	names  []string
	values []sql.RawBytes
}

// text returns a column's value, empty for NULL and for one that is not there.
func (r row) text(names ...string) string {
	for _, name := range names {
		for i, n := range r.names {
			if strings.EqualFold(n, name) {
				return string(r.values[i])
			}
		}
	}
	return ""
}

// number returns a column's value, or 0.
func (r row) number(name string) float64 {
	v, err := strconv.ParseFloat(r.text(name), 64)
	if err != nil {
		return 0
	}
	return v
}

// querier asks a server. Its one method is what the looks need, so that tests
// can give the answers of servers that cannot be had.
type querier interface {
	each(ctx context.Context, query string, f func(row) error) error
}

// each calls f with each row of the answer.
func (s *session) each(ctx context.Context, query string, f func(row) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// A question that was asked is waited for longer than whoever asked waits:
	// giving it up would give the connection up, and a server that hangs would
	// get another one at each look.
	rows, err := s.conn.QueryContext(context.WithoutCancel(ctx), query)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	r := row{names: names, values: make([]sql.RawBytes, len(names))}
	into := make([]any, len(names))
	for i := range into {
		into[i] = &r.values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := f(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Error numbers of servers.
const (
	tooManyConnections     = 1040
	accessDeniedDatabase   = 1044
	accessDenied           = 1045
	shuttingDown           = 1053
	hostBlocked            = 1129
	hostNotAllowed         = 1130
	tableDenied            = 1142
	unknownVariable        = 1193
	tooManyUserConnections = 1203
	privilegeDenied        = 1227
	accessDeniedNoPassword = 1698
	mustChangePassword     = 1820
	passwordExpired        = 1862
	accountLocked          = 3118
	accountLockedMaria     = 4151
)

func errorNumber(err error) uint16 {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

// denied reports whether the session lacks a privilege for what it asked.
func denied(err error) bool {
	switch errorNumber(err) {
	case tableDenied, privilegeDenied, accessDeniedDatabase:
		return true
	}
	return false
}

// lost reports whether the connection is of no use any more.
func lost(err error) bool {
	switch errorNumber(err) {
	case 0:
	case shuttingDown:
		return true
	default:
		return false // the server answered
	}
	var network net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) ||
		errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// Codes of a server that cannot be used.
const (
	codeRefused = "mysql.refused"
	codeDenied  = "mysql.denied"
	codeFull    = "mysql.full"
	codeSilent  = "mysql.silent"
)

// ownFault is an error on our side of the connection: a secret that cannot be
// read tells nothing of the server.
type ownFault struct{ error }

func (f *ownFault) Unwrap() error { return f.error }

// downBy returns the code of what is plainly wrong when connecting failed with
// err; empty if that does not tell whether the server works.
func downBy(err error) string {
	var own *ownFault
	if errors.As(err, &own) {
		return ""
	}
	switch errorNumber(err) {
	case tooManyConnections, tooManyUserConnections:
		return codeFull
	case accessDenied, accessDeniedNoPassword, accessDeniedDatabase, hostBlocked, hostNotAllowed,
		mustChangePassword, passwordExpired, accountLocked, accountLockedMaria:
		return codeDenied
	case shuttingDown:
		return codeRefused
	case 0:
	default:
		return ""
	}
	for _, gone := range []error{
		syscall.ECONNREFUSED, syscall.ENOENT, syscall.ENOTSOCK, syscall.ECONNRESET, syscall.EPIPE,
		io.EOF, io.ErrUnexpectedEOF, driver.ErrBadConn, mysql.ErrInvalidConn,
	} {
		if errors.Is(err, gone) {
			return codeRefused
		}
	}
	return ""
}

// masked takes a secret out of an error's text; none should be in there, but
// servers may repeat what they were told.
func masked(err error, secret string) error {
	if secret == "" || !strings.Contains(err.Error(), secret) {
		return err
	}
	return &maskedError{err, credential.Mask(err.Error(), credential.Secret(secret))}
}

type maskedError struct {
	error
	text string
}

func (e *maskedError) Error() string { return e.text }
func (e *maskedError) Unwrap() error { return e.error }
