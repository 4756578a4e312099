// Package incident is the heart of the response: an incident is its timeline,
// and every change of it is decided here, without clock, disk or network.
//
//	Fold(events)             → what the incident is
//	Decide(incident, command) → which events follow, or why not
package incident

import (
	"maps"
	"slices"
	"time"

	"xunjian/alerting/plan"
)

// State of an incident.
type State string

// The states.
const (
	Open       State = "open"
	Acked      State = "acknowledged"
	Done       State = "resolved"
	NoIncident State = "false_alarm"
)

// Incident is the fold of its events. It is a value: Apply returns a new one
// and leaves the old one alone.
type Incident struct {
	ID      string `json:"id"`
	Version int    `json:"version"`
	State   State  `json:"state"`

	Key         string          `json:"key"`
	Code        string          `json:"code"`
	Scenario    string          `json:"scenario"`
	Cause       string          `json:"cause,omitempty"`
	System      string          `json:"system,omitempty"`
	SystemKind  plan.SystemKind `json:"system_kind"`
	Level       plan.Level      `json:"level"`
	Title       plan.Text       `json:"title"`
	Host        string          `json:"host"`
	Resolve     string          `json:"resolve"`
	PlanVersion string          `json:"plan_version"`
	Reason      string          `json:"reason"`
	Drill       bool            `json:"drill,omitempty"`

	// OutageSince is the first failing measurement; OutageUntil the moment the
	// last alert ended, zero while the outage lasts or nobody knows.
	OutageSince time.Time `json:"outage_since"`
	OutageUntil time.Time `json:"outage_until,omitzero"`
	OpenedAt    time.Time `json:"opened_at"`
	AckedAt     time.Time `json:"acknowledged_at,omitzero"`
	AckedBy     string    `json:"acknowledged_by,omitempty"`
	Assignee    string    `json:"assignee,omitempty"`
	EndedAt     time.Time `json:"ended_at,omitzero"`
	UpdatedAt   time.Time `json:"updated_at"`

	Alerts   map[string]Alert `json:"alerts,omitempty"`
	Evidence []EvidenceTaken  `json:"evidence,omitempty"`
	Steps    map[string]Step  `json:"steps,omitempty"`

	// ClockLevel is the level the outage clock last stood at.
	ClockLevel plan.Level `json:"clock_level"`
	// Quiets are the moments at which all alerts had ended, newest last, at
	// most as many as the flapping rule looks at.
	Quiets []time.Time `json:"quiets,omitempty"`
	// HoldUntil is the moment before which a flapping incident does not
	// resolve by itself.
	HoldUntil time.Time `json:"hold_until,omitzero"`
}

// Alert is what an incident knows of one of its alerts.
type Alert struct {
	Rule        string            `json:"rule"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Since       time.Time         `json:"since"`
	Value       float64           `json:"value"`
	// State is "firing", "ended" or "lost".
	State string `json:"state"`
	// Times counts how often it fired.
	Times int `json:"times"`
}

// The states of an incident's alert.
const (
	AlertFiring = "firing"
	AlertIsOver = "ended"
	AlertIsLost = "lost"
)

// Step is the progress of one playbook step.
type Step struct {
	State string    `json:"state"` // done or skipped
	By    string    `json:"by"`
	At    time.Time `json:"at"`
	Note  string    `json:"note,omitempty"`
}

// Ended reports whether the incident is over, one way or the other.
func (i Incident) Ended() bool { return i.State == Done || i.State == NoIncident }

// Quiet reports whether the incident had alerts and all of them have ended.
// An alert whose data is lost has not ended.
func (i Incident) Quiet() bool {
	for _, a := range i.Alerts {
		if a.State != AlertIsOver {
			return false
		}
	}
	return len(i.Alerts) > 0
}

// Outage returns how long the outage has lasted at now, or lasted in all.
func (i Incident) Outage(now time.Time) time.Duration {
	end := now
	switch {
	case !i.OutageUntil.IsZero():
		end = i.OutageUntil
	case !i.EndedAt.IsZero():
		end = i.EndedAt
	}
	return max(0, end.Sub(i.OutageSince))
}

// Fold makes the incident that a whole timeline tells of.
func Fold(events []Event) Incident {
	var i Incident
	for _, e := range events {
		i = i.Apply(e)
	}
	return i
}

// Apply returns the incident after one more event.
func (i Incident) Apply(e Event) Incident {
	i.Version, i.UpdatedAt = e.Version, e.At
	switch d := e.Data.(type) {
	case Opened:
		i.open(e, d)
	case AlertJoined:
		i.Alerts = maps.Clone(i.Alerts)
		if i.Alerts == nil {
			i.Alerts = map[string]Alert{}
		}
		i.Alerts[d.Alert] = Alert{d.Rule, d.Labels, d.Annotations, d.Since, d.Value, AlertFiring, i.Alerts[d.Alert].Times + 1}
		i.OutageUntil, i.HoldUntil = time.Time{}, time.Time{}
	case AlertEnded:
		i.setAlert(d.Alert, AlertIsOver)
		if i.Quiet() {
			i.OutageUntil = e.At
			i.Quiets = append(slices.Clone(i.Quiets), e.At)
			i.Quiets = i.Quiets[max(0, len(i.Quiets)-maxQuiets):]
		}
	case AlertLost:
		i.setAlert(d.Alert, AlertIsLost)
	case EvidenceTaken:
		i.Evidence = append(slices.Clone(i.Evidence), d)
	case Acknowledged:
		i.State = Acked
		i.AckedAt, i.AckedBy = e.At, e.Actor.Name
	case Assigned:
		i.Assignee = d.To
	case LevelChanged:
		i.Level, i.ClockLevel = d.To, d.Clock
	case StepChanged:
		i.Steps = maps.Clone(i.Steps)
		if i.Steps == nil {
			i.Steps = map[string]Step{}
		}
		i.Steps[d.Step] = Step{d.State, e.Actor.Name, e.At, d.Note}
	case Flapping:
		i.HoldUntil = e.At.Add(d.Hold)
	case Resolved:
		i.State, i.EndedAt = Done, e.At
	case FalseAlarm:
		i.State, i.EndedAt = NoIncident, e.At
	case Reopened:
		// A hold of before must not resolve what a person has just reopened.
		i.State, i.EndedAt, i.HoldUntil = Open, time.Time{}, time.Time{}
		i.AckedAt, i.AckedBy = time.Time{}, ""
	}
	return i
}

func (i *Incident) open(e Event, d Opened) {
	i.ID, i.State, i.OpenedAt = e.Incident, Open, e.At
	i.Key, i.Code, i.Scenario, i.Cause = d.Key, d.Code, d.Scenario, d.Cause
	i.System, i.SystemKind = d.System, d.SystemKind
	i.Level, i.ClockLevel = d.Level, d.Level
	i.Title, i.Host, i.Resolve, i.Drill = d.Title, d.Host, d.Resolve, d.Drill
	i.PlanVersion, i.Reason, i.OutageSince = d.PlanVersion, d.Reason, d.OutageSince
}

func (i *Incident) setAlert(key, state string) {
	a, ok := i.Alerts[key]
	if !ok {
		return
	}
	i.Alerts = maps.Clone(i.Alerts)
	a.State = state
	i.Alerts[key] = a
}
