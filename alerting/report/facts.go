package report

import (
	"time"

	"xunjian/alerting/plan"
)

// Facts are what the documents on one incident can say: plain values. What is
// empty is not known, and the texts go without it or leave room to write it in.
type Facts struct {
	ID       string    `json:"id"`
	Code     string    `json:"code"`
	Category plan.Text `json:"category"`
	// Second is the incident's category in a second scheme, that of GB/T 20986.
	Second    plan.Text       `json:"second,omitzero"`
	Scenario  plan.Text       `json:"scenario"`
	Level     plan.Level      `json:"level"`
	LevelName plan.Text       `json:"level_name"`
	System    string          `json:"system,omitempty"`
	Kind      plan.SystemKind `json:"kind"`
	Host      string          `json:"host,omitempty"`
	Place     string          `json:"place,omitempty"`
	Drill     bool            `json:"drill,omitempty"`
	Title     plan.Text       `json:"title"`
	Cause     string          `json:"cause,omitempty"`
	// Branch is the case of the playbook that was found to hold.
	Branch plan.Text `json:"branch,omitzero"`
	// State is that of incident.State.
	State string `json:"state"`

	Since    time.Time `json:"since"`
	Until    time.Time `json:"until,omitzero"` // zero while the outage lasts or nobody knows
	Opened   time.Time `json:"opened"`
	Ended    time.Time `json:"ended,omitzero"`
	FirstAck time.Time `json:"first_ack,omitzero"`
	Acked    time.Time `json:"acked,omitzero"`
	AckedBy  string    `json:"acked_by,omitempty"`
	AckNote  string    `json:"ack_note,omitempty"` // what is being done
	EndNote  string    `json:"end_note,omitempty"` // how it was solved
	Assignee string    `json:"assignee,omitempty"`
	// Estimate is when the system is likely to be back, EstimateAt when that
	// was said.
	Estimate   time.Time `json:"estimate,omitzero"`
	EstimateAt time.Time `json:"estimate_at,omitzero"`
	// Participants are those who take part in a drill.
	Participants []string `json:"participants,omitempty"`

	Steps     []Task        `json:"steps,omitempty"`
	Duties    []Task        `json:"duties,omitempty"`
	Deadlines []Deadline    `json:"deadlines,omitempty"`
	Levels    []LevelChange `json:"levels,omitempty"`
	Calls     []Call        `json:"calls,omitempty"`
	People    []Holder      `json:"people,omitempty"`
	Timeline  []Line        `json:"timeline,omitempty"`
	Reentry   []Entry       `json:"reentry,omitempty"`
	// Findings is what the investigation wrote, by heading.
	Findings map[string]string `json:"findings,omitempty"`
	Lessons  []Lesson          `json:"lessons,omitempty"`

	PlanTitle   plan.Text `json:"plan_title"`
	PlanVersion string    `json:"plan_version"`
	Roles       []Role    `json:"roles"` // the names that the texts use

	// Unit is the operator's name, as it signs.
	Unit            plan.Text `json:"unit"`
	IncidentHotline []string  `json:"incident_hotline,omitempty"`
	CustomerHotline string    `json:"customer_hotline,omitempty"`

	Now time.Time `json:"now"`
	// Zone is where all times are written; nil is UTC.
	Zone *time.Location `json:"-"`
}

// Task is a step of the playbook or a duty, and how far it is.
type Task struct {
	ID   string    `json:"id"`
	Text plan.Text `json:"text"`
	// Responsible are the roles that have to do it.
	Responsible []plan.Text `json:"responsible,omitempty"`
	// State is empty while nothing was done; for steps then started, done,
	// skipped or handed_over, for duties sent or waived.
	State string    `json:"state,omitempty"`
	By    string    `json:"by,omitempty"`
	At    time.Time `json:"at,omitzero"`
	Due   time.Time `json:"due,omitzero"`
	Note  string    `json:"note,omitempty"`
}

// Deadline is a time limit and how it was kept.
type Deadline struct {
	Name plan.Text `json:"name"`
	Due  time.Time `json:"due"`
	Met  time.Time `json:"met,omitzero"`
	// State is open, overdue, kept, missed or void.
	State string `json:"state"`
}

// Lesson is a measure that the investigation asks for.
type Lesson struct {
	Text  string    `json:"text"`
	Owner string    `json:"owner"`
	Due   time.Time `json:"due,omitzero"`
	Done  time.Time `json:"done,omitzero"`
}

// LevelChange is one change of the level, with its reason.
type LevelChange struct {
	At     time.Time  `json:"at"`
	From   plan.Level `json:"from"`
	To     plan.Level `json:"to"`
	By     string     `json:"by"`
	Reason plan.Text  `json:"reason"`
}

// Call is what a caller reported: a bidder who cannot submit, before when.
type Call struct {
	At       time.Time `json:"at"`
	Who      string    `json:"who"`
	Phone    string    `json:"phone,omitempty"`
	Bidder   string    `json:"bidder,omitempty"`
	Project  string    `json:"project,omitempty"`
	Text     string    `json:"text,omitempty"`
	Deadline time.Time `json:"deadline,omitzero"`
}

// Role is a post in the organisation with its name.
type Role struct {
	ID   string    `json:"id"`
	Name plan.Text `json:"name"`
}

// Holder is a person in a role.
type Holder struct {
	Role  string `json:"role"`
	Name  string `json:"name"`
	Phone string `json:"phone,omitempty"`
	Mail  string `json:"mail,omitempty"`
}

// Line is one line of the timeline.
type Line struct {
	At   time.Time `json:"at"`
	Who  string    `json:"who"`
	What plan.Text `json:"what"`
	Note string    `json:"note,omitempty"`
}

// Entry is business that was taken by hand and has to be entered again, or
// whose data has to be checked.
type Entry struct {
	Project string    `json:"project"`
	What    string    `json:"what"`
	By      string    `json:"by,omitempty"`
	Done    time.Time `json:"done,omitzero"` // zero: still to be entered
}
