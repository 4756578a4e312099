package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/checks"
	"xunjian/checks/database/statement"
)

// How much evidence holds.
const (
	maxSessions = 30
	queryBytes  = 600
)

// sessionRow is a session as evidence shows it. The statement comes whole, up to
// what the server keeps of it, and is shown without its literals.
type sessionRow struct {
	PID, BlockedBy, Datname, User, Application, Client, State, Wait string
	Waited, Transaction, Statement                                  *float64
	Query                                                           string
}

var sessionColumns = []string{"pid", "blocked_by", "datname", "usename", "application_name", "client_addr", "state", "wait_event", "waited", "transaction", "statement", "query"}

const sessionSQL = `SELECT a.pid::text, %s, coalesce(a.datname, ''), coalesce(a.usename, ''), coalesce(a.application_name, ''), coalesce(a.client_addr::text, ''),
	coalesce(a.state, ''), coalesce(a.wait_event_type || '/' || a.wait_event, ''), %s, extract(epoch FROM clock_timestamp() - a.xact_start)::float8,
	extract(epoch FROM clock_timestamp() - a.query_start)::float8, coalesce(a.query, '') FROM pg_stat_activity a `

const blockersSQL = `LEFT JOIN b ON b.pid = a.pid
WHERE a.pid IN (SELECT pid FROM b) OR a.pid IN (SELECT unnest(by) FROM b)
ORDER BY b.pid IS NOT NULL, a.xact_start NULLS LAST LIMIT 30`

func blockersFor(version int) string {
	waited := "NULL::float8"
	if version >= 140000 {
		waited = "(SELECT extract(epoch FROM clock_timestamp() - min(l.waitstart))::float8 FROM pg_locks l WHERE l.pid = a.pid AND NOT l.granted)"
	}
	return `WITH b AS (SELECT pid, pg_blocking_pids(pid) AS by FROM pg_stat_activity WHERE wait_event_type = 'Lock') ` +
		fmt.Sprintf(sessionSQL, "coalesce(array_to_string(b.by, ' '), '')", waited) + blockersSQL
}

// Sessions by how long their transaction is open; and those that are in one
// and do nothing.
var (
	longestSQL = fmt.Sprintf(sessionSQL, "''", "NULL::float8") + `WHERE a.pid <> pg_backend_pid() AND a.state <> 'idle' AND a.backend_type = 'client backend' ORDER BY a.xact_start NULLS LAST LIMIT 30`
	idleSQL    = fmt.Sprintf(sessionSQL, "''", "NULL::float8") + `WHERE a.state LIKE 'idle in transaction%' ORDER BY a.xact_start LIMIT 30`
)

// testify looks closer. What could be seen stands beside the error.
func (w *watched) testify(ctx context.Context) ([]checks.Exhibit, error) {
	seen := make(chan []checks.Exhibit, 2)
	err := w.once(ctx, func(ctx context.Context, s *session) error {
		list, err := w.exhibits(ctx, s)
		if !s.IsClosed() {
			seen <- list
		}
		return err
	})
	var out []checks.Exhibit
	select {
	case out = <-seen:
	default:
	}
	logged, logErr := w.logged()
	if logged != nil {
		out = append(out, *logged)
	}
	return out, errors.Join(err, logErr)
}

func (w *watched) exhibits(ctx context.Context, s *session) ([]checks.Exhibit, error) {
	var out []checks.Exhibit
	var faults []error
	for _, table := range []struct{ code, sql string }{
		{"postgres.evidence.blockers", blockersFor(s.version)},
		{"postgres.evidence.longest", longestSQL},
		{"postgres.evidence.idle", idleSQL},
	} {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		rows, err := collect[sessionRow](s, table.code, table.sql)
		if err != nil {
			faults = append(faults, err)
			if s.IsClosed() {
				break
			}
			continue
		}
		if len(rows) > 0 {
			out = append(out, sessionTable(w.address, table.code, rows))
		}
	}
	if sizes := w.growth.exhibit(w.address); sizes != nil {
		out = append(out, *sizes)
	}
	return out, errors.Join(faults...)
}

