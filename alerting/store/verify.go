package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"

	"encoding/json"

	"xunjian/alerting"
	"xunjian/alerting/incident"
)

// maxFaults bounds a report: after so many, more say nothing new.
const maxFaults = 100

// Verify walks the chain from its first event: hashes, numbers without a gap,
// evidence against its hashes, and folds against the listed incidents. It
// reads one snapshot, so that it can run beside commits.
func (s *Store) Verify(ctx context.Context) (alerting.VerifyReport, error) {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return alerting.VerifyReport{}, fmt.Errorf("verify: %w", err)
	}
	defer tx.Rollback()
	v := verifier{tx: tx, folds: map[string]incident.Incident{}}
	for _, step := range []func(context.Context) error{v.chain, v.incidents, v.blobs} {
		if err := step(ctx); err != nil {
			return v.report, fmt.Errorf("verify: %w", err)
		}
	}
	return v.report, nil
}

type verifier struct {
	tx     *sql.Tx
	report alerting.VerifyReport
	folds  map[string]incident.Incident
}

func (v *verifier) fault(format string, args ...any) {
	if len(v.report.Faults) < maxFaults {
		v.report.Faults = append(v.report.Faults, fmt.Sprintf(format, args...))
	}
}

func (v *verifier) chain(ctx context.Context) error {
	rows, err := v.tx.QueryContext(ctx, `SELECT `+eventColumns+` FROM events ORDER BY seq`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var seq int64
	for rows.Next() {
		r, err := scanRow(rows)
		if err != nil {
			return err
		}
		v.report.Events++
		v.event(r, seq)
		seq, v.report.Head = r.e.Seq, r.e.Hash
	}
	return rows.Err()
}

// event checks one event against the one before it.
func (v *verifier) event(r row, before int64) {
	e := r.e
	if e.Seq != before+1 {
		v.fault("event %d: %d stands before it, so events are missing", e.Seq, before)
	}
	if e.Prev != v.report.Head {
		v.fault("event %d of %s: does not follow from the event before it", e.Seq, e.Incident)
	}
	if want := incident.Seal(e.Prev, e.Seq, e.Incident, e.Version, e.At, e.Actor, r.kind, r.body); want != e.Hash {
		v.fault("event %d of %s (version %d, %s): its content does not match its hash", e.Seq, e.Incident, e.Version, r.kind)
	}
	fold := v.folds[e.Incident]
	if e.Version != fold.Version+1 {
		v.fault("event %d of %s: version %d follows version %d", e.Seq, e.Incident, e.Version, fold.Version)
	}
	data, err := incident.DecodeData(r.kind, r.body)
	if err != nil {
		v.fault("event %d of %s: %v", e.Seq, e.Incident, err)
		return
	}
	e.Data = data
	v.folds[e.Incident] = fold.Apply(e)
}

// incidents checks the listed folds against those that the events give.
func (v *verifier) incidents(ctx context.Context) error {
	rows, err := v.tx.QueryContext(ctx, `SELECT id, state, code, level, fold FROM incidents ORDER BY id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, state, code, level string
		var body []byte
		if err := rows.Scan(&id, &state, &code, &level, &body); err != nil {
			return err
		}
		v.report.Incidents++
		want, ok := v.folds[id]
		if !ok {
			v.fault("incident %s is listed but has no events", id)
			continue
		}
		var have incident.Incident
		if err := json.Unmarshal(body, &have); err != nil || !same(want, have) ||
			state != string(want.State) || code != want.Code || level != string(want.Level) {
			v.fault("incident %s: what is listed differs from what its events say", id)
		}
	}
	if n := len(v.folds) - v.report.Incidents; n > 0 {
		v.fault("%d incidents have events but are not listed", n)
	}
	return rows.Err()
}

// same compares two folds by what they say, not by how a map is kept.
func same(a, b incident.Incident) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && reflect.DeepEqual(x, y)
}

// blobs checks all evidence that events refer to.
func (v *verifier) blobs(ctx context.Context) error {
	for id, fold := range v.folds {
		for _, ev := range fold.Evidence {
			v.report.Blobs++
			if err := v.blob(ctx, id, ev); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *verifier) blob(ctx context.Context, id string, ev incident.EvidenceTaken) error {
	var packed []byte
	err := v.tx.QueryRowContext(ctx, `SELECT body FROM blobs WHERE id = ?`, ev.ID).Scan(&packed)
	if errors.Is(err, sql.ErrNoRows) {
		v.fault("incident %s: its evidence %s is missing", id, ev.ID)
		return nil
	}
	if err != nil {
		return err
	}
	body, err := unpack(packed)
	if err != nil || alerting.NewBlob(ev.ID, body).SHA256 != ev.SHA256 {
		v.fault("incident %s: evidence %s does not match the hash in the timeline", id, ev.ID)
	}
	return nil
}
