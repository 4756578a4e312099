package postgres

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"xunjian/checks"
)

// state is what the server is, in one row.
type state struct {
	Standby       bool
	Version       string
	Started       float64
	Lag           float64
	Replayed      *float64
	Receiver      string
	Upstream      bool
	Paused        bool
	Archiving     bool
	FailedWAL     string
	FailedAgo     *float64
	ArchiveBroken bool
	Streaming     int64
	Connections   int64
	Limit         int64
}

// The functions that fail on a primary or on a standby stand under a CASE.
const stateSQL = `SELECT r.standby, current_setting('server_version'), extract(epoch FROM pg_postmaster_start_time())::float8,
	CASE WHEN NOT r.standby OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
		ELSE greatest(0, coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp()), 0)) END::float8,
	greatest(0, extract(epoch FROM now() - pg_last_xact_replay_timestamp()))::float8,
	coalesce((SELECT status FROM pg_stat_wal_receiver LIMIT 1), ''),
	coalesce(current_setting('primary_conninfo', true), '') <> '',
	CASE WHEN r.standby THEN pg_is_wal_replay_paused() ELSE false END,
	current_setting('archive_mode') = 'always' OR current_setting('archive_mode') = 'on' AND NOT r.standby,
	coalesce(a.last_failed_wal, ''), extract(epoch FROM now() - a.last_failed_time)::float8,
	a.last_failed_time IS NOT NULL AND a.last_failed_time > coalesce(a.last_archived_time, '-infinity'),
	(SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'),
	(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
	current_setting('max_connections')::int8
FROM pg_stat_archiver a, (SELECT pg_is_in_recovery() AS standby) r`

// slot is a replication slot that nobody reads, or that is in danger.
type slot struct {
	Name     string
	Active   bool
	Retained float64
	Status   string
}

const slotSQL = `SELECT slot_name, active,
	coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END, restart_lsn), 0)::float8, `

// basics says that the server is up, and what it says of itself that is wrong.
func (w *watched) basics(s *session, see *sight) error {
	list, err := collect[state](s, "the server's state", stateSQL)
	if err != nil || len(list) != 1 {
		return cmp.Or(err, errNoState)
	}
	st := list[0]
	short, _, _ := strings.Cut(st.Version, " ")
	see.set(w, descStatic, 1, short, st.Version)
	see.set(w, descStart, st.Started)
	see.set(w, descLag, st.Lag)
	see.set(w, descIsReplica, truth(st.Standby))
	if st.Replayed != nil {
		see.set(w, descLastReplay, *st.Replayed)
	}
	role := "primary"
	if st.Standby {
		role = "standby"
	}
	see.find(w.fact("postgres.up", checks.OK, "version", short, "role", role, "connections", int(st.Connections), "limit", int(st.Limit)))
	w.replication(s, st, see)
	if st.Archiving && st.ArchiveBroken {
		args := []any{"file", st.FailedWAL, "ago", 0.0}
		if st.FailedAgo != nil {
			args[3] = *st.FailedAgo
		}
		see.find(w.fact("postgres.archiving", checks.Abnormal, args...))
	}
	return w.slots(s, see)
}

// replication says what is broken between primary and standby.
func (w *watched) replication(s *session, st state, see *sight) {
	switch {
	case !st.Standby && int(st.Streaming) < w.Replicas:
		see.find(w.fact("postgres.replicas", checks.Abnormal, "count", int(st.Streaming), "wanted", w.Replicas))
	case !st.Standby:
	case st.Receiver == "streaming":
		w.received = true
	// Up to version 11 where it receives from stands in a file that cannot be
	// asked for; what was seen to receive should go on.
	case s.version >= 120000 && st.Upstream || w.received:
		see.find(w.fact("postgres.receiver", checks.Abnormal, "status", st.Receiver))
	}
	if st.Paused {
		see.find(w.fact("postgres.paused", checks.Attention))
	}
}

// slots tells which slots keep log that nobody fetches, or lost it.
func (w *watched) slots(s *session, see *sight) error {
	sql := slotSQL + "'' FROM pg_replication_slots"
	if s.version >= 130000 {
		sql = slotSQL + "coalesce(wal_status, '') FROM pg_replication_slots"
	}
	list, err := collect[slot](s, "pg_replication_slots", sql+" WHERE NOT temporary ORDER BY slot_name LIMIT 100")
	if err != nil {
		return w.unread(s, "pg_replication_slots", err, see)
	}
	for _, sl := range list {
		switch {
		case sl.Status == "lost":
			see.find(w.fact("postgres.slot_lost", checks.Abnormal, "slot", sl.Name))
		case !sl.Active && sl.Retained > 0:
			see.find(w.fact("postgres.slot_idle", checks.Attention, "slot", sl.Name, "bytes", sl.Retained))
		}
	}
	return nil
}

