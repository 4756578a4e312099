// Package channel holds the words between the worker of the outbox and the
// ways to people: what a channel is, what it gets, and what its errors mean.
package channel

import (
	"context"
	"strings"
	"time"

	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
)

// Channel is one way to reach people. Deliver returns nil only when the
// message has arrived where it is to go; a *Permanent error when trying again
// cannot help; a *RetryAfter when the other side said when. It must honour
// ctx, and may be called again with the same Key.
type Channel interface {
	Name() string
	Deliver(ctx context.Context, m Message) error
}

// Message is a notice in words. It is the same at every attempt.
type Message struct {
	// Key tells this notice from all others.
	Key       string
	Recipient string
	// To names the recipient with a way to reach them; empty for the machine's
	// own journal.
	To string
	// Person is the recipient; zero for the journal and for a group.
	Person roster.Person
	// Concerned are the people whom a notice to a group is meant for.
	Concerned []roster.Person
	Lang      string
	Kind      string
	// At is the moment of what it tells of.
	At      time.Time
	Subject string
	Text    string
	// Facts is what there is to know beside the text, each in one line.
	Facts []Fact
	// Link leads to the incident in the console; empty where its address is not
	// known. LinkText is what to call it.
	Link, LinkText string
	// Answer is a link by which the person acknowledges without a login, good for
	// this reader alone: only a channel to a single person may show it.
	Answer, AnswerText string
	Incident           Incident
	// Page takes the place of the text in a mail: HTML that names its pictures
	// by Content-ID. Files are attached.
	Page     string
	Pictures []File
	Files    []File
}

// File is a picture or what is attached.
type File struct {
	// Name of the file, or the Content-ID of a picture.
	Name, Type string
	Body       []byte
}

// Lines returns the message with each of its texts in lines that steer nothing:
// no terminal, no header, no direction of writing. Words has seen to that, and
// a channel does not rely on it.
func (m Message) Lines() Message {
	m.Subject, m.LinkText, m.Link = OneLine(m.Subject), OneLine(m.LinkText), OneLine(m.Link)
	m.Answer, m.AnswerText = OneLine(m.Answer), OneLine(m.AnswerText)
	m.Person.Name = OneLine(m.Person.Name)
	lines := strings.Split(m.Text, "\n")
	for i := range lines {
		lines[i] = OneLine(lines[i])
	}
	m.Text = strings.Join(lines, "\n")
	facts := make([]Fact, len(m.Facts))
	for i, f := range m.Facts {
		facts[i] = Fact{OneLine(f.Name), OneLine(f.Value)}
	}
	m.Facts = facts
	return m
}

// Fact is one row of what there is to know.
type Fact struct{ Name, Value string }

// Incident is what a channel may want to know of the incident, as it was when
// that happened which the message tells of.
type Incident struct {
	ID    string
	State string
	// Key groups the incidents of one fault.
	Key, Code, Scenario, System, Host string
	Level                             plan.Level
	Title                             plan.Text
	// Over says that it has ended, one way or the other.
	Drill, Over bool
	// Since is when the outage began; Ended is zero while the incident goes on.
	Since, Opened, Ended time.Time
}

// AnnotationIncident is the annotation of an alert that tells of an incident of
// ours. An agent that is sent such an alert, by Alertmanager or directly, opens no
// second incident for it: the two would raise each other for ever.
const AnnotationIncident = "xunjian_incident"

// Permanent is a failure that no further attempt can mend.
type Permanent struct{ Err error }

func (e *Permanent) Error() string { return "permanent: " + e.Err.Error() }
func (e *Permanent) Unwrap() error { return e.Err }

// RetryAfter is a failure with the other side's word on when to come back.
type RetryAfter struct {
	After time.Duration
	Err   error
}

func (e *RetryAfter) Error() string { return e.Err.Error() }
func (e *RetryAfter) Unwrap() error { return e.Err }
