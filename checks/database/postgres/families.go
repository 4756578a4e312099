package postgres

import "xunjian/checks"

// The families are postgres_exporter's, with its meanings, units and labels;
// help texts are our own. Each has the labels server and system beside, which
// tell the servers apart and say for which business system one works.

func gauge(name, help string, labels ...string) *checks.Desc {
	return checks.NewDesc(name, checks.Gauge, help, append(labels, "server", "system")...)
}

func counter(name, help string, labels ...string) *checks.Desc {
	return checks.NewDesc(name, checks.Counter, help, append(labels, "server", "system")...)
}

var (
	descUp     = gauge("pg_up", "Whether the last look could log in to the server.")
	descStatic = gauge("pg_static", "The server's version, as labels.", "short_version", "version")
	descStart  = gauge("pg_postmaster_start_time_seconds", "When the server was started, in Unix time.")

	descLag        = gauge("pg_replication_lag_seconds", "How far a standby is behind its primary, in seconds; 0 on a primary.")
	descIsReplica  = gauge("pg_replication_is_replica", "Whether the server is a standby.")
	descLastReplay = gauge("pg_replication_last_replay_seconds", "How long ago the last transaction was replayed, in seconds.")

	descActivity   = gauge("pg_stat_activity_count", "Sessions in this state.", activityLabels...)
	descActivityTx = gauge("pg_stat_activity_max_tx_duration", "How long the longest transaction of these sessions has been open, in seconds.", activityLabels...)

	descBlocked     = gauge("xunjian_postgres_blocked_sessions", "Sessions that wait for a lock.", "datname")
	descBlockedTime = gauge("xunjian_postgres_blocked_seconds", "How long the session has waited for its lock that has waited longest.", "datname")
)

var activityLabels = []string{"datname", "state", "usename", "application_name", "backend_type", "wait_event_type", "wait_event"}

// Families that are asked for in more than one way, by version.
var (
	descReplicationSlotSlotCurrentWalLsn     = gauge("pg_replication_slot_slot_current_wal_lsn", "Where the write-ahead log of this server is, in bytes.", "slot_name", "slot_type")
	descReplicationSlotSlotConfirmedFlushLsn = gauge("pg_replication_slot_slot_confirmed_flush_lsn", "Up to where the reader of a logical slot has said that it is done, in bytes.", "slot_name", "slot_type")
	descReplicationSlotSlotIsActive          = gauge("pg_replication_slot_slot_is_active", "Whether somebody reads from the slot.", "slot_name", "slot_type")
	descStatBgwriterBuffersCleanTotal        = counter("pg_stat_bgwriter_buffers_clean_total", "Buffers written by the background writer.")
	descStatBgwriterMaxwrittenCleanTotal     = counter("pg_stat_bgwriter_maxwritten_clean_total", "Times that the background writer stopped since it had written too much.")
	descStatBgwriterBuffersAllocTotal        = counter("pg_stat_bgwriter_buffers_alloc_total", "Buffers allocated.")
	descStatBgwriterStatsResetTotal          = counter("pg_stat_bgwriter_stats_reset_total", "When these figures began, in Unix time.")
)

