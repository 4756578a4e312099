package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
)

const eventColumns = `seq, incident, version, at, actor_kind, actor_name, actor_via, kind, body, prev, hash`

// row is an event as stored.
type row struct {
	e    incident.Event
	at   int64
	kind string
	body []byte
}

func scanRow(rows *sql.Rows) (row, error) {
	var r row
	err := rows.Scan(&r.e.Seq, &r.e.Incident, &r.e.Version, &r.at, &r.e.Actor.Kind, &r.e.Actor.Name, &r.e.Actor.Via,
		&r.kind, &r.body, &r.e.Prev, &r.e.Hash)
	r.e.At = time.UnixMilli(r.at).UTC()
	return r, err
}

// Events returns an incident's timeline.
func (s *Store) Events(ctx context.Context, id string) ([]incident.Event, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+eventColumns+` FROM events WHERE incident = ? ORDER BY version`, id)
	if err != nil {
		return nil, fmt.Errorf("read events of %s: %w", id, err)
	}
	defer rows.Close()
	var out []incident.Event
	for rows.Next() {
		r, err := scanRow(rows)
		if err != nil {
			return nil, fmt.Errorf("read events of %s: %w", id, err)
		}
		if r.e.Data, err = incident.DecodeData(r.kind, r.body); err != nil {
			return nil, fmt.Errorf("read events of %s: %w", id, err)
		}
		out = append(out, r.e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read events of %s: %w", id, err)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("incident %s: %w", id, alerting.ErrNotFound)
	}
	return out, nil
}

// Active returns the folds of incidents that have not ended, or ended at or
// after since.
func (s *Store) Active(ctx context.Context, since time.Time) ([]incident.Incident, error) {
	return s.folds(ctx, `SELECT fold FROM incidents WHERE ended_at = 0 OR ended_at >= ? ORDER BY id`, ms(since))
}

// Find returns incidents newest first.
func (s *Store) Find(ctx context.Context, q alerting.Query) ([]incident.Incident, error) {
	where, args := []string{"1 = 1"}, []any{}
	add := func(cond string, arg ...any) { where, args = append(where, cond), append(args, arg...) }
	if len(q.States) > 0 {
		where = append(where, "state IN ("+marks(len(q.States))+")")
		for _, st := range q.States {
			args = append(args, string(st))
		}
	}
	if q.Code != "" {
		add("code = ?", q.Code)
	}
	if q.Text != "" {
		add(`words LIKE ? ESCAPE '\'`, "%"+strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(q.Text))+"%")
	}
	if !q.From.IsZero() {
		add("opened_at >= ?", ms(q.From))
	}
	if !q.To.IsZero() {
		add("opened_at < ?", ms(q.To))
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 100
	}
	args = append(args, min(limit, 1000), max(q.Offset, 0))
	return s.folds(ctx, `SELECT fold FROM incidents WHERE `+strings.Join(where, " AND ")+` ORDER BY id DESC LIMIT ? OFFSET ?`, args...)
}

// marks returns n places for arguments.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

func (s *Store) folds(ctx context.Context, query string, args ...any) ([]incident.Incident, error) {
	return list(ctx, s.read, "incidents", query, args, func(b []byte) (i incident.Incident, err error) {
		return i, json.Unmarshal(b, &i)
	})
}

// list reads rows of one column each.
func list[T any](ctx context.Context, db *sql.DB, what, query string, args []any, decode func([]byte) (T, error)) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", what, err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return nil, fmt.Errorf("list %s: %w", what, err)
		}
		v, err := decode(b)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", what, err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list %s: %w", what, err)
	}
	return out, nil
}

