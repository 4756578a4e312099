//go:build oracle

package sqlquery

import (
	"crypto/tls"
	"database/sql"
	"errors"

	ora "github.com/sijms/go-ora/v2"
	"github.com/sijms/go-ora/v2/network"

	"xunjian/checks/credential"
)

func oracleDriver() *dialect {
	return &dialect{port: 1521, open: openOracle, first: func(Query) []string { return []string{"SET TRANSACTION READ ONLY"} }, trouble: oracleTrouble}
}

func openOracle(q Query, secret credential.Secret, t *tls.Config) (*sql.DB, error) {
	options := map[string]string{"PROGRAM": "xunjian"}
	if t != nil {
		options["SSL"] = "enable"
		if t.InsecureSkipVerify {
			options["SSL Verify"] = "false"
		}
	}
	db, ok := ora.NewConnector(ora.BuildUrl(q.Host, q.Port, q.Database, q.User, secret.Reveal(), options)).(*ora.OracleConnector)
	if !ok {
		return nil, errors.New("the driver gives a connector that is not known")
	}
	if t != nil {
		db.WithTLSConfig(t)
	}
	return sql.OpenDB(db), nil
}

func oracleTrouble(err error) string {
	var said *network.OracleError
	if !errors.As(err, &said) {
		return ""
	}
	switch said.ErrCode {
	case 1017, 1045, 28000, 28001, 12514:
		return "refused"
	case 18, 20, 12516, 12519, 12520:
		return "full"
	case 1033, 1034, 1089, 1090, 12505, 12528:
		return "down"
	}
	return "query"
}
