package sqlquery

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/checktest"
	"xunjian/checks/database/mysql/mysqltest"
	"xunjian/checks/database/postgres/pgtest"
)

// canary is the password of the account, which must be seen nowhere.
const canary = "canary-51c0-sesame"

// account and tables, in both products.
var (
	tables = []string{
		"CREATE TABLE bids (id int PRIMARY KEY, project varchar(40), price numeric(12,2), signed int)",
		"INSERT INTO bids VALUES (1, '一号', 10.5, 1), (2, '一号', 20, 0), (3, 'two', NULL, 0)",
	}
	shared = sync.OnceValues(func() (*pgtest.Server, error) {
		s, err := pgtest.New(pgtest.Options{})
		if err != nil {
			return nil, err
		}
		// The account may write: what keeps it from that is the check.
		return s, s.Do(slices.Concat([]string{"CREATE ROLE reader LOGIN PASSWORD '" + canary + "'"}, tables,
			[]string{"GRANT ALL ON bids TO reader", "GRANT ALL ON SCHEMA public TO reader"})...)
	})
)

func TestMain(m *testing.M) {
	code := m.Run()
	if s, _ := shared(); s != nil {
		s.Remove()
	}
	mysqltest.Cleanup()
	os.Exit(code)
}

// stand is a real server with the table of bids.
type stand struct {
	query Query
	count func() string // of bids
	value func(sql string) string
}

