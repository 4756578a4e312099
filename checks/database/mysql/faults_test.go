package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/checktest"
	"xunjian/checks/database/mysql/mysqltest"
)

// TestMariaDB makes every fault for real, at a primary and its replica, seen
// through the user of the README and no other.
func TestMariaDB(t *testing.T) {
	primary := mysqltest.Start(t, "--server-id=1", "--log-bin=changes", "--max-connections=12", "--innodb-lock-wait-timeout=50", "--long-query-time=0.05", "--extra-port=0")
	primary.Exec("CREATE DATABASE bids", "CREATE TABLE bids.bid (id INT PRIMARY KEY, secret VARCHAR(64)) ENGINE=InnoDB",
		"INSERT INTO bids.bid VALUES (1, 'price-4711'), (2, 'price-4712')")
	cfg := watchedBy(t, primary)

	t.Run("conforms", func(t *testing.T) { conforms(t, cfg) })
	t.Run("healthy", func(t *testing.T) { healthy(t, cfg) })
	t.Run("session is bounded", func(t *testing.T) { bounded(t, cfg) })
	t.Run("rights", func(t *testing.T) { rights(t, primary, cfg) })
	t.Run("lock wait", func(t *testing.T) { lockWait(t, primary, cfg) })
	t.Run("table lock", func(t *testing.T) { tableLock(t, primary, cfg) })
	t.Run("deadlock", func(t *testing.T) { deadlocked(t, primary, cfg) })
	t.Run("slow statement", func(t *testing.T) { slow(t, primary, cfg) })
	t.Run("wrong password", func(t *testing.T) { wrongPassword(t, cfg) })
	t.Run("connections used up", func(t *testing.T) { usedUp(t, primary, cfg) })
	t.Run("replica", func(t *testing.T) { replica(t, primary, cfg) })
	t.Run("silent", func(t *testing.T) { silent(t, primary, cfg) })
	t.Run("down", func(t *testing.T) { down(t, primary, cfg) })
}

func conforms(t *testing.T, cfg Instance) {
	checktest.Conform(t, func() checks.Check { return newCheck(cfg) }, checktest.Broken(func() checks.Check {
		broken := cfg
		broken.PasswordFile = "/nonexistent/password"
		return newCheck(broken)
	}))
}

// healthy holds the figures against what the server itself says, and that
// nothing keeps the user of the README from a part.
func healthy(t *testing.T, cfg Instance) {
	c := hold(t, newCheck(cfg))
	res := look(t, c)
	if res.Verdict != checks.OK {
		t.Fatalf("verdict %s, error %q, findings %+v", res.Verdict, res.Error, res.Findings)
	}
	for metric, want := range map[string]float64{
		"mysql_up": 1, "mysql_global_variables_max_connections": 12, "mysql_global_variables_log_bin": 1,
		"mysql_global_status_innodb_page_size": 16384, "xunjian_mysql_lock_waiting_sessions": 0,
	} {
		if v, ok := value(res, metric, c.label); !ok || v != want {
			t.Errorf("%s is %v (there: %v), want %v", metric, v, ok, want)
		}
	}
	for _, s := range [][]string{
		{"mysql_global_status_uptime"}, {"mysql_global_status_threads_connected"}, {"mysql_global_status_commands_total", "select"},
		{"mysql_global_status_handlers_total", "read_key"}, {"mysql_global_status_buffer_pool_pages", "free"},
		{"mysql_global_status_buffer_pool_dirty_pages"}, {"mysql_global_status_connection_errors_total", "max_connections"},
		{"mysql_global_status_aborted_connects"}, {"mysql_global_status_slow_queries"},
		{"mysql_global_status_table_locks_waited"}, {"mysql_global_status_innodb_deadlocks"}, {"mysql_global_status_innodb_history_list_length"},
		{"mysql_info_schema_innodb_metrics_transaction_trx_rseg_history_len"}, {"mysql_info_schema_processlist_threads", "sleep", "unknown"},
		{"mysql_info_schema_processlist_processes_by_user", "root"},
		{"mysql_info_schema_table_size", "bids", "bid", "data_length"}, {"xunjian_mysql_schema_size_bytes", "bids"}, {"mysql_binlog_size_bytes"},
	} {
		if _, ok := value(res, s[0], s[1:]...); !ok {
			t.Errorf("no series %v", s)
		}
	}
	if _, ok := value(res, "mysql_slave_status_slave_sql_running"); ok {
		t.Error("a server that follows nobody has a state of replication")
	}
	if v, _ := value(res, "mysql_info_schema_table_size", "bids", "bid", "data_length"); v < 16384 {
		t.Errorf("bids.bid takes %v bytes, want at least a page", v)
	}
	t.Logf("%d series", len(res.Samples))
}