var partDatabases = part{
	name: "pg_stat_database", filtered: true, labels: 2,
	sql: `SELECT datid::text, datname, numbackends::float8, xact_commit::float8, xact_rollback::float8, blks_read::float8, blks_hit::float8,
	tup_returned::float8, tup_fetched::float8, tup_inserted::float8, tup_updated::float8, tup_deleted::float8, conflicts::float8,
	temp_files::float8, temp_bytes::float8, deadlocks::float8, blk_read_time::float8, blk_write_time::float8, extract(epoch FROM stats_reset)::float8
FROM pg_stat_database WHERE datname IS NOT NULL AND ($1::text[] IS NULL OR datname = ANY ($1)) ORDER BY numbackends DESC, datname LIMIT 100`,
	numbers: []*checks.Desc{
		gauge("pg_stat_database_numbackends", "Backends connected to this database.", "datid", "datname"),
		counter("pg_stat_database_xact_commit", "Transactions committed in this database.", "datid", "datname"),
		counter("pg_stat_database_xact_rollback", "Transactions rolled back in this database.", "datid", "datname"),
		counter("pg_stat_database_blks_read", "Blocks read from disk in this database.", "datid", "datname"),
		counter("pg_stat_database_blks_hit", "Blocks found in the buffer cache in this database.", "datid", "datname"),
		counter("pg_stat_database_tup_returned", "Rows read by scans in this database.", "datid", "datname"),
		counter("pg_stat_database_tup_fetched", "Rows fetched by index scans in this database.", "datid", "datname"),
		counter("pg_stat_database_tup_inserted", "Rows inserted in this database.", "datid", "datname"),
		counter("pg_stat_database_tup_updated", "Rows updated in this database.", "datid", "datname"),
		counter("pg_stat_database_tup_deleted", "Rows deleted in this database.", "datid", "datname"),
		counter("pg_stat_database_conflicts", "Queries cancelled by conflicts with recovery, on a standby.", "datid", "datname"),
		counter("pg_stat_database_temp_files", "Temporary files made by queries in this database.", "datid", "datname"),
		counter("pg_stat_database_temp_bytes", "Bytes written to temporary files in this database.", "datid", "datname"),
		counter("pg_stat_database_deadlocks", "Deadlocks detected in this database.", "datid", "datname"),
		counter("pg_stat_database_blk_read_time", "Time spent reading blocks in this database, in milliseconds; 0 without track_io_timing.", "datid", "datname"),
		counter("pg_stat_database_blk_write_time", "Time spent writing blocks in this database, in milliseconds; 0 without track_io_timing.", "datid", "datname"),
		counter("pg_stat_database_stats_reset", "When these figures began, in Unix time.", "datid", "datname"),
	},
}

var partLocks = part{
	name: "pg_locks", filtered: true, labels: 2,
	sql: `SELECT d.datname, m.mode, coalesce(l.count, 0)::float8
FROM (VALUES ('accesssharelock'), ('rowsharelock'), ('rowexclusivelock'), ('shareupdateexclusivelock'), ('sharelock'),
	('sharerowexclusivelock'), ('exclusivelock'), ('accessexclusivelock'), ('sireadlock')) AS m (mode)
CROSS JOIN (SELECT oid, datname FROM pg_database WHERE datallowconn AND ($1::text[] IS NULL OR datname = ANY ($1)) ORDER BY datname LIMIT 100) d
LEFT JOIN (SELECT database, lower(mode) AS mode, count(*) AS count FROM pg_locks WHERE database IS NOT NULL GROUP BY 1, 2) l
	ON l.mode = m.mode AND l.database = d.oid`,
	numbers: []*checks.Desc{
		gauge("pg_locks_count", "Locks held or waited for, by mode.", "datname", "mode"),
	},
}

var partLong = part{
	name: "pg_stat_activity", labels: 0,
	sql: `SELECT count(*)::float8, coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8
FROM pg_stat_activity WHERE state IS DISTINCT FROM 'idle' AND query NOT LIKE 'autovacuum:%' AND xact_start IS NOT NULL AND pid <> pg_backend_pid()`,
	numbers: []*checks.Desc{
		gauge("pg_long_running_transactions", "Open transactions, other than that of this look."),
		gauge("pg_long_running_transactions_oldest_timestamp_seconds", "Age of the oldest open transaction, in seconds."),
	},
}

var partSenders = part{
	name: "pg_stat_replication", labels: 5,
	sql: `SELECT application_name, client_addr::text, state, s.slot_name, r.pid::text,
	pg_wal_lsn_diff(here.lsn, '0/0')::float8, pg_wal_lsn_diff(here.lsn, replay_lsn)::float8
FROM pg_stat_replication r LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid,
	(SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END AS lsn) here
ORDER BY r.backend_start LIMIT 100`,
	numbers: []*checks.Desc{
		gauge("pg_stat_replication_pg_current_wal_lsn_bytes", "Where the write-ahead log of this server is, in bytes.", "application_name", "client_addr", "state", "slot_name", "pid"),
		gauge("pg_stat_replication_pg_wal_lsn_diff", "How far this standby is behind in replaying, in bytes.", "application_name", "client_addr", "state", "slot_name", "pid"),
	},
}

