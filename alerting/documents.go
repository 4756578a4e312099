package alerting

import (
	"context"
	"fmt"

	"xunjian/alerting/incident"
)

// SaveDocument keeps the text of a duty as a person edited it, beside the
// timeline, and notes its hash there.
func (d *Desk) SaveDocument(ctx context.Context, id string, actor incident.Actor, duty, lang string, body []byte) (incident.Incident, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, err := d.getLocked(ctx, id)
	if err != nil {
		return incident.Incident{}, err
	}
	if err := d.loadPlan(ctx, i.PlanDigest); err != nil {
		return i, err
	}
	blob := NewBlob(fmt.Sprintf("%s-d%d", id, i.Version+1), body)
	w := d.newWork()
	w.blobs = append(w.blobs, blob)
	cmd := incident.SaveDocument{Duty: duty, Lang: lang, ID: blob.ID, SHA256: blob.SHA256, Bytes: len(body)}
	if err := w.do(i, actor, cmd); err != nil {
		return i, err
	}
	if err := d.commitLocked(ctx, w); err != nil {
		return i, err
	}
	return d.active[id], nil
}
