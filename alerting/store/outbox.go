package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"xunjian/alerting"
)

// farAhead is longer than any notice waits for its next attempt.
const farAhead = 2 * time.Hour

// Due returns notices that wait and may go at now, the urgent first and then
// the oldest. Of each
// recipient's notices about one incident only the oldest that waits is due:
// order is kept even while it is being retried. Channels to skip are those
// that are busy: a long queue of one must not hide what another could send.
//
// What should wait for longer than anything ever does was put off by a clock
// that has been set back since, and is due; but not what quiet hours hold.
func (s *Store) Due(ctx context.Context, now time.Time, skip []string, limit int) ([]alerting.Notice, error) {
	args := []any{ms(now) + 1, ms(now.Add(farAhead))}
	for _, channel := range skip {
		args = append(args, channel)
	}
	rows, err := s.read.QueryContext(ctx, `
		SELECT key, incident, version, kind, channel, recipient, lang, created, not_before, attempts, last_error, urgent
		FROM outbox AS o
		WHERE delivered = 0 AND dead = 0 AND (not_before < ? OR not_before > ? AND not_before > held) AND channel NOT IN (`+marks(len(skip))+`) AND NOT EXISTS (
			SELECT 1 FROM outbox AS b WHERE b.delivered = 0 AND b.dead = 0 AND b.position < o.position
			AND b.incident = o.incident AND b.channel = o.channel AND b.recipient = o.recipient)
		ORDER BY urgent DESC, position LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return notices(rows)
}

func notices(rows *sql.Rows) ([]alerting.Notice, error) {
	defer rows.Close()
	var out []alerting.Notice
	for rows.Next() {
		var n alerting.Notice
		var created, notBefore int64
		if err := rows.Scan(&n.Key, &n.Incident, &n.Version, &n.Kind, &n.Channel, &n.Recipient, &n.Lang,
			&created, &notBefore, &n.Attempts, &n.LastError, &n.Urgent); err != nil {
			return nil, fmt.Errorf("read outbox: %w", err)
		}
		n.Created, n.NotBefore = moment(created), moment(notBefore)
		out = append(out, n)
	}
	return out, rows.Err()
}

// Delivered records that a notice arrived.
func (s *Store) Delivered(ctx context.Context, key string, at time.Time) error {
	return s.mark(ctx, `UPDATE outbox SET delivered = ?, attempts = attempts + 1 WHERE key = ?`, ms(at), key)
}

// Failed records an attempt that failed and when to try again.
func (s *Store) Failed(ctx context.Context, key, why string, next time.Time) error {
	return s.mark(ctx, `UPDATE outbox SET attempts = attempts + 1, last_error = ?, not_before = ? WHERE key = ?`, why, ms(next), key)
}

// DeliveredAll records that several notices arrived, as one.
func (s *Store) DeliveredAll(ctx context.Context, keys []string, at time.Time) error {
	return s.markAll(ctx, keys, `UPDATE outbox SET delivered = ?, attempts = attempts + 1 WHERE key = ?`, ms(at))
}

// FailedAll records an attempt at several notices that failed as one.
func (s *Store) FailedAll(ctx context.Context, keys []string, why string, next time.Time) error {
	return s.markAll(ctx, keys, `UPDATE outbox SET attempts = attempts + 1, last_error = ?, not_before = ? WHERE key = ?`, why, ms(next))
}

// Postpone holds what waits for a recipient on a channel until a moment, but
// for what is urgent.
func (s *Store) Postpone(ctx context.Context, channel, recipient string, until time.Time) error {
	return s.mark(ctx, `UPDATE outbox SET not_before = ?, held = ? WHERE channel = ? AND recipient = ? AND delivered = 0 AND dead = 0 AND urgent = 0 AND not_before < ?`,
		ms(until), ms(until), channel, recipient, ms(until))
}

func (s *Store) markAll(ctx context.Context, keys []string, query string, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.withRoom(func() error {
		tx, err := s.write.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		stmt, err := tx.PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		defer stmt.Close()
		for _, key := range keys {
			if _, err := stmt.ExecContext(ctx, append(args, key)...); err != nil {
				return err
			}
		}
		return tx.Commit()
	})
	if err != nil {
		return fmt.Errorf("record deliveries: %w", err)
	}
	return nil
}

// Dead records that a notice is given up; it stays for people to see.
func (s *Store) Dead(ctx context.Context, key, why string, at time.Time) error {
	return s.mark(ctx, `UPDATE outbox SET attempts = attempts + 1, last_error = ?, dead = ? WHERE key = ?`, why, ms(at), key)
}

func (s *Store) mark(ctx context.Context, query string, args ...any) error {
	err := s.withRoom(func() error {
		_, err := s.write.ExecContext(ctx, query, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("record delivery: %w", err)
	}
	return nil
}

// Queue lists what waits in the outbox, or what was given up; the oldest first.
func (s *Store) Queue(ctx context.Context, dead bool, limit int) ([]alerting.Notice, error) {
	which := "dead = 0"
	if dead {
		which = "dead > 0"
	}
	rows, err := s.read.QueryContext(ctx, `SELECT key, incident, version, kind, channel, recipient, lang, created, not_before, attempts, last_error, urgent
		FROM outbox WHERE delivered = 0 AND `+which+` ORDER BY position LIMIT ?`, limit)
	if err != nil {
		return nil, fmt.Errorf("list outbox: %w", err)
	}
	return notices(rows)
}

// Retry has a notice that was given up, or waits for its next attempt, tried at
// once; an empty key stands for all that were given up. It returns how many.
func (s *Store) Retry(ctx context.Context, key string, now time.Time) (int, error) {
	var n int64
	err := s.withRoom(func() error {
		done, err := s.write.ExecContext(ctx, `UPDATE outbox SET dead = 0, not_before = ?, held = 0 WHERE delivered = 0 AND (key = ? OR ? = '' AND dead > 0)`, ms(now), key, key)
		if err != nil {
			return err
		}
		n, err = done.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("try notices again: %w", err)
	}
	return int(n), nil
}

// OutboxDepth counts the notices that wait, but for those that quiet hours hold,
// and those that were given up.
func (s *Store) OutboxDepth(ctx context.Context) (waiting, dead int, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT
		(SELECT COUNT(*) FROM outbox WHERE delivered = 0 AND dead = 0 AND NOT (held = not_before AND held > ?)),
		(SELECT COUNT(*) FROM outbox WHERE delivered = 0 AND dead > 0)`, ms(time.Now())).Scan(&waiting, &dead)
	if err != nil {
		return 0, 0, fmt.Errorf("count outbox: %w", err)
	}
	return waiting, dead, nil
}