func secret(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func postgresStand(t testing.TB) stand {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return stand{
		Query{Name: "bids", System: "portal", Driver: "postgres", Host: "127.0.0.1", Port: s.Port, Database: "postgres", User: "reader", PasswordFile: secret(t, canary)},
		func() string { return s.Value(t, "SELECT count(*)::text FROM bids") },
		func(sql string) string { return s.Value(t, sql) },
	}
}

func mysqlStand(t testing.TB) (stand, *mysqltest.Server) {
	t.Helper()
	s := mysqltest.Start(t)
	s.Exec("CREATE DATABASE bidding CHARACTER SET utf8mb4", "CREATE USER reader@'%' IDENTIFIED BY '"+canary+"'", "GRANT ALL ON bidding.* TO reader@'%'")
	for _, sql := range tables {
		s.Exec(strings.NewReplacer("TABLE bids", "TABLE bidding.bids", "INTO bids", "INTO bidding.bids").Replace(sql))
	}
	return stand{
		Query{Name: "bids", System: "portal", Driver: "mysql", Host: "127.0.0.1", Port: s.Port, Database: "bidding", User: "reader", PasswordFile: secret(t, canary)},
		func() string { return s.Value("SELECT count(*) FROM bidding.bids") },
		s.Value,
	}, s
}

func limit(v float64) *float64 { return &v }

// one returns the check of a query, held like the Runner holds it.
func one(t testing.TB, q Query) checks.Check {
	t.Helper()
	c := Checks([]Query{q})[0]
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = c.(checks.Background).Serve(ctx, func() {}); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	return c
}

func run(t testing.TB, c checks.Check) checks.Result {
	t.Helper()
	r := checks.RunOnce(t.Context(), c, time.Now())
	if said := fmt.Sprintf("%+v", r); strings.Contains(said, canary) {
		t.Errorf("the password is told: %s", said)
	}
	return r
}

// ask looks once by a query changed from that of the stand.
func ask(t testing.TB, s stand, change func(*Query)) checks.Result {
	t.Helper()
	q := s.query
	change(&q)
	return run(t, one(t, q))
}

func found(r checks.Result, code string) *checks.Finding {
	for _, f := range r.Findings {
		if f.Code == code {
			return &f
		}
	}
	return nil
}

func want(t testing.TB, r checks.Result, code string, v checks.Verdict) checks.Finding {
	t.Helper()
	f := found(r, code)
	if f == nil || f.Verdict != v || r.Verdict != v {
		t.Fatalf("want %s %s, got %s %q %+v", code, v, r.Verdict, r.Error, r.Findings)
	}
	return *f
}

// unknown holds that the check says that it could not look, and why.
func unknown(t testing.TB, r checks.Result, why string) {
	t.Helper()
	if r.Verdict != checks.Unknown || !strings.Contains(r.Error, why) {
		t.Errorf("want unknown with …%s…, got %s %q %+v", why, r.Verdict, r.Error, r.Findings)
	}
}

// series are the samples of a family as "labels = value".
func series(r checks.Result, name string) []string {
	var out []string
	for _, s := range r.Samples {
		if s.Desc.Name == name {
			out = append(out, fmt.Sprintf("%s = %v", strings.Join(s.Values, " "), s.Value))
		}
	}
	slices.Sort(out)
	return out
}

// TestProducts holds both products to the same.
func TestProducts(t *testing.T) {
	t.Run("postgres", func(t *testing.T) { product(t, postgresStand(t), "SELECT pg_sleep(20)") })
	t.Run("mysql", func(t *testing.T) {
		s, _ := mysqlStand(t)
		product(t, s, "SELECT count(*) FROM information_schema.tables a, information_schema.tables b WHERE sleep(20) = 0")
	})
}

func product(t *testing.T, s stand, slow string) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.query.Port))
	unsigned := "SELECT id, project, price FROM bids WHERE signed = 0 ORDER BY id"

	t.Run("rows", func(t *testing.T) {
		r := ask(t, s, func(q *Query) { q.Query, q.Rows.Above = unsigned, limit(1) })
		f := want(t, r, "sql.bad", checks.Abnormal)
		if f.Args["what"] != "2 rows (above 1)" || f.Evidence != "id\tproject\tprice\n2\t一号\t20.00\n3\ttwo\t" {
			t.Errorf("%v, shown:\n%s", f.Args, f.Evidence)
		}
		r = ask(t, s, func(q *Query) { q.Query, q.Rows.Above, q.Verdict = unsigned, limit(1), "attention" })
		want(t, r, "sql.bad", checks.Attention)
		r = ask(t, s, func(q *Query) { q.Query, q.Rows.Above = unsigned, limit(2) })
		want(t, r, "sql.good", checks.OK)
		if got := series(r, "xunjian_sql_rows"); !slices.Equal(got, []string{"bids " + address + " portal = 2"}) {
			t.Errorf("rows: %q", got)
		}
		r = ask(t, s, func(q *Query) { q.Query, q.Rows.Below = "SELECT 1 FROM bids WHERE id > 10", limit(1) })
		if f := want(t, r, "sql.bad", checks.Abnormal); f.Args["what"] != "0 rows (below 1)" {
			t.Errorf("no row: %v", f.Args)
		}
	})

	t.Run("values", func(t *testing.T) {
		sums := "SELECT project, sum(price) AS total FROM bids GROUP BY project ORDER BY project"
		r := ask(t, s, func(q *Query) {
			q.Query, q.Value, q.Labels, q.Bad.Above = sums, "total", []string{"project"}, limit(30)
		})
		if f := want(t, r, "sql.bad", checks.Abnormal); f.Args["what"] != "一号 total = 30.5 (above 30)" {
			t.Errorf("%v", f.Args)
		}
		// What is NULL is no number, and no 0 either.
		if got := series(r, "xunjian_sql_value"); !slices.Equal(got, []string{"bids " + address + " portal 一号 = 30.5"}) {
			t.Errorf("values: %q", got)
		}
		r = ask(t, s, func(q *Query) {
			q.Query, q.Value, q.Labels, q.Bad.Above = sums, "total", []string{"project"}, limit(31)
		})
		want(t, r, "sql.good", checks.OK)
		r = ask(t, s, func(q *Query) { q.Query, q.Value = sums, "project" })
		unknown(t, r, "column project holds no number in row 1")
		r = ask(t, s, func(q *Query) { q.Query, q.Value = sums, "sum" })
		unknown(t, r, "the answer has no column sum; it has project, total")
	})

	t.Run("many", func(t *testing.T) {
		many := func(n int) string {
			return fmt.Sprintf("WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %d) SELECT n, concat('k', n) AS k FROM s", n)
		}
		r := ask(t, s, func(q *Query) { q.Query, q.Value, q.Labels, q.Bad.Above = many(900), "n", []string{"k"}, limit(899) })
		if f := want(t, r, "sql.bad", checks.Abnormal); f.Args["what"] != "k900 n = 900 (above 899)" {
			t.Errorf("the last of 900 is not judged: %v", f.Args)
		}
		if n := len(series(r, "xunjian_sql_value")); n != maxValues {
			t.Errorf("%d series", n)
		}
		if s.query.Driver == "mysql" {
			return // which ends such a recursion after 1000 rows
		}
		r = ask(t, s, func(q *Query) { q.Query, q.Value, q.Labels = many(maxRows+1), "n", []string{"k"} })
		unknown(t, r, "the answer has more than 10000 rows")
		r = ask(t, s, func(q *Query) { q.Query, q.Rows.Above = many(maxRows+1), limit(5) })
		want(t, r, "sql.bad", checks.Abnormal)
	})

	t.Run("twice", func(t *testing.T) {
		r := ask(t, s, func(q *Query) {
			q.Query, q.Value, q.Labels = "SELECT signed AS n, 'x' AS kind FROM bids", "n", []string{"kind"}
		})
		unknown(t, r, "rows 1 and 2 have the same labels")
	})

	t.Run("not a number", func(t *testing.T) {
		for _, text := range []string{"'NaN'", "'Infinity'", "'1e999'"} {
			r := ask(t, s, func(q *Query) { q.Query, q.Value, q.Bad.Above = "SELECT "+text+" AS n", "n", limit(1) })
			unknown(t, r, "column n holds no number in row 1")
		}
	})

	t.Run("writes", func(t *testing.T) {
		for _, sql := range []string{
			"INSERT INTO bids VALUES (9, 'mine', 1, 1)", "DELETE FROM bids", "UPDATE bids SET price = 0", "CREATE TABLE mine (a int)", "DROP TABLE bids",
			"COMMIT; DELETE FROM bids", "SELECT 1; DELETE FROM bids",
		} {
			before := s.value("SELECT concat(count(*), ' ', sum(price)) FROM " + map[string]string{"mysql": "bidding.bids", "postgres": "bids"}[s.query.Driver])
			r := ask(t, s, func(q *Query) { q.Query, q.Rows.Above = sql, limit(0) })
			if r.Verdict != checks.Unknown {
				t.Errorf("%s: %s %+v", sql, r.Verdict, r.Findings)
			}
			after := s.value("SELECT concat(count(*), ' ', sum(price)) FROM " + map[string]string{"mysql": "bidding.bids", "postgres": "bids"}[s.query.Driver])
			if after != before {
				t.Fatalf("%s changes %s to %s", sql, before, after)
			}
		}
		if n := s.count(); n != "3" {
			t.Errorf("%s bids", n)
		}
	})

	t.Run("syntax", func(t *testing.T) {
		q := s.query
		q.Query, q.Rows.Above = "SELEKT 1", limit(0)
		c := one(t, q)
		for range 2 {
			r := run(t, c)
			unknown(t, r, "ask query bids of "+address)
			if len(series(r, "xunjian_sql_up")) > 0 {
				t.Errorf("a query that is wrong says that the server is up or down: %v", r.Samples)
			}
		}
	})

	t.Run("slow", func(t *testing.T) {
		q := s.query
		q.Query, q.Rows.Above, q.Timeout, q.Interval = slow, limit(0), time.Second, 2*time.Second
		c := one(t, q)
		for range 2 {
			begun := time.Now()
			r := run(t, c)
			if took := time.Since(begun); took > 3*time.Second {
				t.Errorf("it takes %v", took)
			}
			if r.Verdict != checks.Unknown || r.Error == "" {
				t.Errorf("%s %q %+v", r.Verdict, r.Error, r.Findings)
			}
		}
		// The server has given it up too.
		running := "SELECT count(*)::text FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active'"
		if q.Driver == "mysql" {
			running = "SELECT count(*) FROM information_schema.processlist WHERE user = 'reader' AND command <> 'Sleep'"
		}
		for deadline := time.Now().Add(8 * time.Second); s.value(running) != "0"; time.Sleep(100 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("it goes on in the server")
			}
		}
	})

	t.Run("wrong password", func(t *testing.T) {
		r := ask(t, s, func(q *Query) {
			q.PasswordFile, q.Query, q.Rows.Above = secret(t, canary+"-wrong"), "SELECT 1", limit(1)
		})
		f := want(t, r, "sql.refused", checks.Abnormal)
		if f.Args["user"] != "reader" || !slices.Equal(series(r, "xunjian_sql_up"), []string{"bids " + address + " portal = 0"}) {
			t.Errorf("%v %v", f.Args, r.Samples)
		}
		r = ask(t, s, func(q *Query) { q.PasswordFile, q.Query, q.Rows.Above = "/nonexistent/f", "SELECT 1", limit(1) })
		unknown(t, r, "read the password: cannot read /nonexistent/f")
	})
}