// fact is a finding about this server; args are keys and values.
func (w *watched) fact(code string, v checks.Verdict, args ...any) checks.Finding {
	f := checks.Finding{Code: code, Subject: w.address, Verdict: v}
	for n := 0; n+1 < len(args); n += 2 {
		if f.Args == nil {
			f.Args = map[string]any{}
		}
		f.Args[args[n].(string)] = args[n+1]
	}
	return f
}

// group are sessions that are alike.
type group struct {
	Datname, State, User, Application, Backend, WaitType, Wait string
	Count, Longest                                             float64
}

const activitySQL = `SELECT coalesce(datname, ''), coalesce(state, ''), coalesce(usename, ''), coalesce(application_name, ''), coalesce(backend_type, ''),
	coalesce(wait_event_type, ''), coalesce(wait_event, ''), count(*)::float8, coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8
FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL AND ($1::text[] IS NULL OR datname = ANY ($1))
GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 8 DESC, 9 DESC, 1, 2, 3, 4, 5, 6, 7`

// maxGroups bounds the series of sessions: clients name themselves as they
// like. What is over it is told by database and state alone, so that the sum is
// still right.
const maxGroups = 100

// blocked is how many wait in a database, and how long.
type blocked struct {
	Datname        string
	Count, Longest float64
}

// The moment since when a session waits is known from version 14 on; before,
// it is not later than that of its last change of state.
const blockedSQL = `SELECT a.datname, count(DISTINCT a.pid)::float8, max(extract(epoch FROM clock_timestamp() - coalesce(%s, a.state_change)))::float8
FROM pg_stat_activity a LEFT JOIN pg_locks l ON l.pid = a.pid AND NOT l.granted
WHERE a.wait_event_type = 'Lock' AND a.datname IS NOT NULL AND ($1::text[] IS NULL OR a.datname = ANY ($1)) GROUP BY 1 ORDER BY 2 DESC LIMIT 100`

func blockedFor(version int) string {
	since := "NULL"
	if version >= 140000 {
		since = "l.waitstart"
	}
	return strings.Replace(blockedSQL, "%s", since, 1)
}

// states are those of the exporter: each is told of every database, also when
// no session is in it.
var states = []string{"active", "idle", "idle in transaction", "idle in transaction (aborted)", "fastpath function call", "disabled"}

// activity counts the sessions, and those that wait for locks.
func (w *watched) activity(s *session, see *sight) error {
	list, err := collect[group](s, "pg_stat_activity", activitySQL, w.Databases)
	if err != nil {
		return w.unread(s, "pg_stat_activity", err, see)
	}
	waiting, err := collect[blocked](s, "pg_locks", blockedFor(s.version), w.Databases)
	if err != nil {
		return w.unread(s, "pg_locks", err, see)
	}
	if err := w.listDatabases(s); err != nil {
		return w.unread(s, "pg_database", err, see)
	}
	for _, g := range bounded(list, w.names) {
		labels := []string{g.Datname, g.State, g.User, g.Application, g.Backend, g.WaitType, g.Wait}
		see.set(w, descActivity, g.Count, labels...)
		see.set(w, descActivityTx, g.Longest, labels...)
	}
	for _, name := range w.names {
		at := slices.IndexFunc(waiting, func(b blocked) bool { return b.Datname == name })
		var b blocked
		if at >= 0 {
			b = waiting[at]
		}
		see.set(w, descBlocked, b.Count, name)
		see.set(w, descBlockedTime, b.Longest, name)
	}
	return nil
}

// bounded merges what is over maxGroups, and adds for each database the states
// that no session is in.
func bounded(list []group, databases []string) []group {
	out := slices.Clone(list[:min(len(list), maxGroups)])
	rest := map[[2]string]int{}
	for _, g := range list[len(out):] {
		key := [2]string{g.Datname, g.State}
		at, ok := rest[key]
		if !ok {
			at = len(out)
			rest[key] = at
			out = append(out, group{Datname: g.Datname, State: g.State})
		}
		out[at].Count += g.Count
		out[at].Longest = max(out[at].Longest, g.Longest)
	}
	have := map[[2]string]bool{}
	for _, g := range out {
		have[[2]string{g.Datname, g.State}] = true
	}
	for _, name := range databases {
		for _, st := range states {
			if !have[[2]string{name, st}] {
				out = append(out, group{Datname: name, State: st})
			}
		}
	}
	return out
}

// listDatabases learns once in a while which databases there are.
func (w *watched) listDatabases(s *session) error {
	const name = "names"
	if k, ok := w.slow[name]; ok && time.Since(k.at) < slowly {
		return nil
	}
	rows, err := s.Query(context.Background(), `SELECT datname FROM pg_database WHERE datallowconn AND ($1::text[] IS NULL OR datname = ANY ($1)) ORDER BY datname LIMIT 100`, w.Databases)
	if err != nil {
		return err
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	w.names, w.slow[name] = list, kept{at: time.Now()}
	return nil
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