// bounded holds that a session of ours cannot write and cannot wait.
func bounded(t *testing.T, cfg Instance) {
	s, err := open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, want := range map[string]string{
		"max_statement_time": "4.000000", "lock_wait_timeout": "2", "innodb_lock_wait_timeout": "2", "tx_read_only": "ON",
	} {
		s.each(t.Context(), "SHOW SESSION VARIABLES LIKE '"+name+"'", func(r row) error {
			if got := string(r.values[1]); got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
			return nil
		})
	}
}

// rights takes one right after the other away: what needs it is told, and all
// else still seen.
func rights(t *testing.T, s *mysqltest.Server, cfg Instance) {
	for right, subject := range map[string]string{"PROCESS": "transactions", "SLAVE MONITOR": "replication", "BINLOG MONITOR": "binlogs"} {
		s.Exec("REVOKE " + right + " ON *.* FROM 'xunjian'@'127.0.0.1'")
		res := look(t, hold(t, newCheck(cfg)))
		if f := wantFinding(t, res, "mysql.rights", checks.Attention); f.Subject != subject {
			t.Errorf("without %s, the finding is about %s, want %s", right, f.Subject, subject)
		}
		if v, _ := value(res, "mysql_up"); v != 1 {
			t.Errorf("without %s, mysql_up is %v", right, v)
		}
		s.Exec("GRANT " + right + " ON *.* TO 'xunjian'@'127.0.0.1'")
	}
	s.Exec("REVOKE SHOW VIEW ON *.* FROM 'xunjian'@'127.0.0.1'")
	if _, ok := value(look(t, hold(t, newCheck(cfg))), "xunjian_mysql_schema_size_bytes", "bids"); ok {
		t.Error("sizes are seen without SHOW VIEW: the README asks for too much")
	}
	s.Exec("GRANT SHOW VIEW ON *.* TO 'xunjian'@'127.0.0.1'")
	if _, err := s.Open("xunjian", canary).Exec("SELECT * FROM bids.bid"); err == nil {
		t.Error("the user of the README can read bids")
	}
}

// holder holds a lock in a session of its own until the test ends.
func holder(t *testing.T, s *mysqltest.Server, statements ...string) *sql.Conn {
	t.Helper()
	db := s.Open("root", "")
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); db.Close() }) // its locks go with it
	for _, statement := range statements {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return conn
}

func lockWait(t *testing.T, s *mysqltest.Server, cfg Instance) {
	c := hold(t, newCheck(cfg))
	blocker := holder(t, s, "BEGIN", "UPDATE bids.bid SET secret = 'price-9999' WHERE id = 1")
	waiter := holder(t, s)
	ended := make(chan error, 1)
	go func() {
		_, err := waiter.ExecContext(t.Context(), "UPDATE bids.bid SET secret = 'price-8888' WHERE id = 1")
		ended <- err
	}()
	until(t, c, "a session waiting", func(res checks.Result) bool {
		n, _ := value(res, "xunjian_mysql_lock_waiting_sessions", "row")
		waited, _ := value(res, "xunjian_mysql_longest_lock_wait_seconds")
		return n == 1 && waited >= 1
	})
	e := exhibit(t, c, "mysql.evidence.blocking")
	got := fmt.Sprint(e.Columns, e.Rows)
	for _, want := range []string{"`bids`.`bid`", "UPDATE bids.bid SET secret = ? WHERE id = ?", "root", "Sleep"} {
		if !strings.Contains(got, want) {
			t.Errorf("the exhibit lacks %q: %s", want, got)
		}
	}
	if strings.Contains(got, "8888") {
		t.Errorf("the exhibit has a literal: %s", got)
	}
	if _, err := blocker.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	until(t, c, "nobody waiting", func(res checks.Result) bool {
		n, ok := value(res, "xunjian_mysql_lock_waiting_sessions", "row")
		return ok && n == 0
	})
}

