package mysql

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/checks"
)

// variables are the server's settings that are told: the limits that figures
// are held against, and what decides whether data survives a crash. A server has
// some 600; mysqld_exporter tells all of them that are numbers.
var variables = []string{
	"back_log", "binlog_cache_size", "binlog_expire_logs_seconds", "binlog_format", "connect_timeout", "datadir", "default_storage_engine",
	"event_scheduler", "expire_logs_days", "gtid_domain_id", "hostname", "innodb_buffer_pool_instances", "innodb_buffer_pool_size",
	"innodb_flush_log_at_trx_commit", "innodb_flush_method", "innodb_io_capacity", "innodb_io_capacity_max", "innodb_lock_wait_timeout",
	"innodb_log_buffer_size", "innodb_log_file_size", "innodb_max_dirty_pages_pct", "innodb_open_files", "innodb_page_size",
	"innodb_read_io_threads", "innodb_redo_log_capacity", "innodb_thread_concurrency", "innodb_version", "innodb_write_io_threads",
	"interactive_timeout", "join_buffer_size", "key_buffer_size", "lock_wait_timeout", "log_bin", "log_error", "log_slave_updates",
	"long_query_time", "max_allowed_packet", "max_connect_errors", "max_connections", "max_heap_table_size", "max_user_connections",
	"open_files_limit", "performance_schema", "port", "query_cache_size", "query_cache_type", "read_buffer_size", "read_only", "server_id",
	"skip_networking", "slave_parallel_threads", "slow_query_log", "sort_buffer_size", "super_read_only", "sync_binlog",
	"table_definition_cache", "table_open_cache", "thread_cache_size", "thread_pool_size", "thread_stack", "tmp_table_size", "version",
	"version_comment", "wait_timeout", "wsrep_on",
}

// statusReader turns SHOW GLOBAL STATUS and SHOW GLOBAL VARIABLES into samples,
// as mysqld_exporter does. It keeps the Descs of what it has seen.
type statusReader struct {
	status, settings map[string]*target
}

// target is where a status variable goes; nil Desc: nowhere.
type target struct {
	desc  *checks.Desc
	value string // of the second label, if there is one
	// quiet ones are left out while they are zero: most of the 170 commands and
	// of the features are never used.
	quiet bool
	wsrep bool
}

func newStatusReader() *statusReader {
	return &statusReader{status: map[string]*target{}, settings: map[string]*target{}}
}

// facts are what the other looks need of status and settings.
type facts struct {
	version, comment string
	errorLog         string
	dataDir          string
	uptime           float64
	connected        float64
	maxConnections   float64
	logsChanges      bool
	galera           bool
}

// readVariables tells the settings.
func (r *statusReader) readVariables(ctx context.Context, q querier, name string, out *checks.Output) (facts, error) {
	var f facts
	var innodb string
	err := q.each(ctx, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('"+strings.Join(variables, "','")+"')", func(row row) error {
		if len(row.values) < 2 {
			return nil
		}
		key, value := string(bytes.ToLower(row.values[0])), string(row.values[1])
		switch key {
		case "version":
			f.version = value
		case "version_comment":
			f.comment = value
		case "innodb_version":
			innodb = value
		case "log_error":
			f.errorLog = value
		case "datadir":
			f.dataDir = value
		}
		v, ok := figure(row.values[1])
		if !ok {
			return nil
		}
		switch key {
		case "max_connections":
			f.maxConnections = v
		case "log_bin":
			f.logsChanges = v == 1
		case "wsrep_on":
			f.galera = v == 1
		}
		t := r.settings[key]
		if t == nil {
			t = &target{desc: checks.NewDesc("mysql_global_variables_"+key, checks.Gauge, "Generic gauge metric from SHOW GLOBAL VARIABLES.", labelServer)}
			r.settings[key] = t
		}
		out.Set(t.desc, v, name)
		return nil
	})
	if err == nil {
		out.Set(descVersion, 1, name, innodb, f.version, f.comment)
	}
	return f, err
}

