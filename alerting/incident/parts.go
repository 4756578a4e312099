package incident

import "time"

// Reminder is the newest reminder of a deadline.
type Reminder struct {
	// From tells one deadline from the next under the same id.
	From time.Time `json:"from"`
	N    int       `json:"n"`
	At   time.Time `json:"at"`
}

// Choice is the branch of a playbook that a person chose.
type Choice struct {
	Branch string    `json:"branch"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// Call is a caller's report, and who took it.
type Call struct {
	Reported
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// Duty is what became of a duty.
type Duty struct {
	State    string    `json:"state"` // sent or waived
	By       string    `json:"by"`
	At       time.Time `json:"at"`
	To       []string  `json:"to,omitempty"`
	Via      string    `json:"via,omitempty"`
	Note     string    `json:"note,omitempty"`
	Document string    `json:"document,omitempty"`
	SHA256   string    `json:"sha256,omitempty"`
}

// Document is the newest text of a duty as a person edited it.
type Document struct {
	ID     string    `json:"id"`
	SHA256 string    `json:"sha256"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// Entry is something taken by hand that has to be entered into the system.
type Entry struct {
	N       int       `json:"entry"`
	What    string    `json:"what"`
	Project string    `json:"project,omitempty"`
	AddedBy string    `json:"added_by"`
	AddedAt time.Time `json:"added_at"`
	DoneBy  string    `json:"done_by,omitempty"`
	DoneAt  time.Time `json:"done_at,omitzero"`
	Note    string    `json:"note,omitempty"`
}

// Writing is a text with who wrote it last.
type Writing struct {
	Text string    `json:"text"`
	By   string    `json:"by"`
	At   time.Time `json:"at"`
}

// Lesson is a measure to be taken by an owner until a day.
type Lesson struct {
	N      int       `json:"lesson"`
	Text   string    `json:"text"`
	Owner  string    `json:"owner"`
	Due    time.Time `json:"due"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	DoneBy string    `json:"done_by,omitempty"`
	DoneAt time.Time `json:"done_at,omitzero"`
	Note   string    `json:"note,omitempty"`
}
