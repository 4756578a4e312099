package postgres_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"xunjian/checks"
	"xunjian/checks/database/postgres/pgtest"
)

func exec(t testing.TB, c *pgx.Conn, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := c.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// later runs a statement that has to wait, and returns its end.
func later(c *pgx.Conn, sql string) <-chan error {
	ended := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, err := c.Exec(ctx, sql)
		ended <- err
	}()
	return ended
}

// TestLockChain: one session is idle in a transaction that holds a row, a second
// waits for it, a third for the second. The evidence names the blocker, and
// nobody's bid.
func TestLockChain(t *testing.T) {
	p := servers(t)
	c := one(t, p.instance(p.primary))
	setup := p.primary.Session(t, "bidding")
	exec(t, setup, "DROP TABLE IF EXISTS bids; CREATE TABLE bids (id int PRIMARY KEY, bidder text); INSERT INTO bids VALUES (1, 'somebody'), (2, 'else')")
	blocker, second, third := p.primary.Session(t, "bidding"), p.primary.Session(t, "bidding"), p.primary.Session(t, "bidding")
	exec(t, blocker, "BEGIN")
	exec(t, blocker, "UPDATE bids SET bidder = 'secret-price-4711' WHERE id = 1")
	exec(t, second, "BEGIN")
	exec(t, second, "UPDATE bids SET bidder = 'x' WHERE id = 2")
	waits := later(second, "UPDATE bids SET bidder = 'secret-price-4712' WHERE id = 1")
	waits3 := later(third, "DELETE FROM bids WHERE id = 2 AND bidder <> 'secret-price-4713'")

	r := within(t, c, "a chain of two that wait", func(r checks.Result) bool {
		return value(r, "xunjian_postgres_blocked_sessions", "bidding") == 2
	})
	if value(r, "xunjian_postgres_blocked_seconds", "bidding") <= 0 || value(r, "pg_locks_count", "bidding", "rowexclusivelock") < 2 {
		t.Error("how long they wait, or their locks, are not told")
	}
	if value(r, "pg_stat_activity_max_tx_duration", "bidding", "idle in transaction") <= 0 {
		t.Error("the transaction that does nothing is not told")
	}
	e := evidence(t, c)
	rows := e["postgres.evidence.blockers"].Rows
	if len(rows) != 3 {
		t.Fatalf("the chain has %d sessions: %v", len(rows), rows)
	}
	pid := func(c *pgx.Conn) string { return strconv.Itoa(int(c.PgConn().PID())) }
	if rows[0][0] != pid(blocker) || rows[0][1] != "" || rows[0][6] != "idle in transaction" {
		t.Errorf("the blocker %s does not come first: %v", pid(blocker), rows[0])
	}
	for _, row := range rows[1:] {
		if want := map[string]string{pid(second): pid(blocker), pid(third): pid(second)}[row[0]]; row[1] != want {
			t.Errorf("%s waits for %q, want %q", row[0], row[1], want)
		}
	}
	if rows[0][11] != "UPDATE bids SET bidder = ? WHERE id = ?" {
		t.Errorf("the blocker's statement is %q", rows[0][11])
	}
	for code, x := range e {
		if strings.Contains(strings.Join(slices.Concat(x.Rows...), " ")+x.Text, "secret-price") {
			t.Errorf("%s shows a bid", code)
		}
	}
	if len(e["postgres.evidence.idle"].Rows) == 0 || len(e["postgres.evidence.longest"].Rows) == 0 || len(e["postgres.evidence.sizes"].Rows) < 2 {
		t.Errorf("parts are missing: %v", e)
	}
	exec(t, blocker, "ROLLBACK")
	if err := <-waits; err != nil {
		t.Error(err)
	}
	exec(t, second, "ROLLBACK")
	if err := <-waits3; err != nil {
		t.Error(err)
	}
	if r := run(c); value(r, "xunjian_postgres_blocked_sessions", "bidding") != 0 || value(r, "xunjian_postgres_blocked_seconds", "bidding") != 0 {
		t.Error("the end is not told")
	}
}