// readStatus tells the status variables.
func (r *statusReader) readStatus(ctx context.Context, q querier, name string, f *facts, out *checks.Output) error {
	return q.each(ctx, "SHOW GLOBAL STATUS", func(row row) error {
		if len(row.values) < 2 {
			return nil
		}
		v, ok := figure(row.values[1])
		if !ok {
			return nil
		}
		t := r.status[string(row.values[0])]
		if t == nil {
			t = targetOf(string(row.values[0]))
			r.status[string(row.values[0])] = t
		}
		switch {
		case t.desc == nil || t.quiet && v == 0 || t.wsrep && !f.galera:
		case len(t.desc.Labels) == 2:
			out.Set(t.desc, v, name, t.value)
		default:
			out.Set(t.desc, v, name)
		}
		switch string(row.values[0]) {
		case "Uptime":
			f.uptime = v
		case "Threads_connected":
			f.connected = v
		}
		return nil
	})
}

// grouped are the prefixes that become a label, as mysqld_exporter has them.
var grouped = []struct {
	prefix string
	desc   *checks.Desc
	quiet  bool
}{
	{"com_", descCommands, true},
	{"handler_", descHandlers, false},
	{"connection_errors_", descConnectionErrors, false},
	{"innodb_rows_", descRowOps, false},
	{"performance_schema_", descSchemaLost, true},
}

// targetOf decides where a status variable goes.
func targetOf(variable string) *target {
	key := metricName(variable)
	for _, g := range grouped {
		if rest, ok := strings.CutPrefix(key, g.prefix); ok {
			return &target{desc: g.desc, value: rest, quiet: g.quiet}
		}
	}
	if rest, ok := strings.CutPrefix(key, "innodb_buffer_pool_pages_"); ok {
		switch rest {
		case "data", "free", "misc", "old":
			return &target{desc: descBufferPoolPages, value: rest}
		case "dirty":
			return &target{desc: descBufferPoolDirty}
		case "total": // the sum of the states
			return &target{}
		}
		return &target{desc: descBufferPoolChanges, value: rest}
	}
	return &target{
		desc:  checks.NewDesc("mysql_global_status_"+key, checks.Untyped, "Generic metric from SHOW GLOBAL STATUS.", labelServer),
		quiet: slices.ContainsFunc([]string{"feature_", "ssl_", "rpl_semi_sync_", "innodb_encryption_", "innodb_defragment_", "innodb_have_", "acl_"}, func(p string) bool { return strings.HasPrefix(key, p) }),
		wsrep: strings.HasPrefix(key, "wsrep_"),
	}
}

// metricName makes a status variable part of a metric's name.
func metricName(variable string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			return r
		}
		return '_'
	}, strings.ToLower(variable))
}

// figure reads a value as mysqld_exporter does: numbers, the words for true and
// false, times as Unix time, and the number of a log file.
func figure(b []byte) (float64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	if c := b[0]; c >= '0' && c <= '9' || c == '-' || c == '.' || c == '+' {
		if v, err := strconv.ParseFloat(string(b), 64); err == nil {
			return v, true
		}
	}
	switch string(bytes.ToLower(b)) {
	case "yes", "on", "primary":
		return 1, true
	case "no", "off", "disabled", "connecting", "non-primary", "disconnected":
		return 0, true
	}
	if t, err := time.Parse("Jan _2 15:04:05 2006 MST", string(b)); err == nil {
		return float64(t.Unix()), true
	}
	if t, err := time.Parse(time.DateTime, string(b)); err == nil {
		return float64(t.Unix()), true
	}
	return logNumber(b)
}

// logNumber reads the number of a log file like mysql-bin.000012.
func logNumber(b []byte) (float64, bool) {
	dot := bytes.LastIndexByte(b, '.')
	if dot < 1 || dot == len(b)-1 || len(b)-dot > 12 {
		return 0, false
	}
	for _, c := range b[dot+1:] {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(b[dot+1:]), 64)
	return v, err == nil
}
