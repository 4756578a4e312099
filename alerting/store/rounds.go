package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/inspection"
)

// CommitRound writes the events of one round, its fold and the files they speak
// of, whole or not at all.
func (s *Store) CommitRound(ctx context.Context, r inspection.Round, events []inspection.Event, files []inspection.Kept) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.withRoom(func() error { return s.commitRound(ctx, r, events, files) })
	switch {
	case err == nil:
		return nil
	case conflict(err):
		return fmt.Errorf("commit round %s: %w", r.ID, inspection.ErrConflict)
	}
	return fmt.Errorf("commit round %s: %w", r.ID, err)
}

func (s *Store) commitRound(ctx context.Context, r inspection.Round, events []inspection.Event, files []inspection.Kept) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var seq int64
	var head string
	err = tx.QueryRowContext(ctx, `SELECT seq, hash FROM round_events ORDER BY seq DESC LIMIT 1`).Scan(&seq, &head)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	for _, e := range events {
		kind, body, err := inspection.EncodeData(e.Data)
		if err != nil {
			return err
		}
		seq++
		row := roundRow{seq: seq, e: e, kind: kind, body: string(body), prev: head}
		head = row.seal()
		if _, err := tx.ExecContext(ctx, `INSERT INTO round_events (`+roundColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			seq, e.Round, e.Version, e.At.UnixMilli(), e.By, e.Via, kind, row.body, row.prev, head); err != nil {
			return err
		}
	}
	fold, err := json.Marshal(r)
	if err != nil {
		return err
	}
	occasion := ""
	if r.Occasion != nil {
		occasion = r.Occasion.Key
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO rounds (id, form, occasion, waits, opened, fold) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET waits = excluded.waits, fold = excluded.fold`,
		r.ID, r.Form.ID, occasion, flag(!r.Done()), ms(r.Opened), string(fold)); err != nil {
		return err
	}
	var blobs alerting.Unit
	for _, f := range files {
		blobs.Blobs = append(blobs.Blobs, alerting.Blob{ID: f.ID, SHA256: f.SHA256, Body: f.Body})
	}
	if err := s.putBlobs(ctx, tx, blobs); err != nil {
		return err
	}
	return tx.Commit()
}

// Attachment returns a file of a round.
func (s *Store) Attachment(ctx context.Context, id string) ([]byte, error) {
	b, err := s.Blob(ctx, id)
	if errors.Is(err, alerting.ErrNotFound) {
		return nil, fmt.Errorf("attachment %s: %w", id, inspection.ErrNotFound)
	}
	return b.Body, err
}

const roundColumns = `seq, round, version, at, by_name, via, kind, body, prev, hash`

// roundRow is an event as it is stored.
type roundRow struct {
	seq        int64
	e          inspection.Event
	kind, body string
	prev, hash string
}

// seal is the hash of the row and of what stands before it. Each part is
// written with its length, so that no two rows have the same text.
func (r roundRow) seal() string {
	h := sha256.New()
	for _, part := range []string{
		r.prev, strconv.FormatInt(r.seq, 10), r.e.Round, strconv.Itoa(r.e.Version), strconv.FormatInt(r.e.At.UnixMilli(), 10), r.e.By, r.e.Via, r.kind, r.body,
	} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func scanRound(rows *sql.Rows) (roundRow, error) {
	var r roundRow
	var at int64
	err := rows.Scan(&r.seq, &r.e.Round, &r.e.Version, &at, &r.e.By, &r.e.Via, &r.kind, &r.body, &r.prev, &r.hash)
	r.e.At, r.e.Prev, r.e.Hash = time.UnixMilli(at).UTC(), r.prev, r.hash
	return r, err
}

// Round returns the events of a round.
func (s *Store) Round(ctx context.Context, id string) ([]inspection.Event, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+roundColumns+` FROM round_events WHERE round = ? ORDER BY version`, id)
	if err != nil {
		return nil, fmt.Errorf("read round %s: %w", id, err)
	}
	defer rows.Close()
	var out []inspection.Event
	for rows.Next() {
		r, err := scanRound(rows)
		if err == nil {
			r.e.Data, err = inspection.DecodeData(r.kind, []byte(r.body))
		}
		if err != nil {
			return nil, fmt.Errorf("read round %s: %w", id, err)
		}
		out = append(out, r.e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read round %s: %w", id, err)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("round %s: %w", id, inspection.ErrNotFound)
	}
	return out, nil
}

// Rounds returns rounds, newest first.
func (s *Store) Rounds(ctx context.Context, q inspection.Query) ([]inspection.Round, error) {
	where, args := []string{"1 = 1"}, []any{}
	add := func(cond string, arg any) { where, args = append(where, cond), append(args, arg) }
	if q.Form != "" {
		add("form = ?", q.Form)
	}
	if q.Occasion != "" {
		add("occasion = ?", q.Occasion)
	}
	if q.Open {
		add("waits = ?", 1)
	}
	if !q.From.IsZero() {
		add("opened >= ?", ms(q.From))
	}
	if !q.To.IsZero() {
		add("opened < ?", ms(q.To))
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 50
	}
	rows, err := s.read.QueryContext(ctx, `SELECT fold FROM rounds WHERE `+strings.Join(where, " AND ")+` ORDER BY opened DESC, id DESC LIMIT ?`, append(args, min(limit, 500))...)
	if err != nil {
		return nil, fmt.Errorf("find rounds: %w", err)
	}
	defer rows.Close()
	var out []inspection.Round
	for rows.Next() {
		var fold string
		var r inspection.Round
		err := rows.Scan(&fold)
		if err == nil {
			err = json.Unmarshal([]byte(fold), &r)
		}
		if err != nil {
			return nil, fmt.Errorf("find rounds: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// FormSince returns when a form was first known here.
func (s *Store) FormSince(ctx context.Context, form string, now time.Time) (time.Time, error) {
	name := "form/" + form
	all, err := s.LoadAll(ctx, name)
	if err != nil {
		return time.Time{}, err
	}
	if at, err := time.Parse(time.RFC3339Nano, string(all[name])); err == nil {
		return at, nil
	}
	return now, s.Save(ctx, name, []byte(now.Format(time.RFC3339Nano)))
}

// rounds checks the chain of the rounds, and the folds against it.
func (v *verifier) rounds(ctx context.Context) error {
	rows, err := v.tx.QueryContext(ctx, `SELECT `+roundColumns+` FROM round_events ORDER BY seq`)
	if err != nil {
		return err
	}
	defer rows.Close()
	folds := map[string]inspection.Round{}
	var seq int64
	head := ""
	for rows.Next() {
		v.report.Events++
		r, err := scanRound(rows)
		if err != nil {
			v.fault("the event of a round after %d cannot be read: %v", seq, err)
			continue
		}
		if r.seq != seq+1 || r.prev != head {
			v.fault("event %d of %s: does not follow from the event before it", r.seq, r.e.Round)
		}
		if r.seal() != r.hash {
			v.fault("event %d of %s (version %d, %s): its content does not match its hash", r.seq, r.e.Round, r.e.Version, r.kind)
		}
		seq, head = r.seq, r.hash
		if r.e.Data, err = inspection.DecodeData(r.kind, []byte(r.body)); err != nil {
			v.fault("event %d of %s: %v", r.seq, r.e.Round, err)
			continue
		}
		folds[r.e.Round] = folds[r.e.Round].Apply(r.e)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(folds)) {
		for _, o := range folds[id].Outcomes {
			for _, a := range o.Files {
				v.report.Blobs++
				if err := v.blob(ctx, "round "+id, "attachment", a.ID, a.SHA256); err != nil {
					return err
				}
			}
		}
	}
	return v.roundFolds(ctx, folds)
}

func (v *verifier) roundFolds(ctx context.Context, folds map[string]inspection.Round) error {
	rows, err := v.tx.QueryContext(ctx, `SELECT id, fold FROM rounds`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, have string
		if err := rows.Scan(&id, &have); err != nil {
			return err
		}
		want, err := json.Marshal(folds[id])
		if err != nil || string(want) != have {
			v.fault("round %s: what is listed differs from its events", id)
		}
		delete(folds, id)
	}
	for id := range folds {
		v.fault("round %s: is not listed", id)
	}
	return rows.Err()
}
