package mysql

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"xunjian/checks"
)

// maxClients bounds the users and hosts that are told one by one.
const maxClients = 50

// byState counts the sessions. A server's own threads and those of replication
// are in it, but do not count as long statements.
const byState = `SELECT COALESCE(user, ''), SUBSTRING_INDEX(COALESCE(host, ''), ':', 1), COALESCE(command, ''), COALESCE(state, ''),
 COUNT(*), SUM(COALESCE(time, 0)), MAX(COALESCE(time, 0))
 FROM information_schema.processlist WHERE id <> CONNECTION_ID() GROUP BY 1, 2, 3, 4`

// serverThreads are commands of threads that serve no client.
var serverThreads = []string{"daemon", "slave_io", "slave_sql", "slave_worker", "binlog_dump", "binlog_dump_gtid", "connect", "sleep", "group_replication", "unknown"}

// readSessions tells what the sessions do.
func readSessions(ctx context.Context, q querier, name string, out *checks.Output) error {
	type state struct{ command, state string }
	count, seconds := map[state]float64{}, map[state]float64{}
	users, hosts := map[string]float64{}, map[string]float64{}
	var longest, waiting float64
	err := q.each(ctx, byState, func(r row) error {
		if len(r.values) < 7 {
			return nil
		}
		n, _ := figure(r.values[4])
		sum, _ := figure(r.values[5])
		most, _ := figure(r.values[6])
		user, host := string(r.values[0]), cmp.Or(string(r.values[1]), "unknown")
		s := state{stateName(string(r.values[2])), stateName(string(r.values[3]))}
		count[s] += n
		seconds[s] += sum
		users[user] += n
		hosts[host] += n
		if !slices.Contains(serverThreads, s.command) && user != "system user" && user != "event_scheduler" {
			longest = max(longest, most)
		}
		if strings.HasPrefix(s.state, "waiting_for_") && strings.HasSuffix(s.state, "_lock") {
			waiting += n
		}
		return nil
	})
	if err != nil {
		return err
	}
	for s, n := range count {
		out.Set(descThreads, n, name, s.command, s.state)
		out.Set(descThreadSeconds, seconds[s], name, s.command, s.state)
	}
	for _, user := range largest(users, maxClients) {
		out.Set(descByUser, users[user], name, user)
	}
	for _, host := range largest(hosts, maxClients) {
		out.Set(descByHost, hosts[host], name, host)
	}
	out.Set(descLongestStatement, longest, name)
	out.Set(descLockWaits, waiting, name, "table")
	return nil
}

// stateName makes a label of a command or state, as mysqld_exporter does.
func stateName(s string) string {
	if s == "" {
		return "unknown"
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case ';', ',', ':', '.', '(', ')':
			return -1
		case ' ', '-':
			return '_'
		}
		return r
	}, strings.ToLower(s))
}

// largest returns the keys of the n largest values, sorted by value.
func largest[V cmp.Ordered](m map[string]V, n int) []string {
	keys := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b))
	})
	return keys[:min(n, len(keys))]
}

// transactions sums up what InnoDB has open.
const transactions = `SELECT COALESCE(SUM(trx_state = 'LOCK WAIT'), 0) AS waiting,
 COALESCE(MAX(TIMESTAMPDIFF(SECOND, trx_wait_started, NOW())), 0) AS waited,
 COALESCE(MAX(TIMESTAMPDIFF(SECOND, trx_started, NOW())), 0) AS oldest
 FROM information_schema.innodb_trx`

// readTransactions tells row locks and how old transactions are.
func readTransactions(ctx context.Context, q querier, name string, out *checks.Output) error {
	return q.each(ctx, transactions, func(r row) error {
		out.Set(descLockWaits, r.number("waiting"), name, "row")
		out.Set(descLongestWait, max(r.number("waited"), 0), name)
		out.Set(descOldestTransaction, max(r.number("oldest"), 0), name)
		return nil
	})
}

// engineMetrics are the counters of InnoDB that are told, where the server
// counts them: those that say how locks and old row versions do.
const engineMetrics = `SELECT * FROM information_schema.innodb_metrics WHERE name IN
 ('trx_rseg_history_len', 'trx_active_transactions', 'lock_deadlocks', 'lock_timeouts', 'lock_row_lock_current_waits', 'lock_row_lock_waits',
  'lock_row_lock_time', 'lock_row_lock_time_max', 'lock_row_lock_time_avg', 'log_waits', 'log_lsn_checkpoint_age', 'log_max_modified_age_async')`

// readEngine tells what InnoDB counts.
func (r *statusReader) readEngine(ctx context.Context, q querier, name string, out *checks.Output) error {
	return q.each(ctx, engineMetrics, func(row row) error {
		if on := strings.ToLower(row.text("status", "enabled")); on != "enabled" && on != "1" {
			return nil
		}
		v := row.number("count")
		counter := strings.HasSuffix(row.text("type"), "counter") && v >= 0
		key := "innodb_metrics_" + metricName(row.text("subsystem")+"_"+row.text("name"))
		t := r.settings[key]
		if t == nil {
			kind, full := checks.Gauge, "mysql_info_schema_"+key
			if counter {
				kind, full = checks.Counter, full+"_total"
			}
			t = &target{desc: checks.NewDesc(full, kind, cmp.Or(checks.SafeText(row.text("comment"), 200), "Of information_schema.innodb_metrics."), labelServer)}
			r.settings[key] = t
		}
		if counter == (t.desc.Kind == checks.Counter) {
			out.Set(t.desc, v, name)
		}
		return nil
	})
}

// readBinlogs tells how much the change logs take.
func readBinlogs(ctx context.Context, q querier, name string, out *checks.Output) error {
	var size, files float64
	err := q.each(ctx, "SHOW BINARY LOGS", func(r row) error {
		size += r.number("File_size")
		files++
		return nil
	})
	if err != nil {
		return err
	}
	out.Set(descBinlogSize, size, name)
	out.Set(descBinlogFiles, files, name)
	return nil
}
