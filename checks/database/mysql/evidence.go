package mysql

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"xunjian/checks"
)

// maxRows bounds each table of the evidence.
const maxRows = 20

// Evidence is what an incident about the server wants to know: who waits for
// whom, the longest statements, what replication says, the last deadlock, the
// end of the error log, and what grew. A server that does not answer still has a
// log; the error then says what is missing.
func (c *check) Evidence(ctx context.Context) ([]checks.Exhibit, error) {
	var list []checks.Exhibit
	got := make(chan []checks.Exhibit, 1) // what comes too late goes nowhere
	err := c.line.Do(ctx, func(ctx context.Context, s *session) error {
		seen, err := c.gather(ctx, s, s.kind)
		got <- seen
		return err
	})
	select {
	case list = <-got:
	default:
	}
	if e, ok := c.logExhibit(); ok {
		list = append(list, e)
	}
	if e, ok := c.growth(); ok {
		list = append(list, e)
	}
	if err != nil {
		return list, fmt.Errorf("evidence of %s: %w", c.name, err)
	}
	return list, nil
}

// gather asks for one exhibit after another; what the user may not see is left
// out and named.
func (c *check) gather(ctx context.Context, q querier, kind flavour) ([]checks.Exhibit, error) {
	var list []checks.Exhibit
	var errs []error
	for _, ask := range []func(context.Context, querier, flavour) (checks.Exhibit, error){blocking, longest, crowd, replicas, deadlock} {
		e, err := ask(ctx, q, kind)
		switch {
		case err != nil && (lost(err) || ctx.Err() != nil):
			return list, errors.Join(append(errs, err)...)
		case err != nil:
			errs = append(errs, err)
		case len(e.Rows) > 0 || e.Text != "":
			e.Args = map[string]any{"server": c.label}
			list = append(list, e)
		}
	}
	return list, errors.Join(errs...)
}

// Who waits for whom, in the words of the server's generation. The columns have
// the same names in both.
const (
	waitsOld = `SELECT r.trx_mysql_thread_id AS waiting_thread, pr.user AS waiting_user, TIMESTAMPDIFF(SECOND, r.trx_wait_started, NOW()) AS waited_s,
 r.trx_query AS waiting_query, rl.lock_table AS locked_table, b.trx_mysql_thread_id AS blocking_thread, pb.user AS blocking_user,
 pb.command AS blocking_command, TIMESTAMPDIFF(SECOND, b.trx_started, NOW()) AS blocking_trx_s, b.trx_query AS blocking_query
 FROM information_schema.innodb_lock_waits w
 JOIN information_schema.innodb_trx r ON r.trx_id = w.requesting_trx_id
 JOIN information_schema.innodb_trx b ON b.trx_id = w.blocking_trx_id
 LEFT JOIN information_schema.innodb_locks rl ON rl.lock_id = w.requested_lock_id
 LEFT JOIN information_schema.processlist pr ON pr.id = r.trx_mysql_thread_id
 LEFT JOIN information_schema.processlist pb ON pb.id = b.trx_mysql_thread_id
 ORDER BY waited_s DESC LIMIT 20`
	waitsNew = `SELECT r.trx_mysql_thread_id AS waiting_thread, pr.user AS waiting_user, TIMESTAMPDIFF(SECOND, r.trx_wait_started, NOW()) AS waited_s,
 r.trx_query AS waiting_query, CONCAT(rl.object_schema, '.', rl.object_name) AS locked_table, b.trx_mysql_thread_id AS blocking_thread,
 pb.user AS blocking_user, pb.command AS blocking_command, TIMESTAMPDIFF(SECOND, b.trx_started, NOW()) AS blocking_trx_s, b.trx_query AS blocking_query
 FROM performance_schema.data_lock_waits w
 JOIN information_schema.innodb_trx r ON r.trx_id = w.requesting_engine_transaction_id
 JOIN information_schema.innodb_trx b ON b.trx_id = w.blocking_engine_transaction_id
 LEFT JOIN performance_schema.data_locks rl ON rl.engine_lock_id = w.requesting_engine_lock_id
 LEFT JOIN information_schema.processlist pr ON pr.id = r.trx_mysql_thread_id
 LEFT JOIN information_schema.processlist pb ON pb.id = b.trx_mysql_thread_id
 ORDER BY waited_s DESC LIMIT 20`
)

func blocking(ctx context.Context, q querier, kind flavour) (checks.Exhibit, error) {
	query := waitsOld
	if !kind.maria && kind.major >= 8 {
		query = waitsNew
	}
	e := checks.Exhibit{Code: "mysql.evidence.blocking", Columns: []string{
		"waiting_thread", "waiting_user", "waited_s", "waiting_query", "locked_table",
		"blocking_thread", "blocking_user", "blocking_command", "blocking_trx_s", "blocking_query",
	}}
	err := table(ctx, q, query, &e)
	return e, wrap("who waits for whom", err)
}

const longestStatements = `SELECT id, user, SUBSTRING_INDEX(host, ':', 1) AS host, db, command, time AS time_s, state, info AS query
 FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND command NOT IN ('Sleep', 'Daemon', 'Binlog Dump', 'Binlog Dump GTID')
 AND user <> 'system user' ORDER BY time DESC LIMIT 20`

