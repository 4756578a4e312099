package incident

import (
	"time"

	"xunjian/alerting/plan"
)

// Command is what somebody or something wants done with an incident.
type Command interface{ command() }

// The commands. Texts are bounded by MaxText bytes.
type (
	// Fire says that an alert fires (again).
	Fire AlertJoined
	// End says that an alert's condition is over: measured, and good.
	End struct{ Alert string }
	// Lose says that an alert's data is gone.
	Lose struct{ Alert string }
	// Attach refers to evidence that was taken.
	Attach EvidenceTaken
	// Looked brings what the agent saw for a step.
	Looked StepLooked
	// Acknowledge takes an incident in hand; Note says what is being done. Who
	// has it in hand already says it again before it lapses.
	Acknowledge struct{ Note string }
	// Comment adds a remark.
	Comment struct{ Text string }
	// AddReport joins a caller's report.
	AddReport Reported
	// Assign gives the work to a person.
	Assign struct{ To, Note string }
	// Triage confirms or changes code and scenario (Art. 8); an empty Code
	// confirms what stands.
	Triage struct{ Code, Scenario, Cause, Note string }
	// SetEstimate says when the system is likely to be back.
	SetEstimate struct {
		Restored time.Time
		Note     string
	}
	// SetLevel sets the level, with the reason (Art. 8). Decided says that the
	// leading group decided so (Art. 6): from then on neither the clock nor
	// others change it.
	SetLevel struct {
		Level   plan.Level
		Reason  string
		Decided bool
	}
	// ChooseBranch decides which branch of the playbook holds.
	ChooseBranch struct{ Branch, Reason string }
	// SetStep marks a playbook step "started", "done", "skipped" (with a note)
	// or "handed_over" (To whom).
	SetStep struct{ Step, State, To, Note string }
	// Resolve ends an incident. While an alert fires or its data is lost, the
	// note must say why.
	Resolve struct{ Note string }
	// Reopen opens an ended incident again, with the reason.
	Reopen struct{ Reason string }
	// MarkFalseAlarm ends an incident that was none, with the reason.
	MarkFalseAlarm struct{ Reason string }
	// Tick lets the clock act: levels rise, holds end, acknowledgements lapse,
	// those who do not answer are reminded.
	Tick struct{}

	// Analyse says what was made of a warning; Watch keeps it under watch.
	Analyse struct {
		Text  string
		Watch bool
	}
	// Promote makes a warning an incident.
	Promote struct {
		Code, Scenario string
		Since          time.Time // zero: now
		Reason         string
	}
	// Dismiss closes a warning that came to nothing.
	Dismiss struct{ Reason string }

	// SetDuty says that a duty was done ("sent") or is not needed ("waived",
	// with a note).
	SetDuty DutyChanged
	// SaveDocument refers to a document as edited.
	SaveDocument DocumentSaved
	// AddEntry notes what was taken by hand; CompleteEntry that it was entered.
	AddEntry      struct{ What, Project string }
	CompleteEntry struct {
		Entry int
		Note  string
	}
	// Investigate writes under a heading of the investigation.
	Investigate struct{ Heading, Text string }
	// AddLesson is a measure with owner and day; CompleteLesson says it was
	// taken.
	AddLesson struct {
		Text, Owner string
		Due         time.Time
	}
	CompleteLesson struct {
		Lesson int
		Note   string
	}
	// Close ends the care afterwards (Art. 18).
	Close struct{ Note string }
)

func (Fire) command()           {}
func (End) command()            {}
func (Lose) command()           {}
func (Attach) command()         {}
func (Looked) command()         {}
func (Acknowledge) command()    {}
func (Comment) command()        {}
func (AddReport) command()      {}
func (Assign) command()         {}
func (Triage) command()         {}
func (SetEstimate) command()    {}
func (SetLevel) command()       {}
func (ChooseBranch) command()   {}
func (SetStep) command()        {}
func (Resolve) command()        {}
func (Reopen) command()         {}
func (MarkFalseAlarm) command() {}
func (Tick) command()           {}
func (Analyse) command()        {}
func (Promote) command()        {}
func (Dismiss) command()        {}
func (SetDuty) command()        {}
func (SaveDocument) command()   {}
func (AddEntry) command()       {}
func (CompleteEntry) command()  {}
func (Investigate) command()    {}
func (AddLesson) command()      {}
func (CompleteLesson) command() {}
func (Close) command()          {}