func sessionTable(address, code string, rows []sessionRow) checks.Exhibit {
	e := checks.Exhibit{Code: code, Args: map[string]any{"server": address, "count": len(rows)}, Columns: sessionColumns}
	for _, r := range rows[:min(len(rows), maxSessions)] {
		e.Rows = append(e.Rows, []string{
			r.PID, r.BlockedBy, r.Datname, r.User, r.Application, r.Client, r.State, strings.TrimSuffix(r.Wait, "/"),
			duration(r.Waited), duration(r.Transaction), duration(r.Statement), statement.Normal(r.Query, statement.PostgreSQL, queryBytes),
		})
	}
	return e
}

// duration is a number of seconds as people read it.
func duration(seconds *float64) string {
	if seconds == nil || *seconds < 0 {
		return ""
	}
	return time.Duration(*seconds * float64(time.Second)).Round(time.Millisecond).String()
}

// logged are the last errors in the server's log, if it is known.
func (w *watched) logged() (*checks.Exhibit, error) {
	path := w.knownLog()
	if path == "" {
		return nil, nil
	}
	text, err := lastErrors(path)
	if errors.Is(err, fs.ErrNotExist) && w.LogFile == "" {
		return nil, nil // a guess that was wrong
	}
	if err != nil {
		return nil, fmt.Errorf("read the log of PostgreSQL at %s: %w", w.address, err)
	}
	if text == "" {
		return nil, nil
	}
	return &checks.Exhibit{Code: "postgres.evidence.log", Args: map[string]any{"server": w.address, "file": path}, Text: text}, nil
}

// growth remembers how large the databases were, so that evidence can say how
// fast they grow.
type growth struct{ notes []sizes }

type sizes struct {
	at time.Time
	by map[string]float64
}

const (
	growthStep  = 10 * time.Minute
	growthSpan  = 24 * time.Hour
	growthNotes = int(growthSpan/growthStep) + 2
)

// note keeps the sizes of now: one note for each step, and the newest.
func (g *growth) note(now time.Time, samples []checks.Sample) {
	by := map[string]float64{}
	for _, s := range samples {
		if s.Desc.Name == "pg_database_size_bytes" {
			by[s.Values[0]] = s.Value
		}
	}
	if len(by) == 0 {
		return
	}
	if n := len(g.notes); n > 1 && now.Sub(g.notes[n-2].at) < growthStep {
		g.notes = g.notes[:n-1]
	}
	g.notes = append(g.notes, sizes{now, by})
	for len(g.notes) > 2 && (now.Sub(g.notes[0].at) > growthSpan || len(g.notes) > growthNotes) {
		g.notes = g.notes[1:]
	}
}

// exhibit is what the databases take, and how much more than before.
func (g *growth) exhibit(address string) *checks.Exhibit {
	if len(g.notes) == 0 {
		return nil
	}
	first, last := g.notes[0], g.notes[len(g.notes)-1]
	e := &checks.Exhibit{
		Code: "postgres.evidence.sizes", Args: map[string]any{"server": address, "span": last.at.Sub(first.at).Seconds()},
		Columns: []string{"datname", "size_bytes", "growth_bytes"},
	}
	for _, name := range sortedBySize(last.by) {
		grown := ""
		if before, ok := first.by[name]; ok {
			grown = strconv.FormatFloat(last.by[name]-before, 'f', 0, 64)
		}
		e.Rows = append(e.Rows, []string{name, strconv.FormatFloat(last.by[name], 'f', 0, 64), grown})
	}
	return e
}

func sortedBySize(by map[string]float64) []string {
	return slices.SortedFunc(maps.Keys(by), func(a, b string) int { return cmp.Or(cmp.Compare(by[b], by[a]), cmp.Compare(a, b)) })
}