func longest(ctx context.Context, q querier, _ flavour) (checks.Exhibit, error) {
	e := checks.Exhibit{Code: "mysql.evidence.statements", Columns: []string{"id", "user", "host", "db", "command", "time_s", "state", "query"}}
	err := table(ctx, q, longestStatements, &e)
	return e, wrap("the longest statements", err)
}

const sessionsByUser = `SELECT user, SUBSTRING_INDEX(host, ':', 1) AS host, db, command, COUNT(*) AS sessions, MAX(time) AS longest_s
 FROM information_schema.processlist GROUP BY 1, 2, 3, 4 ORDER BY sessions DESC LIMIT 20`

// crowd shows who has the connections.
func crowd(ctx context.Context, q querier, _ flavour) (checks.Exhibit, error) {
	e := checks.Exhibit{Code: "mysql.evidence.sessions", Columns: []string{"user", "host", "db", "command", "sessions", "longest_s"}}
	err := table(ctx, q, sessionsByUser, &e)
	return e, wrap("who has the connections", err)
}

func replicas(ctx context.Context, q querier, kind flavour) (checks.Exhibit, error) {
	e := checks.Exhibit{Code: "mysql.evidence.replication", Columns: []string{"channel", "source", "io", "sql", "behind_s", "errno", "error"}}
	channels, err := newStatusReader().readReplica(ctx, q, kind, "", checks.NewOutput(1))
	for _, ch := range channels {
		behind := "?"
		if ch.behind >= 0 {
			behind = strconv.FormatFloat(ch.behind, 'f', -1, 64)
		}
		e.Rows = append(e.Rows, []string{
			safe(ch.name), safe(ch.source), safe(ch.io), safe(ch.sql), behind,
			strconv.FormatFloat(cmp.Or(ch.sqlNumber, ch.ioNumber), 'f', -1, 64), plainMessage(cmp.Or(ch.sqlError, ch.ioError)),
		})
	}
	return e, wrap("replication", err)
}

// deadlock reads the last one out of InnoDB's report, without the records in it.
func deadlock(ctx context.Context, q querier, _ flavour) (checks.Exhibit, error) {
	e := checks.Exhibit{Code: "mysql.evidence.deadlock"}
	err := q.each(ctx, "SHOW ENGINE INNODB STATUS", func(r row) error {
		e.Text = lastDeadlock(r.text("Status"))
		return nil
	})
	return e, wrap("the last deadlock", err)
}

// lastDeadlock returns what may be shown of the section about it: transactions
// and locks as they stand, statements without literals, no records.
func lastDeadlock(report string) string {
	_, section, found := strings.Cut(report, "LATEST DETECTED DEADLOCK\n")
	if !found {
		return ""
	}
	section = strings.TrimPrefix(section, "------------------------\n")
	section, _, _ = strings.Cut(section, "\n------------\nTRANSACTIONS")
	var out []string
	for line := range strings.Lines(section) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.TrimSpace(line) == "", strings.HasPrefix(line, " "), strings.HasPrefix(line, "Record lock"), strings.HasPrefix(line, ";"):
		case slices.ContainsFunc(reportLines, func(p string) bool { return strings.HasPrefix(line, p) }), len(out) == 0:
			out = append(out, safe(line))
		default: // a statement
			out = append(out, plain(line))
		}
		if len(out) >= 60 {
			break
		}
	}
	return strings.Join(out, "\n")
}

// reportLines begin the lines of InnoDB's report that hold no data of tables.
var reportLines = []string{"*** ", "TRANSACTION ", "mysql tables in use", "LOCK WAIT ", "MySQL thread id", "MariaDB thread id", "RECORD LOCKS", "TABLE LOCK", "HOLDS THE LOCK", "CONFLICTING WITH"}

// table fills an exhibit by a query whose columns have its names. Statements
// lose their literals.
func table(ctx context.Context, q querier, query string, e *checks.Exhibit) error {
	return q.each(ctx, query, func(r row) error {
		if len(e.Rows) >= maxRows {
			return nil
		}
		cells := make([]string, len(e.Columns))
		for i, name := range e.Columns {
			v := r.text(name)
			if strings.HasSuffix(name, "query") {
				cells[i] = plain(v)
			} else {
				cells[i] = safe(v)
			}
		}
		e.Rows = append(e.Rows, cells)
		return nil
	})
}

// growth tells how large schemas are, and were at the oldest look remembered.
func (c *check) growth() (checks.Exhibit, bool) {
	now, then, ok := c.sizes.last()
	e := checks.Exhibit{Code: "mysql.evidence.sizes", Columns: []string{"schema", "bytes", "grown_bytes"},
		Args: map[string]any{"server": c.label, "over": now.at.Sub(then.at).Seconds()}}
	if !ok {
		return e, false
	}
	for _, schema := range largest(now.schemas, maxRows) {
		grown := "?"
		if was, known := then.schemas[schema]; known {
			grown = strconv.FormatFloat(now.schemas[schema]-was, 'f', 0, 64)
		}
		e.Rows = append(e.Rows, []string{safe(schema), strconv.FormatFloat(now.schemas[schema], 'f', 0, 64), grown})
	}
	return e, len(e.Rows) > 0
}

func safe(s string) string { return checks.SafeText(s, 256) }

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