// TestDeadlock: two sessions wait for each other; the server counts it and
// writes it into its log, which is evidence.
func TestDeadlock(t *testing.T) {
	p := servers(t)
	c := one(t, p.instance(p.primary))
	before := value(run(c), "pg_stat_database_deadlocks", "bidding")
	a, b := p.primary.Session(t, "bidding"), p.primary.Session(t, "bidding")
	exec(t, a, "DROP TABLE IF EXISTS d; CREATE TABLE d (id int PRIMARY KEY, v text); INSERT INTO d VALUES (1), (2)")
	exec(t, a, "BEGIN; UPDATE d SET v = 'canary-bid' WHERE id = 1")
	exec(t, b, "BEGIN; UPDATE d SET v = 'canary-bid' WHERE id = 2")
	ended := []<-chan error{later(a, "UPDATE d SET v = 'canary-bid' WHERE id = 2"), later(b, "UPDATE d SET v = 'canary-bid' WHERE id = 1")}
	one, two := <-ended[0], <-ended[1]
	if one == nil && two == nil {
		t.Fatal("there was no deadlock")
	}
	exec(t, a, "ROLLBACK")
	exec(t, b, "ROLLBACK")
	within(t, c, "the deadlock", func(r checks.Result) bool { return value(r, "pg_stat_database_deadlocks", "bidding") == before+1 })
	e := evidence(t, c)
	log := e["postgres.evidence.log"].Text
	if !strings.Contains(log, "deadlock detected") || strings.Contains(log, "canary-bid") {
		t.Errorf("the log as evidence: %s; all: %v", log, e)
	}
}

// TestArchiving: the archive command fails, and works again.
func TestArchiving(t *testing.T) {
	p := servers(t)
	c := one(t, p.instance(p.primary))
	if err := os.WriteFile(p.archiveFails(), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(p.archiveFails()) })
	p.primary.Must(t, "CREATE TABLE IF NOT EXISTS w (v int)", "INSERT INTO w VALUES (1)", "SELECT pg_switch_wal()")
	r := within(t, c, "failing archive", func(r checks.Result) bool { return has(r, "postgres.archiving") })
	f := finding(t, r, "postgres.archiving", checks.Abnormal)
	if f.Args["file"] == "" || value(r, "pg_stat_archiver_failed_count") < 1 {
		t.Errorf("which file failed, or how often, is not told: %v", f.Args)
	}
	os.Remove(p.archiveFails())
	p.primary.Must(t, "INSERT INTO w VALUES (1)", "SELECT pg_switch_wal()")
	within(t, c, "the end of it", func(r checks.Result) bool { return !has(r, "postgres.archiving") && r.Verdict == checks.OK })
}

// TestReplicaStopped: the standby ends; the primary says that one is missing and
// that log is kept for it. The primary cannot be reached: the standby says that it
// receives nothing.
func TestReplicaStopped(t *testing.T) {
	p := servers(t)
	i := p.instance(p.primary)
	i.Replicas = 1
	c := one(t, i)
	within(t, c, "a healthy pair", func(r checks.Result) bool { return r.Verdict == checks.OK })
	p.standby.Stop()
	p.primary.Must(t, "CREATE TABLE IF NOT EXISTS w (v int)", "INSERT INTO w SELECT generate_series(1, 1000)")
	r := within(t, c, "a missing standby", func(r checks.Result) bool { return has(r, "postgres.replicas") && has(r, "postgres.slot_idle") })
	finding(t, r, "postgres.replicas", checks.Abnormal)
	if f := finding(t, r, "postgres.slot_idle", checks.Attention); f.Args["slot"] != "standby" || f.Args["bytes"].(float64) <= 0 {
		t.Errorf("%v", f.Args)
	}
	if value(r, "pg_replication_slots_active", "standby") != 0 {
		t.Error("the slot's figure is not 0")
	}
	down := run(one(t, p.instance(p.standby)))
	finding(t, down, "postgres.down", checks.Abnormal)
	if err := p.standby.Start(); err != nil {
		t.Fatal(err)
	}
	within(t, c, "a healthy pair again", func(r checks.Result) bool { return r.Verdict == checks.OK })

	standby := one(t, p.instance(p.standby))
	within(t, standby, "a healthy standby", func(r checks.Result) bool { return r.Verdict == checks.OK })
	p.standby.Must(t, "ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1'", "SELECT pg_reload_conf()")
	r = within(t, standby, "a standby without upstream", func(r checks.Result) bool { return has(r, "postgres.receiver") })
	finding(t, r, "postgres.receiver", checks.Abnormal)
	p.standby.Must(t, "ALTER SYSTEM RESET primary_conninfo", "ALTER SYSTEM SET primary_conninfo = 'host="+p.primary.Dir+" port="+strconv.Itoa(p.primary.Port)+" user=postgres'", "SELECT pg_reload_conf()")
	p.standby.Must(t, "SELECT pg_wal_replay_pause()")
	within(t, standby, "paused replay", func(r checks.Result) bool { return has(r, "postgres.paused") && !has(r, "postgres.receiver") })
	p.primary.Must(t, "INSERT INTO w SELECT generate_series(1, 1000)")
	within(t, standby, "lag", func(r checks.Result) bool { return value(r, "pg_replication_lag_seconds") > 0.2 })
	within(t, c, "lag as the primary sees it", func(r checks.Result) bool { return value(r, "pg_stat_replication_pg_wal_lsn_diff", "streaming") > 0 })
	p.standby.Must(t, "SELECT pg_wal_replay_resume()")
	within(t, standby, "no lag", func(r checks.Result) bool {
		return r.Verdict == checks.OK && value(r, "pg_replication_lag_seconds") == 0
	})
}