func tableLock(t *testing.T, s *mysqltest.Server, cfg Instance) {
	c := hold(t, newCheck(cfg))
	holder(t, s, "LOCK TABLES bids.bid WRITE")
	waiter := holder(t, s)
	go waiter.ExecContext(t.Context(), "ALTER TABLE bids.bid COMMENT = 'x'")
	until(t, c, "a session waiting for the table", func(res checks.Result) bool {
		n, _ := value(res, "xunjian_mysql_lock_waiting_sessions", "table")
		return n == 1
	})
	if e := exhibit(t, c, "mysql.evidence.statements"); !strings.Contains(fmt.Sprint(e.Rows), "metadata lock") {
		t.Errorf("the exhibit does not tell the wait: %v", e.Rows)
	}
}

func deadlocked(t *testing.T, s *mysqltest.Server, cfg Instance) {
	c := hold(t, newCheck(cfg))
	before, _ := value(look(t, c), "mysql_global_status_innodb_deadlocks")
	one := holder(t, s, "BEGIN", "UPDATE bids.bid SET secret = 'price-1' WHERE id = 1")
	two := holder(t, s, "BEGIN", "UPDATE bids.bid SET secret = 'price-2' WHERE id = 2")
	ended := make(chan error, 1)
	go func() {
		_, err := one.ExecContext(t.Context(), "UPDATE bids.bid SET secret = 'price-31415' WHERE id = 2")
		ended <- err
	}()
	time.Sleep(300 * time.Millisecond) // both orders make a deadlock
	_, err := two.ExecContext(t.Context(), "UPDATE bids.bid SET secret = 'price-27182' WHERE id = 1")
	other := <-ended
	if errorNumber(err) != 1213 && errorNumber(other) != 1213 {
		t.Fatalf("no deadlock: %v, %v", err, other)
	}
	one.ExecContext(t.Context(), "ROLLBACK")
	two.ExecContext(t.Context(), "ROLLBACK")
	res := look(t, c)
	if after, _ := value(res, "mysql_global_status_innodb_deadlocks"); after != before+1 {
		t.Errorf("%v deadlocks, want %v", after, before+1)
	}
	e := exhibit(t, c, "mysql.evidence.deadlock")
	if !strings.Contains(e.Text, "UPDATE bids.bid SET secret = ? WHERE id = ?") || !strings.Contains(e.Text, "WE ROLL BACK TRANSACTION") {
		t.Errorf("the exhibit does not tell the deadlock:\n%s", e.Text)
	}
	for _, secret := range []string{"31415", "27182", "price", "asc "} {
		if strings.Contains(e.Text, secret) {
			t.Errorf("the exhibit has %q in it:\n%s", secret, e.Text)
		}
	}
}

func slow(t *testing.T, s *mysqltest.Server, cfg Instance) {
	c := hold(t, newCheck(cfg))
	before, _ := value(look(t, c), "mysql_global_status_slow_queries")
	conn := holder(t, s)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn.ExecContext(t.Context(), "SELECT SLEEP(3) FROM bids.bid WHERE id = 1 AND secret <> 'price-4711'")
	}()
	until(t, c, "a long statement", func(res checks.Result) bool {
		v, _ := value(res, "xunjian_mysql_longest_statement_seconds")
		return v >= 1
	})
	if e := exhibit(t, c, "mysql.evidence.statements"); !strings.Contains(fmt.Sprint(e.Rows), "SELECT SLEEP(?) FROM bids.bid WHERE id = ? AND secret <> ?") {
		t.Errorf("the exhibit does not show the statement: %v", e.Rows)
	}
	<-ended
	if after, _ := value(look(t, c), "mysql_global_status_slow_queries"); after <= before {
		t.Errorf("slow queries stay at %v", after)
	}
}

