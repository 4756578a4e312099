package incident

import (
	"time"

	"xunjian/alerting/plan"
)

// Sign is what makes an entry a warning: where it comes from, and whether the
// leading group has to hear of it (Art. 7).
type Sign struct {
	// Source is "internal" or "external".
	Source string `json:"source"`
	Major  bool   `json:"major,omitempty"`
}

// The kinds of events of the response: Art. 7, 8 and the playbooks.
type (
	// Triaged is the preliminary code and scenario of Art. 8.
	Triaged struct {
		Code     string `json:"code"`
		Scenario string `json:"scenario"`
		Cause    string `json:"cause,omitempty"`
		Note     string `json:"note,omitempty"`
	}
	// Estimated says when the system is likely to be back: the level follows
	// the larger of the time lost and the time it will take (Art. 4).
	Estimated struct {
		Restored time.Time `json:"restored"`
		Note     string    `json:"note,omitempty"`
	}
	// LevelAnnounced tells beforehand that the level will rise at a moment;
	// Held, that it would have risen had the leading group not decided.
	LevelAnnounced struct {
		To   plan.Level `json:"to"`
		At   time.Time  `json:"at"`
		Held bool       `json:"held,omitempty"`
	}
	// KindChanged says that an opening began, or ended, on the system.
	KindChanged struct {
		From plan.SystemKind `json:"from"`
		To   plan.SystemKind `json:"to"`
	}
	// AckLapsed says that an acknowledgement is over: somebody has to say again
	// what is being done.
	AckLapsed struct {
		By string `json:"by"`
	}
	// Reminded says that those of a deadline were reminded for the nth time:
	// 0 before it, 1 at it, then up the line.
	Reminded struct {
		Deadline string    `json:"deadline"`
		From     time.Time `json:"from"`
		Due      time.Time `json:"due"`
		N        int       `json:"n"`
		To       []string  `json:"to"` // roles
	}
	// BranchChosen says which branch of the playbook holds after a step.
	BranchChosen struct {
		After  string `json:"after"`
		Branch string `json:"branch"`
		Reason string `json:"reason"`
	}
	// StepLooked is what the agent saw for a step by itself.
	StepLooked struct {
		Step  string `json:"step"`
		Look  string `json:"look"`
		Lines []Line `json:"lines"`
	}
	// Reported is a caller's report that joined the incident.
	Reported struct {
		Caller  string    `json:"caller"`
		Phone   string    `json:"phone,omitempty"`
		Project string    `json:"project,omitempty"`
		Bidder  string    `json:"bidder,omitempty"`
		Due     time.Time `json:"due,omitzero"` // deadline of the bid
		Text    string    `json:"text"`
	}
	// Analysed is what was made of a warning; Watched says that it stays under
	// watch.
	Analysed struct {
		Text    string `json:"text"`
		Watched bool   `json:"watched,omitempty"`
	}
	// Promoted makes a warning an incident.
	Promoted struct {
		Code        string          `json:"code"`
		Scenario    string          `json:"scenario"`
		SystemKind  plan.SystemKind `json:"system_kind"`
		Level       plan.Level      `json:"level"`
		OutageSince time.Time       `json:"outage_since"`
		Reason      string          `json:"reason"`
	}
	// Dismissed closes a warning that came to nothing.
	Dismissed struct {
		Reason string `json:"reason"`
	}
)

// Line is a sentence as a code with arguments, said in the reader's language.
type Line struct {
	Code string         `json:"code"`
	Args map[string]any `json:"args,omitempty"`
}

// The kinds of events of duties and of what comes afterwards: Art. 8 and 18.
type (
	// DutyChanged says that a duty was done ("sent") or that it is not needed
	// ("waived", which needs a note).
	DutyChanged struct {
		Duty  string   `json:"duty"`
		State string   `json:"state"`
		To    []string `json:"to,omitempty"`
		Via   string   `json:"via,omitempty"` // telephone, mail, sms, paper, …
		Note  string   `json:"note,omitempty"`
		// Document is the text that was sent.
		Document string `json:"document,omitempty"`
		SHA256   string `json:"sha256,omitempty"`
	}
	// DocumentSaved refers to a document as a person edited it.
	DocumentSaved struct {
		Duty   string `json:"duty"`
		Lang   string `json:"lang"`
		ID     string `json:"id"`
		SHA256 string `json:"sha256"`
		Bytes  int    `json:"bytes"`
	}
	// EntryAdded notes what was taken by hand and has to be entered.
	EntryAdded struct {
		Entry   int    `json:"entry"`
		What    string `json:"what"`
		Project string `json:"project,omitempty"`
	}
	// EntryDone says that it was entered.
	EntryDone struct {
		Entry int    `json:"entry"`
		Note  string `json:"note,omitempty"`
	}
	// Investigated writes under one heading of the investigation.
	Investigated struct {
		Heading string `json:"heading"`
		Text    string `json:"text"`
	}
	// LessonAdded is a measure that an owner has to take by a day.
	LessonAdded struct {
		Lesson int       `json:"lesson"`
		Text   string    `json:"text"`
		Owner  string    `json:"owner"`
		Due    time.Time `json:"due"`
	}
	// LessonDone says that it was taken.
	LessonDone struct {
		Lesson int    `json:"lesson"`
		Note   string `json:"note,omitempty"`
	}
	// Closed ends the care afterwards: nothing is left to do.
	Closed struct {
		Note string `json:"note,omitempty"`
	}
)

func (Triaged) Kind() string        { return "triaged" }
func (Estimated) Kind() string      { return "estimated" }
func (LevelAnnounced) Kind() string { return "level_announced" }
func (KindChanged) Kind() string    { return "kind_changed" }
func (AckLapsed) Kind() string      { return "ack_lapsed" }
func (Reminded) Kind() string       { return "reminded" }
func (BranchChosen) Kind() string   { return "branch_chosen" }
func (StepLooked) Kind() string     { return "step_looked" }
func (Reported) Kind() string       { return "reported" }
func (Analysed) Kind() string       { return "analysed" }
func (Promoted) Kind() string       { return "promoted" }
func (Dismissed) Kind() string      { return "dismissed" }
func (DutyChanged) Kind() string    { return "duty_changed" }
func (DocumentSaved) Kind() string  { return "document_saved" }
func (EntryAdded) Kind() string     { return "entry_added" }
func (EntryDone) Kind() string      { return "entry_done" }
func (Investigated) Kind() string   { return "investigated" }
func (LessonAdded) Kind() string    { return "lesson_added" }
func (LessonDone) Kind() string     { return "lesson_done" }
func (Closed) Kind() string         { return "closed" }