// Blob returns kept evidence.
func (s *Store) Blob(ctx context.Context, id string) (alerting.Blob, error) {
	b := alerting.Blob{ID: id}
	var packed []byte
	err := s.read.QueryRowContext(ctx, `SELECT sha256, body FROM blobs WHERE id = ?`, id).Scan(&b.SHA256, &packed)
	if errors.Is(err, sql.ErrNoRows) {
		return b, fmt.Errorf("evidence %s: %w", id, alerting.ErrNotFound)
	}
	if err == nil {
		b.Body, err = unpack(packed)
	}
	if err != nil {
		return b, fmt.Errorf("read evidence %s: %w", id, err)
	}
	return b, nil
}

// CurrentAlerts returns the alerts that are firing or lost.
func (s *Store) CurrentAlerts(ctx context.Context) ([]alerting.AlertRecord, error) {
	return s.alerts(ctx, `SELECT record FROM alerts WHERE status IN ('firing', 'lost') ORDER BY key, fired_at`)
}

// AlertLog returns alerts that changed within [from, to), newest first.
func (s *Store) AlertLog(ctx context.Context, from, to time.Time, limit int) ([]alerting.AlertRecord, error) {
	if limit <= 0 {
		limit = 1000
	}
	return s.alerts(ctx, `SELECT record FROM alerts WHERE changed_at >= ? AND changed_at < ? ORDER BY changed_at DESC, key LIMIT ?`,
		ms(from), ms(to), limit)
}

func (s *Store) alerts(ctx context.Context, query string, args ...any) ([]alerting.AlertRecord, error) {
	return list(ctx, s.read, "alerts", query, args, func(b []byte) (a alerting.AlertRecord, err error) {
		return a, json.Unmarshal(b, &a)
	})
}

// LastID returns the greatest incident id with a prefix.
func (s *Store) LastID(ctx context.Context, prefix string) (string, error) {
	var id string
	// The longer one is the greater: numbers have leading zeros only up to a point.
	err := s.read.QueryRowContext(ctx, `SELECT id FROM incidents WHERE id >= ? AND id < ? ORDER BY LENGTH(id) DESC, id DESC LIMIT 1`,
		prefix, prefix+"~").Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read last incident id: %w", err)
	}
	return id, nil
}

// Count is how many incidents stand in one place of the matrix.
type Count struct {
	Code, Level, State string
	N                  int
}

// CountIncidents counts incidents by code, level and state; drills are left
// out.
func (s *Store) CountIncidents(ctx context.Context) ([]Count, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT code, level, state, COUNT(*) FROM incidents WHERE drill = 0 GROUP BY code, level, state`)
	if err != nil {
		return nil, fmt.Errorf("count incidents: %w", err)
	}
	defer rows.Close()
	var out []Count
	for rows.Next() {
		var c Count
		if err := rows.Scan(&c.Code, &c.Level, &c.State, &c.N); err != nil {
			return nil, fmt.Errorf("count incidents: %w", err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Load returns a small thing kept by name; nil if there is none.
func (s *Store) Load(ctx context.Context, name string) ([]byte, error) {
	var body []byte
	err := s.read.QueryRowContext(ctx, `SELECT body FROM kept WHERE name = ?`, name).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	return body, nil
}

// LoadAll returns the small things whose names begin with prefix, by name.
func (s *Store) LoadAll(ctx context.Context, prefix string) (map[string][]byte, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT name, body FROM kept WHERE name >= ? AND name < ?`, prefix, prefix+"\U0010FFFF")
	if err != nil {
		return nil, fmt.Errorf("load %s*: %w", prefix, err)
	}
	defer rows.Close()
	out := map[string][]byte{}
	for rows.Next() {
		var name string
		var body []byte
		if err := rows.Scan(&name, &body); err != nil {
			return nil, fmt.Errorf("load %s*: %w", prefix, err)
		}
		out[name] = body
	}
	return out, rows.Err()
}

// Save keeps a small thing by name, durably.
func (s *Store) Save(ctx context.Context, name string, body []byte) error {
	err := s.withRoom(func() error {
		_, err := s.write.ExecContext(ctx, `INSERT INTO kept (name, body) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body`, name, body)
		return err
	})
	if err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	return nil
}