// TestConforms has the contract of a check held on a real server.
func TestConforms(t *testing.T) {
	s := postgresStand(t)
	fresh := func(q Query) func() checks.Check { return func() checks.Check { return Checks([]Query{q})[0] } }
	good, broken := s.query, s.query
	good.Query, good.Value, good.Labels = "SELECT id::text AS bid, signed AS n FROM bids", "n", []string{"bid"}
	broken.Query, broken.Rows.Above = "SELECT nothing", limit(0)
	checktest.Conform(t, fresh(good), checktest.Broken(fresh(broken)))
}

// TestStops: the server ends, which is a fact; comes again; stands still, which
// is not known.
func TestStops(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Must(t, "CREATE ROLE reader LOGIN PASSWORD '"+canary+"'")
	q := Query{Name: "one", Driver: "postgres", Host: "127.0.0.1", Port: s.Port, Database: "postgres", User: "reader", PasswordFile: secret(t, canary),
		Query: "SELECT 1", Rows: Limits{Below: limit(1)}, Interval: 2 * time.Second, Timeout: time.Second}
	c := one(t, q)
	want(t, run(t, c), "sql.good", checks.OK)
	s.Stop()
	for range 2 {
		r := run(t, c)
		want(t, r, "sql.down", checks.Abnormal)
		if got := series(r, "xunjian_sql_up"); len(got) != 1 || !strings.HasSuffix(got[0], "= 0") || len(series(r, "xunjian_sql_rows")) > 0 {
			t.Errorf("down: %v", r.Samples)
		}
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	want(t, run(t, c), "sql.good", checks.OK)
	s.Signal(syscall.SIGSTOP)
	r := run(t, c)
	s.Signal(syscall.SIGCONT)
	want(t, r, "sql.hung", checks.Unknown)
	if len(r.Samples) > 0 {
		t.Errorf("what is not known has figures: %v", r.Samples)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if r = run(t, c); r.Verdict == checks.OK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not come again: %s %q", r.Verdict, r.Error)
		}
	}
	if n := s.Value(t, "SELECT count(*)::text FROM pg_stat_activity WHERE usename = 'reader'"); n != "1" {
		t.Errorf("the check has %s connections", n)
	}
}

