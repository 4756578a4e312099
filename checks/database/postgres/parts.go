package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"xunjian/checks"
)

// part is one question to the server: a query whose first columns are labels
// and whose others are numbers, each of them a family.
type part struct {
	name string
	sql  string
	// since and before are the versions that it is for; 0: all.
	since, before int
	// slow parts cost the server more, and are asked once in slowly.
	slow bool
	// filtered parts take the names of databases as $1, NULL for all.
	filtered bool
	labels   int
	numbers  []*checks.Desc
}

// slowly is how old the figures of a slow part may be.
const slowly = time.Minute

func (p *part) fits(version int) bool {
	return version >= p.since && (p.before == 0 || version < p.before)
}

// kept are the samples of a slow part.
type kept struct {
	at      time.Time
	samples []checks.Sample
}

// sight is what one look saw. It belongs to the goroutine that looks until
// that says that it is done.
type sight struct {
	samples  []checks.Sample
	findings []checks.Finding
}

func (s *sight) find(f checks.Finding) { s.findings = append(s.findings, f) }

// set records one number; the labels of the server are added.
func (s *sight) set(w *watched, d *checks.Desc, value float64, values ...string) {
	s.samples = append(s.samples, checks.Sample{Desc: d, Value: value, Values: append(values, w.address, w.System)})
}

// fill asks one part. What the server refuses is told, and the others go on; an
// error means that the connection is of no use any more.
func (w *watched) fill(s *session, p *part, see *sight) error {
	if !p.fits(s.version) {
		return nil
	}
	if k, ok := w.slow[p.name]; p.slow && ok && time.Since(k.at) < slowly {
		see.samples = append(see.samples, k.samples...)
		return nil
	}
	before := len(see.samples)
	var args []any
	if p.filtered {
		args = append(args, w.Databases)
	}
	err := w.read(s, p, args, see)
	if err != nil {
		see.samples = see.samples[:before]
		return w.unread(s, p.name, err, see)
	}
	if p.slow {
		w.slow[p.name] = kept{time.Now(), append([]checks.Sample(nil), see.samples[before:]...)}
	}
	return nil
}

// unread tells that a part could not be read, or returns the error if the
// connection is gone.
func (w *watched) unread(s *session, name string, err error, see *sight) error {
	if s.IsClosed() {
		return err
	}
	code := "postgres.unread"
	var said *pgconn.PgError
	if errors.As(err, &said) && said.Code == "42501" {
		code = "postgres.forbidden"
	}
	see.find(checks.Finding{Code: code, Subject: w.address, Verdict: checks.Unknown, Args: map[string]any{"part": name, "error": plainReason(err), "user": w.User}})
	return nil
}

func (w *watched) read(s *session, p *part, args []any, see *sight) error {
	rows, err := s.Query(context.Background(), p.sql, args...)
	if err != nil {
		return fmt.Errorf("read %s: %w", p.name, err)
	}
	defer rows.Close()
	labels := make([]pgtype.Text, p.labels)
	numbers := make([]pgtype.Float8, len(p.numbers))
	into := make([]any, 0, len(labels)+len(numbers))
	for n := range labels {
		into = append(into, &labels[n])
	}
	for n := range numbers {
		into = append(into, &numbers[n])
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("read %s: %w", p.name, err)
		}
		values := make([]string, len(labels), len(labels)+2)
		for n, l := range labels {
			values[n] = l.String
		}
		values = append(values, w.address, w.System)
		for n, v := range numbers {
			if v.Valid {
				see.samples = append(see.samples, checks.Sample{Desc: p.numbers[n], Values: values, Value: v.Float64})
			}
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read %s: %w", p.name, err)
	}
	return nil
}

// collect reads rows of a query into values of T by the names of their
// columns.
func collect[T any](s *session, name, sql string, args ...any) ([]T, error) {
	rows, err := s.Query(context.Background(), sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return out, nil
}