var partSlots = part{
	name: "pg_replication_slots", labels: 2,
	sql: `SELECT slot_name, database, active::int::float8,
	pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END, restart_lsn)::float8
FROM pg_replication_slots ORDER BY slot_name LIMIT 100`,
	numbers: []*checks.Desc{
		gauge("pg_replication_slots_active", "Whether somebody reads from the slot.", "slot_name", "database"),
		gauge("pg_replication_slots_pg_wal_lsn_diff", "How much write-ahead log is kept for the slot, in bytes.", "slot_name", "database"),
	},
}

var partSlot = part{
	name: "pg_replication_slot", before: 130000, labels: 2,
	sql: `SELECT slot_name, slot_type, (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END - '0/0')::float8,
	(coalesce(confirmed_flush_lsn, '0/0') - '0/0')::float8, active::int::float8
FROM pg_replication_slots ORDER BY slot_name LIMIT 100`,
	numbers: []*checks.Desc{
		descReplicationSlotSlotCurrentWalLsn,
		descReplicationSlotSlotConfirmedFlushLsn,
		descReplicationSlotSlotIsActive,
	},
}

var partSlot13 = part{
	name: "pg_replication_slot", since: 130000, labels: 2,
	sql: `SELECT slot_name, slot_type, (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END - '0/0')::float8,
	(coalesce(confirmed_flush_lsn, '0/0') - '0/0')::float8, active::int::float8, safe_wal_size::float8
FROM pg_replication_slots ORDER BY slot_name LIMIT 100`,
	numbers: []*checks.Desc{
		descReplicationSlotSlotCurrentWalLsn,
		descReplicationSlotSlotConfirmedFlushLsn,
		descReplicationSlotSlotIsActive,
		gauge("pg_replication_slot_safe_wal_size_bytes", "How much more write-ahead log can be written before the slot may be lost, in bytes.", "slot_name", "slot_type"),
	},
}

var partSlotStatus = part{
	name: "pg_replication_slot", since: 130000, labels: 3,
	sql: `SELECT slot_name, slot_type, wal_status, 1::float8 FROM pg_replication_slots WHERE wal_status IS NOT NULL ORDER BY slot_name LIMIT 100`,
	numbers: []*checks.Desc{
		gauge("pg_replication_slot_wal_status", "Whether the log that a slot needs is still there: reserved, extended, unreserved or lost.", "slot_name", "slot_type", "wal_status"),
	},
}

var partArchiver = part{
	name: "pg_stat_archiver", labels: 0,
	sql: `SELECT archived_count::float8, failed_count::float8, extract(epoch FROM now() - last_archived_time)::float8 FROM pg_stat_archiver`,
	numbers: []*checks.Desc{
		counter("pg_stat_archiver_archived_count", "Files of the write-ahead log that were archived."),
		counter("pg_stat_archiver_failed_count", "Attempts to archive a file of the write-ahead log that failed."),
		gauge("pg_stat_archiver_last_archive_age", "How long ago the last file was archived, in seconds."),
	},
}

var partWriter = part{
	name: "pg_stat_bgwriter", before: 170000, labels: 0,
	sql: `SELECT checkpoints_timed::float8, checkpoints_req::float8, checkpoint_write_time::float8, checkpoint_sync_time::float8, buffers_checkpoint::float8,
	buffers_clean::float8, maxwritten_clean::float8, buffers_backend::float8, buffers_backend_fsync::float8, buffers_alloc::float8,
	extract(epoch FROM stats_reset)::float8 FROM pg_stat_bgwriter`,
	numbers: []*checks.Desc{
		counter("pg_stat_bgwriter_checkpoints_timed_total", "Checkpoints that were due by time."),
		counter("pg_stat_bgwriter_checkpoints_req_total", "Checkpoints that were asked for, also by the amount of log."),
		counter("pg_stat_bgwriter_checkpoint_write_time_total", "Time that checkpoints spent writing, in milliseconds."),
		counter("pg_stat_bgwriter_checkpoint_sync_time_total", "Time that checkpoints spent syncing, in milliseconds."),
		counter("pg_stat_bgwriter_buffers_checkpoint_total", "Buffers written by checkpoints."),
		descStatBgwriterBuffersCleanTotal,
		descStatBgwriterMaxwrittenCleanTotal,
		counter("pg_stat_bgwriter_buffers_backend_total", "Buffers that backends had to write themselves."),
		counter("pg_stat_bgwriter_buffers_backend_fsync_total", "Times that a backend had to sync itself."),
		descStatBgwriterBuffersAllocTotal,
		descStatBgwriterStatsResetTotal,
	},
}

