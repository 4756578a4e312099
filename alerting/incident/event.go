package incident

import (
	"time"

	"xunjian/alerting/plan"
)

// Event is one change of an incident: who, when, what, why. Events are only
// ever appended; all events of a store form one hash chain.
type Event struct {
	// Seq is the place in the store's chain, from 1; given at commit.
	Seq int64 `json:"seq"`
	// Incident is the incident's id.
	Incident string `json:"incident"`
	// Version counts the incident's own events, from 1.
	Version int `json:"version"`
	// At is the moment, milliseconds UTC.
	At    time.Time `json:"at"`
	Actor Actor     `json:"actor"`
	// Data is what happened; its type decides the event's kind.
	Data Data `json:"-"`
	// Prev and Hash are hex SHA-256; see Seal.
	Prev string `json:"prev"`
	Hash string `json:"hash"`
}

// Actor is who made an event.
type Actor struct {
	// Kind is "person", "rule" or "agent".
	Kind string `json:"kind"`
	// Name is the login, the rule's name, or the agent's host name.
	Name string `json:"name"`
	// Via is the way in: console, cli, api, rules, clock.
	Via string `json:"via"`
}

// Data is the content of an event; one type for each kind.
type Data interface {
	// Kind is the stable word stored and shown in JSON.
	Kind() string
}

// The kinds of events.
type (
	// Opened starts an incident. Its fields are what Fold begins with.
	Opened struct {
		Key         string          `json:"key"`
		Code        string          `json:"code"`
		Scenario    string          `json:"scenario"`
		Cause       string          `json:"cause,omitempty"`
		System      string          `json:"system,omitempty"`
		SystemKind  plan.SystemKind `json:"system_kind"`
		Level       plan.Level      `json:"level"`
		Title       plan.Text       `json:"title"`
		OutageSince time.Time       `json:"outage_since"`
		PlanVersion string          `json:"plan_version"`
		Host        string          `json:"host"`
		// Resolve is "auto" or "manual": whether the end of all alerts may
		// resolve the incident.
		Resolve string `json:"resolve"`
		// Drill marks an exercise; its notices go to Participants alone (ids of
		// people).
		Drill        bool     `json:"drill,omitempty"`
		Participants []string `json:"participants,omitempty"`
		// PlanDigest names the plan exactly; an incident keeps it.
		PlanDigest string `json:"plan_digest,omitempty"`
		// Warning is set for a sign that may become an incident (Art. 7).
		Warning *Sign `json:"warning,omitempty"`
		// Reason says which rule, finding or report led to code and level.
		Reason string `json:"reason"`
	}
	// AlertJoined adds an alert, or starts one again that had ended or was lost.
	AlertJoined struct {
		Alert       string            `json:"alert"` // key
		Rule        string            `json:"rule"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		Since       time.Time         `json:"since"`
		Value       float64           `json:"value"`
	}
	// AlertEnded says that the condition is over: measured, and good.
	AlertEnded struct {
		Alert string `json:"alert"`
	}
	// AlertLost says that the data the alert stood on is gone: nobody knows.
	AlertLost struct {
		Alert string `json:"alert"`
	}
	// EvidenceTaken refers to a snapshot kept beside the events.
	EvidenceTaken struct {
		ID     string `json:"id"`
		SHA256 string `json:"sha256"`
		Bytes  int    `json:"bytes"`
		// Late is set when it was taken over a minute after the opening, or
		// the agent was restarted between the two: others may have acted since.
		Late bool `json:"late,omitempty"`
	}
	// Acknowledged says that a person has it in hand, and what is being done.
	Acknowledged struct {
		Note string `json:"note"`
		// Until is when it lapses unless said again; zero: never.
		Until time.Time `json:"until,omitzero"`
	}
	// Commented adds a remark.
	Commented struct {
		Text string `json:"text"`
	}
	// Assigned names the person who has the work.
	Assigned struct {
		To   string `json:"to"`
		Note string `json:"note,omitempty"`
	}
	// LevelChanged raises, lowers or sets the level, with the reason.
	LevelChanged struct {
		From plan.Level `json:"from"`
		To   plan.Level `json:"to"`
		// Clock is the level by outage time at that moment, so that the clock
		// does not at once undo what a person decided.
		Clock  plan.Level `json:"clock"`
		Reason string     `json:"reason"`
		// Decided says that the leading group decided: the clock does not raise
		// it any more (Art. 6).
		Decided bool `json:"decided,omitempty"`
	}
	// StepChanged is the progress of one playbook step: started, done, skipped
	// (which needs a note) or handed over (to whom).
	StepChanged struct {
		Step  string `json:"step"`
		State string `json:"state"`
		To    string `json:"to,omitempty"`
		Note  string `json:"note,omitempty"`
	}
	// Flapping says that the incident's alerts come and go so often that it
	// is held open until they have been quiet until Hold is over.
	Flapping struct {
		Ends int           `json:"ends"`
		Hold time.Duration `json:"hold"`
	}
	// Resolved ends an incident.
	Resolved struct {
		Note string `json:"note,omitempty"`
	}
	// Reopened opens a resolved incident again.
	Reopened struct {
		Reason string `json:"reason"`
	}
	// FalseAlarm ends an incident that was none.
	FalseAlarm struct {
		Reason string `json:"reason"`
	}
)

func (Opened) Kind() string        { return "opened" }
func (AlertJoined) Kind() string   { return "alert_joined" }
func (AlertEnded) Kind() string    { return "alert_ended" }
func (AlertLost) Kind() string     { return "alert_lost" }
func (EvidenceTaken) Kind() string { return "evidence_taken" }
func (Acknowledged) Kind() string  { return "acknowledged" }
func (Commented) Kind() string     { return "commented" }
func (Assigned) Kind() string      { return "assigned" }
func (LevelChanged) Kind() string  { return "level_changed" }
func (StepChanged) Kind() string   { return "step_changed" }
func (Flapping) Kind() string      { return "flapping" }
func (Resolved) Kind() string      { return "resolved" }
func (Reopened) Kind() string      { return "reopened" }
func (FalseAlarm) Kind() string    { return "false_alarm" }
