package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"xunjian/alerting/plan"
)

// MaxText bounds what a person can write into one event, in bytes.
const MaxText = 4096

// Refusal is why a command was not carried out: a code with arguments, said
// in the reader's language at the edge.
type Refusal struct {
	Code string // incident.refused.<Code> in the message files
	Args map[string]any
}

// Error says the refusal in English for logs.
func (r *Refusal) Error() string {
	if len(r.Args) == 0 {
		return "refused: " + strings.ReplaceAll(r.Code, "_", " ")
	}
	return fmt.Sprintf("refused: %s %v", strings.ReplaceAll(r.Code, "_", " "), r.Args)
}

func refuse(code string, args ...any) error {
	r := &Refusal{Code: code}
	for i := 0; i+1 < len(args); i += 2 {
		if r.Args == nil {
			r.Args = map[string]any{}
		}
		r.Args[args[i].(string)] = args[i+1]
	}
	return r
}

// Env is what a decision looks at besides the incident.
type Env struct {
	Plan  *plan.Plan
	Now   time.Time
	Actor Actor
	// Kind is the kind of the incident's system at Now; empty: as it was.
	Kind plan.SystemKind
	// Operator is what the law takes the operator for; empty: other.
	Operator plan.OperatorKind
	// Firing are the rules with a cause that fire on the server, whether or not
	// they belong to this incident.
	Firing []Firing
}

// Firing is a rule that fires, and the cause it names.
type Firing struct{ Rule, Cause string }

// Decide returns the events that follow from a command, in order; none when
// there is nothing to change. It returns a *Refusal when the command may not
// be carried out. It is pure: the same arguments, the same answer.
func Decide(i Incident, cmd Command, env Env) ([]Data, error) {
	switch c := cmd.(type) {
	case Fire:
		return i.fire(AlertJoined(c), env), nil
	case End:
		return i.end(c.Alert, env), nil
	case Lose:
		if i.Alerts[c.Alert].State != AlertFiring {
			return nil, nil
		}
		return []Data{AlertLost(c)}, nil
	case Attach:
		return []Data{EvidenceTaken(c)}, nil
	case Tick:
		return i.tick(env), nil
	case Comment:
		return one(Commented(c), Need("text", c.Text))
	case AddReport:
		return one(Reported(c), Need("text", c.Text), Need("caller", c.Caller),
			fits("phone", c.Phone), fits("project", c.Project), fits("bidder", c.Bidder))
	case Looked:
		return []Data{StepLooked(c)}, nil
	case Reopen:
		if !i.Ended() {
			return nil, refuse("not_ended")
		}
		return one(Reopened(c), Need("reason", c.Reason))
	}
	if out, ok, err := i.afterwards(cmd, env); ok {
		return out, err
	}
	if i.Ended() {
		return nil, refuse("already_ended", "state", string(i.State))
	}
	if i.State == Watched {
		return i.handleWarning(cmd, env)
	}
	return i.handle(cmd, env)
}

// handle decides the commands of people who work on a running incident.
func (i Incident) handle(cmd Command, env Env) ([]Data, error) {
	switch c := cmd.(type) {
	case Acknowledge:
		return i.acknowledge(c, env)
	case Assign:
		return one(Assigned(c), Need("to", c.To), fits("note", c.Note))
	case SetLevel:
		return i.setLevel(c, env)
	case Triage:
		return i.triage(c, env)
	case SetEstimate:
		return i.estimate(c, env)
	case ChooseBranch:
		return i.chooseBranch(c, env)
	case SetStep:
		return i.setStep(c, env)
	case Resolve:
		if len(i.Alerts) > 0 && !i.Quiet() && strings.TrimSpace(c.Note) == "" {
			return nil, refuse("still_firing")
		}
		return one(Resolved(c), fits("note", c.Note))
	case MarkFalseAlarm:
		return one(FalseAlarm(c), Need("reason", c.Reason))
	case Analyse, Promote, Dismiss:
		return nil, refuse("no_warning")
	}
	return nil, refuse("unknown_command")
}

// one is a single event, unless something forbids it.
func one(d Data, forbidden ...error) ([]Data, error) {
	for _, err := range forbidden {
		if err != nil {
			return nil, err
		}
	}
	return []Data{d}, nil
}

// Need refuses an empty or oversized text.
func Need(field, text string) error {
	if strings.TrimSpace(text) == "" {
		return refuse("text_missing", "field", field)
	}
	return fits(field, text)
}

func fits(field, text string) error {
	if len(text) > MaxText {
		return refuse("text_too_long", "field", field, "max", MaxText)
	}
	return nil
}

// fire adds an alert, or takes note that it fires again. A fold that already
// has it firing needs nothing: a repeat adds to an incident once.
func (i Incident) fire(a AlertJoined, env Env) []Data {
	if i.Alerts[a.Alert].State == AlertFiring && !i.Ended() {
		return nil
	}
	var out []Data
	if i.Ended() {
		out = append(out, Reopened{Reason: ReasonAgain})
	}
	return append(out, a)
}

// end takes note that an alert is over and, where the rule's word is that the
// incident may resolve by itself, resolves it: at once, or after a hold if it
// flaps.
func (i Incident) end(alert string, env Env) []Data {
	a, ok := i.Alerts[alert]
	if !ok || a.State == AlertIsOver {
		return nil
	}
	out := []Data{AlertEnded{Alert: alert}}
	after := i.Apply(Event{Incident: i.ID, Version: i.Version + 1, At: env.Now, Data: out[0]})
	if i.Ended() || !after.Quiet() || i.Resolve != ResolveAuto {
		return out
	}
	if hold := after.hold(env.Now); hold > 0 {
		return append(out, Flapping{Ends: len(after.recentQuiets(env.Now)), Hold: hold})
	}
	return append(out, Resolved{Note: NoteAuto})
}

// The words of Opened.Resolve.
const (
	ResolveAuto   = "auto"
	ResolveManual = "manual"
)

// What stands in place of a person's words in events that nobody made:
// message codes.
const (
	NoteAuto    = "incident.auto_resolved"
	ReasonAgain = "incident.alert_again"
	ReasonClock = "incident.level_by_clock"
	// ReasonEstimate: the estimated time to repair; ReasonStep: a step of the
	// branch was begun; ReasonSigned: what an inspection round waited for.
	ReasonSigned   = "incident.round_signed"
	ReasonEstimate = "incident.level_by_estimate"
	ReasonStep     = "incident.branch_by_step"
)

// ReopenWithin is how long after its end an incident is opened again by its
// own alert; later the alert opens a new one.
const ReopenWithin = 15 * time.Minute

// A third end within flapWindow is flapping: the incident is then held open
// for flapHold, doubled with each further end, at most flapHoldMax.
const (
	flapWindow  = time.Hour
	flapEnds    = 3
	flapHold    = 5 * time.Minute
	flapHoldMax = time.Hour
	maxQuiets   = 16
)

func (i Incident) recentQuiets(now time.Time) []time.Time {
	from := slices.IndexFunc(i.Quiets, func(t time.Time) bool { return now.Sub(t) <= flapWindow })
	if from < 0 {
		return nil
	}
	return i.Quiets[from:]
}

// hold returns for how long a quiet incident is still held open at now.
func (i Incident) hold(now time.Time) time.Duration {
	n := len(i.recentQuiets(now))
	if n < flapEnds {
		return 0
	}
	return min(flapHoldMax, flapHold<<(n-flapEnds))
}
