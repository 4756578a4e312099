package postgres_test

import (
	"strconv"
	"strings"
	"testing"

	"xunjian/checks"
)

// TestSees: a healthy pair, by exactly the role of the README.
func TestSees(t *testing.T) {
	p := servers(t)
	c := one(t, p.instance(p.primary))
	r := run(c)
	if r.Verdict != checks.OK || !r.Success() {
		t.Fatalf("%s %s %+v", r.Verdict, r.Error, r.Findings)
	}
	address := "127.0.0.1:" + strconv.Itoa(p.primary.Port)
	for name, want := range map[string]float64{
		"pg_up": 1, "pg_replication_is_replica": 0, "pg_settings_max_connections": 25, "pg_settings_shared_buffers_bytes": 16 << 20,
		"pg_settings_deadlock_timeout_seconds": 0.2, "pg_replication_lag_seconds": 0,
	} {
		if got := value(r, name, address, "portal"); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{
		"pg_static", "pg_postmaster_start_time_seconds", "pg_stat_database_xact_commit", "pg_stat_database_deadlocks", "pg_stat_database_blks_hit", "pg_stat_database_temp_bytes",
		"pg_stat_activity_count", "pg_stat_activity_max_tx_duration", "pg_locks_count", "pg_database_size_bytes",
		"pg_database_wraparound_age_datfrozenxid_seconds", "pg_stat_bgwriter_checkpoints_timed_total", "pg_stat_archiver_archived_count", "pg_stat_archiver_failed_count",
		"pg_long_running_transactions", "pg_wal_segments", "pg_wal_size_bytes", "pg_stat_replication_pg_wal_lsn_diff", "pg_replication_slots_active", "pg_replication_slots_pg_wal_lsn_diff",
		"pg_replication_slot_slot_is_active", "pg_replication_slot_wal_status", "pg_stat_statements_calls_total", "pg_stat_statements_query_id",
		"xunjian_postgres_blocked_sessions", "xunjian_postgres_blocked_seconds",
	} {
		if value(r, name, address) < 0 {
			t.Errorf("no %s", name)
		}
	}
	if got := value(r, "pg_stat_replication_pg_wal_lsn_diff", "streaming", "standby"); got < 0 {
		t.Error("the standby's sender is not named by state and slot")
	}

	standby := run(one(t, p.instance(p.standby)))
	if standby.Verdict != checks.OK || value(standby, "pg_replication_is_replica") != 1 || value(standby, "pg_up") != 1 {
		t.Errorf("standby: %s %s %+v", standby.Verdict, standby.Error, standby.Findings)
	}
}

// TestAsksLittle: one connection is kept, it reads only, and it says who it
// is.
func TestAsksLittle(t *testing.T) {
	p := servers(t)
	c := one(t, p.instance(p.primary))
	for range 5 {
		run(c)
	}
	if got := p.primary.Value(t, "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = 'xunjian' AND datname = 'postgres'"); got != "1" {
		t.Errorf("%s connections, want 1", got)
	}
	if log := p.primary.Value(t, "SELECT pg_read_file('"+p.primary.Log()+"')"); strings.Contains(log, canary) && !strings.Contains(log, "ALTER ROLE") {
		t.Error("the password stands in the server's log")
	}
}
