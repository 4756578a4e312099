package sqlquery

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"xunjian/checks/credential"
	"xunjian/checks/database/server"
)

// dialect is how one product is asked.
type dialect struct {
	port int
	// open prepares connections; nothing is dialled yet.
	open func(q Query, secret credential.Secret, t *tls.Config) (*sql.DB, error)
	// readOnly: the product's transactions can be read-only by themselves.
	readOnly bool
	// first is what is said in a transaction before the query, to make it
	// read-only or bounded where the product needs telling; nil is nothing.
	first func(q Query) []string
	// trouble tells what the server's own refusals mean.
	trouble func(error) string
}

// optional products are built in by tags of their names: they bring much along.
var optional = []string{"sqlserver", "oracle"}

// drivers are the products of this program.
func drivers() map[string]*dialect {
	out := map[string]*dialect{
		"postgres": {port: 5432, open: openPostgres, readOnly: true, trouble: postgresTrouble},
		"mysql":    {port: 3306, open: openMySQL, readOnly: true, first: firstMySQL, trouble: mysqlTrouble},
	}
	for name, d := range map[string]*dialect{"sqlserver": sqlserverDriver(), "oracle": oracleDriver()} {
		if d != nil {
			out[name] = d
		}
	}
	return out
}

func openPostgres(q Query, secret credential.Secret, t *tls.Config) (*sql.DB, error) {
	cfg, err := pgx.ParseConfig("host=localhost sslmode=disable user=xunjian password=none")
	if err != nil {
		return nil, err
	}
	cfg.Host, cfg.Port, cfg.User, cfg.Database, cfg.Password = q.Host, uint16(q.Port), q.User, q.Database, secret.Reveal()
	cfg.TLSConfig, cfg.Fallbacks, cfg.ConnectTimeout = t, nil, 0
	cfg.SSLNegotiation, cfg.ChannelBinding, cfg.RequireAuth = "", "prefer", "" // whatever the environment says
	cfg.RuntimeParams = map[string]string{"application_name": "xunjian"}
	set := fmt.Sprintf("SET default_transaction_read_only = on; SET statement_timeout = %d; SET lock_timeout = 1000", limitOf(q).Milliseconds())
	return stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.PgConn().Exec(ctx, set).ReadAll()
		return err
	})), nil
}

func postgresTrouble(err error) string {
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		return ""
	}
	switch {
	case said.Code == "53300":
		return "full"
	case strings.HasPrefix(said.Code, "57P0"):
		return "down"
	case strings.HasPrefix(said.Code, "28"), said.Code == "3D000":
		return "refused"
	}
	return "query"
}

func openMySQL(q Query, secret credential.Secret, t *tls.Config) (*sql.DB, error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName, cfg.TLS = q.User, secret.Reveal(), q.Database, t
	cfg.Net, cfg.Addr = "tcp", net.JoinHostPort(q.Host, strconv.Itoa(q.Port))
	if strings.HasPrefix(q.Host, "/") {
		cfg.Net, cfg.Addr = "unix", q.Host
	}
	cfg.Logger = silent{}
	cfg.InterpolateParams, cfg.MultiStatements, cfg.AllowAllFiles = false, false, false
	c, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}

// firstMySQL makes the session read-only and bounded. Statements that change
// tables end the transaction by themselves before they begin, so that MariaDB
// would carry out a DROP TABLE in one that is read-only.
func firstMySQL(q Query) []string {
	ms := limitOf(q).Milliseconds()
	return []string{
		"SET SESSION TRANSACTION READ ONLY",
		// Each product reads its own comment.
		fmt.Sprintf("SET SESSION lock_wait_timeout = 1, innodb_lock_wait_timeout = 1 /*M!100100 , max_statement_time = %d.%03d */ /*!50708 , max_execution_time = %d */", ms/1000, ms%1000, ms),
	}
}

// limitOf is how long the server may take: a bit less than the check waits, so
// that it says itself that it was too slow.
func limitOf(q Query) time.Duration { return q.Timeout * 3 / 4 }

// silent keeps the driver from printing: what went wrong is an error.
type silent struct{}

func (silent) Print(...any) {}

func mysqlTrouble(err error) string {
	var said *mysql.MySQLError
	if !errors.As(err, &said) {
		if errors.Is(err, mysql.ErrInvalidConn) {
			return "down"
		}
		return ""
	}
	switch said.Number {
	case 1040, 1203, 1226:
		return "full"
	case 1053:
		return "down"
	case 1044, 1045, 1049, 1130, 1698:
		return "refused"
	}
	return "query"
}

// troubleOf is "hung", "down", "refused", "full", "query" for what the server
// has against the query, or "" where nobody can tell.
func troubleOf(d *dialect, err error) string {
	if errors.Is(err, server.ErrHung) {
		return "hung"
	}
	if said := d.trouble(err); said != "" {
		return said
	}
	for _, gone := range []error{syscall.ECONNREFUSED, syscall.ENOENT, syscall.ECONNRESET, syscall.EPIPE, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, gone) {
			return "down"
		}
	}
	return ""
}