func wrongPassword(t *testing.T, cfg Instance) {
	file := t.TempDir() + "/wrong"
	wrong := canary + "-wrong"
	if err := os.WriteFile(file, []byte(wrong), 0o600); err != nil {
		t.Fatal(err)
	}
	good := cfg.PasswordFile
	cfg.PasswordFile = file
	c := hold(t, newCheck(cfg))
	res := look(t, c)
	wantFinding(t, res, "mysql.denied", checks.Abnormal)
	if v, ok := value(res, "mysql_up"); !ok || v != 0 {
		t.Errorf("mysql_up is %v (there: %v), want 0", v, ok)
	}
	if said := fmt.Sprintf("%+v %v", res, c); strings.Contains(said, canary) {
		t.Errorf("the password is told: %s", said)
	}
	// The secret is read at each log-in: a corrected one holds.
	b, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, look(t, c), "mysql.up", checks.OK)
}

// usedUp takes all connections. Who has one already goes on looking; who comes
// now is told that there are none.
func usedUp(t *testing.T, s *mysqltest.Server, cfg Instance) {
	early := hold(t, newCheck(cfg))
	wantFinding(t, look(t, early), "mysql.up", checks.OK)
	s.Exec("CREATE USER IF NOT EXISTS 'crowd'@'%' IDENTIFIED BY 'x'", "CREATE USER IF NOT EXISTS 'crowd'@'localhost' IDENTIFIED BY 'x'")
	db := s.Open("crowd", "x")
	var full error
	for range 20 {
		conn, err := db.Conn(t.Context())
		if err != nil {
			full = err
			break
		}
		defer conn.Close()
	}
	if errorNumber(full) != tooManyConnections {
		t.Fatalf("connections do not end: %v", full)
	}
	res := look(t, hold(t, newCheck(cfg)))
	wantFinding(t, res, "mysql.full", checks.Abnormal)
	if v, ok := value(res, "mysql_up"); !ok || v != 0 {
		t.Errorf("mysql_up is %v (there: %v), want 0", v, ok)
	}
	res = look(t, early)
	wantFinding(t, res, "mysql.up", checks.OK)
	connected, _ := value(res, "mysql_global_status_threads_connected")
	if most, _ := value(res, "mysql_global_variables_max_connections"); connected < most {
		t.Errorf("%v of %v connections, want all", connected, most)
	}
	if e := exhibit(t, early, "mysql.evidence.sessions"); !strings.Contains(fmt.Sprint(e.Rows), "crowd") {
		t.Errorf("the evidence does not say who has the connections: %v", e.Rows)
	}
}

// silent stops the server as a hung disk would. It then takes connections and
// says nothing.
func silent(t *testing.T, s *mysqltest.Server, cfg Instance) {
	used := hold(t, newCheck(cfg))
	wantFinding(t, look(t, used), "mysql.up", checks.OK)
	fresh := hold(t, newCheck(cfg))
	before := connections(t, strconv.Itoa(cfg.Port))
	s.Freeze()
	defer s.Thaw()
	for _, c := range []*check{used, fresh} {
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			out := checks.NewOutput(0)
			begun := time.Now()
			err := c.Run(ctx, out)
			cancel()
			if err == nil || len(out.Samples()) > 0 {
				t.Fatalf("a server that says nothing: error %v, %d samples", err, len(out.Samples()))
			}
			if took := time.Since(begun); took > 3*time.Second {
				t.Errorf("a look took %v, its deadline was 1s", took)
			}
			if f := out.Findings(); len(f) != 1 || f[0].Code != codeSilent || f[0].Verdict != checks.Unknown {
				t.Errorf("findings %+v, want mysql.silent unknown", f)
			}
		}
	}
	if after := connections(t, strconv.Itoa(cfg.Port)); after > before+1 {
		t.Errorf("%d connections after four looks of two checks, %d before; want at most one more", after, before)
	}
	s.Thaw()
	for _, c := range []*check{used, fresh} {
		until(t, c, "up again", func(res checks.Result) bool { _, ok := finding(res, "mysql.up"); return ok })
	}
}