// TestMariaDBStops: the same of the other product.
func TestMariaDBStops(t *testing.T) {
	s, server := mysqlStand(t)
	q := s.query
	q.Query, q.Rows.Below, q.Interval, q.Timeout = "SELECT 1", limit(1), 2*time.Second, time.Second
	c := one(t, q)
	want(t, run(t, c), "sql.good", checks.OK)
	server.Freeze()
	r := run(t, c)
	server.Thaw()
	want(t, r, "sql.hung", checks.Unknown)
	server.Kill()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if r = run(t, c); found(r, "sql.down") != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("its end is not told: %s %q", r.Verdict, r.Error)
		}
	}
	want(t, run(t, c), "sql.down", checks.Abnormal)
	server.Start()
	want(t, run(t, c), "sql.good", checks.OK)
}

// TestSockets: a server is asked over its socket too.
func TestSockets(t *testing.T) {
	pg, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	s := postgresStand(t)
	r := ask(t, s, func(q *Query) { q.Host, q.Query, q.Rows.Above = pg.Dir, "SELECT 1", limit(1) })
	want(t, r, "sql.good", checks.OK)
	m, server := mysqlStand(t)
	r = ask(t, m, func(q *Query) { q.Host, q.Port, q.Query, q.Rows.Above = server.Socket, 0, "SELECT 1", limit(1) })
	want(t, r, "sql.good", checks.OK)
}
