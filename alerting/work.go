package alerting

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

// work gathers what one transaction will change, on top of the Desk's state,
// which stays as it is until the commit has succeeded.
type work struct {
	d       *Desk
	now     time.Time
	events  []incident.Event
	folds   map[string]incident.Incident
	byKey   map[string]string
	alerts  map[string]AlertRecord
	past    []AlertRecord // lives that ended before another of their key began
	notices []Notice
	blobs   []Blob
	opened  []string
	lastID  string
}

func (d *Desk) newWork() *work {
	return &work{
		d:      d,
		now:    d.opt.Now().UTC().Truncate(time.Millisecond),
		folds:  map[string]incident.Incident{},
		byKey:  map[string]string{},
		alerts: map[string]AlertRecord{},
		lastID: d.lastID,
	}
}

func (w *work) empty() bool {
	return len(w.events) == 0 && len(w.alerts) == 0 && len(w.blobs) == 0
}

func (w *work) unit() Unit {
	u := Unit{Events: w.events, Notices: w.notices, Blobs: w.blobs}
	for _, id := range slices.Sorted(maps.Keys(w.folds)) {
		u.Incidents = append(u.Incidents, w.folds[id])
	}
	u.Alerts = append(u.Alerts, w.past...)
	for _, key := range slices.Sorted(maps.Keys(w.alerts)) {
		u.Alerts = append(u.Alerts, w.alerts[key])
	}
	return u
}

// signal decides on one signal: the alert is always recorded; one whose rule
// carries a plan code opens an incident or adds to it.
func (w *work) signal(ctx context.Context, s Signal) error {
	rec, known := w.alert(s.Key)
	if !known && s.Status == Ended {
		return nil
	}
	// Said again, not fired again: if a person ended the incident meanwhile,
	// with the alert still firing, it stays ended.
	repeated := known && rec.Status == Firing && s.Status == Firing && rec.Incident != ""
	if !known {
		if before, ok := w.alerts[s.Key]; ok {
			w.past = append(w.past, before)
		}
		rec = AlertRecord{Key: s.Key, Rule: s.Rule, FiredAt: s.At}
	}
	rec.Labels, rec.Annotations, rec.Value = s.Labels, s.Annotations, s.Value
	rec.Status, rec.Since, rec.ChangedAt = s.Status, s.Since, s.At
	rec.Basis, rec.Sources = s.Basis, s.Sources
	if s.Status == Ended {
		rec.EndedAt = s.At
	}
	if !repeated {
		var err error
		if rec.Incident, err = w.incidentFor(ctx, s, rec); err != nil {
			return err
		}
	}
	w.alerts[s.Key] = rec
	return nil
}

// incidentFor tells the incident of a signal of it, opening one where there is
// none, and returns its id, empty for a warning.
func (w *work) incidentFor(ctx context.Context, s Signal, rec AlertRecord) (string, error) {
	actor := incident.Actor{Kind: "rule", Name: s.Rule, Via: s.Via}
	if i, ok := w.incidentOf(s, rec); ok {
		return i.ID, w.do(i, actor, command(s))
	}
	if s.Status == Firing && opensIncident(s) {
		return w.open(ctx, s, actor)
	}
	return rec.Incident, nil
}

// opensIncident reports whether the rule's labels say so: a plan code, and
// not merely a warning.
func opensIncident(s Signal) bool {
	return s.Labels["code"] != "" && s.Labels["kind"] != "warning"
}

func command(s Signal) incident.Command {
	switch s.Status {
	case Ended:
		return incident.End{Alert: s.Key}
	case Lost:
		return incident.Lose{Alert: s.Key}
	}
	return incident.Fire{
		Alert: s.Key, Rule: s.Rule, Labels: s.Labels, Annotations: s.Annotations,
		Since: s.Since.UTC().Truncate(time.Millisecond), Value: s.Value,
	}
}

