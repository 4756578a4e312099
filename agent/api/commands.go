package api

import (
	"errors"
	"net/http"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

// The bodies of what people do with an incident. Version, if not 0, is the
// version they saw: if the incident moved on meanwhile, nothing is done.
type (
	// Acknowledge takes an incident in hand.
	Acknowledge struct {
		Note    string `json:"note"`
		Version int    `json:"version,omitempty"`
	}
	// Comment adds a remark.
	Comment struct {
		Text    string `json:"text"`
		Version int    `json:"version,omitempty"`
	}
	// Assign gives the work to a person.
	Assign struct {
		To      string `json:"to"`
		Note    string `json:"note,omitempty"`
		Version int    `json:"version,omitempty"`
	}
	// SetLevel sets the level, with the reason.
	SetLevel struct {
		Level  string `json:"level"`
		Reason string `json:"reason"`
		// Decided says that the leading group decided so: the clock does not
		// raise it any more.
		Decided bool `json:"decided,omitempty"`
		Version int  `json:"version,omitempty"`
	}
	// SetStep marks a step of the playbook started, done, skipped or handed
	// over to somebody.
	SetStep struct {
		Step    string `json:"step"`
		State   string `json:"state"`
		To      string `json:"to,omitempty"`
		Note    string `json:"note,omitempty"`
		Version int    `json:"version,omitempty"`
	}
	// Resolve ends an incident.
	Resolve struct {
		Note    string `json:"note,omitempty"`
		Version int    `json:"version,omitempty"`
	}
	// Reopen opens an ended incident again.
	Reopen struct {
		Reason  string `json:"reason"`
		Version int    `json:"version,omitempty"`
	}
	// FalseAlarm ends an incident that was none.
	FalseAlarm struct {
		Reason  string `json:"reason"`
		Version int    `json:"version,omitempty"`
	}
)

// command is a body that says what to do with an incident.
type command interface {
	command() (cmd incident.Command, version int)
}

func (b Acknowledge) command() (incident.Command, int) {
	return incident.Acknowledge{Note: b.Note}, b.Version
}
func (b Comment) command() (incident.Command, int) {
	return incident.Comment{Text: b.Text}, b.Version
}
func (b Assign) command() (incident.Command, int) {
	return incident.Assign{To: b.To, Note: b.Note}, b.Version
}
func (b SetLevel) command() (incident.Command, int) {
	return incident.SetLevel{Level: plan.Level(b.Level), Reason: b.Reason, Decided: b.Decided}, b.Version
}
func (b SetStep) command() (incident.Command, int) {
	return incident.SetStep{Step: b.Step, State: b.State, To: b.To, Note: b.Note}, b.Version
}
func (b Resolve) command() (incident.Command, int) {
	return incident.Resolve{Note: b.Note}, b.Version
}
func (b Reopen) command() (incident.Command, int) {
	return incident.Reopen{Reason: b.Reason}, b.Version
}
func (b FalseAlarm) command() (incident.Command, int) {
	return incident.MarkFalseAlarm{Reason: b.Reason}, b.Version
}

// do carries out the command that a body of type B says.
func do[B command](s *server, c *call) (any, error) {
	var body B
	if err := readAll(c, &body); err != nil {
		return nil, err
	}
	cmd, version := body.command()
	if version < 0 {
		return nil, badField(http.StatusUnprocessableEntity, "version", "bad_version")
	}
	i, err := s.Desk.Do(c.Context(), c.PathValue("id"), version, c.actor(), cmd)
	if errors.Is(err, alerting.ErrConflict) && version != 0 && i.Version != version {
		// Whoever lost looks at what it is now, and may then say it again.
		return nil, &failure{Status: http.StatusConflict, Code: "changed_meanwhile", Version: i.Version}
	}
	if err != nil {
		return nil, err
	}
	return s.incident(c, i), nil
}
