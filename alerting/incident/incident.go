// Package incident is the heart of the response: an incident is its timeline,
// and every change of it is decided here, without clock, disk or network.
//
//	Fold(events)             → what the incident is
//	Decide(incident, command) → which events follow, or why not
package incident

import (
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
	// Closed is resolved, with all that comes afterwards done (Art. 18).
	IsClosed State = "closed"
	// Watched is a warning; Gone one that came to nothing (Art. 7).
	Watched State = "warning"
	Gone    State = "dismissed"
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
	PlanDigest  string          `json:"plan_digest,omitempty"`
	Reason      string          `json:"reason"`

	Drill        bool     `json:"drill,omitempty"`
	Participants []string `json:"participants,omitempty"`
	// Warning is set for what began as a sign.
	Warning *Sign `json:"warning,omitempty"`

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

	// The response clock (Art. 8). AckFrom is the moment from which somebody
	// has to acknowledge; AckUntil when the acknowledgement lapses.
	AckFrom    time.Time           `json:"acknowledge_from,omitzero"`
	AckUntil   time.Time           `json:"acknowledged_until,omitzero"`
	FirstAckAt time.Time           `json:"first_acknowledged_at,omitzero"`
	TriagedAt  time.Time           `json:"triaged_at,omitzero"`
	Estimate   time.Time           `json:"estimate,omitzero"`    // likely back at
	EstimateAt time.Time           `json:"estimate_at,omitzero"` // said at
	Reminders  map[string]Reminder `json:"reminders,omitempty"`

	// Peak is the gravest level so far; LevelAt when each was reached first.
	Peak    plan.Level               `json:"peak_level"`
	LevelAt map[plan.Level]time.Time `json:"level_at,omitempty"`
	// Announced is the level that was told beforehand; Decided says that the
	// level is the leading group's word.
	Announced plan.Level `json:"announced_level,omitempty"`
	Decided   bool       `json:"level_decided,omitempty"`

	Reports   []Call              `json:"reports,omitempty"`
	Branches  map[string]Choice   `json:"branches,omitempty"` // by the step they follow
	Looks     []StepLooked        `json:"looks,omitempty"`
	Duties    map[string]Duty     `json:"duties,omitempty"`
	Documents map[string]Document `json:"documents,omitempty"` // by duty/lang

	Entries       []Entry            `json:"entries,omitempty"`
	Investigation map[string]Writing `json:"investigation,omitempty"` // by heading
	Lessons       []Lesson           `json:"lessons,omitempty"`
	ClosedAt      time.Time          `json:"closed_at,omitzero"`

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
	State string    `json:"state"` // started, done, skipped or handed_over
	By    string    `json:"by"`
	To    string    `json:"to,omitempty"`
	At    time.Time `json:"at"`
	Note  string    `json:"note,omitempty"`
}

// Ended reports whether the incident is over, one way or the other; what comes
// afterwards may still be due.
func (i Incident) Ended() bool {
	switch i.State {
	case Done, NoIncident, IsClosed, Gone:
		return true
	}
	return false
}

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
