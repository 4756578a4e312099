package channel

import (
	"context"
	"errors"
	"time"

	"xunjian/alerting/plan"
	"xunjian/alerting/roster"
)

// The actions that people can ask for from where a notice reached them.
const (
	Acknowledge = "acknowledge" // somebody is on it
	Take        = "take"        // acknowledge, and be the one who sees to it
	StepDone    = "step"        // a step of the playbook is done; Value is its ID
	SetLevel    = "level"       // Value is the level, I to IV; Note says why
	Resolve     = "resolve"     // the fault is over; Note says how
)

// Action is what a person asks for.
type Action struct{ Do, Value, Note string }

// Actions carries out what people ask for from a channel, and says how an
// incident stands.
type Actions interface {
	// Act does it in the name of a person of the roster; via is the channel's
	// word, like "slack". A *Refused says in the person's language why it is not
	// done; any other error is trouble here. To ask again for what is done
	// already is no error.
	Act(ctx context.Context, via string, by roster.Person, incident string, a Action) error
	// Stands is an incident as it is now, in words; ErrUnknown if there is none.
	Stands(ctx context.Context, incident, lang string) (Standing, error)
	// Open are the incidents that have not ended, newest first, at most 20.
	Open(ctx context.Context, lang string) ([]Standing, error)
	// People are those on the roster now.
	People() []roster.Person
}

// Standing is how an incident stands.
type Standing struct {
	Message
	// StateName and Assignee are in words; Assignee is empty while nobody has
	// taken it.
	StateName, Assignee string
	// Acknowledged says that somebody is on it.
	Acknowledged bool
	// Next are the steps of the playbook that are not done yet, in order.
	Next []Step
	// Levels are those that can be announced.
	Levels []plan.Level
}

// Step is one of the playbook.
type Step struct{ ID, Title string }

// Refused is an action that is not carried out. Text is for the person who
// asked.
type Refused struct{ Text string }

func (e *Refused) Error() string { return e.Text }

// Said is a message to the app.
type Said struct {
	// ID is the platform's own; the same one is dealt with once.
	ID string
	// Sender is the platform's ID of the person; empty where it gives none, as
	// for people of another company.
	Sender string
	Text   string
	// At is when it was sent; zero where that is not known.
	At time.Time
}

// Hearer carries out what people say in a chat. first is false, and nothing
// happens, where this message was heard before; an error is trouble here, for the
// log: the answer says so too.
type Hearer interface {
	Hear(ctx context.Context, s Said) (answer string, first bool, err error)
}

// What callers tell apart.
var (
	// ErrUnknown says that there is no such incident.
	ErrUnknown = errors.New("there is no such incident")
	// ErrNoChannel says that no channel has this name, ErrNotReached that it does
	// not reach this person.
	ErrNoChannel  = errors.New("there is no such channel")
	ErrNotReached = errors.New("the channel does not reach this person")
	// Why a link in a mail is not taken.
	ErrBadLink  = errors.New("the link is not one of this server's")
	ErrOldLink  = errors.New("the link is too old")
	ErrUsedLink = errors.New("the link was used")
)
