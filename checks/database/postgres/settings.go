package postgres

import "xunjian/checks"

// The settings that rules and dashboards ask for, with the exporter's units.
// Those that the agent's own session changes are not among them.
var settings = map[string]*checks.Desc{
	"max_connections":                     gauge("pg_settings_max_connections", "The server's setting max_connections."),
	"superuser_reserved_connections":      gauge("pg_settings_superuser_reserved_connections", "The server's setting superuser_reserved_connections."),
	"reserved_connections":                gauge("pg_settings_reserved_connections", "The server's setting reserved_connections."),
	"max_wal_senders":                     gauge("pg_settings_max_wal_senders", "The server's setting max_wal_senders."),
	"max_replication_slots":               gauge("pg_settings_max_replication_slots", "The server's setting max_replication_slots."),
	"max_worker_processes":                gauge("pg_settings_max_worker_processes", "The server's setting max_worker_processes."),
	"max_locks_per_transaction":           gauge("pg_settings_max_locks_per_transaction", "The server's setting max_locks_per_transaction."),
	"max_prepared_transactions":           gauge("pg_settings_max_prepared_transactions", "The server's setting max_prepared_transactions."),
	"autovacuum":                          gauge("pg_settings_autovacuum", "The server's setting autovacuum."),
	"autovacuum_freeze_max_age":           gauge("pg_settings_autovacuum_freeze_max_age", "The server's setting autovacuum_freeze_max_age."),
	"autovacuum_multixact_freeze_max_age": gauge("pg_settings_autovacuum_multixact_freeze_max_age", "The server's setting autovacuum_multixact_freeze_max_age."),
	"autovacuum_max_workers":              gauge("pg_settings_autovacuum_max_workers", "The server's setting autovacuum_max_workers."),
	"fsync":                               gauge("pg_settings_fsync", "The server's setting fsync."),
	"full_page_writes":                    gauge("pg_settings_full_page_writes", "The server's setting full_page_writes."),
	"track_io_timing":                     gauge("pg_settings_track_io_timing", "The server's setting track_io_timing."),
	"hot_standby":                         gauge("pg_settings_hot_standby", "The server's setting hot_standby."),
	"shared_buffers":                      gauge("pg_settings_shared_buffers_bytes", "The server's setting shared_buffers, in bytes."),
	"effective_cache_size":                gauge("pg_settings_effective_cache_size_bytes", "The server's setting effective_cache_size, in bytes."),
	"work_mem":                            gauge("pg_settings_work_mem_bytes", "The server's setting work_mem, in bytes."),
	"maintenance_work_mem":                gauge("pg_settings_maintenance_work_mem_bytes", "The server's setting maintenance_work_mem, in bytes."),
	"max_wal_size":                        gauge("pg_settings_max_wal_size_bytes", "The server's setting max_wal_size, in bytes."),
	"min_wal_size":                        gauge("pg_settings_min_wal_size_bytes", "The server's setting min_wal_size, in bytes."),
	"max_slot_wal_keep_size":              gauge("pg_settings_max_slot_wal_keep_size_bytes", "The server's setting max_slot_wal_keep_size, in bytes."),
	"checkpoint_timeout":                  gauge("pg_settings_checkpoint_timeout_seconds", "The server's setting checkpoint_timeout, in seconds."),
	"archive_timeout":                     gauge("pg_settings_archive_timeout_seconds", "The server's setting archive_timeout, in seconds."),
	"deadlock_timeout":                    gauge("pg_settings_deadlock_timeout_seconds", "The server's setting deadlock_timeout, in seconds."),
	"log_min_duration_statement":          gauge("pg_settings_log_min_duration_statement_seconds", "The server's setting log_min_duration_statement, in seconds."),
}

// setting is a row of pg_settings in base units.
type setting struct {
	Name  string
	Value float64
}

const settingsSQL = `SELECT name, CASE vartype WHEN 'bool' THEN (setting = 'on')::int::float8
	ELSE setting::float8 * CASE WHEN setting = '-1' THEN 1 ELSE CASE unit WHEN 'ms' THEN 0.001 WHEN 'min' THEN 60
		WHEN 'kB' THEN 1024 WHEN '8kB' THEN 8192 WHEN 'MB' THEN 1048576 WHEN '16MB' THEN 16777216 ELSE 1 END END END
FROM pg_settings WHERE name = ANY ($1) AND vartype IN ('bool', 'integer', 'real')`
