//go:build sqlserver

package sqlquery

import (
	"crypto/tls"
	"database/sql"
	"errors"
	"net"
	"net/url"
	"strconv"

	mssql "github.com/microsoft/go-mssqldb"

	"xunjian/checks/credential"
)

func sqlserverDriver() *dialect {
	return &dialect{port: 1433, open: openSQLServer, first: func(Query) []string { return []string{"SET TRANSACTION ISOLATION LEVEL READ COMMITTED"} }, trouble: sqlserverTrouble}
}

// openSQLServer asks for a read-only replica where there is one. The product
// has no read-only transactions: the account must be one that can only read.
func openSQLServer(q Query, secret credential.Secret, t *tls.Config) (*sql.DB, error) {
	v := url.Values{"database": {q.Database}, "app name": {"xunjian"}, "ApplicationIntent": {"ReadOnly"}, "encrypt": {"disable"}}
	if q.Database == "" {
		v.Del("ApplicationIntent") // the driver wants a database for it
	}
	if t != nil {
		v.Set("encrypt", "true")
		v.Set("TrustServerCertificate", strconv.FormatBool(t.InsecureSkipVerify))
		v.Set("hostNameInCertificate", t.ServerName)
		if q.TLS.CAFile != "" {
			v.Set("certificate", q.TLS.CAFile)
		}
	}
	u := url.URL{Scheme: "sqlserver", User: url.UserPassword(q.User, secret.Reveal()), Host: net.JoinHostPort(q.Host, strconv.Itoa(q.Port)), RawQuery: v.Encode()}
	c, err := mssql.NewConnector(u.String())
	if err != nil {
		return nil, errors.New(credential.Mask(err.Error(), secret))
	}
	return sql.OpenDB(c), nil
}

func sqlserverTrouble(err error) string {
	var said mssql.Error
	if !errors.As(err, &said) {
		return ""
	}
	switch said.Number {
	case 4060, 18452, 18456:
		return "refused"
	case 10928, 17809:
		return "full"
	case 6005, 18401:
		return "down"
	}
	return "query"
}
