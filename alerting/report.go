package alerting

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

// Report is an incident opened by a person, for what only people see: a
// caller's trouble, a disaster, a situation of Art. 15. With Warning it is a
// sign that may become one (Art. 7), with Drill an exercise.
type Report struct {
	// Key lets a caller repeat a report whose answer it did not get: a key
	// that has an incident already returns that one and changes nothing.
	// Empty means a new one.
	Key      string
	Code     string // of the plan; empty for the situations of Art. 15
	Scenario string // id; empty means the code's own
	System   string // business system, may be empty
	Title    string // in the reporter's own words
	English  string // the same for readers of English; empty: Title
	// Since is the moment the trouble began as far as the reporter knows;
	// zero means now.
	Since time.Time
	// Call is who called, if somebody did.
	Call *incident.Reported
	// Warning makes it a warning; Code may then be empty.
	Warning *incident.Sign
	// Drill makes it an exercise, of which only Participants (ids of people)
	// hear.
	Drill        bool
	Participants []string
}

// Open opens an incident on a person's report. It returns a *incident.Refusal
// if the report is not complete or names what the plan does not have.
func (d *Desk) Open(ctx context.Context, actor incident.Actor, r Report) (incident.Incident, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i, ok, err := d.reportLocked(ctx, r.Key); ok || err != nil {
		return i, err
	}
	opened, err := d.reported(r)
	if err != nil {
		return incident.Incident{}, err
	}
	w := d.newWork()
	id, err := d.nextIDLocked(ctx, w.lastID, w.now)
	if err != nil {
		return incident.Incident{}, err
	}
	w.lastID = id
	if opened.Key = reportKey(r.Key); r.Key == "" {
		opened.Key = reportKey(id)
	}
	w.append(incident.Incident{ID: id}, actor, opened)
	w.opened = append(w.opened, id)
	if r.Call != nil {
		if err := w.do(w.folds[id], actor, incident.AddReport(*r.Call)); err != nil {
			return incident.Incident{}, err
		}
	}
	if err := d.commitLocked(ctx, w); err != nil {
		return incident.Incident{}, err
	}
	return d.active[id], nil
}

// reportLocked returns the incident that a report under this key opened,
// however long ago.
func (d *Desk) reportLocked(ctx context.Context, key string) (incident.Incident, bool, error) {
	if key == "" {
		return incident.Incident{}, false, nil
	}
	key = reportKey(key)
	if i, ok := d.active[d.byKey[key]]; ok {
		return i, true, nil
	}
	list, err := d.opt.Store.Find(ctx, Query{Text: key, Limit: 1000})
	if err != nil {
		return incident.Incident{}, false, fmt.Errorf("look for the report: %w", err)
	}
	for _, i := range list {
		if i.Key == key {
			return i, true, nil
		}
	}
	return incident.Incident{}, false, nil
}

// sound refuses a report without a title, and texts that are too long.
func sound(r Report) error {
	err := incident.Need("title", r.Title)
	for field, text := range map[string]string{"key": r.Key, "system": r.System} {
		if err == nil && text != "" {
			err = incident.Need(field, text)
		}
	}
	return err
}

func reportKey(key string) string { return "report/" + key }

func (d *Desk) reported(r Report) (incident.Opened, error) {
	sc, err := d.playbook(r)
	if err != nil {
		return incident.Opened{}, err
	}
	if err := sound(r); err != nil {
		return incident.Opened{}, err
	}
	p := d.opt.Plan
	now := d.opt.Now().UTC().Truncate(time.Millisecond)
	since := r.Since.UTC().Truncate(time.Millisecond)
	if r.Since.IsZero() || since.After(now) {
		since = now
	}
	if now.Sub(since) > maxSince {
		return incident.Opened{}, &incident.Refusal{Code: "since_too_old", Args: map[string]any{"days": int(maxSince.Hours() / 24)}}
	}
	kind := d.systemKind(r.System, now)
	return incident.Opened{
		Code: sc.Code, Scenario: sc.ID, System: r.System, SystemKind: kind,
		Level: p.LevelOf(sc, kind, now.Sub(since)),
		Title: plan.Text{ZH: r.Title, EN: cmp.Or(r.English, r.Title)}, OutageSince: since,
		PlanVersion: p.Version, PlanDigest: d.digest, Host: d.opt.Host, Resolve: incident.ResolveManual,
		Drill: r.Drill, Participants: r.Participants, Warning: r.Warning,
		Reason: "reported by a person with this code",
	}, nil
}

// maxSince bounds how long ago a reported trouble began: what is older is a
// slip of the pen, and would be level I at once.
const maxSince = 90 * 24 * time.Hour

// playbook finds what a report is about. A warning need not know yet.
func (d *Desk) playbook(r Report) (plan.Scenario, error) {
	p := d.opt.Plan
	if r.Warning != nil {
		if s := r.Warning.Source; s != "internal" && s != "external" {
			return plan.Scenario{}, &incident.Refusal{Code: "unknown_source", Args: map[string]any{"source": s}}
		}
		if r.Code == "" && r.Scenario == "" {
			return plan.Scenario{}, nil
		}
	}
	if r.Drill && len(r.Participants) == 0 {
		return plan.Scenario{}, &incident.Refusal{Code: "drill_without_people"}
	}
	sc, ok := p.Scenario(r.Scenario)
	if r.Scenario != "" {
		if !ok || r.Code != "" && sc.Code != r.Code {
			return plan.Scenario{}, &incident.Refusal{Code: "unknown_scenario", Args: map[string]any{"scenario": r.Scenario, "code": r.Code}}
		}
		return sc, nil
	}
	if _, ok := p.Category(r.Code); !ok {
		return plan.Scenario{}, &incident.Refusal{Code: "unknown_code", Args: map[string]any{"code": r.Code, "codes": strings.Join(p.Codes(), ", ")}}
	}
	sc, _ = p.ScenarioFor(r.Code)
	return sc, nil
}