func down(t *testing.T, s *mysqltest.Server, cfg Instance) {
	cfg.LogFile = s.Log
	c := hold(t, newCheck(cfg))
	wantFinding(t, look(t, c), "mysql.up", checks.OK)
	s.Kill()
	res := look(t, c)
	wantFinding(t, res, "mysql.refused", checks.Abnormal)
	if v, ok := value(res, "mysql_up"); !ok || v != 0 {
		t.Errorf("mysql_up is %v (there: %v), want 0", v, ok)
	}
	list, err := c.Evidence(t.Context())
	if err == nil {
		t.Error("evidence of a server that is down does not say what is missing")
	}
	if said := fmt.Sprint(list); !strings.Contains(said, "mysql.evidence.log") || !strings.Contains(said, "ready for connections") || !strings.Contains(said, "mysql.evidence.sizes") {
		t.Errorf("the evidence lacks log or sizes: %s", said)
	}
	s.Start()
	wantFinding(t, look(t, c), "mysql.up", checks.OK)
}

// replica stops, breaks and cuts off a replica.
func replica(t *testing.T, primary *mysqltest.Server, cfg Instance) {
	s := mysqltest.Start(t, "--server-id=2")
	cfg.Port = s.Port // its user comes by replication
	c := hold(t, newCheck(cfg))
	s.Follow(primary)
	good := func(res checks.Result) bool {
		f, ok := finding(res, "mysql.replica")
		return ok && f.Verdict == checks.OK && s.Value("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'bids'") == "1"
	}
	res := until(t, c, "a replica that follows", good)
	for _, m := range []string{"mysql_slave_status_slave_io_running", "mysql_slave_status_slave_sql_running"} {
		if v, _ := value(res, m, "127.0.0.1"); v != 1 {
			t.Errorf("%s is %v, want 1", m, v)
		}
	}
	if v, ok := value(res, "mysql_slave_status_seconds_behind_master"); !ok || v < 0 {
		t.Errorf("no lag: %v", v)
	}

	s.Exec("STOP SLAVE SQL_THREAD")
	res = look(t, c)
	wantFinding(t, res, "mysql.replica_stopped", checks.Abnormal)
	if v, ok := value(res, "mysql_slave_status_slave_sql_running"); !ok || v != 0 {
		t.Errorf("slave_sql_running is %v (there: %v), want 0", v, ok)
	}
	s.Exec("START SLAVE SQL_THREAD")
	until(t, c, "following again", good)

	s.Exec("INSERT INTO bids.bid VALUES (77, 'price-local')")
	primary.Exec("INSERT INTO bids.bid VALUES (77, 'price-31337')")
	res = until(t, c, "broken", func(res checks.Result) bool { _, ok := finding(res, "mysql.replica_broken"); return ok })
	f := wantFinding(t, res, "mysql.replica_broken", checks.Abnormal)
	if f.Args["number"] != 1062.0 || !strings.Contains(f.Evidence, "Duplicate entry '?'") || strings.Contains(f.Evidence, "31337") || strings.Contains(f.Evidence, "77") {
		t.Errorf("broken by %v: %q", f.Args, f.Evidence)
	}
	if e := exhibit(t, c, "mysql.evidence.replication"); !strings.Contains(fmt.Sprint(e.Rows), "1062") {
		t.Errorf("the exhibit does not tell the error: %v", e.Rows)
	}
	s.Exec("DELETE FROM bids.bid WHERE id = 77", "START SLAVE SQL_THREAD")
	until(t, c, "following after the repair", good)

	primary.Exec("ALTER USER 'copy'@'%' IDENTIFIED BY 'another'")
	s.Exec("STOP SLAVE IO_THREAD", "START SLAVE IO_THREAD")
	until(t, c, "locked out", func(res checks.Result) bool {
		f, ok := finding(res, "mysql.replica_broken")
		return ok && f.Args["number"] == 1045.0
	})
	primary.Exec("ALTER USER 'copy'@'%' IDENTIFIED BY 'copy-secret'")
	until(t, c, "following after the log-in holds", good)
}
