package api

import (
	"encoding/json"
	"fmt"
	"time"

	"xunjian/alerting/plan"
)

// Moment is a time in JSON: RFC 3339 with milliseconds and the offset of the
// agent's zone, so that a reader sees the wall clock that the plan means.
type Moment struct{ time.Time }

const momentLayout = "2006-01-02T15:04:05.000Z07:00"

// MarshalJSON writes the moment.
func (m Moment) MarshalJSON() ([]byte, error) {
	return json.Marshal(m.Format(momentLayout))
}

// UnmarshalJSON reads RFC 3339, with or without a fraction of a second.
func (m *Moment) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	t, err := ParseMoment(s)
	m.Time = t
	return err
}

// ParseMoment reads a time as the API takes it in bodies and parameters.
func ParseMoment(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, &momentError{s}
	}
	return t, nil
}

// momentError is about a text that is no time.
type momentError struct{ value string }

func (e *momentError) Error() string {
	return fmt.Sprintf("time %q is not RFC 3339, like 2006-01-02T15:04:05+08:00", e.value)
}

// Text is a sentence in the language that was asked for, and in both.
type Text struct {
	Text string `json:"text"`
	ZH   string `json:"zh-CN"`
	EN   string `json:"en"`
}

// text says a text of the plan.
func (c *call) text(t plan.Text) Text {
	return Text{Text: t.In(c.say.Lang()), ZH: t.ZH, EN: t.EN}
}

// moment puts a time into the agent's zone; a zero time stays zero.
func (c *call) moment(t time.Time) Moment {
	if t.IsZero() {
		return Moment{}
	}
	return Moment{t.In(c.zone)}
}

// words returns the list, or an empty one: JSON clients get [], never null.
func words(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func labelSet(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
