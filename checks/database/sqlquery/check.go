package sqlquery

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/checks"
	"xunjian/checks/credential"
	"xunjian/checks/database/server"
)

var (
	descUp = checks.NewDesc("xunjian_sql_up", checks.Gauge,
		"Whether the last look could log in to the database of the query.", "query", "server", "system")
	descRows = checks.NewDesc("xunjian_sql_rows", checks.Gauge,
		"How many rows the query yields, at most 10000.", "query", "server", "system")
)

// Bounds of an answer.
const (
	maxRows   = 10_000 // counted, and judged
	maxValues = 500    // told as series
	shownRows = 10     // in the finding
	shownCell = 200    // bytes
)

// check asks one query.
type check struct {
	Query
	address string
	product *dialect
	value   *checks.Desc
	line    server.Line[*session]
}

// session is the one connection.
type session struct {
	db   *sql.DB
	conn *sql.Conn
}

// Checks returns the check of each query. It panics if one is not valid: call
// Query.Validate before.
func Checks(list []Query) []checks.Check {
	out := make([]checks.Check, 0, len(list))
	for _, q := range list {
		if err := q.Validate(); err != nil {
			panic("sqlquery: " + err.Error())
		}
		out = append(out, newCheck(q.filled()))
	}
	return out
}

func newCheck(q Query) *check {
	c := &check{Query: q, address: server.Address(q.Host, q.Port), product: drivers()[q.Driver]}
	c.value = checks.NewDesc("xunjian_sql_value", checks.Gauge, "A number that a query of the operator's yields.", append([]string{"query", "server", "system"}, q.Labels...)...)
	c.line = server.Line[*session]{
		Open:   c.open,
		Bound:  func(*session, time.Time) {}, // what is asked has a deadline of its own
		Close:  func(s *session) { go s.close() },
		Broken: func(s *session, err error) bool { return err != nil && c.lost(s, err) },
	}
	return c
}

func (s *session) close() {
	_ = s.conn.Close()
	_ = s.db.Close()
}

// lost reports whether the connection is of no use after an error.
func (c *check) lost(_ *session, err error) bool {
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || troubleOf(c.product, err) != "query"
}

// open logs in.
func (c *check) open(ctx context.Context) (*session, error) {
	var secret credential.Secret
	var err error
	if c.PasswordFile != "" {
		if secret, err = credential.Read(c.PasswordFile); err != nil {
			return nil, ours(fmt.Errorf("read the password: %w", err))
		}
	}
	var t *tls.Config
	if c.Encrypt && !strings.HasPrefix(c.Host, "/") {
		if t, err = c.TLS.Config(); err != nil {
			return nil, ours(err)
		}
		if t.ServerName == "" {
			t.ServerName = c.Host
		}
	}
	db, err := c.product.open(c.Query, secret, t)
	if err != nil {
		return nil, ours(err)
	}
	db.SetMaxOpenConns(1)
	db.SetConnMaxLifetime(0)
	conn, err := db.Conn(ctx)
	if err != nil {
		db.Close()
		if text := err.Error(); secret != "" && strings.Contains(text, secret.Reveal()) {
			return nil, errors.New(credential.Mask(text, secret))
		}
		return nil, err
	}
	return &session{db, conn}, nil
}

// ours is an error of our own preparations without what is under it: a file of
// ours that is missing says nothing about the server.
func ours(err error) error { return errors.New(err.Error()) }

// Name is sql/<name>.
func (c *check) Name() string { return "sql/" + c.Query.Name }

// Schedule is as configured.
func (c *check) Schedule() checks.Schedule {
	return checks.Schedule{Interval: c.Interval, Timeout: c.Timeout}
}

// Identity changes with the configuration.
func (c *check) Identity() string {
	q := c.Query
	q.Rows, q.Bad = Limits{}, Limits{}
	return fmt.Sprintf("%+v %v %v", q, c.Rows, c.Bad)
}

// Servers says which server is asked.
func (c *check) Servers() []server.Server {
	return []server.Server{{Check: c.Name(), Product: c.Driver, Address: c.address, System: c.System}}
}

// Serve holds the connection until the check is retired.
func (c *check) Serve(ctx context.Context, _ func()) error { return c.line.Hold(ctx) }

// answer is what a query yields.
type answer struct {
	rows    int
	values  []value
	columns []string
	shown   [][]string
}

type value struct {
	labels []string
	number float64
}

// Run asks the query and judges the answer by its limits.
func (c *check) Run(ctx context.Context, out *checks.Output) error {
	got := make(chan answer, 2)
	ask := func(ctx context.Context, s *session) error {
		a, err := c.ask(ctx, s)
		if err == nil {
			got <- a
		}
		return err
	}
	err := c.line.Do(ctx, ask)
	if err != nil && ctx.Err() == nil && troubleOf(c.product, err) == "down" {
		err = c.line.Do(ctx, ask) // the connection that was kept may be dead
	}
	if err != nil {
		return c.fail(out, err)
	}
	c.judge(out, <-got)
	return nil
}