var partWriter17 = part{
	name: "pg_stat_bgwriter", since: 170000, labels: 0,
	sql: `SELECT buffers_clean::float8, maxwritten_clean::float8, buffers_alloc::float8, extract(epoch FROM stats_reset)::float8 FROM pg_stat_bgwriter`,
	numbers: []*checks.Desc{
		descStatBgwriterBuffersCleanTotal,
		descStatBgwriterMaxwrittenCleanTotal,
		descStatBgwriterBuffersAllocTotal,
		descStatBgwriterStatsResetTotal,
	},
}

var partCheckpointer = part{
	name: "pg_stat_checkpointer", since: 170000, labels: 0,
	sql: `SELECT num_timed::float8, num_requested::float8, restartpoints_timed::float8, restartpoints_req::float8, restartpoints_done::float8,
	write_time::float8, sync_time::float8, buffers_written::float8, extract(epoch FROM stats_reset)::float8 FROM pg_stat_checkpointer`,
	numbers: []*checks.Desc{
		counter("pg_stat_checkpointer_num_timed_total", "Checkpoints that were due by time."),
		counter("pg_stat_checkpointer_num_requested_total", "Checkpoints that were asked for."),
		counter("pg_stat_checkpointer_restartpoints_timed_total", "Restartpoints that were due by time."),
		counter("pg_stat_checkpointer_restartpoints_req_total", "Restartpoints that were asked for."),
		counter("pg_stat_checkpointer_restartpoints_done_total", "Restartpoints made."),
		counter("pg_stat_checkpointer_write_time_total", "Time that checkpoints and restartpoints spent writing, in milliseconds."),
		counter("pg_stat_checkpointer_sync_time_total", "Time that checkpoints and restartpoints spent syncing, in milliseconds."),
		counter("pg_stat_checkpointer_buffers_written_total", "Buffers written by checkpoints and restartpoints."),
		counter("pg_stat_checkpointer_stats_reset_total", "When these figures began, in Unix time."),
	},
}

var partSizes = part{
	name: "pg_database", slow: true, filtered: true, labels: 1,
	sql: `SELECT datname, datconnlimit::float8, pg_database_size(oid)::float8
FROM pg_database WHERE ($1::text[] IS NULL OR datname = ANY ($1)) ORDER BY datistemplate, datname LIMIT 100`,
	numbers: []*checks.Desc{
		gauge("pg_database_connection_limit", "How many may connect to this database; -1 is as many as to the server.", "datname"),
		gauge("pg_database_size_bytes", "How much disk the database takes, in bytes.", "datname"),
	},
}

var partWraparound = part{
	name: "pg_database_wraparound", slow: true, filtered: true, labels: 1,
	sql: `SELECT datname, age(datfrozenxid)::float8, mxid_age(datminmxid)::float8
FROM pg_database WHERE datallowconn AND ($1::text[] IS NULL OR datname = ANY ($1)) ORDER BY datname LIMIT 100`,
	numbers: []*checks.Desc{
		gauge("pg_database_wraparound_age_datfrozenxid_seconds", "Age of the oldest transaction id that is not frozen, in transactions (the unit in the name is the exporter's).", "datname"),
		gauge("pg_database_wraparound_age_datminmxid_seconds", "Age of the oldest multixact id, in multixacts (the unit in the name is the exporter's).", "datname"),
	},
}

var partWAL = part{
	name: "pg_wal", slow: true, labels: 0,
	sql: `SELECT count(*)::float8, sum(size)::float8 FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'`,
	numbers: []*checks.Desc{
		gauge("pg_wal_segments", "Files of the write-ahead log."),
		gauge("pg_wal_size_bytes", "Size of the write-ahead log, in bytes."),
	},
}

