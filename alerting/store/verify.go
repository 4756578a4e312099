package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

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
	for _, step := range []func(context.Context) error{v.chain, v.incidents, v.blobs, v.rounds} {
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
		v.report.Events++
		r, err := scanRow(rows)
		if err != nil {
			v.fault("the event after %d cannot be read: %v", seq, err)
			continue
		}
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
	rows, err := v.tx.QueryContext(ctx, `SELECT id, state, code, level, drill, opened_at, ended_at, words, fold FROM incidents ORDER BY id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	unlisted := maps.Clone(v.folds)
	for rows.Next() {
		v.report.Incidents++
		var id string
		var have listing
		var body []byte
		if err := rows.Scan(&id, &have.state, &have.code, &have.level, &have.drill, &have.openedAt, &have.endedAt, &have.words, &body); err != nil {
			v.fault("incident number %d of the list cannot be read: %v", v.report.Incidents, err)
			continue
		}
		delete(unlisted, id)
		v.listed(id, have, body)
	}
	for _, id := range slices.Sorted(maps.Keys(unlisted)) {
		v.fault("incident %s has events but is not listed", id)
	}
	return rows.Err()
}

func (v *verifier) listed(id string, have listing, body []byte) {
	want, ok := v.folds[id]
	if !ok {
		v.fault("incident %s is listed but has no events", id)
		return
	}
	var fold incident.Incident
	if err := json.Unmarshal(body, &fold); err != nil || !same(want, fold) || have != listed(want) {
		v.fault("incident %s: what is listed differs from what its events say", id)
	}
}

// same compares two folds by what they say, not by how a map is kept.
func same(a, b incident.Incident) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// blobs checks all evidence that events refer to.
func (v *verifier) blobs(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(v.folds)) {
		for _, ev := range v.folds[id].Evidence {
			v.report.Blobs++
			if err := v.blob(ctx, "incident "+id, "evidence", ev.ID, ev.SHA256); err != nil {
				return err
			}
		}
	}
	return nil
}

// blob checks one that an event speaks of: it is there, and holds what it held.
func (v *verifier) blob(ctx context.Context, of, what, id, hash string) error {
	var packed []byte
	var sum string
	err := v.tx.QueryRowContext(ctx, `SELECT sha256, body FROM blobs WHERE id = ?`, id).Scan(&sum, &packed)
	if errors.Is(err, sql.ErrNoRows) {
		v.fault("%s: its %s %s is missing", of, what, id)
		return nil
	}
	if err != nil {
		return err
	}
	body, err := unpack(packed)
	if err != nil || sum != hash || alerting.NewBlob(id, body).SHA256 != hash {
		v.fault("%s: %s %s does not match the hash in the timeline", of, what, id)
	}
	return nil
}
