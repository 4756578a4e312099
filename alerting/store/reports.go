package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/inspection"
)

// File keeps a report, with the notices that bring it to people; of one that is
// kept already it changes nothing, so that nobody gets it twice.
func (s *Store) File(ctx context.Context, r inspection.Filed, notices []alerting.Notice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.withRoom(func() error {
		tx, err := s.write.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		body, err := pack(r.Body)
		if err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, `INSERT INTO reports (id, round, form, edition, verdict, made, begins, ends, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO NOTHING`, r.ID, r.Round, r.Form, r.Edition, string(r.Verdict), ms(r.Made), ms(r.From), ms(r.To), body)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		if err := s.putNotices(ctx, tx, alerting.Unit{Notices: notices}); err != nil {
			return err
		}
		return tx.Commit()
	})
	if err != nil {
		return fmt.Errorf("file report %s: %w", r.ID, err)
	}
	return nil
}

// Send queues notices of a report that is filed already.
func (s *Store) Send(ctx context.Context, notices []alerting.Notice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.withRoom(func() error {
		tx, err := s.write.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := s.putNotices(ctx, tx, alerting.Unit{Notices: notices}); err != nil {
			return err
		}
		return tx.Commit()
	})
	if err != nil {
		return fmt.Errorf("queue a report: %w", err)
	}
	return nil
}

const reportColumns = `id, round, form, edition, verdict, made, begins, ends`

func scanReport(row interface{ Scan(...any) error }, more ...any) (inspection.Filed, error) {
	var r inspection.Filed
	var made, from, to int64
	err := row.Scan(append([]any{&r.ID, &r.Round, &r.Form, &r.Edition, &r.Verdict, &made, &from, &to}, more...)...)
	r.Made, r.From, r.To = moment(made), moment(from), moment(to)
	return r, err
}

// Reports lists what is filed, newest first, without bodies; an empty form
// stands for all.
func (s *Store) Reports(ctx context.Context, form string, limit int) ([]inspection.Filed, error) {
	if limit <= 0 {
		limit = 50
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+reportColumns+` FROM reports WHERE form = ? OR ? = '' ORDER BY made DESC, id DESC LIMIT ?`, form, form, min(limit, 1000))
	if err != nil {
		return nil, fmt.Errorf("list reports: %w", err)
	}
	defer rows.Close()
	out := []inspection.Filed{}
	for rows.Next() {
		r, err := scanReport(rows)
		if err != nil {
			return nil, fmt.Errorf("list reports: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// Report returns one that is filed; inspection.ErrNotFound if it is not.
func (s *Store) Report(ctx context.Context, id string) (inspection.Filed, error) {
	var packed []byte
	r, err := scanReport(s.read.QueryRowContext(ctx, `SELECT `+reportColumns+`, body FROM reports WHERE id = ?`, id), &packed)
	if errors.Is(err, sql.ErrNoRows) {
		err = inspection.ErrNotFound
	}
	if err == nil {
		r.Body, err = unpack(packed)
	}
	if err != nil {
		return inspection.Filed{}, fmt.Errorf("report %s: %w", id, err)
	}
	return r, nil
}

// ForgetReports removes what was filed before a moment.
func (s *Store) ForgetReports(ctx context.Context, before time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.write.ExecContext(ctx, `DELETE FROM reports WHERE made < ?`, ms(before)); err != nil {
		return fmt.Errorf("remove old reports: %w", err)
	}
	return nil
}