var partTables = part{
	name: "pg_stat_user_tables", slow: true, labels: 3,
	sql: `SELECT current_database(), schemaname, relname, seq_scan::float8, seq_tup_read::float8, idx_scan::float8, idx_tup_fetch::float8,
	n_tup_ins::float8, n_tup_upd::float8, n_tup_del::float8, n_tup_hot_upd::float8, n_live_tup::float8, n_dead_tup::float8, n_mod_since_analyze::float8,
	coalesce(extract(epoch FROM last_vacuum), 0)::float8, coalesce(extract(epoch FROM last_autovacuum), 0)::float8,
	coalesce(extract(epoch FROM last_analyze), 0)::float8, coalesce(extract(epoch FROM last_autoanalyze), 0)::float8,
	vacuum_count::float8, autovacuum_count::float8, pg_indexes_size(relid)::float8, pg_table_size(relid)::float8
FROM (SELECT * FROM pg_stat_user_tables ORDER BY n_dead_tup DESC, n_live_tup DESC, relid LIMIT 30) worst`,
	numbers: []*checks.Desc{
		counter("pg_stat_user_tables_seq_scan", "Sequential scans of this table.", "datname", "schemaname", "relname"),
		counter("pg_stat_user_tables_seq_tup_read", "Rows read by sequential scans of this table.", "datname", "schemaname", "relname"),
		counter("pg_stat_user_tables_idx_scan", "Index scans of this table.", "datname", "schemaname", "relname"),
		counter("pg_stat_user_tables_idx_tup_fetch", "Rows fetched by index scans of this table.", "datname", "schemaname", "relname"),
		counter("pg_stat_user_tables_n_tup_ins", "Rows inserted.", "datname", "schemaname", "relname"),
		counter("pg_stat_user_tables_n_tup_upd", "Rows updated.", "datname", "schemaname", "relname"),
		counter("pg_stat_user_tables_n_tup_del", "Rows deleted.", "datname", "schemaname", "relname"),
		counter("pg_stat_user_tables_n_tup_hot_upd", "Rows updated without a new index entry.", "datname", "schemaname", "relname"),
		gauge("pg_stat_user_tables_n_live_tup", "Rows, as estimated.", "datname", "schemaname", "relname"),
		gauge("pg_stat_user_tables_n_dead_tup", "Dead rows, as estimated.", "datname", "schemaname", "relname"),
		gauge("pg_stat_user_tables_n_mod_since_analyze", "Rows changed since the last analyze.", "datname", "schemaname", "relname"),
		gauge("pg_stat_user_tables_last_vacuum", "When the table was last vacuumed by hand, in Unix time; 0 is never.", "datname", "schemaname", "relname"),
		gauge("pg_stat_user_tables_last_autovacuum", "When the table was last vacuumed by itself, in Unix time; 0 is never.", "datname", "schemaname", "relname"),
		gauge("pg_stat_user_tables_last_analyze", "When the table was last analyzed by hand, in Unix time; 0 is never.", "datname", "schemaname", "relname"),
		gauge("pg_stat_user_tables_last_autoanalyze", "When the table was last analyzed by itself, in Unix time; 0 is never.", "datname", "schemaname", "relname"),
		counter("pg_stat_user_tables_vacuum_count", "Times that the table was vacuumed by hand.", "datname", "schemaname", "relname"),
		counter("pg_stat_user_tables_autovacuum_count", "Times that the table was vacuumed by itself.", "datname", "schemaname", "relname"),
		gauge("pg_stat_user_tables_index_size_bytes", "Size of the indexes of the table, in bytes.", "datname", "schemaname", "relname"),
		gauge("pg_stat_user_tables_table_size_bytes", "Size of the table without its indexes, in bytes.", "datname", "schemaname", "relname"),
	},
}

// parts are asked in this order.
var parts = []*part{
	&partDatabases, &partLocks, &partLong, &partSenders, &partSlots, &partSlot, &partSlot13, &partSlotStatus, &partArchiver,
	&partWriter, &partWriter17, &partCheckpointer, &partSizes, &partWraparound, &partWAL, &partTables,
}