// TestWrongPassword: the server is there, the account is wrong.
func TestWrongPassword(t *testing.T) {
	p := servers(t)
	i := p.instance(p.primary)
	i.PasswordFile = filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(i.PasswordFile, []byte("canary-wrong\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := one(t, i)
	r := run(c)
	f := finding(t, r, "postgres.refused", checks.Abnormal)
	if value(r, "pg_up") != 0 || has(r, "postgres.down") || !strings.Contains(f.Args["reason"].(string), "password") {
		t.Errorf("%+v", r)
	}
	if text := strings.ToLower(sprint(r)); strings.Contains(text, "canary-wrong") {
		t.Errorf("the password is told: %s", text)
	}
	// The right one is put there: no reload is needed.
	if err := os.WriteFile(i.PasswordFile, []byte(canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := run(c); r.Verdict != checks.OK {
		t.Errorf("after the password was mended: %s %+v", r.Verdict, r.Findings)
	}
	// No file: nobody can tell.
	i.PasswordFile += ".none"
	if r := run(one(t, i)); r.Verdict != checks.Unknown || r.Success() {
		t.Errorf("without a password file: %s %+v", r.Verdict, r.Findings)
	}
	i = p.instance(p.primary)
	i.Database = "none-such"
	finding(t, run(one(t, i)), "postgres.refused", checks.Abnormal)
}

// TestConnectionsUsedUp: who has a connection sees it by the figures; who comes
// late sees that nobody gets in.
func TestConnectionsUsedUp(t *testing.T) {
	p := servers(t)
	early, late := one(t, p.instance(p.primary)), one(t, p.instance(p.primary))
	if r := run(early); r.Verdict != checks.OK {
		t.Fatalf("%s %+v", r.Verdict, r.Findings)
	}
	p.primary.Must(t, "DO $$BEGIN CREATE ROLE portal LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END$$")
	var open []*pgx.Conn
	defer func() {
		for _, c := range open {
			c.Close(context.Background())
		}
	}()
	for range 30 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		c, err := pgx.Connect(ctx, "host="+p.primary.Dir+" port="+strconv.Itoa(p.primary.Port)+" user=portal dbname=postgres sslmode=disable")
		cancel()
		if err != nil {
			break
		}
		open = append(open, c)
	}
	r := run(late)
	f := finding(t, r, "postgres.full", checks.Abnormal)
	if value(r, "pg_up") != 0 || f.Args["reason"] == "" {
		t.Errorf("%+v", r)
	}
	r = run(early)
	used := value(r, "pg_stat_activity_count")
	limit := value(r, "pg_settings_max_connections") - value(r, "pg_settings_superuser_reserved_connections")
	// Its own session is not counted, as in the exporter.
	if r.Verdict != checks.OK || used < limit-2 {
		t.Errorf("%v of %v connections: %s %+v", used, limit, r.Verdict, r.Findings)
	}
}

// TestHung: a stopped server takes connections and says nothing. That costs one
// connection and a deadline, and is unknown.
func TestHung(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Must(t, append(roleSQL(), "ALTER ROLE xunjian PASSWORD '"+canary+"'")...)
	p := servers(t)
	fresh, used := one(t, p.instance(s)), one(t, p.instance(s))
	if r := run(used); r.Verdict != checks.OK {
		t.Fatalf("%s %+v", r.Verdict, r.Findings)
	}
	s.Signal(syscall.SIGSTOP)
	defer s.Signal(syscall.SIGCONT)
	for _, c := range []checks.Check{fresh, used} {
		for range 2 {
			begun := time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), 700*time.Millisecond)
			r := checks.RunOnce(ctx, c, begun)
			cancel()
			if r.Verdict != checks.Unknown || r.Success() || len(r.Samples) > 0 {
				t.Errorf("a hung server is %s (%s), %d samples", r.Verdict, r.Error, len(r.Samples))
			}
			finding(t, r, "postgres.hung", checks.Unknown)
			if has(r, "postgres.down") {
				t.Error("a hung server is told as down")
			}
			if took := time.Since(begun); took > 3*time.Second {
				t.Errorf("a look took %v", took)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		if _, err := c.(checks.Witness).Evidence(ctx); err == nil {
			t.Error("evidence of a hung server without an error")
		}
		cancel()
	}
	if n := connectionsTo(t, s.Port); n != 2 {
		t.Errorf("two checks hold %d connections, want one each", n)
	}
	s.Signal(syscall.SIGCONT)
	for _, c := range []checks.Check{fresh, used} {
		within(t, c, "an answer", func(r checks.Result) bool { return r.Verdict == checks.OK && value(r, "pg_up") == 1 })
	}
	if n := connectionsTo(t, s.Port); n != 2 {
		t.Errorf("after it two checks hold %d connections, want one each", n)
	}
}

// connectionsTo counts the TCP connections of this machine to a port, from the
// client's side, whatever state they are in but closed.
func connectionsTo(t *testing.T, port int) int {
	t.Helper()
	b, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		const timeWait = "06"
		if len(fields) > 3 && strings.HasSuffix(fields[2], ":"+strings.ToUpper(hex4(port))) && fields[3] != timeWait {
			count++
		}
	}
	return count
}

// TestRestarted: a connection that died in between is made anew, in the same
// look.
func TestRestarted(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Must(t, append(roleSQL(), "ALTER ROLE xunjian PASSWORD '"+canary+"'")...)
	c := one(t, servers(t).instance(s))
	if r := run(c); r.Verdict != checks.OK {
		t.Fatalf("%s %+v", r.Verdict, r.Findings)
	}
	s.Stop()
	r := run(c)
	if f := finding(t, r, "postgres.down", checks.Abnormal); value(r, "pg_up") != 0 || f.Args["reason"] != "connection refused" || !r.Success() {
		t.Errorf("%+v", r)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if r := run(c); r.Verdict != checks.OK || value(r, "pg_up") != 1 {
		t.Errorf("after the start: %s %+v", r.Verdict, r.Findings)
	}
	s.Must(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'xunjian'")
	if r := run(c); r.Verdict != checks.OK {
		t.Errorf("after its session was ended: %s %+v", r.Verdict, r.Findings)
	}
}

// TestDiskFull: the database's own disk has no room; it goes on answering, and
// its log says why it cannot write.
func TestDiskFull(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("pgtest", disk, "tmpfs", 0, "size=72m"); err != nil {
		t.Fatalf("mount a tmpfs (the tests need root for it): %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	for dir := disk; dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		_ = os.Chmod(dir, 0o755)
	}
	data := filepath.Join(disk, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	s := pgtest.Start(t, pgtest.Options{Data: data, Settings: []string{"wal_keep_size = 0", "max_wal_size = 8MB"}})
	s.Must(t, append(roleSQL(), "ALTER ROLE xunjian PASSWORD '"+canary+"'", "CREATE TABLE uploads (id int, body text)")...)
	i := servers(t).instance(s)
	i.LogFile = s.Log()
	c := one(t, i)
	before := value(run(c), "pg_database_size_bytes", "postgres")
	var err error
	for n := 0; n < 60 && err == nil; n++ {
		err = s.Do("INSERT INTO uploads SELECT n, (SELECT string_agg(md5(random()::text || m || n), '') FROM generate_series(1, 64) m) FROM generate_series(1, 2000) n")
	}
	if err == nil || !strings.Contains(err.Error(), "No space left") && !strings.Contains(err.Error(), "could not") && !strings.Contains(err.Error(), "EOF") && !strings.Contains(err.Error(), "conn closed") {
		t.Fatalf("the disk does not fill: %v", err)
	}
	r := run(c)
	// If the log of writes was what no longer fitted, the server ended by itself.
	if !has(r, "postgres.up") && !has(r, "postgres.down") {
		t.Errorf("with a full disk it says %s %+v", r.Verdict, r.Findings)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	list, _ := c.(checks.Witness).Evidence(ctx)
	at := slices.IndexFunc(list, func(e checks.Exhibit) bool { return e.Code == "postgres.evidence.log" })
	if at < 0 || !strings.Contains(list[at].Text, "No space left on device") && !strings.Contains(list[at].Text, "could not extend file") {
		t.Errorf("the log is no evidence: %+v", list)
	}
	if before <= 0 {
		t.Error("no size")
	}
}
