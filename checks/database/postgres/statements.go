package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"xunjian/checks/database/statement"
)

var errNoState = errors.New("the server says nothing of itself")

var statementLabels = []string{"user", "datname", "queryid"}

var (
	descCalls      = counter("pg_stat_statements_calls_total", "How often the statement was executed.", statementLabels...)
	descSeconds    = counter("pg_stat_statements_seconds_total", "Time spent in the statement, in seconds.", statementLabels...)
	descRows       = counter("pg_stat_statements_rows_total", "Rows that the statement returned or touched.", statementLabels...)
	descBlockRead  = counter("pg_stat_statements_block_read_seconds_total", "Time that the statement spent reading blocks, in seconds.", statementLabels...)
	descBlockWrite = counter("pg_stat_statements_block_write_seconds_total", "Time that the statement spent writing blocks, in seconds.", statementLabels...)
	descQuery      = counter("pg_stat_statements_query_id", "What a queryid stands for: the statement without its literals; always 1.", "queryid", "query")
)

const (
	topStatements  = 20
	statementBytes = 300
)

// spent is one row of pg_stat_statements.
type spent struct {
	User, Datname, ID, Query          string
	Calls, Seconds, Rows, Read, Write float64
}

// spentFor asks for the statements that took the most time. The names of the
// columns changed with versions 13 and 17.
func spentFor(version int, schema string) string {
	total, read, write := "total_exec_time", "blk_read_time", "blk_write_time"
	switch {
	case version >= 170000:
		read, write = "shared_blk_read_time", "shared_blk_write_time"
	case version < 130000:
		total = "total_time"
	}
	return `SELECT coalesce(pg_get_userbyid(s.userid)::text, ''), d.datname::text, s.queryid::text, left(coalesce(s.query, ''), 2000), s.calls::float8,
	(s.` + total + ` / 1000)::float8, s.rows::float8, (s.` + read + ` / 1000)::float8, (s.` + write + ` / 1000)::float8
FROM ` + pgx.Identifier{schema, "pg_stat_statements"}.Sanitize() + ` s JOIN pg_database d ON d.oid = s.dbid
WHERE s.queryid IS NOT NULL AND ($1::text[] IS NULL OR d.datname = ANY ($1)) ORDER BY s.` + total + ` DESC LIMIT $2`
}

const absent = "-"

// findStatements looks once for each connection whether the extension is
// there.
func (w *watched) findStatements(s *session) error {
	if w.statements != "" {
		return nil
	}
	err := s.QueryRow(context.Background(), `SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'`).Scan(&w.statements)
	if errors.Is(err, pgx.ErrNoRows) {
		w.statements, err = absent, nil
	}
	return err
}

// seeStatements reads pg_stat_statements where it is, slowly.
func (w *watched) seeStatements(s *session, see *sight) error {
	const name = "pg_stat_statements"
	if k, ok := w.slow[name]; ok && time.Since(k.at) < slowly {
		see.samples = append(see.samples, k.samples...)
		return nil
	}
	if err := w.findStatements(s); err != nil {
		return w.unread(s, name, err, see)
	}
	if w.statements == absent {
		return nil
	}
	list, err := collect[spent](s, name, spentFor(s.version, w.statements), w.Databases, topStatements)
	var said *pgconn.PgError
	if errors.As(err, &said) && said.Code == "55000" {
		w.statements = absent // made, but its library is not loaded
		return nil
	}
	if err != nil {
		return w.unread(s, name, err, see)
	}
	before := len(see.samples)
	texts := map[string]bool{}
	for _, l := range list {
		see.set(w, descCalls, l.Calls, l.User, l.Datname, l.ID)
		see.set(w, descSeconds, l.Seconds, l.User, l.Datname, l.ID)
		see.set(w, descRows, l.Rows, l.User, l.Datname, l.ID)
		see.set(w, descBlockRead, l.Read, l.User, l.Datname, l.ID)
		see.set(w, descBlockWrite, l.Write, l.User, l.Datname, l.ID)
		if !texts[l.ID] {
			texts[l.ID] = true
			see.set(w, descQuery, 1, l.ID, statement.Normal(l.Query, statement.PostgreSQL, statementBytes))
		}
	}
	w.slow[name] = kept{time.Now(), slices.Clone(see.samples[before:])}
	return nil
}
