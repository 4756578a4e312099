package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
)

// Commit writes u whole or not at all, and returns its events sealed. On a
// full disk the ballast is given up and the commit tried once more.
func (s *Store) Commit(ctx context.Context, u alerting.Unit) ([]incident.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sealed []incident.Event
	err := s.withRoom(func() (err error) {
		sealed, err = s.commitLocked(ctx, u)
		s.unsure = err != nil
		return err
	})
	if err != nil {
		if conflict(err) {
			return nil, fmt.Errorf("commit: %w", alerting.ErrConflict)
		}
		return nil, fmt.Errorf("commit: %w", err)
	}
	return sealed, nil
}

func (s *Store) commitLocked(ctx context.Context, u alerting.Unit) ([]incident.Event, error) {
	if s.unsure {
		if err := s.readHeadLocked(ctx); err != nil {
			return nil, err
		}
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	sealed, err := s.putEvents(ctx, tx, u.Events)
	if err != nil {
		return nil, err
	}
	for _, put := range []func(context.Context, *sql.Tx, alerting.Unit) error{s.putIncidents, s.putAlerts, s.putBlobs, s.putNotices} {
		if err := put(ctx, tx, u); err != nil {
			return nil, err
		}
	}
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	if n := len(sealed); n > 0 {
		s.seq, s.head = sealed[n-1].Seq, sealed[n-1].Hash
	}
	return sealed, nil
}

func (s *Store) putEvents(ctx context.Context, tx *sql.Tx, events []incident.Event) ([]incident.Event, error) {
	stmt := tx.StmtContext(ctx, s.stmt.event)
	seq, head := s.seq, s.head
	sealed := make([]incident.Event, 0, len(events))
	for _, e := range events {
		kind, body, err := incident.EncodeData(e.Data)
		if err != nil {
			return nil, err
		}
		seq++
		e.Seq, e.Prev = seq, head
		e.Hash = incident.Seal(head, seq, e.Incident, e.Version, e.At, e.Actor, kind, body)
		head = e.Hash
		if _, err := stmt.ExecContext(ctx, e.Seq, e.Incident, e.Version, e.At.UnixMilli(),
			e.Actor.Kind, e.Actor.Name, e.Actor.Via, kind, string(body), e.Prev, e.Hash); err != nil {
			return nil, err
		}
		sealed = append(sealed, e)
	}
	return sealed, nil
}

func (s *Store) putIncidents(ctx context.Context, tx *sql.Tx, u alerting.Unit) error {
	stmt := tx.StmtContext(ctx, s.stmt.incident)
	for _, i := range u.Incidents {
		fold, err := json.Marshal(i)
		if err != nil {
			return err
		}
		l := listed(i)
		if _, err := stmt.ExecContext(ctx, i.ID, l.state, l.code, l.level, l.drill,
			l.openedAt, l.endedAt, l.words, string(fold)); err != nil {
			return err
		}
	}
	return nil
}

// listing is what stands beside a fold so that it can be found and counted.
type listing struct {
	state, code, level string
	drill              int
	openedAt, endedAt  int64
	words              string
}

func listed(i incident.Incident) listing {
	return listing{
		string(i.State), i.Code, string(i.Level), flag(i.Drill), ms(i.OpenedAt), listedEnd(i),
		strings.ToLower(strings.Join([]string{i.ID, i.Key, i.Code, i.System, i.Title.ZH, i.Title.EN}, "\n")),
	}
}

func (s *Store) putAlerts(ctx context.Context, tx *sql.Tx, u alerting.Unit) error {
	stmt := tx.StmtContext(ctx, s.stmt.alert)
	for _, a := range u.Alerts {
		record, err := json.Marshal(a)
		if err != nil {
			return err
		}
		if _, err := stmt.ExecContext(ctx, a.Key, ms(a.FiredAt), ms(a.ChangedAt), string(a.Status), string(record)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) putBlobs(ctx context.Context, tx *sql.Tx, u alerting.Unit) error {
	stmt := tx.StmtContext(ctx, s.stmt.blob)
	for _, b := range u.Blobs {
		packed, err := pack(b.Body)
		if err != nil {
			return err
		}
		if _, err := stmt.ExecContext(ctx, b.ID, b.SHA256, packed); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) putNotices(ctx context.Context, tx *sql.Tx, u alerting.Unit) error {
	if len(u.Notices) == 0 {
		return nil
	}
	var position int64
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(position), 0) FROM outbox`).Scan(&position); err != nil {
		return err
	}
	stmt := tx.StmtContext(ctx, s.stmt.notice)
	for _, n := range u.Notices {
		position++
		if _, err := stmt.ExecContext(ctx, n.Key, position, n.Incident, n.Version, n.Kind, n.Channel, n.Recipient, n.Lang,
			ms(n.Created), ms(n.NotBefore), held(n), flag(n.Urgent)); err != nil {
			return err
		}
		if err := hurry(ctx, tx, n); err != nil {
			return err
		}
	}
	return nil
}

// held is until when a notice is kept back by intent; 0 if it is not.
func held(n alerting.Notice) int64 {
	if n.NotBefore.After(n.Created) {
		return ms(n.NotBefore)
	}
	return 0
}

// hurry lets what stands before n in its order hold it up no longer than n
// itself may wait: what was held for the morning goes when worse follows, and
// is as urgent.
func hurry(ctx context.Context, tx *sql.Tx, n alerting.Notice) error {
	if n.Version <= 1 {
		return nil // nothing stands before it
	}
	const before = ` WHERE incident = ? AND channel = ? AND recipient = ? AND delivered = 0 AND dead = 0`
	if _, err := tx.ExecContext(ctx, `UPDATE outbox SET not_before = ?, held = ?`+before+` AND held > ? AND attempts = 0`,
		ms(n.NotBefore), held(n), n.Incident, n.Channel, n.Recipient, ms(n.NotBefore)); err != nil {
		return err
	}
	if !n.Urgent {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE outbox SET urgent = 1`+before, n.Incident, n.Channel, n.Recipient)
	return err
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ms is a stored time; 0 is no time.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func pack(body []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// maxBlob bounds what a packed blob may unpack to, in bytes.
const maxBlob = 64 << 20

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, maxBlob))
}

// listedEnd is when an incident ceased to ask for anything, 0 while it does.
func listedEnd(i incident.Incident) int64 {
	if i.Pending() {
		return 0
	}
	return ms(i.EndedAt)
}
