package alerting

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"xunjian/alerting/incident"
)

const (
	// evidenceWithin bounds how long a snapshot may take.
	evidenceWithin = 5 * time.Second
	// lateAfter is how long after the opening a snapshot is one of that moment.
	lateAfter = time.Minute
)

func (d *Desk) queueEvidenceLocked(id string) {
	if d.opt.Evidence == nil && d.opt.Look == nil {
		return
	}
	d.waiting = append(d.waiting, id)
	select {
	case d.evidence <- struct{}{}:
	default:
	}
}

// queueMissing queues the incidents that the agent did not get to when it was
// stopped.
func (d *Desk) queueMissing() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(d.active)) {
		i := d.active[id]
		if len(i.Evidence) == 0 && !i.Ended() && !slices.Contains(d.waiting, id) {
			d.queueEvidenceLocked(id)
		}
	}
}

// nextEvidence returns the incident that has waited longest for its snapshot.
func (d *Desk) nextEvidence(ctx context.Context) (i incident.Incident, ok bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.waiting) == 0 {
		return i, false, nil
	}
	id := d.waiting[0]
	if d.waiting = d.waiting[1:]; len(d.waiting) == 0 {
		d.waiting = nil // gives the room back after a storm
	}
	i, err = d.getLocked(ctx, id)
	return i, true, err
}

// takeEvidence takes one snapshot after the other: they cost the sick host
// something.
func (d *Desk) takeEvidence(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.evidence:
		}
		for ctx.Err() == nil {
			i, ok, err := d.nextEvidence(ctx)
			if !ok {
				break
			}
			if err == nil {
				err = errors.Join(d.attach(ctx, i), d.lookAll(ctx, i))
			}
			if err != nil && ctx.Err() == nil {
				d.opt.Logger.Error("take evidence", "incident", i.ID, "err", err)
			}
		}
	}
}

func (d *Desk) attach(ctx context.Context, i incident.Incident) error {
	if d.opt.Evidence == nil {
		return nil
	}
	body, err := d.snapshot(ctx, i)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if i, err = d.getLocked(ctx, i.ID); err != nil {
		return err
	}
	blob := NewBlob(fmt.Sprintf("%s-e%d", i.ID, len(i.Evidence)+1), body)
	w := d.newWork()
	w.blobs = append(w.blobs, blob)
	err = w.do(i, incident.Actor{Kind: "agent", Name: d.opt.Host, Via: "evidence"}, incident.Attach{
		ID: blob.ID, SHA256: blob.SHA256, Bytes: len(body),
		Late: i.OpenedAt.Before(d.started) || w.now.Sub(i.OpenedAt) > lateAfter,
	})
	if err != nil {
		return err
	}
	return d.commitLocked(ctx, w)
}

// snapshot asks for the evidence. What breaks while looking at a sick host
// must not take the Desk with it.
func (d *Desk) snapshot(ctx context.Context, i incident.Incident) (body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, evidenceWithin)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = errors.Join(err, fmt.Errorf("evidence broke: %v", r))
		}
	}()
	return d.opt.Evidence(ctx, i)
}

// lookAll does the steps of the playbook that the agent can do by itself, those
// of every branch: their results help to choose one. A drill looks too.
func (d *Desk) lookAll(ctx context.Context, i incident.Incident) error {
	if d.opt.Look == nil {
		return nil
	}
	d.mu.Lock()
	steps := i.Playbook(d.planOf(i))
	d.mu.Unlock()
	for _, s := range steps {
		for _, look := range s.Step.Looks {
			lines, err := d.look(ctx, i, look)
			if err != nil {
				lines = append(lines, incident.Line{Code: "look.failed", Args: map[string]any{"error": bounded(err.Error())}})
			}
			cmd := incident.Looked{Step: s.ID, Look: look, Lines: lines}
			if _, err := d.Do(ctx, i.ID, 0, incident.Actor{Kind: "agent", Name: d.opt.Host, Via: "evidence"}, cmd); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Desk) look(ctx context.Context, i incident.Incident, what string) (lines []incident.Line, err error) {
	ctx, cancel := context.WithTimeout(ctx, evidenceWithin)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("looking broke: %v", r)
		}
	}()
	return d.opt.Look(ctx, i, what)
}