// open starts the incident of a signal that has none. Level is that of the
// time lost so far; the scenario is the rule's, or the code's own.
func (w *work) open(ctx context.Context, s Signal, actor incident.Actor) (string, error) {
	id, err := w.d.nextIDLocked(ctx, w.lastID, w.now)
	if err != nil {
		return "", err
	}
	w.lastID = id
	p := w.d.opt.Plan
	code := s.Labels["code"]
	if _, ok := p.Category(code); !ok {
		// Better an incident of the wrong drawer than none.
		code = "H01"
	}
	sc, ok := p.Scenario(s.Labels["scenario"])
	if !ok {
		sc, _ = p.ScenarioFor(code)
	}
	kind := w.d.systemKind(s.Labels["system"], w.now)
	since := s.Since.UTC().Truncate(time.Millisecond)
	opened := incident.Opened{
		Key: incidentKey(s), Code: code, Scenario: sc.ID, Cause: s.Labels["cause"],
		System: s.Labels["system"], SystemKind: kind,
		Level:       p.LevelOf(sc, kind, w.now.Sub(since)),
		Title:       title(s),
		OutageSince: since,
		PlanVersion: p.Version, PlanDigest: w.d.digest, Host: w.d.opt.Host,
		Resolve: resolve(s),
		Reason:  fmt.Sprintf("rule %s carries code %q", s.Rule, s.Labels["code"]),
	}
	i := w.add(incident.Incident{ID: id}, actor, opened)
	// Policies may look at the alert's labels, so it is there when people are told.
	i.Alerts = w.add(i, actor, incident.AlertJoined(command(s).(incident.Fire))).Alerts
	w.tell(i, opened)
	w.byKey[opened.Key] = id
	w.opened = append(w.opened, id)
	return id, nil
}

// incidentKey is what makes two alerts one incident: the rule's own word in
// the label "incident", or the alert itself.
func incidentKey(s Signal) string {
	if k := s.Labels["incident"]; k != "" {
		return s.Labels["code"] + "/" + k
	}
	return s.Key
}

// resolve is the rule's word on whether the incident may resolve by itself;
// without one it may not.
func resolve(s Signal) string {
	if s.Labels["resolve"] == incident.ResolveAuto {
		return incident.ResolveAuto
	}
	return incident.ResolveManual
}

func title(s Signal) plan.Text {
	t := plan.Text{ZH: s.Annotations["summary_zh"], EN: s.Annotations["summary"]}
	if t.EN == "" {
		t.EN = s.Rule
	}
	if t.ZH == "" {
		t.ZH = t.EN
	}
	return t
}

func (d *Desk) systemKind(system string, at time.Time) plan.SystemKind {
	if d.opt.Kind != nil {
		if k := d.opt.Kind(system, at); k != "" {
			return k
		}
	}
	if k, ok := d.opt.Systems[system]; ok {
		return k
	}
	return plan.Business
}

// alert returns the record of an alert, this work's changes included.
func (w *work) alert(key string) (AlertRecord, bool) {
	if a, ok := w.alerts[key]; ok {
		return a, a.Status != Ended
	}
	a, ok := w.d.alerts[key]
	return a, ok
}

// incidentOf finds the incident a signal belongs to: the one its key has, not
// ended as a false alarm and not ended longer ago than ReopenWithin. The end
// of an alert goes to the incident that it joined, however that ended.
func (w *work) incidentOf(s Signal, rec AlertRecord) (incident.Incident, bool) {
	if s.Status != Firing {
		i := w.fold(rec.Incident)
		_, has := i.Alerts[s.Key]
		return i, has
	}
	id, ok := w.byKey[incidentKey(s)]
	if !ok {
		id, ok = w.d.byKey[incidentKey(s)]
	}
	if !ok {
		return incident.Incident{}, false
	}
	i := w.fold(id)
	if i.State == incident.NoIncident || i.Ended() && w.now.Sub(i.EndedAt) > incident.ReopenWithin {
		return incident.Incident{}, false
	}
	return i, true
}

func (w *work) fold(id string) incident.Incident {
	if i, ok := w.folds[id]; ok {
		return i
	}
	return w.d.active[id]
}

// do decides on a command and appends what follows.
func (w *work) do(i incident.Incident, actor incident.Actor, cmd incident.Command) error {
	if held, ok := w.folds[i.ID]; ok {
		i = held
	}
	env := w.d.envLocked(i, w.now)
	env.Actor = actor
	datas, err := incident.Decide(i, cmd, env)
	if err != nil {
		return err
	}
	for _, data := range datas {
		i = w.append(i, actor, data)
	}
	return nil
}

// append adds an event and tells of it.
func (w *work) append(i incident.Incident, actor incident.Actor, data incident.Data) incident.Incident {
	i = w.add(i, actor, data)
	w.tell(i, data)
	return i
}

func (w *work) add(i incident.Incident, actor incident.Actor, data incident.Data) incident.Incident {
	e := incident.Event{Incident: i.ID, Version: i.Version + 1, At: w.now, Actor: actor, Data: data}
	i = i.Apply(e)
	w.events = append(w.events, e)
	w.folds[i.ID] = i
	return i
}

// NewBlob returns evidence with its hash.
func NewBlob(id string, body []byte) Blob {
	sum := sha256.Sum256(body)
	return Blob{ID: id, SHA256: hex.EncodeToString(sum[:]), Body: body}
}