// fail says what an error means; nil if it is a fact about the server.
func (c *check) fail(out *checks.Output, err error) error {
	find := func(code string, v checks.Verdict) {
		out.Find(checks.Finding{Code: "sql." + code, Subject: c.Query.Name, Verdict: v, Args: map[string]any{
			"server": c.address, "user": c.User, "reason": err.Error(), "silent": c.line.Silent().Seconds(),
		}})
	}
	switch t := troubleOf(c.product, err); t {
	case "down", "refused", "full":
		find(t, checks.Abnormal)
		out.Set(descUp, 0, c.Query.Name, c.address, c.System)
		return nil
	case "hung":
		find("hung", checks.Unknown)
	}
	return fmt.Errorf("ask query %s of %s: %w", c.Query.Name, c.address, err)
}

// judge holds the answer against the limits.
func (c *check) judge(out *checks.Output, a answer) {
	out.Set(descUp, 1, c.Query.Name, c.address, c.System)
	out.Set(descRows, float64(a.rows), c.Query.Name, c.address, c.System)
	bad := []string{}
	if c.Rows.any() && c.Rows.bad(float64(a.rows)) {
		bad = append(bad, fmt.Sprintf("%d rows (%v)", a.rows, c.Rows))
	}
	for n, v := range a.values {
		if n < maxValues {
			out.Set(c.value, v.number, append([]string{c.Query.Name, c.address, c.System}, v.labels...)...)
		}
		if c.Bad.any() && c.Bad.bad(v.number) && len(bad) < shownRows {
			bad = append(bad, strings.TrimSpace(fmt.Sprintf("%s %s = %v (%v)", strings.Join(v.labels, " "), c.Value, v.number, c.Bad)))
		}
	}
	f := checks.Finding{Code: "sql.good", Subject: c.Query.Name, Verdict: checks.OK, Args: map[string]any{"rows": a.rows, "server": c.address}}
	if len(bad) > 0 {
		f.Code, f.Verdict = "sql.bad", checks.Abnormal
		if c.Verdict == "attention" {
			f.Verdict = checks.Attention
		}
		f.Args["what"] = strings.Join(bad, "; ")
		f.Evidence = a.table()
	}
	out.Find(f)
}

// table shows the first rows.
func (a answer) table() string {
	lines := []string{strings.Join(a.columns, "\t")}
	for _, row := range a.shown {
		lines = append(lines, strings.Join(row, "\t"))
	}
	return strings.Join(lines, "\n")
}

// ask runs the query in a transaction that reads, and takes it back.
func (c *check) ask(ctx context.Context, s *session) (answer, error) {
	// Not ctx: a driver that gives up in the middle closes the connection, or
	// opens another to say so.
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), server.DefaultPatience)
	defer cancel()
	tx, err := s.conn.BeginTx(asking, &sql.TxOptions{ReadOnly: c.product.readOnly})
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = tx.Rollback() }()
	if c.product.first != nil {
		for _, sql := range c.product.first(c.Query) {
			if _, err := tx.ExecContext(asking, sql); err != nil {
				return answer{}, err
			}
		}
	}
	rows, err := tx.QueryContext(asking, c.Query.Query)
	if err != nil {
		return answer{}, err
	}
	defer rows.Close()
	a, err := c.read(ctx, rows)
	if err != nil {
		return answer{}, err
	}
	return a, rows.Err()
}

// read takes what the rows hold.
func (c *check) read(ctx context.Context, rows *sql.Rows) (answer, error) {
	columns, err := rows.Columns()
	if err != nil {
		return answer{}, err
	}
	a := answer{columns: columns}
	at := func(name string) int {
		return slices.IndexFunc(columns, func(col string) bool { return strings.EqualFold(col, name) })
	}
	for _, name := range append(slices.Clone(c.Labels), c.Value) {
		if name != "" && at(name) < 0 {
			return a, fmt.Errorf("the answer has no column %s; it has %s", name, strings.Join(columns, ", "))
		}
	}
	cells := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for n := range cells {
		into[n] = &cells[n]
	}
	seen := map[string]int{}
	for rows.Next() {
		if a.rows++; a.rows > maxRows {
			if a.rows = maxRows; c.Value != "" {
				return a, fmt.Errorf("the answer has more than %d rows, which cannot all be judged by column %s; group them, or add LIMIT", maxRows, c.Value)
			}
			break
		}
		if err := ctx.Err(); err != nil {
			return a, err
		}
		if err := rows.Scan(into...); err != nil {
			return a, err
		}
		if len(a.shown) < shownRows {
			row := make([]string, len(cells))
			for n, cell := range cells {
				row[n] = checks.SafeText(cell.String, shownCell)
			}
			a.shown = append(a.shown, row)
		}
		if c.Value == "" || !cells[at(c.Value)].Valid {
			continue
		}
		number, err := strconv.ParseFloat(strings.TrimSpace(cells[at(c.Value)].String), 64)
		if err != nil || math.IsNaN(number) || math.IsInf(number, 0) {
			return a, fmt.Errorf("column %s holds no number in row %d", c.Value, a.rows)
		}
		v := value{number: number}
		for _, l := range c.Labels {
			v.labels = append(v.labels, checks.SafeText(cells[at(l)].String, shownCell))
		}
		key := strings.Join(v.labels, "\x00")
		if first, twice := seen[key]; twice {
			return a, fmt.Errorf("rows %d and %d have the same labels; name columns under labels that tell them apart, or group the rows", first, a.rows)
		}
		seen[key] = a.rows
		a.values = append(a.values, v)
	}
	return a, nil
}
